import * as assert from 'uvu/assert';
import type { Backend } from '../../ts/backends/backend.ts';
import { bitsOf, floatOf, keyOfPower } from '../../ts/kernels/float-bits.ts';
import { ORDERS } from '../../ts/kernels/order.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import {
  findMarkedKernel,
  GRID,
  lookupKernel,
  markKernel,
  quantizeKernel,
  ROUNDINGS,
  type Rounding,
} from '../../ts/kernels/quantize.ts';
import { extremesKernel, squareSumKernel } from '../../ts/kernels/reduce.ts';
import { levelGridKernel, maskGridKernel, SIGNED, uniformGridKernel } from '../../ts/kernels/scalars.ts';
import { exponentFor, scaled, tinyFor } from '../../ts/kernels/scaling.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import { topKKernel } from '../../ts/kernels/select.ts';
import { runOnJs } from '../reference/js.ts';
import { pack, unpack } from '../reference/pack.ts';
import { codeOf, type Grid, gridOf, whole, wordsOfGrid } from '../reference/quantize.ts';
import { KEYS, type Key, wordOf } from '../reference/random.ts';
import { POWERS, scaledInput } from '../reference/scaling.ts';
import { eachBackend } from '../support/backends.ts';
import { FINITE, input, LARGEST, randomWords, table, words } from '../support/inputs.ts';
import { assertSameWords, assertWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** What a quantisation takes, x and its name aside. */
interface Setting {
  readonly grid: Uint32Array;
  readonly width: number;
  readonly rounding: Rounding;
  readonly power: number;
  readonly fraction: number;
  readonly key: Key;
}

const NO_TOP = bitsOf(Infinity) - 1;

function quantization(x: Float32Array, setting: Setting, label: string): Case {
  const { grid, width, rounding, power, fraction, key } = setting;
  const n = x.length;
  const { limit, offset } = gridOf(grid);
  return kernelCase(
    quantizeKernel,
    `${label} to ${width} bits (${rounding}, times ${power}, fraction ${fraction}, ${limit} and ${offset} levels)`,
    { x, grid },
    { packed: packedWords(n, width) },
    { n, width, rounding: ROUNDINGS[rounding], power, fraction, ...key },
  );
}

/** Choices that follow from a seed. */
function chooser(seed: number): <T>(list: readonly T[]) => T {
  const next = words(seed);
  return (list) => list[next() % list.length];
}

const WIDTHS = Array.from({ length: 16 }, (_, i) => i + 1);
const FRACTIONS = Array.from({ length: 23 }, (_, i) => i);

/** Fractions that leave levels * 2^fraction at 2^22 or less; half of them 0. */
function fractionsFor(levels: number): number[] {
  const fine = FRACTIONS.filter((fraction) => Math.max(levels, 1) * 2 ** fraction <= 2 ** 22);
  return [...fine, ...fine.map(() => 0)];
}

/** A grid that no kernel would make, but any may lie in: p stays below 2^23. */
function anySetting(x: Float32Array, power: number, seed: number): Setting {
  const choose = chooser(seed);
  const width = choose(WIDTHS);
  const most = 2 ** width - 1;
  const offset = choose([0, 0, most >> 1, Math.floor(most / 3)]);
  const limit = Math.min(most - offset, choose([most, most - 1, most >> 1]));
  const fraction = choose(fractionsFor(limit));
  const largest = x.reduce((max, value) => Math.max(max, Math.abs(scaled(bitsOf(value), power))), 0);
  const origin = Math.fround(largest * choose([0, 0, -0.5, 0.3]));
  const scale = (Math.max(limit, 1) * 2 ** fraction * choose([0.5, 1, 1.3])) / largest;
  const grid: Grid = {
    origin: Math.abs(origin) < 2 ** -126 ? 0 : origin,
    scale: largest === 0 ? choose([0, 1]) : Math.min(Math.max(Math.fround(scale), 2 ** -126), 2 ** 100),
    limit,
    offset,
    top: choose([NO_TOP, NO_TOP, bitsOf(largest), bitsOf(largest * 0.7), 0]),
  };
  const rounding = choose(['nearest', 'floor'] as const);
  return { grid: wordsOfGrid(grid), width, rounding, power, fraction, key: choose(KEYS) };
}

const gridFrom = async (made: Case): Promise<Uint32Array> => (await runOnJs(made)).grid;

/** The least and the greatest key of x, by an order. */
async function rangeIn(x: Float32Array | Uint32Array, order: number): Promise<Uint32Array> {
  const n = x.length;
  return (await runOnJs(kernelCase(extremesKernel, '', { x }, { range: 2 }, { n, order }))).range;
}

async function uniformGridOf(x: Float32Array, bits: number, power: number): Promise<Uint32Array> {
  const range = await rangeIn(x, ORDERS.value);
  return gridFrom(kernelCase(uniformGridKernel, '', { range }, { grid: GRID }, { bits, power }));
}

/** The grid of mask symbols where the largest tenth of x is sent whole. */
async function maskGridOf(
  x: Float32Array,
  order: number,
  params: { bits: number; signed: number; power: number },
): Promise<Uint32Array> {
  const n = x.length;
  const k = Math.ceil(n / 10);
  const top = kernelCase(topKKernel, '', { x }, { indices: k, values: k }, { n, k, order });
  const kept = await rangeIn((await runOnJs(top)).values, order);
  const range = await rangeIn(x, ORDERS.value);
  return gridFrom(kernelCase(maskGridKernel, '', { kept, range }, { grid: GRID }, params));
}

async function levelGridOf(
  x: Float32Array,
  params: { levels: number; fraction: number; power: number },
): Promise<Uint32Array> {
  const n = x.length;
  const { power } = params;
  const whole = { n, segment: n, tiny: tinyFor(-51, Math.log2(power)), scale: power };
  const { sums, max } = await runOnJs(kernelCase(squareSumKernel, '', { x }, { sums: 1, max: 1 }, whole));
  return gridFrom(kernelCase(levelGridKernel, '', { sums, max }, { grid: GRID }, params));
}

/** A grid that the kernels of scalars.ts make of x, scaled as a compressor does. */
async function madeSetting(x: Float32Array, seed: number): Promise<Setting> {
  const choose = chooser(seed);
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const power = 2 ** exponentFor(bitsOf(largest));
  const width = choose(WIDTHS);
  const rounding = choose(['nearest', 'floor'] as const);
  const made = { width, rounding, power, fraction: 0, key: choose(KEYS) };
  switch (choose(['mask', 'mask', 'mask', 'uniform', 'levels'] as const)) {
    case 'uniform':
      return { ...made, grid: await uniformGridOf(x, width, power) };
    case 'mask': {
      const params = { bits: width, signed: choose(Object.values(SIGNED)), power };
      return { ...made, grid: await maskGridOf(x, choose(Object.values(ORDERS)), params) };
    }
    case 'levels': {
      const levels = Math.max(2 ** (width - 1) - 1, 1);
      const fraction = choose(fractionsFor(levels));
      const grid = await levelGridOf(x, { levels, fraction, power });
      return { ...made, width: Math.max(width, 2), fraction, grid };
    }
  }
}

/** Quantisations of the table below `end` elements, half of them by grids that are made from the data. */
async function quantizations(end: number): Promise<{ x: Float32Array; setting: Setting; label: string }[]> {
  const found: { x: Float32Array; setting: Setting; label: string }[] = [];
  let turn = 0;
  for (const { n, kind } of table(FINITE).filter(({ n }) => n < end)) {
    const { x, power } = scaledInput(kind, n, turn++);
    found.push({ x, setting: anySetting(x, power, turn), label: `${kind} ${n} by any grid` });
    // a power that flushes, or holds to 2^126, most of x
    const wrong = anySetting(x, POWERS[(turn * 3) % POWERS.length], turn);
    if (kind === 'finite' || n < 9) found.push({ x, setting: wrong, label: `${kind} ${n} by any grid` });
    const data = turn % 2 === 0 ? x : input(kind, n);
    found.push({ x: data, setting: await madeSetting(data, turn), label: `${kind} ${n} by its grid` });
  }
  return found;
}

/** Packed codes, about one in `every` of them all ones. */
function packedCodes(n: number, width: number, every: number): Uint32Array {
  const random = randomWords(2 * n, width);
  const codes = Array.from({ length: n }, (_, i) =>
    random[i] % every === 0 ? 2 ** width - 1 : random[n + i],
  );
  return pack(codes, width);
}

/** Indices below n in no order, about one in `every`, at least one. */
function someIndices(n: number, every: number): Uint32Array {
  const random = randomWords(n, every);
  const found = Uint32Array.from({ length: n }, (_, i) => i).filter((i) => random[i] % every === 0);
  return found.length === 0 ? new Uint32Array([n - 1]) : found.sort((a, b) => random[a] - random[b]);
}

function marking(packed: Uint32Array, indices: Uint32Array, n: number, width: number): Case {
  const params = { n, count: indices.length, width };
  const label = `${indices.length} of ${n} of ${width} bits`;
  return { label, kernel: markKernel, inputs: { indices }, changed: { packed }, outputs: {}, params };
}

function search(packed: Uint32Array, n: number, width: number): Case {
  const outputs = { bits: Math.ceil(n / 32) };
  return kernelCase(findMarkedKernel, `${n} of ${width} bits`, { packed }, outputs, { n, width });
}

function translation(packed: Uint32Array, values: Uint32Array, n: number, width: number): Case {
  const inputs = { packed, table: values };
  return kernelCase(lookupKernel, `${n} of ${width} bits`, inputs, { y: n }, { n, width });
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
    assert.is((await scope.read(packed))[0].length, packedWords(n, 5));
  } finally {
    scope.end();
  }
}

const onJs = suite('quantize by its definition');

/** The codes that js gives x; that the rest of the last word is zero is checked too. */
async function codesOf(x: Float32Array, setting: Setting): Promise<number[]> {
  const { packed } = await runOnJs(quantization(x, setting, ''));
  const codes = unpack(packed, x.length, setting.width);
  assertWords(packed, pack(codes, setting.width), 'what is behind the codes');
  return codes;
}

onJs('each code is that of exact arithmetic', async () => {
  for (const { x, setting, label } of await quantizations(300)) {
    const grid = gridOf(setting.grid);
    const expected = Array.from(x, (value, i) =>
      codeOf(value, grid, setting, setting.fraction === 0 ? 0 : wordOf(i, setting.key)),
    );
    assert.equal(await codesOf(x, setting), expected, quantization(x, setting, label).label);
  }
});

const PLAIN = { origin: 0, scale: 1, limit: 7, offset: 7, top: NO_TOP };

onJs('halves go to even, floor goes towards the origin, levels end at limit and offset', async () => {
  const x = [0, -0, 0.5, 1.5, 2.5, 3.75, 7.5, 1e6, -0.5, -1.5, -2.5, -3.75, -1e6];
  const levels = async (grid: Partial<Grid>, rounding: Rounding): Promise<number[]> => {
    const given = { ...PLAIN, ...grid };
    const setting = { grid: wordsOfGrid(given), width: 4, rounding, power: 1, fraction: 0, key: KEYS[0] };
    return (await codesOf(new Float32Array(x), setting)).map((code) => code - given.offset);
  };
  assert.equal(await levels({}, 'nearest'), [0, 0, 0, 2, 2, 4, 7, 7, 0, -2, -2, -4, -7]);
  assert.equal(await levels({}, 'floor'), [0, 0, 0, 1, 2, 3, 7, 7, 0, -1, -2, -3, -7]);
  assert.equal(await levels({ offset: 0 }, 'nearest'), [0, 0, 0, 2, 2, 4, 7, 7, 0, 0, 0, 0, 0]);
  assert.equal(await levels({ offset: 3 }, 'floor'), [0, 0, 0, 1, 2, 3, 7, 7, 0, -1, -2, -3, -3]);
  assert.equal(await levels({ limit: 2 }, 'nearest'), [0, 0, 0, 2, 2, 2, 2, 2, 0, -2, -2, -2, -2]);
  assert.equal(await levels({ top: bitsOf(3) }, 'nearest'), [0, 0, 0, 2, 2, 3, 3, 3, 0, -2, -2, -3, -3]);
  assert.equal(await levels({ scale: 0, top: 0 }, 'nearest'), new Array<number>(13).fill(0));
  assert.equal(await levels({ origin: 2.5 }, 'floor'), [-2, -2, -2, -1, 0, 1, 5, 7, -3, -4, -5, -6, -7]);
  assert.equal(await levels({ scale: 0.5 }, 'nearest'), [0, 0, 0, 1, 1, 2, 4, 7, 0, -1, -1, -2, -7]);
});

onJs(
  'the top is compared by its key, so a grid of mask symbols takes T itself to the last level',
  async () => {
    for (const t of [1, 0.3, 1.9999999, 3e-20].map(Math.fround))
      for (const width of WIDTHS) {
        const largest = 2 ** width - 2;
        const grid = { origin: 0, scale: Math.fround((largest + 1) / t), limit: largest, offset: 0 };
        const setting = { width, rounding: 'floor', power: 1, fraction: 0, key: KEYS[0] } as const;
        const x = new Float32Array([t, 2 * t, floatOf(bitsOf(t) + 1), -t, 0]);
        const found = await codesOf(x, { ...setting, grid: wordsOfGrid({ ...grid, top: bitsOf(t) }) });
        assert.equal(found, [largest, largest, largest, 0, 0], `T = ${t}, ${width} bits`);
      }
  },
);

onJs('grids made from the data have codes that fit, and leave the code of all ones to marks', async () => {
  for (const { n, kind } of table(FINITE).filter(({ n }) => n < 300)) {
    const x = input(kind, n);
    const setting = await madeSetting(x, n);
    const { limit, offset, scale } = gridOf(setting.grid);
    // uniform levels use every code, the others all but the last
    const last = 2 ** setting.width - (offset === 0 && limit === 2 ** setting.width - 1 ? 1 : 2);
    const codes = await codesOf(x, setting);
    assert.ok(offset + limit <= last && codes.every((code) => code <= last), `${kind} ${n}`);
    if (scale === 0) assert.ok(codes.every((code) => code === offset));
  }
});

/**
 * Steps over which levels are averaged, and the standard errors that a mean may be off: by chance once in 1.7 million.
 */
const STEPS = 4096;
const SIGMAS = 5;

onJs(
  'stochastic levels are one of two neighbours, right in the mean, with the variance of that choice',
  async () => {
    const x = Float32Array.from({ length: 64 }, (_, i) => (i - 31.5) / 31.5);
    for (const fraction of [1, 4, 12, 20])
      for (const levels of [1, 3]) {
        const scale = Math.fround(levels * 2 ** fraction * 0.97);
        const grid = { origin: 0, scale, limit: levels, offset: levels, top: NO_TOP };
        const setting = {
          grid: wordsOfGrid(grid),
          width: 3,
          rounding: 'nearest',
          power: 1,
          fraction,
        } as const;
        const sums = new Float64Array(64);
        const squares = new Float64Array(64);
        const means = Array.from(x, (value) => whole(value, grid, setting) / 2 ** fraction);
        for (let step = 0; step < STEPS; step++) {
          const codes = await codesOf(x, { ...setting, key: { seed: 8, step, stream: 3 } });
          codes.forEach((code, i) => {
            const m = (code - levels) * Math.sign(x[i]);
            assert.ok(m === Math.floor(means[i]) || m === Math.floor(means[i]) + 1, `${x[i]} to ${m}`);
            sums[i] += m - means[i];
            squares[i] += (m - means[i]) ** 2;
          });
        }
        means.forEach((mean, i) => {
          const label = `${x[i]} at ${levels} levels, fraction ${fraction}`;
          assert.ok(
            Math.abs(mean - (Math.abs(x[i]) * scale) / 2 ** fraction) <= 2 ** -(fraction + 1) + 1e-6,
            label,
          );
          const f = mean - Math.floor(mean);
          const variance = f * (1 - f);
          assert.ok(Math.abs(sums[i] / STEPS) <= SIGMAS * Math.sqrt(variance / STEPS), `mean of ${label}`);
          // (m - mean)^2 is (1 - f)^2 or f^2, which differ by 1 - 2f
          const spread = Math.sqrt(variance / STEPS) * Math.abs(1 - 2 * f);
          assert.ok(
            Math.abs(squares[i] / STEPS - variance) <= SIGMAS * spread + 1e-9,
            `variance of ${label}`,
          );
        });
      }
  },
);

onJs('what is looked up is the table at the codes, for every width, words as they are', async () => {
  for (const width of WIDTHS) {
    const codes = [...randomWords(333, width)].map((word) => word % 2 ** width);
    const values = randomWords(2 ** width, 7);
    const { y } = await runOnJs(translation(pack(codes, width), values, 333, width));
    assert.equal(
      [...y],
      codes.map((code) => values[code]),
      `${width} bits`,
    );
  }
});

onJs('marks set codes to all ones, are found there, and leave every other code', async () => {
  for (const width of WIDTHS)
    for (const n of [1, 31, 32, 33, 333]) {
      // 3, 5, 6, 7 and more bits straddle words
      const codes = [...randomWords(n, width)].map((word) => word % (2 ** width - 1));
      const indices = someIndices(n, 3);
      const { packed } = await runOnJs(marking(pack(codes, width), indices, n, width));
      const marked = new Set(indices);
      const expected = codes.map((code, i) => (marked.has(i) ? 2 ** width - 1 : code));
      assertWords(packed, pack(expected, width), `${n} of ${width} bits`);
      const { bits } = await runOnJs(search(packed, n, width));
      const found = expected.map((_, i) => Number(marked.has(i)));
      assertWords(bits, pack(found, 1), `${n} of ${width} bits`);
    }
});

onJs('quantised by its own uniform levels, x comes back within half a level', async () => {
  const x = input('normal', 1000);
  for (const width of [1, 4, 12]) {
    const grid = await uniformGridOf(x, width, 1);
    const setting = { grid, width, rounding: 'nearest', power: 1, fraction: 0, key: KEYS[0] } as const;
    const { origin, scale } = gridOf(grid);
    const codes = await codesOf(x, setting);
    codes.forEach((code, i) =>
      assert.ok(Math.abs(origin + code / scale - x[i]) <= 0.5 / scale + 1e-6, `${x[i]} to ${code}`),
    );
  }
});

onJs.run();
