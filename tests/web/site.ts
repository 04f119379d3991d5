/**
 * The page as its tests need it: built once, served with or without isolation, open in a real Chromium with or without
 * WebGPU.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { build, preview, type PreviewServer } from 'vite';
import { launch } from '../browser/run.ts';
import { softwareGpu } from '../support/software-gpu.ts';

const configFile = fileURLToPath(new URL('../../examples/web/vite.config.ts', import.meta.url));

/** The page and who looks at it. */
export interface Site {
  /** Where it is served: `isolated` with the headers that let memory be shared. */
  address(isolated: boolean): string;
  /** A new visitor's page; what it throws, or its policy forbids, is in `problems`. */
  visit(options: VisitOptions): Promise<Visit>;
  close(): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** Which part is opened: `#train`, or `?query#part`. */
  readonly at: string;
  readonly isolated?: boolean;
  /** Whether the browser has WebGPU; on a software GPU where there is no other. */
  readonly gpu?: boolean;
}

export interface Visit {
  readonly page: Page;
  readonly problems: string[];
  readonly close: () => Promise<void>;
}

let built: Promise<string> | undefined;

/** Builds the page where no suite of this process has yet; the folder goes with the process. */
async function buildOnce(): Promise<string> {
  const outDir = mkdtempSync(`${tmpdir()}/fewbits-web-`);
  process.once('exit', () => rmSync(outDir, { recursive: true }));
  await build({ configFile, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  return outDir;
}

export async function openSite(): Promise<Site> {
  const outDir = await (built ??= buildOnce());
  const open = (headers: Record<string, string>): Promise<PreviewServer> =>
    preview({
      configFile,
      logLevel: 'error',
      build: { outDir },
      preview: { host: '127.0.0.1', port: 4200, headers },
    });
  const servers = [
    await open({}),
    await open({
      'Cross-Origin-Opener-Policy': 'unsafe-none',
      'Cross-Origin-Embedder-Policy': 'unsafe-none',
    }),
  ];
  const address = (isolated: boolean): string => servers[isolated ? 0 : 1].resolvedUrls?.local[0] ?? '';
  const browsers = new Map<boolean, Promise<Browser>>();
  return {
    address,
    async visit({ at, isolated = true, gpu = false, ...options }) {
      const browser = browsers.get(gpu) ?? (gpu ? softwareGpu().then(launch) : launchWithoutGpu());
      browsers.set(gpu, browser);
      const context = await (
        await browser
      ).newContext({ viewport: { width: 1200, height: 900 }, ...options });
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.stack ?? String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      await page.goto(`${address(isolated)}${at}`, { waitUntil: 'commit' });
      await page.waitForSelector('main > section:not([hidden])');
      return { page, problems, close: () => context.close() };
    },
    async close() {
      for (const browser of browsers.values()) await (await browser).close();
      for (const server of servers) await server.close();
    },
  };
}

async function launchWithoutGpu(): Promise<Browser> {
  const gpu = await softwareGpu();
  const args = ['--disable-features=WebGPU', '--disable-blink-features=WebGPU'];
  if (gpu === undefined) return chromium.launch({ channel: 'chrome', args });
  return chromium.launch({
    executablePath: gpu.chromium,
    env: { ...process.env, ...gpu.env },
    args: ['--no-sandbox', ...args],
  });
}
