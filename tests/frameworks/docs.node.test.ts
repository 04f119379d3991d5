/** The programs of docs/frameworks.md, and of its section in the README, as they stand: in Node, or in a page with a GPU. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import * as assert from 'uvu/assert';
import { launch } from '../browser/run.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { suite } from '../support/suite.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('docs/frameworks.md');
const run = promisify(execFile);

const blocks = (text: string, fence: string): string[] =>
  [...text.matchAll(/^```(ts[^\n]*)\n([^]*?)^```/gm)]
    .filter(([, kind]) => kind === fence)
    .map(([, , code]) => code);

const page = readFileSync(`${root}docs/frameworks.md`, 'utf8');
const [, section = ''] =
  /^## With jax-js and TensorFlow\.js\n([^]*?)^## /m.exec(readFileSync(`${root}README.md`, 'utf8')) ?? [];

// inside the package, whose own name then resolves to it
let folder = '';
test.before(() => void (folder = mkdtempSync(`${root}dist/frameworks-`)));
test.after(() => rmSync(folder, { recursive: true }));

/** What each program prints at its end. */
const PRINTS: readonly (readonly [where: string, code: string | undefined, output: RegExp])[] = [
  ['README', blocks(section, 'ts')[0], /^\d+ bytes \[ 10 \] \[ 784, 10 \]\n/],
  ['jax-js', blocks(page, 'ts')[0], /^Float32Array\(1\) \[ [\d.]+e-\d+ \]\n/],
  ['TensorFlow.js', blocks(page, 'ts')[1], /Float32Array\(2\) \[ 0\.\d+, 0\.\d+ \]\n/],
  ['a message broker', blocks(page, 'ts')[2], /Float32Array\(8\) \[\s+0\.8\d+,\s/],
];

for (const [i, [where, code, output]] of PRINTS.entries())
  test(`the program for ${where} runs`, async () => {
    assert.ok(code, 'it is there');
    writeFileSync(`${folder}/program-${i}.mts`, code);
    const { stdout } = await run(process.execPath, ['--import', 'tsx', `${folder}/program-${i}.mts`], {
      cwd: root,
    });
    assert.match(stdout, output);
  });

test('no program is left out', () => {
  assert.is(blocks(page, 'ts').length + blocks(section, 'ts').length, PRINTS.length);
  assert.is(blocks(page, 'ts browser').length, 2);
});

test('the programs for pages run in one', async () => {
  const browser = await launch(await softwareGpu());
  try {
    for (const code of blocks(page, 'ts browser')) {
      const { outputFiles } = await build({
        stdin: { contents: code, resolveDir: folder, loader: 'ts' },
        bundle: true,
        write: false,
        format: 'esm',
        target: 'es2022',
        external: ['node:*', 'webgpu'],
      });
      const server = createServer((request, response) => {
        const isCode = request.url === '/program.js';
        response.setHeader('content-type', isCode ? 'text/javascript' : 'text/html');
        response.end(
          isCode
            ? outputFiles[0].contents
            : '<!doctype html><script type="module" src="/program.js"></script>',
        );
      });
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      const opened = await browser.newPage();
      const printed = new Promise<string>((resolve, reject) => {
        opened.on('console', (message) => void (message.type() === 'log' && resolve(message.text())));
        opened.on('pageerror', reject);
      });
      await opened.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      // 78 of 7850 elements: their values and places
      assert.match(await printed, /^[34]\d\d \[784, 10\]$/);
      await opened.close();
      server.closeAllConnections();
      server.close();
    }
  } finally {
    await browser.close();
  }
});

test.run();
