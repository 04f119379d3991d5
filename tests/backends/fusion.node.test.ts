/**
 * Fused passes of the wasm backend: kernels that change a vector in place go through it together, tile by tile, and
 * leave the words that they leave one after the other, whatever else the pass does with their memory.
 */
import * as assert from 'uvu/assert';
import { accumulateKernel, clearKernel, TINY } from '../../ts/kernels/accumulate.ts';
import { compensateKernel } from '../../ts/kernels/compensate.ts';
import { addSignsKernel, packedWords, packSignsKernel, unpackSignsKernel } from '../../ts/kernels/pack.ts';
import { addLookupKernel, lookupKernel } from '../../ts/kernels/quantize.ts';
import { absSumKernel, extremesKernel, nonFiniteKernel } from '../../ts/kernels/reduce.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { addAtKernel, placeKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
import { input, randomWords } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import {
  openLogged,
  N,
  LONG,
  type Program,
  step,
  type Memory,
  buffersOf,
  assertAsJs,
  passOf,
  tilesOf,
  someIndices,
} from './fused.ts';

const test = suite('fused passes');

/** The sum of sixteen packets of signs, blocks of any length among them. */
function manySigns(n: number): { program: Program; memory: Memory } {
  const memory: Record<string, Float32Array | Uint32Array> = { y: input('normal', n) };
  const program = [step(clearKernel, { y: 'y' }, { n })];
  for (let i = 0; i < 16; i++) {
    const segment = [n, 4096, 32, 100, 2 ** 15, 33][i % 6];
    memory[`bits${i}`] = randomWords(packedWords(n, 1), i + 1);
    // some of them so small that a sum may count as zero
    const scales = input('normal', Math.ceil(n / segment), i + 1);
    memory[`scales${i}`] = scales.map((x, s) => ((s + i) % 7 === 3 ? x * 2 ** -95 : x));
    program.push(step(addSignsKernel, { bits: `bits${i}`, scales: `scales${i}`, y: 'y' }, { n, segment }));
  }
  return { program, memory };
}

/** Packets of every kind on one vector, and what is found in the sum. */
function manyKinds(n: number): { program: Program; memory: Memory; names: readonly string[] } {
  const indices = [someIndices(n, 1), someIndices(n, 2), someIndices(n, 3)];
  const memory = {
    y: input('normal', n),
    lent: input('heavy', n, 2),
    x: input('subnormal', n, 3),
    bits: randomWords(packedWords(n, 1)),
    scales: input('normal', 1),
    four: randomWords(packedWords(n, 4), 4),
    two: randomWords(packedWords(n, 2), 5),
    five: randomWords(packedWords(n, 5), 6),
    table: input('normal', 32, 7),
    ...{ indices0: indices[0], indices1: indices[1], indices2: indices[2] },
    ...{ values0: input('normal', indices[0].length), values1: input('subnormal', indices[1].length) },
    values2: input('nonFinite', indices[2].length).map((x) => (Number.isFinite(x) ? x : 1)),
    ...{ sums: new Uint32Array(tilesOf(n) * 16), max: new Uint32Array(tilesOf(n) * 16) },
    ...{ range: new Uint32Array(2), found: new Uint32Array(2) },
  };
  const at = (i: number): { n: number; count: number } => ({ n, count: indices[i].length });
  const list = (i: number) => ({ indices: `indices${i}`, values: `values${i}`, y: 'y' });
  const program = [
    step(scatterKernel, list(0), at(0)),
    step(accumulateKernel, { x: 'lent', y: 'y' }, { n, scale: 2 ** -30 }),
    step(addAtKernel, list(1), at(1)),
    step(addSignsKernel, { bits: 'bits', scales: 'scales', y: 'y' }, { n, segment: n }),
    step(addLookupKernel, { packed: 'four', table: 'table', y: 'y' }, { n, width: 4 }),
    step(addLookupKernel, { packed: 'two', table: 'table', y: 'y' }, { n, width: 2 }),
    step(addLookupKernel, { packed: 'five', table: 'table', y: 'y' }, { n, width: 5 }),
    step(accumulateKernel, { x: 'x', y: 'y' }, { n, scale: -1 }),
    step(placeKernel, list(2), at(2)),
    step(addAtKernel, list(0), at(0)),
    step(absSumKernel, { x: 'y', sums: 'sums', max: 'max' }, { n, segment: 1024, tiny: TINY, scale: 1 }),
    step(extremesKernel, { x: 'y', range: 'range' }, { n, order: 1 }),
    step(nonFiniteKernel, { x: 'y', found: 'found' }, { n }),
  ];
  return { program, memory, names: program.map(([{ name }]) => name) };
}

test('sixteen packets of signs are added in one pass, tile by tile', async () => {
  const { program, memory } = manySigns(N);
  const { backend, log } = await openLogged(1);
  await assertAsJs(backend, program, memory, 'signs');
  assert.equal(log, passOf(['clear', '16 addSigns'], tilesOf(N)));
  backend.close();
});

test('packets of every kind, a vector that is lent, and what is found in the sum: one pass', async () => {
  const { program, memory, names } = manyKinds(N);
  const { backend, log } = await openLogged(1);
  await assertAsJs(backend, program, memory, 'every kind');
  assert.equal(log, passOf(names, tilesOf(N)));
  backend.close();
});

test('a sum that is tiny counts as zero in the next one, where signs are added together, too', async () => {
  const n = N;
  const { backend, log } = await openLogged(1);
  const bits = new Uint32Array(packedWords(n, 1));
  for (let power = -102; power < -60; power++)
    for (const factor of [1 + 2 ** -23, 1 - 2 ** -24, 1 - 2 ** -23]) {
      const y = new Float32Array(n).fill(-(2 ** power) * factor);
      const [first, second] = [new Float32Array([2 ** power]), new Float32Array([2 ** -102 * 1.5])];
      const add = (scales: string) =>
        step(addSignsKernel, { bits: 'bits', scales, y: 'y' }, { n, segment: n });
      const program = [add('first'), add('second')];
      await assertAsJs(backend, program, { y, bits, first, second }, `2^${power}, ${factor}`);
      assert.equal(log.splice(0), passOf(['2 addSigns'], tilesOf(n)));
    }
  backend.close();
});

test('vectors are added together', async () => {
  const { backend, log } = await openLogged(1);
  const memory: Record<string, Float32Array> = { y: input('normal', N), lent: input('normal', N, 9) };
  const add = (x: string) => step(accumulateKernel, { x, y: 'y' }, { n: N, scale: 0.75 });
  const names = ['x0', 'x1', 'x2', 'x3'];
  for (const [i, name] of names.entries()) memory[name] = input('heavy', N, i + 2);
  await assertAsJs(backend, names.map(add), memory, 'vectors');
  assert.equal(log.splice(0), passOf(['4 accumulate'], tilesOf(N)));
  // the one that is lent is copied tile by tile
  await assertAsJs(backend, ['x0', 'x1', 'lent', 'x2', 'x3'].map(add), memory, 'vectors, one of them lent');
  assert.equal(log, passOf(['2 accumulate', 'accumulate', '2 accumulate'], tilesOf(N)));
  backend.close();
});

test('the same on three threads: one job', async () => {
  const { backend, jobs } = await openLogged(3);
  let before = 0;
  for (let turn = 0; turn < 3; turn++)
    for (const { program, memory } of [manySigns(LONG), manyKinds(LONG)]) {
      await assertAsJs(backend, program, memory, `turn ${turn}`);
      assert.is(jobs() - before, 1);
      before = jobs();
    }
  backend.close();
});

test('one kernel alone runs whole on one thread, in tiles on several but where these are copied', async () => {
  for (const threads of [1, 3]) {
    const { backend, log, jobs } = await openLogged(threads);
    for (const { program, memory } of [manySigns(LONG), manyKinds(LONG)])
      for (const one of program) {
        log.length = 0;
        const before = jobs();
        await assertAsJs(backend, [one], memory, one[0].name);
        const lent = one[1].x === 'lent';
        if (threads === 1 && !lent) assert.equal(log, [`whole ${one[0].name}`]);
        assert.is(jobs() - before, threads === 1 || lent ? 0 : 1, one[0].name);
      }
    backend.close();
  }
});

test('compensation: what is compensated goes on in the same pass, and the error may change behind it', async () => {
  for (const [threads, n] of [
    [1, N],
    [3, LONG],
  ]) {
    const { backend, log, jobs } = await openLogged(threads);
    const memory = {
      ...{ lent: input('normal', n), error: input('normal', n, 2), y: new Uint32Array(n) },
      ...{ keys: new Uint32Array(2), bits: new Uint32Array(packedWords(n, 1)), table: input('normal', 16) },
      ...{ sums: new Uint32Array(1), max: new Uint32Array(1), packed: randomWords(packedWords(n, 4)) },
    };
    const program = [
      step(compensateKernel, { x: 'lent', error: 'error', y: 'y', keys: 'keys' }, { n, scale: 0.75 }),
      step(packSignsKernel, { x: 'y', bits: 'bits' }, { n }),
      step(absSumKernel, { x: 'y', sums: 'sums', max: 'max' }, { n, segment: n, tiny: TINY, scale: 1 }),
      step(lookupKernel, { packed: 'packed', table: 'table', y: 'error' }, { n, width: 4 }),
      step(accumulateKernel, { x: 'y', y: 'error' }, { n, scale: -1 }),
    ];
    await assertAsJs(backend, program, memory, `${threads} threads`);
    // signs are written by the sum
    const names = ['compensate', 'absSum', 'lookup', 'accumulate'];
    if (threads === 1) assert.equal(log, passOf(names, tilesOf(n)));
    else assert.is(jobs(), 1);
    backend.close();
  }
});

test('signs of a vector before it changes in place are those of before, and after it those of after', async () => {
  const n = N;
  const memory = {
    ...{ y: input('normal', n), scales: input('normal', 1, 2), flips: randomWords(packedWords(n, 1)) },
    ...{ before: new Uint32Array(packedWords(n, 1)), after: new Uint32Array(packedWords(n, 1)) },
    ...{ sums: new Uint32Array(1), max: new Uint32Array(1) },
  };
  const signs = (bits: string) => step(packSignsKernel, { x: 'y', bits }, { n });
  const change = step(addSignsKernel, { bits: 'flips', scales: 'scales', y: 'y' }, { n, segment: n });
  const sum = step(
    absSumKernel,
    { x: 'y', sums: 'sums', max: 'max' },
    { n, segment: n, tiny: TINY, scale: 1 },
  );
  const { backend, log } = await openLogged(1);
  for (const program of [
    [signs('before'), change, sum, signs('after')],
    [sum, change, signs('after')],
    [signs('before'), change, signs('after'), sum],
  ]) {
    log.length = 0;
    await assertAsJs(backend, program, memory, program.map(([{ name }]) => name).join(', '));
    assert.is(log.filter((line) => line.startsWith('addSigns ')).length, tilesOf(n));
  }
  backend.close();
});

test('what is read anywhere is read before it changes, and after', async () => {
  const n = N;
  const memory = {
    ...{ y: input('normal', n), z: input('normal', n, 2), bits: randomWords(packedWords(n, 1)) },
    ...{ packed: randomWords(packedWords(n, 15)), sums: new Uint32Array(tilesOf(n) * 16) },
    ...{ max: new Uint32Array(tilesOf(n) * 16), keys: new Uint32Array(2), error: input('normal', n, 3) },
    ...{ indices: someIndices(n, 1), values: new Uint32Array(n) },
  };
  const inPlace = (y: string) =>
    step(addSignsKernel, { bits: 'bits', scales: 'error', y }, { n, segment: n });
  const add = (x: string, y: string) => step(accumulateKernel, { x, y }, { n, scale: 1 });
  const lookUp = (y: string, table: string) =>
    step(addLookupKernel, { packed: 'packed', table, y }, { n, width: 15 });
  const scaled = (y: string, scales: string) =>
    step(addSignsKernel, { bits: 'bits', scales, y }, { n, segment: 1024 });
  const sum = (x: string) =>
    step(absSumKernel, { x, sums: 'sums', max: 'max' }, { n, segment: 1024, tiny: TINY, scale: 1 });
  const count = memory.indices.length;
  const { backend } = await openLogged(1);
  for (const program of [
    [inPlace('z'), lookUp('y', 'z')],
    [inPlace('z'), add('z', 'y'), lookUp('y', 'z')],
    [lookUp('y', 'z'), add('z', 'y'), inPlace('z')],
    [lookUp('y', 'z'), inPlace('z')],
    [inPlace('z'), scaled('y', 'z')],
    [scaled('y', 'z'), inPlace('y'), inPlace('z')],
    [sum('y'), scaled('y', 'sums'), sum('y')],
    [sum('y'), inPlace('y'), step(clearKernel, { y: 'sums' }, { n: tilesOf(n) }), scaled('z', 'sums')],
    [inPlace('y'), step(addAtKernel, { indices: 'indices', values: 'y', y: 'z' }, { n, count })],
    [step(addAtKernel, { indices: 'indices', values: 'y', y: 'z' }, { n, count }), inPlace('y')],
    [
      inPlace('y'),
      step(compensateKernel, { x: 'y', error: 'error', y: 'z', keys: 'keys' }, { n, scale: 1 }),
      step(unpackSignsKernel, { bits: 'keys', scales: 'values', y: 'y' }, { n: 64, segment: 64 }),
      step(addLookupKernel, { packed: 'bits', table: 'keys', y: 'z' }, { n, width: 1 }),
    ],
  ] satisfies Program[])
    await assertAsJs(backend, program, memory, program.map(([{ name }]) => name).join(', '));
  backend.close();
});

test('a vector that is only lent is changed as a copy', async () => {
  const n = N;
  const { backend, log } = await openLogged(1);
  const [x, bits] = [input('normal', n), randomWords(packedWords(n, 1))];
  const lent = backend.lend(wordsOf(x.slice()));
  const own = x.slice();
  const given = backend.lend(wordsOf(own));
  const other = buffersOf(backend, { bits, scales: new Float32Array([0.5]), range: new Uint32Array(2) });
  const { scales, range } = other;
  backend.run(extremesKernel, { x: given, range }, { n, order: 0 });
  backend.run(addSignsKernel, { bits: other.bits, scales, y: given }, { n, segment: n });
  backend.run(addSignsKernel, { bits: other.bits, scales, y: given }, { n, segment: n });
  backend.run(accumulateKernel, { x: lent, y: given }, { n, scale: 1 });
  const [sum] = await backend.read([{ buffer: given }]);
  const sign = (i: number): number => ((bits[i >>> 5] >>> (i & 31)) & 1 ? -1 : 1);
  assertWords(
    sum,
    x.map((value, i) => Math.fround(Math.fround(value + sign(i) * 0.5) + sign(i) * 0.5) + value),
    'sum',
  );
  assert.equal(own, x, 'what is lent stays as it is');
  assert.is(log[tilesOf(n)], 'whole addSigns');
  assert.equal(log.slice(tilesOf(n) + 1), passOf(['addSigns', 'accumulate'], tilesOf(n)));
  backend.close();
});

test('two handles of the same memory are told from two memories', async () => {
  const n = N;
  const { backend } = await openLogged(1);
  const x = input('normal', n);
  const { x: a } = buffersOf(backend, { x });
  const b = backend.borrow({ of: a, first: 64, words: n - 64 });
  const bits = randomWords(packedWords(n, 1));
  const other = buffersOf(backend, { bits, scales: new Float32Array([2 ** 40]), y: new Uint32Array(n) });
  const { scales, y } = other;
  backend.run(unpackSignsKernel, { bits: other.bits, scales, y }, { n, segment: n });
  backend.run(accumulateKernel, { x: b, y }, { n: n - 64, scale: 2 ** 30 });
  backend.run(accumulateKernel, { x: y, y: a }, { n, scale: 1 });
  backend.run(accumulateKernel, { x: b, y }, { n: n - 64, scale: -1 });
  const [found] = await backend.read([{ buffer: y }]);
  const sign = (i: number): number => ((bits[i >>> 5] >>> (i & 31)) & 1 ? -1 : 1);
  const before = Float32Array.from(x, (_, i) => {
    const shifted = i < n - 64 ? x[i + 64] * 2 ** 30 : 0;
    return Math.fround(sign(i) * 2 ** 40) + shifted;
  });
  const changed = x.map((value, i) => value + before[i]);
  assertWords(
    found,
    before.map((value, i) => (i < n - 64 ? value - changed[i + 64] : value)),
    'y',
  );
  backend.close();
});

test('writing and releasing other buffers ends no pass, and those of the pass are waited for', async () => {
  const { backend, log } = await openLogged(1);
  const { y, bits, scales } = buffersOf(backend, {
    ...{ y: new Uint32Array(N), bits: randomWords(packedWords(N, 1)), scales: new Float32Array([1]) },
  });
  backend.run(addSignsKernel, { bits, scales, y }, { n: N, segment: N });
  const own = backend.allocate(1);
  backend.write(own, wordsOf(new Float32Array([2])));
  backend.run(addSignsKernel, { bits, scales: own, y }, { n: N, segment: N });
  const unused = backend.allocate(100);
  backend.release(unused);
  backend.run(addSignsKernel, { bits, scales, y }, { n: N, segment: N });
  assert.equal(log, [], 'all of them wait');
  backend.write(scales, wordsOf(new Float32Array([1000])));
  assert.equal(log, passOf(['3 addSigns'], tilesOf(N)));
  backend.run(addSignsKernel, { bits, scales, y }, { n: N, segment: N });
  backend.release(scales);
  assert.is(log.at(-1), 'whole addSigns');
  const [sum] = await backend.read([{ buffer: y }]);
  const found = new Float32Array(sum.buffer);
  assert.ok(found.every((value) => Math.abs(value) === 1004));
  backend.close();
});

test.run();
