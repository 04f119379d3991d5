/** Chromium, driven as tests/browser drives it, and Firefox: pages that report to their server. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { launch } from '../browser/run.ts';
import type { SoftwareGpu } from '../support/software-gpu.ts';
import type { Check } from './check.ts';
import type { Consumer } from './consumer.ts';
import { launchFirefox, nameOf } from './firefox.ts';
import { type Report, summary } from './report.ts';
import { type Page, reportOf } from './serve.ts';

export interface OpenBrowser {
  readonly name: string;
  /** Opens a page and leaves it open. */
  open(address: string): Promise<void>;
  close(): Promise<void>;
}

export async function openChromium(gpu: SoftwareGpu | undefined): Promise<OpenBrowser> {
  const browser = await launch(gpu);
  return {
    name: `Chromium ${browser.version()}`,
    async open(address) {
      const page = await browser.newPage();
      await page.goto(address, { waitUntil: 'commit' });
    },
    close: () => browser.close(),
  };
}

async function openFirefox(gpu: SoftwareGpu | undefined): Promise<OpenBrowser> {
  const browser = await launchFirefox(gpu);
  return {
    name: await nameOf(browser),
    async open(address) {
      const page = await browser.newPage();
      await page.goto(address);
    },
    close: () => browser.close(),
  };
}

/** The consumer as it stands, its names found by an import map; it may share memory, as those of bundlers may not. */
function unbundled({ folder, bundled }: Consumer, backends: readonly string[]): Page {
  const dist = '/node_modules/fewbits/dist';
  const imports = {
    fewbits: `${dist}/index.js`,
    'fewbits/kernels': `${dist}/kernels/index.js`,
    'fewbits/algorithms': `${dist}/algorithms/index.js`,
    'fewbits/sparse': `${dist}/sparse.js`,
  };
  const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
  const index = `<!doctype html>${map}<script type="module" src="/page.mjs"></script>`;
  return { folders: [bundled, folder], pages: { '/index.html': index }, isolated: true, backends };
}

/** Where WebAssembly may not be compiled, js takes its place, and the device says why. */
function checkForbidden({ auto, reasons, ...report }: Report): string {
  if (auto !== 'js' || !/may not be compiled here: .*(Content Security Policy|CSP)/i.test(reasons.wasm ?? ''))
    throw new Error(`openDevice() takes ${auto}, for ${JSON.stringify(reasons)}`);
  return summary({ auto, reasons, ...report }, ['js']);
}

export function browserChecks(consumer: Consumer, gpu: SoftwareGpu | undefined): Check[] {
  const firefox = ['wasm', 'js'];
  // results of a GPU come late there, so that all packets would take minutes
  if (gpu !== undefined) firefox.unshift('webgpu/16');
  const chromium = gpu === undefined ? ['wasm', 'js'] : ['webgpu', 'wasm', 'js'];
  return [
    ...inBrowser('Chromium', () => openChromium(gpu), unbundled(consumer, chromium)),
    ...inBrowser('Firefox', () => openFirefox(gpu), unbundled(consumer, firefox)),
  ];
}

/** A page under a policy: without 'wasm-unsafe-eval' it forbids to compile WebAssembly. */
async function under(
  policy: string,
  [bundled, folder]: readonly string[],
  backends: readonly string[],
): Promise<Page> {
  await build({
    absWorkingDir: folder,
    entryPoints: ['page.mjs'],
    outdir: 'strict',
    bundle: true,
    format: 'esm',
    logLevel: 'error',
  });
  const pages = { '/index.html': '<!doctype html><script type="module" src="/page.js"></script>' };
  return { folders: [join(folder, 'strict'), bundled, folder], pages, policy, backends };
}

/** The page in one browser, with WebAssembly and where a policy forbids it. */
function inBrowser(kind: string, open: () => Promise<OpenBrowser>, page: Page): Check[] {
  let name = kind;
  const once = async (asked: Page): Promise<Report> => {
    const browser = await open();
    name = browser.name;
    try {
      return await reportOf(browser, asked);
    } finally {
      await browser.close();
    }
  };
  return [
    {
      name: () => name,
      async work() {
        try {
          return summary(await once(page), page.backends);
        } catch (error) {
          // releases before that of their system that has it
          if (!/WebGPU is not yet available in Release/.test(String(error))) throw error;
          const others = page.backends.filter((backend) => !backend.startsWith('webgpu'));
          const done = summary(await once({ ...page, backends: others }), others);
          return `${done}; WebGPU is not yet in this build`;
        }
      },
    },
    {
      name: () => `${name}, CSP`,
      async work() {
        const { folders } = page;
        const forbidden = checkForbidden(await once(await under("script-src 'self'", folders, ['js'])));
        const allowing = "script-src 'self' 'wasm-unsafe-eval'";
        const allowed = summary(await once(await under(allowing, folders, ['wasm'])), ['wasm']);
        return `forbidden: ${forbidden}; 'wasm-unsafe-eval': ${allowed}`;
      },
    },
  ];
}
