/** What the documentation shows is run: each @example in ts/, with the result that its comment says, and the README. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { init, numpy as np } from '@jax-js/jax';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import * as algorithms from '../ts/algorithms/index.ts';
import * as fewbits from '../ts/index.ts';
import * as jax from '../ts/frameworks/jax.ts';
import * as tfjs from '../ts/frameworks/tfjs.ts';
import * as messages from '../ts/messages/index.ts';
import * as mqtt from '../ts/mqtt/index.ts';
import { input } from './support/inputs.ts';
import { suite } from './support/suite.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const test = suite('documentation');
const run = promisify(execFile);

/** The examples of a source file: the lines of each @example. */
function examplesOf(source: string): string[] {
  return [...source.matchAll(/@example\n((?: *\* .*\n)+)/g)].map(([, lines]) =>
    lines.replace(/^ *\* /gm, ''),
  );
}

/** A result as a comment writes it: typed arrays as lists. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return [...(value as Float32Array)];
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

/** What a comment says: `6`, `2, 2, 0, 0`, `Uint32Array [6]`, `{ count: 1 }`. */
function expectedOf(comment: string): unknown {
  const text = comment.replace(/^\w+Array /, '');
  const list = !/^[[{']/.test(text) && text.includes(',');
  return (0, eval)(`(${list ? `[${text}]` : text})`) as unknown;
}

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<unknown>;

test('each example runs and gives what it says', async () => {
  await Promise.all([init('wasm'), tf.setBackend('cpu')]);
  let compared = 0;
  let ran = 0;
  for (const file of readdirSync(`${root}ts`, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.startsWith('generated')) continue;
    for (const example of examplesOf(readFileSync(`${root}ts/${file}`, 'utf8'))) {
      const device = await fewbits.openDevice({ backend: 'wasm' });
      const gradient = input('normal', 1000);
      const packet = await device.compress(fewbits.topK({ k: 10 }), gradient);
      const given = {
        ...fewbits,
        ...algorithms,
        ...messages,
        ...mqtt,
        jax,
        np,
        tf,
        tfjs,
        requireSameLayout: jax.requireSameLayout,
        sliceOf: jax.sliceOf,
        layout: jax.layoutOf({ bias: np.zeros([10]), kernel: np.zeros([784, 10]) }),
        device,
        gradient,
        featureMap: gradient.map((value) => Math.max(value, 0)),
        packet,
        sum: new Float32Array(1000),
        workers: 4,
        step: 3,
        rank: 1,
      };
      const [, statement, comment] = /^(.*); \/\/ (.*)\n$/.exec(example) ?? [];
      // in a block, so that an example may name its own device
      const body = statement === undefined ? `{ ${example} }` : `return (${statement});`;
      const result = await new AsyncFunction(...Object.keys(given), body)(...Object.values(given));
      if (comment !== undefined) {
        assert.equal(plain(result), expectedOf(comment), `${file}: ${example}`);
        compared++;
      }
      ran++;
      device.close();
    }
  }
  assert.ok(ran > 25 && compared > 18, `${ran} examples, ${compared} with results`);
});

test('the README’s program runs as it stands', async () => {
  const code = /```ts\n([^]*?)```/.exec(readFileSync(`${root}README.md`, 'utf8'))?.[1] ?? '';
  assert.ok(code.split('\n').length < 20 && code.includes('openDevice'));
  // inside the package, whose own name then resolves to it
  const folder = mkdtempSync(`${root}dist/readme-`);
  try {
    writeFileSync(`${folder}/program.mts`, code);
    const { stdout } = await run(process.execPath, ['--import', 'tsx', `${folder}/program.mts`], {
      cwd: root,
    });
    assert.match(stdout, /compressor: 'topK'/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the files that the documentation links to exist', () => {
  const pages = [
    'README.md',
    'python/README.md',
    ...readdirSync(`${root}docs`)
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  for (const page of pages) {
    const folder = page.includes('/') ? `${root}${page.split('/')[0]}/` : root;
    for (const [, target] of readFileSync(`${root}${page}`, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g))
      assert.not.throws(() => readFileSync(folder + target), `${page} links to ${target}`);
  }
});

test.run();
