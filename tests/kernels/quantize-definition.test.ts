/** Quantisation, and what is done with its codes: what js gives against the definition in exact arithmetic. */
import * as assert from 'uvu/assert';
import { bitsOf, floatOf } from '../../ts/kernels/float-bits.ts';
import type { Rounding } from '../../ts/kernels/quantize.ts';
import { runOnJs } from '../reference/js.ts';
import { pack, unpack } from '../reference/pack.ts';
import { codeOf, type Grid, gridOf, whole, wordsOfGrid } from '../reference/quantize.ts';
import { KEYS, wordOf } from '../reference/random.ts';
import { FINITE, input, randomWords, table } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import {
  madeSetting,
  marking,
  NO_TOP,
  quantization,
  quantizations,
  search,
  type Setting,
  someIndices,
  translation,
  uniformGridOf,
  WIDTHS,
} from './quantized.ts';

const test = suite('quantize by its definition');

/** The codes that js gives x; that the rest of the last word is zero is checked too. */
async function codesOf(x: Float32Array, setting: Setting): Promise<number[]> {
  const { packed } = await runOnJs(quantization(x, setting, ''));
  const codes = unpack(packed, x.length, setting.width);
  assertWords(packed, pack(codes, setting.width), 'what is behind the codes');
  return codes;
}

test('each code is that of exact arithmetic', async () => {
  for (const { x, setting, label } of await quantizations(300)) {
    const grid = gridOf(setting.grid);
    const expected = Array.from(x, (value, i) =>
      codeOf(value, grid, setting, setting.fraction === 0 ? 0 : wordOf(i, setting.key)),
    );
    assert.equal(await codesOf(x, setting), expected, quantization(x, setting, label).label);
  }
});

const PLAIN = { origin: 0, scale: 1, limit: 7, offset: 7, top: NO_TOP };

test('halves go to even, floor goes towards the origin, levels end at limit and offset', async () => {
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

test('the top is compared by its key, so a grid of mask symbols takes T itself to the last level', async () => {
  for (const t of [1, 0.3, 1.9999999, 3e-20].map(Math.fround))
    for (const width of WIDTHS) {
      const largest = 2 ** width - 2;
      const grid = { origin: 0, scale: Math.fround((largest + 1) / t), limit: largest, offset: 0 };
      const setting = { width, rounding: 'floor', power: 1, fraction: 0, key: KEYS[0] } as const;
      const x = new Float32Array([t, 2 * t, floatOf(bitsOf(t) + 1), -t, 0]);
      const found = await codesOf(x, { ...setting, grid: wordsOfGrid({ ...grid, top: bitsOf(t) }) });
      assert.equal(found, [largest, largest, largest, 0, 0], `T = ${t}, ${width} bits`);
    }
});

test('grids made from the data have codes that fit, and leave the code of all ones to marks', async () => {
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

test('stochastic levels are one of two neighbours, right in the mean, with the variance of that choice', async () => {
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
        assert.ok(Math.abs(squares[i] / STEPS - variance) <= SIGMAS * spread + 1e-9, `variance of ${label}`);
      });
    }
});

test('what is looked up is the table at the codes, for every width, words as they are', async () => {
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

test('marks set codes to all ones, are found there, and leave every other code', async () => {
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

test('quantised by its own uniform levels, x comes back within half a level', async () => {
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

test.run();
