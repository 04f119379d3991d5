import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { bitsOf } from '../../ts/kernels/float-bits.ts';
import * as kernels from '../../ts/kernels/index.ts';
import type { Planned } from '../../ts/kernels/plans/plan.ts';
import { topKPlan } from '../../ts/kernels/plans/select.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { ORDERS, thresholdKernel, topKKernel, type Order } from '../../ts/kernels/select.ts';
import * as reference from '../reference/select.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { FINITE, input, LARGEST, table, WILD } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const KINDS = [...FINITE, ...WILD];

function topK(x: Float32Array, k: number, by: Order, label: string): Case {
  const n = x.length;
  return kernelCase(
    topKKernel,
    `${label}, k = ${k} by ${by}`,
    { x },
    { indices: k, values: k },
    { n, k, order: ORDERS[by] },
  );
}

/**
 * Vectors whose keys have one first digit, in all or in some tiles of 4096: more candidates than a list holds, that
 * differ, that are equal, and tiles of each kind beside those with a list.
 */
function* crowded(): Generator<{ name: string; x: Float32Array }> {
  for (const n of [4095, 20_000]) {
    const [normal, noise] = [input('normal', n), input('normal', n, 2)];
    const near = (value: number, i: number): number => value * (1 + Math.abs(noise[i]) / 200);
    yield { name: `one digit ${n}`, x: noise.map((_, i) => near(-1.5, i)) };
    yield {
      name: `one digit of both signs ${n}`,
      x: noise.map((value, i) => near(value < 0 ? -1.5 : 1.5, i)),
    };
    yield {
      name: `one digit in a part ${n}`,
      x: normal.map((value, i) => (i < n / 2 ? near(1.5, i) : value)),
    };
    yield { name: `one value in a part ${n}`, x: normal.map((value, i) => (i < n / 2 ? 1.6 : value)) };
    const kinds = [1.5, -1.5, 1.25, 0];
    yield {
      name: `tiles of all kinds ${n}`,
      x: noise.map((_, i) => near(kinds[(i >> 12) % 4], i)),
    };
  }
}

function* topKCases(by: Order): Generator<Case> {
  for (const { n, kind } of table(KINDS)) {
    const x = input(kind, n);
    const label = `${kind} ${n}`;
    const shares = n > 5000 ? [Math.floor(n / 100), n - 1] : [1, Math.ceil(n / 3), n];
    for (const k of new Set(shares)) yield topK(x, Math.max(1, k), by, label);
  }
  for (const { name, x } of crowded())
    for (const share of [0.01, 0.56]) yield topK(x, Math.floor(x.length * share), by, name);
  // at each side of where wasm takes a sample, for small k and for large, and of where a k is large
  for (const n of [2047, 2048, 16_383, 16_384])
    for (const k of [1, Math.floor(n / 24) - 1, Math.floor(n / 24), n >> 1])
      yield topK(input('normal', n), k, by, `normal ${n}`);
  yield topK(input('normal', LARGEST), Math.min(10_000, LARGEST), by, `normal ${LARGEST}`);
  yield topK(input('ties', LARGEST), Math.min(40_001, LARGEST), by, `ties ${LARGEST}`);
}

/** As for long vectors: the first digit is guessed from the first 1024 of 32,768 elements, rightly or not. */
function* guessedCases(): Generator<Case> {
  const guessed: Planned<'x' | 'indices' | 'values', 'n' | 'k' | 'order'> = {
    ...topKKernel,
    plan: (params, limits) => topKPlan(params, limits, 1),
  };
  const kinds = ['normal', 'ascending', 'descending', 'sparse', 'constant', 'nonFinite'] as const;
  const vectors = [1, 1025, 40_000].flatMap((n) =>
    kinds.map((kind) => ({ name: `${kind} ${n}`, x: input(kind, n) })),
  );
  for (const { name, x } of [...vectors, ...crowded(), { name: 'long', x: input('normal', LARGEST) }])
    for (const by of ['magnitude', 'value'] as const) {
      const k = Math.max(1, Math.floor(x.length / 100));
      yield { ...topK(x, k, by, `guessed, ${name}`), kernel: guessed };
    }
}

function threshold(x: Float32Array, t: number, capacity: number, label: string): Case {
  const n = x.length;
  const key = bitsOf(t);
  const found = wordsOf(x).reduce((count, bits) => count + Number((bits & 0x7fffffff) >= key), 0);
  const filled = Math.min(found, capacity);
  const outputs = { indices: capacity, values: capacity, count: 1 };
  return {
    ...kernelCase(thresholdKernel, `${label}, t = ${t}`, { x }, outputs, { n, key, capacity }),
    defined: { indices: filled, values: filled },
  };
}

eachBackend('select', (test, open) => {
  test('topK by magnitude: the same words as js', async () => {
    await assertSameWords(await open(), topKCases('magnitude'));
  });

  test('topK by value: the same words as js', async () => {
    await assertSameWords(await open(), topKCases('value'));
  });

  test('topK from a guess of the first digit: the same words as js', async () => {
    await assertSameWords(await open(), guessedCases());
  });

  test('threshold: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(KINDS, ['normal']))
        for (const t of [0, 0.5, 1.5, 1e9]) yield threshold(input(kind, n), t, n, `${kind} ${n}`);
      // room for whole chunks only, with more to come behind them
      yield threshold(input('normal', 16_383), 0.5, 2048, 'n = 16383, capacity 2048');
      for (const capacity of [1, 50, 4096])
        yield threshold(input('normal', 9000), 0.5, capacity, `capacity ${capacity}`);
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('select by its definition');

onJs('topK is what sorting gives', async () => {
  const host = hostOf(openJs());
  const measures = { magnitude: Math.abs, value: (value: number) => value };
  for (const { n, kind } of table(FINITE).filter(({ n }) => n < 5000))
    for (const by of ['magnitude', 'value'] as const)
      for (const k of new Set([1, Math.ceil(n / 10), n])) {
        const x = input(kind, n);
        const { indices, values } = await kernels.topK(host, x, k, { by });
        const expected = reference.topK(x, k, measures[by]);
        assert.equal([...indices], expected, `${kind} ${n} k ${k} by ${by}`);
        assert.ok(
          values.every((value, j) => Object.is(value, x[expected[j]])),
          'values are the elements, bit by bit',
        );
      }
});

onJs('ties go to the lowest index, -0 and +0 are equal', async () => {
  const host = hostOf(openJs());
  const x = new Float32Array([-0, 1, 0, -1, 1, -0]);
  assert.equal([...(await kernels.topK(host, x, 2)).indices], [1, 3]);
  assert.equal([...(await kernels.topK(host, x, 3, { by: 'value' })).indices], [0, 1, 4]);
  assert.equal([...(await kernels.topK(host, x, 4, { by: 'value' })).indices], [0, 1, 2, 4]);
});

onJs('NaN counts as larger than infinity', async () => {
  const { indices } = await kernels.topK(hostOf(openJs()), new Float32Array([1, Infinity, NaN, 2]), 1);
  assert.equal([...indices], [2]);
});

onJs('threshold takes equals, and everything from 0', async () => {
  const host = hostOf(openJs());
  const x = new Float32Array([0.5, -0.5, 0.25, 0, -2]);
  assert.equal([...(await kernels.threshold(host, x, 0.5)).indices], [0, 1, 4]);
  assert.equal([...(await kernels.threshold(host, x, 0.5)).values], [0.5, -0.5, -2]);
  assert.is((await kernels.threshold(host, x, 0)).indices.length, 5);
  assert.is((await kernels.threshold(host, x, -0)).indices.length, 5);
  assert.is((await kernels.threshold(host, x, 3)).indices.length, 0);
});

onJs('wrong arguments are named', async () => {
  const host = hostOf(openJs());
  const x = new Float32Array(8);
  await rejects(kernels.topK(host, x, 9), RangeError, '"k" expected an integer in 0..8, got 9');
  await rejects(kernels.topK(host, x, 1.5), RangeError, '"k"');
  await rejects(
    kernels.topK(host, x, 1, { by: 'size' as 'value' }),
    RangeError,
    '"by" expected one of magnitude, value',
  );
  await rejects(kernels.threshold(host, x, -1), RangeError, '"t" expected a number of 0 or more, got -1');
  await rejects(kernels.threshold(host, x, NaN), RangeError, '"t"');
  assert.is((await kernels.topK(host, x, 0)).indices.length, 0);
  assert.is((await kernels.threshold(host, new Float32Array(0), 0)).indices.length, 0);
});

onJs.run();
