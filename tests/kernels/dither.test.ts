import * as assert from 'uvu/assert';
import { ditheredAndMaxKernel, packDitheredKernel } from '../../ts/kernels/dither.ts';
import { bitsOf as floatBits } from '../../ts/kernels/float-bits.ts';
import { floatWith } from '../reference/exact.ts';
import { runOnJs } from '../reference/js.ts';
import { unpack } from '../reference/pack.ts';
import { KEYS, type Key, wordOf } from '../reference/random.ts';
import { eachBackend } from '../support/backends.ts';
import { FINITE, input, table } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const SEGMENTS = [1, 7, 32, 1000, 4096];
const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;

function dithered(z: Float32Array, lambdas: Float32Array, segment: number, key: Key, label: string): Case {
  const n = z.length;
  const detail = `${label} by ${segment}, seed ${key.seed}`;
  const outputs = { bits: Math.ceil(n / 32) };
  return kernelCase(packDitheredKernel, detail, { z, lambdas }, outputs, { n, segment, ...key });
}

/** A number as the kernel counts it. */
const counted = (value: number): number => (Math.abs(value) < 2 ** -102 ? 0 : value);

/** -u for a word of the generator: (w | 1) - 2^23 times lambda * 2^-23, w the upper 24 bits, rounded once. */
function noise(lambda: number, word: number): number {
  const odd = 2 * Math.floor(word / 2 ** 9) + 1 - 2 ** 23;
  return Math.fround((odd * counted(lambda)) / 2 ** 23);
}

/** The noise of each element, moved by `off` float32. */
function atNoise(n: number, lambda: number, key: Key, off: -1 | 0 | 1): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => {
    const value = noise(lambda, wordOf(i, key));
    return floatWith(floatBits(value) + (value < 0 ? -off : off));
  });
}

const OFFS = [-1, 0, 1] as const;
const LAMBDAS = [1, 0.3, 7e-20, 3e37].map(Math.fround);

eachBackend('dither', (test, open) => {
  test('packDithered: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n, kind } of table(FINITE, ['normal']))
        for (const segment of new Set([n, SEGMENTS[turn % SEGMENTS.length]])) {
          // of the same kind as z, so of its size, zero and tiny where z is
          const lambdas = input(kind, Math.ceil(n / segment), 2).map(Math.abs);
          yield dithered(input(kind, n), lambdas, segment, KEYS[turn++ % KEYS.length], `${kind} ${n}`);
        }
    };
    await assertSameWords(await open(), cases());
  });

  test('packDithered of z within one float32 of its noise: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const key of KEYS)
        for (const lambda of LAMBDAS)
          for (const off of OFFS) {
            const z = atNoise(200, lambda, key, off);
            yield dithered(z, new Float32Array([lambda]), 200, key, `lambda ${lambda}, off by ${off}`);
          }
    };
    await assertSameWords(await open(), cases());
  });

  test('ditheredAndMax: the same words as js, the largest key of NaN and infinity too', async () => {
    const cases = function* (): Generator<Case> {
      const numbers = { ...KEYS[1], segment: 1000 };
      for (const { n, kind } of table([...FINITE, 'nonFinite']).filter(({ n }) => n > 60)) {
        const lambdas = input('normal', Math.ceil(n / 1000), 2).map(Math.abs);
        const outputs = { bits: Math.ceil(n / 32), max: 1 };
        const inputs = { z: input(kind, n), lambdas };
        const one = kernelCase(ditheredAndMaxKernel, `${kind} ${n}`, inputs, outputs, { n, ...numbers });
        // what the bits of a NaN are no backend promises
        yield kind === 'nonFinite' ? { ...one, defined: { bits: 0 } } : one;
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('packDithered at the ends of float32: the same words as js', async () => {
    const ends = [0, 2 ** -149, 2 ** -103, 2 ** -102, 2 ** -80, 1, 2 ** 100, LARGEST_FLOAT];
    const z = Float32Array.from({ length: 640 }, (_, i) => ends[(i >> 1) % 8] * (i % 2 === 0 ? 1 : -1));
    const cases = ends.map((lambda) => dithered(z, new Float32Array([lambda]), 640, KEYS[1], `${lambda}`));
    await assertSameWords(await open(), cases);
  });
});

const onJs = suite('dither by its definition');

const bitsOf = async (...args: Parameters<typeof dithered>): Promise<number[]> =>
  unpack((await runOnJs(dithered(...args))).bits, args[0].length, 1);

/** Whether z + u is negative, in float64, where the difference of two float32 has the right sign. */
const negative = (z: number, lambda: number, word: number): boolean => counted(z) - noise(lambda, word) < 0;

onJs('bits are the signs of z + u, u from the word of the element', async () => {
  let turn = 0;
  for (const { n, kind } of table(FINITE).filter(({ n }) => n < 300)) {
    const segment = SEGMENTS[turn % SEGMENTS.length];
    const key = KEYS[turn++ % KEYS.length];
    const z = input(kind, n);
    const lambdas = input(kind, Math.ceil(n / segment), 2).map((value) => Math.abs(value) * 1.5);
    const expected = Array.from(z, (value, i) =>
      Number(negative(value, lambdas[Math.floor(i / segment)], wordOf(i, key))),
    );
    assert.equal(await bitsOf(z, lambdas, segment, key, ''), expected, `${kind} ${n} by ${segment}`);
  }
});

onJs('z + u = 0 is not negative, one float32 less is', async () => {
  for (const lambda of LAMBDAS)
    for (const key of KEYS)
      for (const off of OFFS) {
        const z = atNoise(300, lambda, key, off);
        const bits = await bitsOf(z, new Float32Array([lambda]), 300, key, '');
        const wanted = Number(off < 0);
        assert.is(bits.filter((bit) => bit !== wanted).length, 0, `lambda ${lambda}, off by ${off}`);
      }
});

onJs('a lambda of zero, or below 2^-102, gives the plain signs of what is not tiny', async () => {
  const z = new Float32Array([1, -1, 0, -0, -(2 ** -103), 2 ** -103, -(2 ** -102), 2 ** -102, -1e30]);
  for (const lambda of [0, 2 ** -149, 2 ** -103])
    for (const key of KEYS)
      assert.equal(await bitsOf(z, new Float32Array([lambda]), 9, key, ''), [0, 1, 0, 0, 0, 0, 1, 0, 1]);
});

onJs('the noise never reaches lambda: magnitudes of lambda and more keep their sign', async () => {
  for (const lambda of [2 ** -102, 0.3, 1, 2 - 2 ** -23, 7e37, LARGEST_FLOAT])
    for (let step = 0; step < 20; step++) {
      const z = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? lambda : -lambda));
      const bits = await bitsOf(z, new Float32Array([lambda]), 1000, { seed: 3, step, stream: 0 }, '');
      assert.ok(
        bits.every((bit, i) => bit === i % 2),
        `${lambda}`,
      );
    }
});

/** Steps whose signs are averaged, and the standard errors that a mean may be off: by chance once in 1.7 million. */
const STEPS = 4096;
const SIGMAS = 5;

onJs('over many steps lambda times the sign is z, held to -lambda..lambda, in the mean', async () => {
  for (const lambda of [1, 0.37, 3e-20]) {
    const z = Float32Array.from({ length: 64 }, (_, i) => ((i - 32) / 24) * lambda);
    const sums = new Float64Array(64);
    for (let step = 0; step < STEPS; step++) {
      const bits = await bitsOf(z, new Float32Array([lambda]), 64, { seed: 5, step, stream: 1 }, '');
      bits.forEach((bit, i) => (sums[i] += bit === 1 ? -lambda : lambda));
    }
    z.forEach((value, i) => {
      const mean = Math.max(-lambda, Math.min(lambda, value));
      const error = Math.sqrt((lambda ** 2 - mean ** 2) / STEPS);
      // where z is held the sign never changes, and the mean is lambda but for the rounding of its float32
      const off = Math.abs(sums[i] / STEPS - mean);
      assert.ok(off <= SIGMAS * error + lambda * 1e-6, `z = ${value}, lambda = ${lambda}: off by ${off}`);
    });
  }
});

onJs('half of the noise is below half of lambda', async () => {
  let inner = 0;
  const high = new Float32Array(2 ** 16).fill(0.5);
  const low = high.map((value) => -value);
  const lambdas = new Float32Array([1]);
  for (const key of KEYS) {
    // |u| < lambda / 2 where it changes the sign neither of lambda / 2 nor of -lambda / 2
    const above = await bitsOf(high, lambdas, high.length, key, '');
    const below = await bitsOf(low, lambdas, high.length, key, '');
    above.forEach((bit, i) => (inner += Number(bit === 0 && below[i] === 1)));
  }
  const draws = high.length * KEYS.length;
  assert.ok(Math.abs(inner - draws / 2) < (SIGMAS * Math.sqrt(draws)) / 2, `${inner} of ${draws}`);
});

onJs.run();
