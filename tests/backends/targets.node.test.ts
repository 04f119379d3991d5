/**
 * Arrays that kernels of the wasm backend write where they lie (`Backend.target`): the words that js leaves, whether
 * the kernels go through them tile by tile, or want all of them in linear memory.
 */
import * as assert from 'uvu/assert';
import { accumulateKernel, clearKernel } from '../../ts/kernels/accumulate.ts';
import { addSignsKernel, packedWords, unpackSignsKernel } from '../../ts/kernels/pack.ts';
import { addLookupKernel, lookupKernel } from '../../ts/kernels/quantize.ts';
import { nonFiniteKernel } from '../../ts/kernels/reduce.ts';
import { gatherKernel } from '../../ts/kernels/sparse.ts';
import { TILE } from '../../ts/backends/wasm/task.ts';
import { input, randomWords } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import {
  assertAsJs,
  LONG,
  N,
  openLogged,
  passOf,
  type Program,
  step,
  tilesOf,
  type Memory,
} from './fused.ts';

const test = suite('targets of the wasm backend');

const SIZES = [1, TILE, TILE + 1, N];

function memoryOf(n: number): Memory {
  return {
    target: input('normal', n),
    blank: new Float32Array(n),
    lent: input('heavy', n, 2),
    bits: randomWords(packedWords(n, 1)),
    scales: input('normal', 1),
    four: randomWords(packedWords(n, 4), 4),
    table: input('normal', 16, 7),
    found: new Uint32Array(2),
    indices: Uint32Array.of(n - 1, 0, n >> 1),
    gathered: new Float32Array(3),
  };
}

const unpacked = (y: string, n: number): Program[number] =>
  step(unpackSignsKernel, { bits: 'bits', scales: 'scales', y }, { n, segment: n });
const signs = (y: string, n: number): Program[number] =>
  step(addSignsKernel, { bits: 'bits', scales: 'scales', y }, { n, segment: n });
const codes = (y: string, n: number): Program[number] =>
  step(addLookupKernel, { packed: 'four', table: 'table', y }, { n, width: 4 });
const dense = (y: string, n: number): Program[number] =>
  step(accumulateKernel, { x: 'lent', y }, { n, scale: 0.5 });
const cleared = (y: string, n: number): Program[number] => step(clearKernel, { y }, { n });
const looked = (y: string, n: number): Program[number] =>
  step(nonFiniteKernel, { x: y, found: 'found' }, { n });
const gathered = (y: string, n: number): Program[number] =>
  step(gatherKernel, { x: y, indices: 'indices', values: 'gathered' }, { n, count: 3 });

const PROGRAMS: Readonly<Record<string, (n: number) => Program>> = {
  written: (n) => [unpacked('blank', n)],
  'written by codes': (n) => [
    step(lookupKernel, { packed: 'four', table: 'table', y: 'blank' }, { n, width: 4 }),
  ],
  added: (n) => [signs('target', n)],
  'a mean': (n) => [cleared('blank', n), signs('blank', n), codes('blank', n)],
  'several passes': (n) => [
    signs('target', n),
    gathered('target', n),
    codes('target', n),
    looked('target', n),
  ],
  'passes over two': (n) => [signs('target', n), unpacked('blank', n), codes('target', n), signs('blank', n)],
  'another vector beside it': (n) => [unpacked('blank', n), dense('blank', n), signs('blank', n)],
  'in linear memory from the start': (n) => [dense('target', n), codes('target', n), looked('target', n)],
};

for (const threads of [1, 3])
  test(`the words that js leaves, threads: ${threads}`, async () => {
    const { backend } = await openLogged(threads);
    for (const n of threads > 1 ? [N, LONG] : SIZES)
      for (const [name, programOf] of Object.entries(PROGRAMS))
        await assertAsJs(backend, programOf(n), memoryOf(n), `${name}, n = ${n}`);
    backend.close();
  });

test('one walk, tile by tile, into the array', async () => {
  const { backend, log } = await openLogged(1);
  await assertAsJs(backend, PROGRAMS['a mean'](N), memoryOf(N), 'a mean');
  assert.equal(log, passOf(['clear', 'addSigns', 'addLookup'], tilesOf(N)));
  const words = new Uint32Array(N).fill(1);
  const y = backend.target!(words, false);
  backend.run(clearKernel, { y }, { n: N });
  assert.is(words[N - 1], 1);
  const [left] = await backend.read([{ buffer: y, into: words }]);
  assert.is(left, words);
  assert.ok(words.every((word) => word === 0));
  backend.close();
});

test.run();
