/** Programs of the documentation in pages of a headless Chromium. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { launch } from '../browser/run.ts';
import type { SoftwareGpu } from '../support/software-gpu.ts';
import { CHECK, compared, root, type Program } from './blocks.ts';

const SECONDS = 60;

/** One bundle a program. */
async function bundled({ name, code }: Program): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: compared(code, 'check'), resolveDir: root, loader: 'ts', sourcefile: name },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    // reached in Node alone
    external: ['node:*', 'webgpu'],
    logLevel: 'silent',
  });
  return `globalThis.check = (${CHECK})('', []);\n${outputFiles[0].text}\nglobalThis.isDone = true;\n`;
}

/** Runs programs, each in a page of its own; what failed, in words. */
export async function runInPage(programs: readonly Program[], gpu: SoftwareGpu): Promise<string[]> {
  const bundles = await Promise.all(programs.map(bundled));
  const server = createServer((request, response) => {
    const [, kind, i] = /^\/(page|code)(\d+)/.exec(request.url ?? '') ?? [];
    if (kind === 'code')
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(bundles[Number(i)]);
    else
      response
        .writeHead(kind === 'page' ? 200 : 404, { 'content-type': 'text/html' })
        .end(`<!doctype html><script type="module" src="/code${i}"></script>`);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const browser = await launch(gpu);
  const failures: string[] = [];
  try {
    for (const [i, { name }] of programs.entries()) {
      const page = await browser.newPage();
      const error = new Promise<never>((_, reject) => {
        page.on('pageerror', reject);
      });
      try {
        await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page${i}`);
        const done = page.waitForFunction('globalThis.isDone', undefined, { timeout: SECONDS * 1000 });
        await Promise.race([done, error]);
      } catch (failure) {
        failures.push(`${name}: ${failure instanceof Error ? failure.message : String(failure)}`);
      }
      await page.close();
    }
  } finally {
    await browser.close();
    server.close();
  }
  return failures;
}
