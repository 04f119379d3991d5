import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { keyOfPower } from '../../ts/kernels/float-bits.ts';
import * as kernels from '../../ts/kernels/index.ts';
import {
  absSumKernel,
  extremesKernel,
  nonFiniteKernel,
  squareSumKernel,
  sumMagnitudes,
} from '../../ts/kernels/reduce.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import * as reference from '../reference/reduce.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { FINITE, input, LARGE, LARGEST, table, WILD } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

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
    { sums: Math.ceil(n / segment), max: 1 },
    { n, segment, tiny, scale },
  );
}

function* sumCases(kernel: typeof absSumKernel, tiny: number): Generator<Case> {
  for (const { n, kind } of table(FINITE)) {
    const x = input(kind, n);
    const plain = (segment: number): Case => sums(kernel, x, segment, keyOfPower(tiny), 1, `${kind} ${n}`);
    yield plain(n);
    if (n > 2) yield plain(SEGMENTS[n % SEGMENTS.length]);
    if (n % 5 === 0) yield sums(kernel, x, n, keyOfPower(tiny + 96), 2 ** -96, `${kind} ${n} scaled down`);
  }
  for (const segment of SEGMENTS)
    yield sums(kernel, input('normal', LARGE), segment, keyOfPower(tiny), 1, `normal ${LARGE}`);
  for (const segment of [LARGEST, 4096, 300_000])
    yield sums(kernel, input('heavy', LARGEST), segment, keyOfPower(tiny), 1, `heavy ${LARGEST}`);
}

eachBackend('reduce', (test, open) => {
  test('absSum: the same words as js', async () => {
    await assertSameWords(await open(), sumCases(absSumKernel, -102));
  });

  test('squareSum: the same words as js', async () => {
    // squares of "finite" pass float32's range, where a GPU promises nothing and the caller scales
    const moderate = [...sumCases(squareSumKernel, -51)].filter(({ label }) => !label.startsWith('finite'));
    await assertSameWords(await open(), moderate);
  });

  test('extremes and nonFinite: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of [
        ...table([...FINITE, ...WILD]),
        { n: LARGEST, kind: 'nonFinite' as const },
      ]) {
        const x = input(kind, n);
        yield kernelCase(extremesKernel, `${kind} ${n}`, { x }, { range: 2 }, { n });
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
        Math.abs(squares / reference.squareSum(x) - 1) < 1e-3,
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
    // a tree of depth 32 + 5 a level rounds at most that often; the squares also lose 2^-11 of each magnitude
    const levels = Math.ceil(Math.log(Math.max(n, 2)) / Math.log(1024));
    const exact = reference.absSum(x);
    assert.ok(
      Math.abs((await kernels.absSum(host, x)) - exact) <= exact * 37 * levels * 2 ** -24,
      `absSum ${kind} ${n}`,
    );
    const squares = reference.squareSum(x);
    const sum = await kernels.squareSum(host, x);
    assert.ok(sum <= squares * (1 + 37 * levels * 2 ** -24), `squareSum ${kind} ${n}`);
    assert.ok(sum >= squares * (1 - 2 ** -10 - 37 * levels * 2 ** -24), `squareSum ${kind} ${n}`);
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
  const scope = new Scope(openJs());
  const pending = sumMagnitudes(scope, scope.vector(x), 4);
  const [words, max] = await scope.read(pending.sums, pending.max);
  const { sums: found, max: largest } = await pending.finish(words, max);
  assert.equal([...found], [6, 22, 17]);
  assert.is(largest, 9);
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
