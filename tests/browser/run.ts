/** Runs suites in a page of a headless Chromium, on the software GPU where there is one. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import type { Print } from '../support/lanes.ts';
import { childrenSeconds } from '../support/processor.ts';
import type { Report, Tally } from '../support/report.ts';
import { pageSettings } from '../support/settings.ts';
import type { Settings } from '../support/settings.ts';
import type { SoftwareGpu } from '../support/software-gpu.ts';
import { watch } from '../support/watch.ts';
import { bundleSuites } from './bundle.ts';
import { reportFunction } from './page.ts';

const bundleName = 'suites.js';

/** With these a page may share memory with its workers. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** How long a browser may take to close before it is left to be killed with this process. */
const closeSeconds = 10;

/**
 * Runs the test files `paths` (absolute). A page that hangs or crashes, and an error outside of tests, is a failure.
 */
export async function runInBrowser(
  paths: readonly string[],
  root: string,
  settings: Settings,
  gpu: SoftwareGpu | undefined,
  print: Print,
): Promise<Tally> {
  const watcher = watch(settings.testSeconds + 30, print);
  let server: Server | undefined;
  let browser: Browser | undefined;
  try {
    const bundle = await bundleSuites(paths, root, bundleName);
    server = await serve(bundle.code, settings);
    const started = performance.now();
    browser = await launch(gpu);
    print(`Chromium ${browser.version()} started in ${seconds(started)}\n`);

    const page = await browser.newPage();
    let processor = 0;
    await page.exposeFunction(reportFunction, (report: Report) => {
      if (report.kind === 'text') return watcher.take({ kind: 'text', text: bundle.mapStack(report.text) });
      if (report.kind !== 'took') return watcher.take(report);
      const before = processor;
      processor = childrenSeconds(basename(gpu?.chromium ?? 'chrome'));
      watcher.take({ ...report, processor: processor - before });
    });
    page.on('console', (message) => watcher.print(`${bundle.mapStack(message.text())}\n`));
    page.on('pageerror', (error) =>
      watcher.fail(`an error outside of the tests\n${bundle.mapStack(error.stack ?? String(error))}`),
    );
    page.on('crash', () => {
      watcher.fail('the page crashed');
      watcher.stop();
    });
    browser.on('disconnected', watcher.stop);
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    // Its 'load' event may come late or never: the suites can start before it.
    await page.goto(address, { waitUntil: 'commit' });
    const whole = await watcher.ended;
    if (!whole && !browser.isConnected()) watcher.fail('the browser ended before the suites were done');
  } catch (error) {
    watcher.fail(`the browser run: ${error instanceof Error ? error.message : String(error)}`);
    if (String(error).includes('Could not resolve "node:')) {
      print('    A test file for Node alone is named *.node.test.ts.\n');
    }
  } finally {
    watcher.stop();
    await Promise.race([
      browser?.close(),
      new Promise((resolve) => setTimeout(resolve, closeSeconds * 1000).unref()),
    ]);
    server?.closeAllConnections();
    server?.close();
  }
  return watcher.tally;
}

/** The unpacked Chromium, or the system's Chrome where none is carried for this platform. */
export async function launch(gpu: SoftwareGpu | undefined): Promise<Browser> {
  if (!gpu) return chromium.launch({ channel: 'chrome', args: ['--enable-unsafe-webgpu'] });
  const env: Record<string, string> = { ...gpu.env };
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) env[name] ??= value;
  return chromium.launch({
    executablePath: gpu.chromium,
    env,
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--enable-features=Vulkan',
      // SwiftShader unrolls the zeroing of workgroup memory: ten seconds a pipeline instead of 0.2.
      '--enable-dawn-features=disable_workgroup_init',
    ],
  });
}

/** Serves the page and the bundle. 127.0.0.1 is a secure context, which navigator.gpu needs. */
async function serve(code: string, settings: Settings): Promise<Server> {
  const html = `<!doctype html>
<meta charset="utf-8">
<title>fewbits tests</title>
<script>globalThis.${pageSettings} = ${JSON.stringify(settings)};</script>
<script type="module" src="/${bundleName}"></script>
`;
  const server = createServer((request, response) => {
    const send = (type: string, body: string): void =>
      void response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, ...ISOLATED }).end(body);
    if (request.url === '/') send('text/html', html);
    else if (request.url === `/${bundleName}`) send('text/javascript', code);
    else response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return server;
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
