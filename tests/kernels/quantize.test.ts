/** Quantisation, and what is done with its codes: the same words on every backend. */
import * as assert from 'uvu/assert';
import type { Backend } from '../../ts/backends/backend.ts';
import { bitsOf, keyOfPower } from '../../ts/kernels/float-bits.ts';
import { ORDERS } from '../../ts/kernels/order.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { GRID, quantizeKernel, ROUNDINGS } from '../../ts/kernels/quantize.ts';
import { extremesKernel, squareSumKernel } from '../../ts/kernels/reduce.ts';
import { levelGridKernel, maskGridKernel, SIGNED, uniformGridKernel } from '../../ts/kernels/scalars.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import { topKKernel } from '../../ts/kernels/select.ts';
import { pack } from '../reference/pack.ts';
import { type Grid, wordsOfGrid } from '../reference/quantize.ts';
import { KEYS } from '../reference/random.ts';
import { eachBackend } from '../support/backends.ts';
import { input, LARGEST, randomWords, table } from '../support/inputs.ts';
import { assertSameWords, type Case } from '../support/same-words.ts';
import {
  anySetting,
  madeSetting,
  marking,
  maskGridOf,
  NO_TOP,
  quantization,
  quantizations,
  search,
  someIndices,
  translation,
  WIDTHS,
} from './quantized.ts';

/** Packed codes, about one in `every` of them all ones. */
function packedCodes(n: number, width: number, every: number): Uint32Array {
  const random = randomWords(2 * n, width);
  const codes = Array.from({ length: n }, (_, i) =>
    random[i] % every === 0 ? 2 ** width - 1 : random[n + i],
  );
  return pack(codes, width);
}

/** Sizes of the table, each with some of the widths. */
function* codeSizes(): Generator<{ n: number; width: number }> {
  for (const { n } of table(['normal']))
    for (const width of WIDTHS) if ((n + width) % 8 === 0) yield { n, width };
  yield { n: LARGEST, width: 5 };
}

eachBackend('quantize', (test, open) => {
  test('quantize: the same words as js', async () => {
    const cases = (await quantizations(Infinity)).map(({ x, setting, label }) =>
      quantization(x, setting, label),
    );
    for (const [seed, kind] of (['normal', 'heavy', 'ascending'] as const).entries()) {
      const x = input(kind, LARGEST);
      const setting = seed === 0 ? anySetting(x, 1, 9) : await madeSetting(x, 40 + seed);
      cases.push(quantization(x, setting, `${kind} ${LARGEST}`));
    }
    await assertSameWords(await open(), cases);
  });

  test('quantize at halves, zeros and the ends of its range: the same words as js', async () => {
    const x = Float32Array.from({ length: 512 }, (_, i) => (i - 256) / 4);
    const cases = function* (): Generator<Case> {
      for (const rounding of ['nearest', 'floor'] as const)
        for (const power of [2 ** -100, 2 ** -40, 1, 2 ** 96]) {
          const of = (grid: Grid, width: number, fraction = 0): Case =>
            quantization(
              x.map((value) => value / power),
              { grid: wordsOfGrid(grid), width, rounding, power, fraction, key: KEYS[1] },
              'halves',
            );
          yield of({ origin: 0, scale: 1, limit: 127, offset: 127, top: NO_TOP }, 8);
          yield of({ origin: 0, scale: 2, limit: 31, offset: 31, top: bitsOf(15) }, 6);
          yield of({ origin: -64, scale: 0.5, limit: 255, offset: 0, top: NO_TOP }, 8);
          yield of({ origin: 0.25, scale: 2 ** 16, limit: 63, offset: 64, top: NO_TOP }, 7, 16);
          yield of({ origin: 0, scale: 0, limit: 7, offset: 3, top: 0 }, 4);
        }
    };
    await assertSameWords(await open(), cases());
  });

  test('quantize of masks whose T is tiny beside the largest: the same words as js', async () => {
    // the largest tenth is sent whole: one 1, and nine that are hardly more than nothing
    const x = Float32Array.from({ length: 100 }, (_, i) => (i === 50 ? 1 : (i - 50) * 2 ** -125));
    const cases: Case[] = [];
    for (const bits of [1, 5, 8, 16])
      for (const signed of Object.values(SIGNED))
        for (const rounding of ['nearest', 'floor'] as const)
          for (const size of [1, 2 ** 17, 2 ** 20, 2 ** 24]) {
            const tenths = x.map((value) => (value === 1 ? 1 : value * size));
            const grid = await maskGridOf(tenths, ORDERS.magnitude, { bits, signed, power: 1 });
            const setting = { grid, width: bits, rounding, power: 1, fraction: 0, key: KEYS[0] };
            cases.push(quantization(tenths, setting, `tiny T, ${size}`));
          }
    await assertSameWords(await open(), cases);
  });

  test('lookup: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, width } of codeSizes())
        // words that are no numbers too, which must stay what they are
        yield translation(packedCodes(n, width, 9), randomWords(2 ** width, 3), n, width);
    };
    await assertSameWords(await open(), cases());
  });

  test('mark and findMarked: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n, width } of codeSizes()) {
        yield search(packedCodes(n, width, [1, 2, 4, 50][turn % 4]), n, width);
        yield marking(packedCodes(n, width, 9), someIndices(n, [1, 2, 3, 40][turn++ % 4]), n, width);
      }
      yield marking(packedCodes(100, 3, 9), new Uint32Array(0), 100, 3);
    };
    await assertSameWords(await open(), cases());
  });

  test('a try whose scale turns out wrong gives any codes, but does not fail', async () => {
    const backend = await open();
    for (const kind of ['huge', 'nonFinite', 'finite', 'subnormal'] as const)
      await tryUnscaled(backend, input(kind, 5000));
    const { x, setting, label } = (await quantizations(100))[7];
    await assertSameWords(backend, [quantization(x, setting, label)]);
  });
});

/**
 * Each grid of x, and its codes, as a compressor first tries them: without scaling, and before it knows the largest.
 */
async function tryUnscaled(backend: Backend, x: Float32Array): Promise<void> {
  const n = x.length;
  const k = n >> 1;
  const scope = new Scope(backend);
  const power = 1;
  try {
    const vector = scope.put(x);
    const [indices, values] = [scope.take(k), scope.take(k)];
    const [range, kept] = [scope.take(2), scope.take(2)];
    const [sums, max] = [scope.take(1), scope.take(1)];
    const grids = [scope.take(GRID), scope.take(GRID), scope.take(GRID)];
    const packed = scope.take(packedWords(n, 5));
    scope.run(extremesKernel, { x: vector, range }, { n, order: ORDERS.value });
    scope.run(topKKernel, { x: vector, indices, values }, { n, k, order: ORDERS.magnitude });
    scope.run(extremesKernel, { x: values, range: kept }, { n: k, order: ORDERS.magnitude });
    const whole = { n, segment: n, tiny: keyOfPower(-51), scale: 1 };
    scope.run(squareSumKernel, { x: vector, sums, max }, whole);
    scope.run(maskGridKernel, { kept, range, grid: grids[0] }, { bits: 5, signed: SIGNED.found, power });
    scope.run(uniformGridKernel, { range, grid: grids[1] }, { bits: 5, power });
    scope.run(levelGridKernel, { sums, max, grid: grids[2] }, { levels: 15, fraction: 18, power });
    for (const grid of grids)
      for (const rounding of Object.values(ROUNDINGS))
        for (const fraction of [0, 18]) {
          const params = { n, width: 5, rounding, power, fraction, ...KEYS[1] };
          scope.run(quantizeKernel, { x: vector, grid, packed }, params);
        }
    assert.is((await backend.read(scope.read(packed)))[0].length, packedWords(n, 5));
  } finally {
    scope.end();
  }
}
