/**
 * What the documentation shows is run: each @example in ts/, with the result that its comment says. tests/docs runs the
 * pages.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { init, numpy as np } from '@jax-js/jax';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import * as algorithms from '../ts/algorithms/index.ts';
import * as federated from '../ts/federated/index.ts';
import * as fewbits from '../ts/index.ts';
import * as jax from '../ts/frameworks/jax.ts';
import * as tfjs from '../ts/frameworks/tfjs.ts';
import * as messages from '../ts/messages/index.ts';
import * as mqtt from '../ts/mqtt/index.ts';
import { pages } from './docs/blocks.ts';
import { input } from './support/inputs.ts';
import { suite } from './support/suite.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const test = suite('documentation');

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
        federated,
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

test('the README’s first program is short', () => {
  const code = /```ts\n([^]*?)```/.exec(readFileSync(`${root}README.md`, 'utf8'))?.[1] ?? '';
  assert.ok(code.split('\n').length < 20 && code.includes('openDevice'));
});

test('the page on errors has each class, its code, and a program that shows it', () => {
  const page = readFileSync(`${root}docs/guide/errors.md`, 'utf8');
  const [source, ...others] = ['errors', 'mqtt/refusals', 'runs/settings'].map((file) =>
    readFileSync(`${root}ts/${file}.ts`, 'utf8'),
  );
  const classesOf = (text: string): RegExpExecArray[] => [
    ...text.matchAll(/export class (\w+) extends \w*Error [^]*?readonly code = '(\w+)'/g),
  ];
  const classes = classesOf(source);
  assert.ok(classes.length >= 6);
  const all = [...classes, ...others.flatMap(classesOf)];
  const rows = [...page.matchAll(/^\| `(\w+)` +\| `(\w+)`/gm)].map(([, name, code]) => `${name} ${code}`);
  assert.equal(rows.sort(), all.map(([, name, code]) => `${name} ${code}`).sort());
  for (const [, name, code] of classes) {
    const section = page.split(/^## /m).find((text) => text.startsWith(`${name}\n`)) ?? '';
    const words = [...section.matchAll(/console\.log\(.*\); \/\/ '(.*)'$/gm)].map(([, text]) => text);
    assert.ok(
      words.some(
        (text) => [name, code].includes(text) || source.includes(text) || /NaN or infinite/.test(text),
      ),
      `${name} is not shown`,
    );
  }
});

test('the figures of the table to decide by are those of the pages that were measured', () => {
  const page = readFileSync(`${root}docs/guide/choosing.md`, 'utf8');
  const section = (heading: string): string =>
    page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const source = ['README.md', 'docs/results.md'].map((name) => readFileSync(root + name, 'utf8')).join('');
  const figures = section('Systems').match(/\d+\.\d+( %|×)/g) ?? [];
  assert.ok(figures.length > 15);
  for (const figure of figures) assert.ok(source.includes(figure), `${figure} is in no table`);
});

/** A heading as a link names it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

test('the files that the documentation links to exist, and their headings', () => {
  let anchors = 0;
  for (const page of pages) {
    const text = readFileSync(`${root}${page}`, 'utf8').replaceAll(/^ *```[^]*?^ *```$/gm, '');
    for (const [, target, anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const file = target === '' ? `${root}${page}` : join(root, dirname(page), target);
      assert.ok(existsSync(file), `${page} links to ${target}`);
      if (anchor === undefined || !file.endsWith('.md')) continue;
      const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        anchorOf(heading),
      );
      assert.ok(
        headings.includes(anchor),
        `${page} links to ${target}#${anchor}; there are ${headings.join(', ')}`,
      );
      anchors++;
    }
  }
  assert.ok(anchors > 0);
});

test.run();
