import * as assert from 'uvu/assert';
import { bitsOf, signedKeyOf } from '../../ts/kernels/float-bits.ts';
import { GRID } from '../../ts/kernels/quantize.ts';
import {
  lambdasKernel,
  levelGridKernel,
  maskGridKernel,
  SIGNED,
  uniformGridKernel,
} from '../../ts/kernels/scalars.ts';
import { floatsOf } from '../../ts/kernels/scope.ts';
import { floatWith, isQuotient, isRoot, nearest, units } from '../reference/exact.ts';
import { runOnJs } from '../reference/js.ts';
import { gridOf, type Grid } from '../reference/quantize.ts';
import { POWERS, scaled } from '../reference/scaling.ts';
import { eachBackend } from '../support/backends.ts';
import { LARGEST, table, words } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;
/** Below 2^-126 what is scaled is zero, below 2^-102 nothing is divided by it. */
const AROUND_TINY = [-127, -126, -103, -102].flatMap((e) =>
  [2 ** e, 2 ** e * (2 - 2 ** -22)].map(Math.fround),
);

/**
 * Last 23 bits of operands: the ends, and those whose quotient of 1, 7, 255 or 65535, or whose root, lies nearest to
 * the middle of two float32.
 */
const FRACTIONS = [
  ...[0, 1, 2, 3, 0x400000, 0x7ffffb, 0x7ffffd, 0x7ffffe, 0x7fffff],
  ...[0x7c3237, 0x7e01ff, 0x6c7ec7, 0x10325b, 0x752067, 0x332f69, 0x6869a7, 0x55bc44, 0x5b989f],
  ...[0x6e9372, 0x551dbf, 0x7c114a, 0x125859],
];

/** Operands from 2^least to below 2^most: each of FRACTIONS, and as many others. */
function* operands(seed: number, least: number, most: number): Generator<number> {
  const next = words(seed);
  for (const fraction of FRACTIONS)
    for (const bits of [fraction, next() >>> 9])
      yield floatWith(((least + (next() % (most - least)) + 127) << 23) | bits);
}

const keys = (...values: number[]): Uint32Array =>
  Uint32Array.from(values, (value) => signedKeyOf(bitsOf(value)));

interface Mask {
  /** T, and the least element. */
  readonly t: number;
  readonly least: number;
  readonly bits: number;
  readonly signed: number;
  readonly power: number;
}

function maskGrid({ t, least, bits, signed, power }: Mask): Case {
  const inputs = { kept: keys(t, LARGEST_FLOAT), range: keys(least, LARGEST_FLOAT) };
  const label = `T = ${t} times ${power}, ${bits} bits, signed ${signed}, least ${least}`;
  return kernelCase(maskGridKernel, label, inputs, { grid: GRID }, { bits, signed, power });
}

/** Masks of every power, width and sign; T of no value, too. */
function* masks(rounds: number): Generator<Mask> {
  let turn = 0;
  for (let round = 0; round < rounds; round++)
    for (const power of POWERS)
      for (const scaledT of operands(++turn, -126, 126)) {
        const t = Math.fround(scaledT / power);
        if (!Number.isFinite(t) || t === 0) continue;
        const signs = { signed: turn % 3, least: [-1, 0, 1, -0, -(2 ** -149)][turn % 5] };
        yield { t, ...signs, bits: 1 + (turn++ % 16), power };
      }
  const rest = { signed: SIGNED.found, least: -1, bits: 5 };
  for (const power of POWERS)
    for (const t of [0, -0, -1, -1e30, LARGEST_FLOAT, -(2 ** -149), 2 ** -149, ...AROUND_TINY])
      yield { t, ...rest, power };
}

interface Uniform {
  readonly least: number;
  readonly greatest: number;
  readonly bits: number;
  readonly power: number;
}

function uniformGrid({ least, greatest, bits, power }: Uniform): Case {
  const inputs = { range: keys(least, greatest) };
  const label = `${least} to ${greatest} times ${power}, ${bits} bits`;
  return kernelCase(uniformGridKernel, label, inputs, { grid: GRID }, { bits, power });
}

/** greatest * power - low in float32, from the definition. */
function widthOf({ least, greatest, power }: Uniform): number {
  return nearest(units(scaled(greatest, power)) - units(scaled(least, power)), -149);
}

/** Ranges on one side of zero, across it, of neighbours and of one value. */
function* ranges(rounds: number): Generator<Uniform> {
  const next = words(5);
  let turn = 0;
  for (let round = 0; round < rounds; round++)
    for (const power of POWERS)
      for (const scaledValue of operands(++turn, -100, 100)) {
        const value = Math.fround(scaledValue / power);
        if (!Number.isFinite(value)) continue;
        const near = floatWith(bitsOf(value) + (next() % 5));
        const far = Math.fround(value * 2 ** -(next() % 30) * [-1, 1, 0][turn % 3]);
        const other = [far, -value, near, value][(turn >> 2) % 4];
        const [a, b] = turn % 2 === 0 ? [value, other] : [-value, -other];
        yield { least: Math.min(a, b), greatest: Math.max(a, b), bits: 1 + (turn++ % 16), power };
      }
  for (const power of POWERS) {
    yield { least: 0, greatest: 0, bits: 3, power };
    yield { least: -0, greatest: 0, bits: 3, power };
    // what scaling takes to zero, or holds to 2^126, at both ends
    yield { least: -(2 ** -149), greatest: 2 ** -149, bits: 3, power: Math.min(power, 1) };
    if (power > 1) yield { least: 2 ** 126, greatest: LARGEST_FLOAT, bits: 3, power };
    for (const width of AROUND_TINY)
      yield { least: -width / power / 2, greatest: width / power / 2, bits: 7, power };
  }
}

interface Levels {
  readonly sum: number;
  readonly max: number;
  readonly levels: number;
  readonly fraction: number;
  readonly power: number;
}

function levelGrid({ sum, max, levels, fraction, power }: Levels): Case {
  const inputs = { sums: new Float32Array([sum]), max: keys(max) };
  const label = `sum ${sum}, max ${max} times ${power}, ${levels} levels, fraction ${fraction}`;
  return kernelCase(levelGridKernel, label, inputs, { grid: GRID }, { levels, fraction, power });
}

/** Sums of squares and largest magnitudes, of which now one and now the other gives the norm. */
function* norms(rounds: number): Generator<Levels> {
  let turn = 0;
  for (let round = 0; round < rounds; round++)
    for (const power of POWERS)
      for (const sum of operands(++turn, -100, 100)) {
        const max = Math.fround((Math.sqrt(sum) * [0.7, 0.9999999, 1, 1.0000001, 3][turn % 5]) / power);
        if (!Number.isFinite(max)) continue;
        const fraction = turn % 23;
        const levels = Math.max(Math.floor(2 ** ((turn * 7) % (23 - fraction))) - (turn % 2), 1);
        yield { sum: turn++ % 11 === 0 ? 0 : sum, max, levels, fraction, power };
      }
  for (const power of POWERS) yield { sum: 0, max: 0, levels: 7, fraction: 0, power };
  for (const max of AROUND_TINY) yield { sum: 0, max, levels: 7, fraction: 0, power: 1 };
}

function lambdas(sums: Float32Array, factor: number): Case {
  const count = sums.length;
  const params = { count, factor: Math.fround(factor) };
  return kernelCase(lambdasKernel, `${count} times ${factor}`, { sums }, { lambdas: count }, params);
}

/** Sums of any size, some of them zero. */
function sumsOf(count: number): Float32Array {
  const next = words(count);
  const normal = (): number => floatWith((1 + (next() % 254)) * 2 ** 23 + (next() >>> 9));
  return Float32Array.from({ length: count }, () => (next() % 9 === 0 ? 0 : normal()));
}

/** Sums whose roots are hard to round, of even and of odd exponents. */
const HARD_SUMS = Float32Array.from(
  [-126, -101, -24, -1, 0, 1, 126, 127].flatMap((exponent) =>
    FRACTIONS.map((fraction) => floatWith(((exponent + 127) << 23) | fraction)),
  ),
);

const FACTORS = [1, 0.79788456, 3.7, 2 ** -40, 1.1e-19, 2 ** -70, 2 ** -126, 2 ** 60];

eachBackend('scalars', (test, open) => {
  test('maskGrid: the same words as js', async () => {
    await assertSameWords(await open(), [...masks(5)].map(maskGrid));
  });

  test('uniformGrid: the same words as js', async () => {
    await assertSameWords(await open(), [...ranges(5)].map(uniformGrid));
  });

  test('levelGrid: the same words as js', async () => {
    await assertSameWords(await open(), [...norms(5)].map(levelGrid));
  });

  test('lambdas: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n } of [...table(['normal']), { n: LARGEST }])
        yield lambdas(sumsOf(n), FACTORS[n % FACTORS.length]);
      for (const factor of FACTORS) yield lambdas(HARD_SUMS, factor);
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('scalars by their definition');

const gridBy = async (made: Case): Promise<Grid> => gridOf((await runOnJs(made)).grid);

/** Asserts that a grid has these words beside its scale, which is the float32 nearest to dividend / divisor, or 0. */
function assertGrid(
  grid: Grid,
  rest: Omit<Grid, 'scale'>,
  dividend: number,
  divisor: number,
  label: string,
): void {
  const { scale, ...found } = grid;
  assert.equal(found, rest, label);
  if (divisor >= 2 ** -102) assert.ok(isQuotient(scale, dividend, divisor), `${label}: ${scale}`);
  else assert.ok(Object.is(scale, 0), `${label}: ${scale}`);
}

onJs('a grid of mask symbols has L / T, L symbols and T', async () => {
  for (const mask of masks(20)) {
    const { t, least, bits, signed, power } = mask;
    const isSigned = signed === SIGNED.yes || (signed === SIGNED.found && least < 0);
    const symbols = isSigned ? 2 ** (bits - 1) : 2 ** bits - 1;
    const T = Math.max(scaled(t, power), 0);
    const rest = { origin: 0, limit: symbols - 1, offset: isSigned ? symbols - 1 : 0, top: bitsOf(T) };
    const made = maskGrid(mask);
    assertGrid(await gridBy(made), rest, symbols, T, made.label);
  }
});

onJs('symbols have signs where that is said, or found', async () => {
  const offset = async (signed: number, least: number): Promise<number> =>
    (await gridBy(maskGrid({ t: 1, least, bits: 4, signed, power: 1 }))).offset;
  for (const least of [-1, -(2 ** -149), 0, -0, 1]) {
    assert.is(await offset(SIGNED.no, least), 0);
    assert.is(await offset(SIGNED.yes, least), 7);
    assert.is(await offset(SIGNED.found, least), least < 0 ? 7 : 0);
  }
});

onJs('a T that is not positive, or no more once it is scaled, has scale and top 0', async () => {
  for (const [t, power] of [
    [0, 1],
    [-0, 1],
    [-3, 1],
    [2 ** -149, 1],
    [2 ** -127, 1],
    [2 ** -27, 2 ** -100],
    [-LARGEST_FLOAT, 2 ** -126],
  ]) {
    const grid = await gridBy(maskGrid({ t, least: -1, bits: 8, signed: SIGNED.no, power }));
    assert.equal(grid, { origin: 0, scale: 0, limit: 254, offset: 0, top: 0 });
  }
});

onJs('a T below 2^-102 has scale 0, but is the top', async () => {
  for (const t of [2 ** -126, 2 ** -103]) {
    const grid = await gridBy(maskGrid({ t, least: 0, bits: 16, signed: SIGNED.no, power: 1 }));
    assert.equal(grid, { origin: 0, scale: 0, limit: 65534, offset: 0, top: bitsOf(t) });
  }
  const { scale } = await gridBy(maskGrid({ t: 2 ** -102, least: 0, bits: 16, signed: SIGNED.no, power: 1 }));
  assert.is(scale, 65535 * 2 ** 102);
});

onJs('T at the ends of float32, scaled', async () => {
  for (const { t, power, scale } of [
    { t: 2 ** -149, power: 2 ** 96, scale: 3 * 2 ** 53 },
    { t: 2 ** 100, power: 2 ** -100, scale: 3 },
    { t: 2 ** 127, power: 2 ** -126, scale: 1.5 },
    { t: LARGEST_FLOAT, power: 2 ** 28, scale: 3 * 2 ** -126 },
  ]) {
    const grid = await gridBy(maskGrid({ t, least: 0, bits: 2, signed: SIGNED.no, power }));
    assert.is(grid.scale, scale, `${t} times ${power}`);
    assert.is(grid.top, bitsOf(Math.min(t * power, 2 ** 126)));
  }
});

onJs('a uniform grid starts at the least element, and divides its levels by the width', async () => {
  for (const range of ranges(20)) {
    const { least, bits, power } = range;
    const most = 2 ** bits - 1;
    const rest = { origin: scaled(least, power), limit: most, offset: 0, top: bitsOf(Infinity) - 1 };
    const made = uniformGrid(range);
    assertGrid(await gridBy(made), rest, most, widthOf(range), made.label);
  }
});

onJs('a range of one value has scale 0', async () => {
  for (const value of [0, 1, -0.3, 7e-30, LARGEST_FLOAT]) {
    const grid = await gridBy(uniformGrid({ least: value, greatest: value, bits: 8, power: 1 }));
    assert.is(grid.scale, 0);
    assert.is(grid.origin, Math.min(Math.fround(value), 2 ** 126));
  }
});

onJs('a grid of levels divides them by the norm: the nearest root, or the largest magnitude', async () => {
  for (const one of norms(20)) {
    const { sum, max, levels, fraction, power } = one;
    const root = Math.fround(Math.sqrt(sum));
    assert.ok(sum === 0 || isRoot(root, sum));
    const norm = Math.max(root, scaled(max, power));
    const rest = { origin: 0, limit: levels, offset: levels, top: bitsOf(Infinity) - 1 };
    const made = levelGrid(one);
    assertGrid(await gridBy(made), rest, levels * 2 ** fraction, norm, made.label);
  }
});

onJs('lambdas are the nearest root, times the factor, rounded', async () => {
  const sums = Float32Array.from([...HARD_SUMS, ...sumsOf(5000)]);
  const roots = floatsOf((await runOnJs(lambdas(sums, 1))).lambdas);
  roots.forEach((root, s) => {
    assert.ok(sums[s] === 0 ? Object.is(root, 0) : isRoot(root, sums[s]), `root of ${sums[s]}: ${root}`);
  });
  for (const factor of FACTORS.map(Math.fround)) {
    const found = floatsOf((await runOnJs(lambdas(sums, factor))).lambdas);
    found.forEach((lambda, s) => {
      const product = nearest(units(roots[s]) * units(factor), -298);
      const expected = product < 2 ** -102 ? 0 : product;
      assert.ok(Object.is(lambda, expected), `${factor} * root of ${sums[s]}: ${lambda} for ${expected}`);
    });
  }
});

onJs('lambdas below 2^-102 are +0', async () => {
  const sums = new Float32Array([2 ** -126, 2 ** -124, 0]);
  const of = async (factor: number): Promise<number[]> => [
    ...floatsOf((await runOnJs(lambdas(sums, factor))).lambdas),
  ];
  assert.equal(await of(2 ** -39), [2 ** -102, 2 ** -101, 0]);
  assert.equal(await of(2 ** -40), [0, 2 ** -102, 0]);
  assert.equal(await of(Math.fround(2 ** -40 * 0.9999999)), [0, 0, 0]);
});

onJs.run();
