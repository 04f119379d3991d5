import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { bitsOf, keyOfPower } from '../../ts/kernels/float-bits.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { ORDERS } from '../../ts/kernels/order.ts';
import {
  absSumKernel,
  extremesKernel,
  nonFiniteKernel,
  signsAndSumKernel,
  squareSumKernel,
  sumMagnitudes,
} from '../../ts/kernels/reduce.ts';
import { tinyFor } from '../../ts/kernels/scaling.ts';
import { floatsOf } from '../../ts/kernels/scope.ts';
import { runOnJs } from '../reference/js.ts';
import * as reference from '../reference/reduce.ts';
import { POWERS, spreadBy } from '../reference/scaling.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { FINITE, input, LARGE, LARGEST, table, WILD, words } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** Kinds whose magnitudes lie so near to each other that their squares, too, fit float32 at one scale. */
const KINDS = FINITE.filter((kind) => kind !== 'finite' && kind !== 'subnormal');
const SEGMENTS = [1, 7, 32, 1000, 1024, 4096, 5000];

function sums(
  kernel: typeof absSumKernel,
  x: Float32Array,
  segment: number,
  tiny: number,
  scale: number,
  label: string,
): Case {
  const n = x.length;
  return kernelCase(
    kernel,
    `${label} by ${segment}`,
    { x },
    { sums: Math.ceil(n / segment), max: Math.ceil(n / segment) },
    { n, segment, tiny, scale },
  );
}

function* sumCases(kernel: typeof absSumKernel, tiny: number): Generator<Case> {
  let turn = 0;
  for (const { n, kind } of table(FINITE)) {
    const x = input(kind, n);
    const plain = (segment: number): Case => sums(kernel, x, segment, keyOfPower(tiny), 1, `${kind} ${n}`);
    yield plain(n);
    if (n > 2 && n < LARGE) yield plain(SEGMENTS[turn++ % SEGMENTS.length]);
    if (n % 5 === 0) yield sums(kernel, x, n, keyOfPower(tiny + 96), 2 ** -96, `${kind} ${n} scaled down`);
  }
  // a segment of one element costs a GPU as much as one of 1024
  for (const segment of SEGMENTS.filter((segment) => segment >= 32))
    yield sums(kernel, input('normal', LARGE), segment, keyOfPower(tiny), 1, `normal ${LARGE}`);
  for (const segment of [LARGEST, 4096, 300_000])
    yield sums(kernel, input('heavy', LARGEST), segment, keyOfPower(tiny), 1, `heavy ${LARGEST}`);
}

/** Rows of 32 at about 2^first, and behind each 31 rows just below 2^-102, which count as zero. */
function tinyBehind(first: number): Float32Array {
  const below = 2 ** -102 * (1 - 2 ** -24);
  const next = words(first + 100);
  return Float32Array.from({ length: 5000 }, (_, i) => {
    const magnitude = i % 1024 < 32 ? 2 ** first * (1 + (next() % 3) / 2) : below;
    return next() & 1 ? -magnitude : magnitude;
  });
}

eachBackend('reduce', (test, open) => {
  test('absSum: the same words as js', async () => {
    await assertSameWords(await open(), sumCases(absSumKernel, -102));
  });

  test('signsAndSum: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n, kind } of table(FINITE, ['heavy']))
        // segments of whole words of signs, and others
        for (const segment of new Set([n, [32, 96, 1024, 2048, 4096, 1000, 4100][turn++ % 7]])) {
          const segments = Math.ceil(n / segment);
          const outputs = { bits: Math.ceil(n / 32), sums: segments, max: segments };
          const numbers = { n, segment, tiny: keyOfPower(-102) };
          yield kernelCase(
            signsAndSumKernel,
            `${kind} ${n} by ${segment}`,
            { x: input(kind, n) },
            outputs,
            numbers,
          );
        }
    };
    await assertSameWords(await open(), cases());
  });

  test('absSum: what is tiny behind a row of numbers near 2^25 times as large', async () => {
    const cases = function* (): Generator<Case> {
      for (const first of [-79, -78, -77, -76]) {
        const x = tinyBehind(first);
        for (const segment of [x.length, 1024, 96])
          yield sums(absSumKernel, x, segment, keyOfPower(-102), 1, `tiny behind 2^${first}`);
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('squareSum: the same words as js', async () => {
    // squares of "finite" pass float32's range, where a GPU promises nothing and the caller scales
    const moderate = [...sumCases(squareSumKernel, -51)].filter(({ label }) => !label.startsWith('finite'));
    await assertSameWords(await open(), moderate);
  });

  test('sums of segments of what is scaled: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n, kind } of table(KINDS).filter(({ n }) => n < 2000)) {
        const power = POWERS[turn++ % POWERS.length];
        const segment = SEGMENTS[turn % (SEGMENTS.length - 1)];
        const kernel = turn % 3 === 0 ? absSumKernel : squareSumKernel;
        const tiny = tinyFor(kernel === absSumKernel ? -102 : -51, Math.log2(power));
        const label = `${kind} ${n} times ${power}`;
        yield sums(kernel, spreadBy(input(kind, n), power), segment, tiny, power, label);
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('extremes and nonFinite: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table([...FINITE, ...WILD], ['nonFinite'])) {
        const x = input(kind, n);
        for (const [by, order] of Object.entries(ORDERS))
          yield kernelCase(extremesKernel, `${kind} ${n} by ${by}`, { x }, { range: 2 }, { n, order });
        yield kernelCase(nonFiniteKernel, `${kind} ${n}`, { x }, { found: 2 }, { n });
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('sums of vectors too large or too small for float32', async () => {
    const host = hostOf(await open());
    const huge = input('normal', 5000).map((value) => value * 5e37);
    const tiny = input('normal', 5000).map((value) => value * 1e-30);
    for (const x of [huge, tiny]) {
      const sum = await kernels.absSum(host, x);
      assert.ok(Math.abs(sum / reference.absSum(x) - 1) < 1e-6, `${sum} for ${reference.absSum(x)}`);
      const squares = await kernels.squareSum(host, x);
      assert.ok(
        Math.abs(squares / reference.squareSum(x) - 1) < 1e-6,
        `${squares} for ${reference.squareSum(x)}`,
      );
    }
  });

  test('refuses NaN and infinity, and says where', async () => {
    const host = hostOf(await open());
    const x = input('normal', 10_000);
    x[4097] = NaN;
    x[9000] = -Infinity;
    for (const kernel of [kernels.absSum, kernels.squareSum, kernels.min, kernels.max, kernels.absMax]) {
      const error = await rejects(kernel(host, x), NonFiniteError);
      assert.is(error.count, 2);
      assert.is(error.first, 4097);
    }
    assert.equal(await kernels.nonFinite(host, x), { count: 2, first: 4097 });
  });
});

const onJs = suite('reduce by its definition');

onJs('sums lie within float32 rounding of the float64 sums', async () => {
  const host = hostOf(openJs());
  for (const { n, kind } of table(['normal', 'constant', 'ties', 'sparse', 'ascending'])) {
    const x = input(kind, n);
    // a tree of depth 32 + 5 a level rounds at most that often; squares are added in two parts, and lose 2^-24 each
    const levels = Math.ceil(Math.log(Math.max(n, 2)) / Math.log(1024));
    const exact = reference.absSum(x);
    assert.ok(
      Math.abs((await kernels.absSum(host, x)) - exact) <= exact * 37 * levels * 2 ** -24,
      `absSum ${kind} ${n}`,
    );
    const squares = reference.squareSum(x);
    const sum = await kernels.squareSum(host, x);
    assert.ok(Math.abs(sum - squares) <= squares * 70 * levels * 2 ** -24, `squareSum ${kind} ${n}`);
  }
});

onJs('sums follow the documented tree, not another one', async () => {
  // 2^24 absorbs a following 1 in float32: in lane order the ones of a lane are lost one by one, lanes are not
  const x = new Float32Array(1024).fill(1);
  x[0] = 2 ** 24;
  assert.is(await kernels.absSum(hostOf(openJs()), x), 2 ** 24 + 31 * 32);
});

onJs('segments are summed each for itself', async () => {
  const x = Float32Array.from({ length: 10 }, (_, i) => (i % 2 ? -i : i));
  const { sums: found, max: largest } = await hostOf(openJs()).use(function* (scope) {
    const pending = sumMagnitudes(scope, scope.vector(x), 4);
    const [words, max] = yield scope.read(pending.sums, pending.max);
    return yield* pending.finish(words, max);
  });
  assert.equal([...found], [6, 22, 17]);
  assert.is(largest, 9);
});

onJs('squares of scaled segments are near the float64 sums, largest magnitudes exact', async () => {
  for (const kind of ['normal', 'heavy', 'ties', 'sparse', 'ascending'] as const)
    for (const power of POWERS)
      for (const segment of [1, 7, 32, 1000, 4096, 5003]) {
        const x = spreadBy(input(kind, 5003), power);
        const tiny = tinyFor(-51, Math.log2(power));
        const label = `${kind} times ${power} by ${segment}`;
        const found = await runOnJs(sums(squareSumKernel, x, segment, tiny, power, label));
        floatsOf(found.sums).forEach((sum, s) => {
          const part = x.subarray(s * segment, (s + 1) * segment).map((value) => value * power);
          const exact = reference.squareSum(part);
          // of a square up to 2^-22 is left out, the rest is rounding
          assert.ok(Math.abs(sum - exact) <= exact * 2 ** -21, `${label}, ${s}: ${sum} for ${exact}`);
          const largest = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          assert.is(floatsOf(found.max)[s] * power, largest, `${label}, ${s}`);
        });
      }
});

onJs('the largest magnitude of a segment is a key: it counts what is tiny, and NaN', async () => {
  const x = new Float32Array([-(2 ** -149), 0, -0, 5, -7, NaN, Infinity, -Infinity, 1]);
  const { max } = await runOnJs(sums(absSumKernel, x, 2, keyOfPower(-102), 1, 'keys'));
  const expected = [2 ** -149, 5, NaN, Infinity, 1];
  assert.equal([...floatsOf(max)], expected);
});

onJs('extremes by magnitude are keys, by value signed keys', async () => {
  const range = async (x: number[], order: number): Promise<number[]> => {
    const found = kernelCase(
      extremesKernel,
      '',
      { x: new Float32Array(x) },
      { range: 2 },
      { n: x.length, order },
    );
    return [...new Int32Array((await runOnJs(found)).range.buffer)];
  };
  const keys = [3, 2, 0].map((value) => bitsOf(value));
  assert.equal(await range([2, -3, 2.5], ORDERS.magnitude), [keys[1], keys[0]]);
  assert.equal(await range([2, -3, -0], ORDERS.magnitude), [0, keys[0]]);
  assert.equal(await range([2, -3, -0], ORDERS.value), [-keys[0], keys[1]]);
  assert.equal(await range([-3, -2], ORDERS.value), [-keys[0], -keys[1]]);
  assert.equal(await range([-Infinity, 1], ORDERS.magnitude), [bitsOf(1), bitsOf(Infinity)]);
});

onJs('extremes of zeros, of one element, of nothing', async () => {
  const host = hostOf(openJs());
  assert.ok(Object.is(await kernels.min(host, new Float32Array([-0, 0])), 0));
  assert.ok(Object.is(await kernels.max(host, new Float32Array([-0])), 0));
  assert.is(await kernels.min(host, new Float32Array([3, -7, 5])), -7);
  assert.is(await kernels.max(host, new Float32Array([-3, -7, -5])), -3);
  assert.is(await kernels.absMax(host, new Float32Array([3, -7, 5])), 7);
  assert.is(await kernels.max(host, new Float32Array([1e-45, 0])), Math.fround(1e-45));
  assert.is(await kernels.min(host, new Float32Array(0)), Infinity);
  assert.is(await kernels.max(host, new Float32Array(0)), -Infinity);
  assert.is(await kernels.absMax(host, new Float32Array(0)), 0);
  assert.is(await kernels.absSum(host, new Float32Array(0)), 0);
  assert.equal(await kernels.nonFinite(host, new Float32Array([1, 2])), { count: 0, first: -1 });
});

onJs('wrong arguments are named', async () => {
  const host = hostOf(openJs());
  await rejects(
    kernels.absSum(host, [1, 2] as unknown as Float32Array),
    TypeError,
    '"x" expected a Float32Array',
  );
  await rejects(kernels.min(host, new Float64Array(2) as unknown as Float32Array), TypeError, 'Float64Array');
});

onJs.run();
