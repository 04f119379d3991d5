import * as assert from 'uvu/assert';
import { keyHistogram, type Level } from '../../ts/algorithms/histogram.ts';
import { measured } from '../reference/algorithms/ex-dyna.ts';
import { input, type InputKind } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('threshold from histograms');

/**
 * The threshold that k elements of all parts reach, what it takes of those equal to it, and the rounds that it took.
 */
function search(parts: readonly Float32Array[], k: number): Level & { rounds: number } {
  const levels = keyHistogram(k);
  for (let rounds = 1; ; rounds++) {
    const sums = new Float32Array(levels.bins);
    for (const part of parts) levels.count(part).forEach((count, bin) => (sums[bin] += count));
    const level = levels.refine(sums);
    if (level !== undefined) return { ...level, rounds };
  }
}

test('is that of the definition, on all kinds of data', () => {
  const took = new Set<number>();
  for (const kind of [
    'normal',
    'heavy',
    'ties',
    'constant',
    'zeros',
    'sparse',
    'subnormal',
    'finite',
  ] as InputKind[])
    for (const n of [1, 2, 33, 1000, 20_000])
      for (const share of [0.0007, 0.01, 0.3, 0.999, 1]) {
        const x = input(kind, n);
        const k = share * n;
        const middle = n >> 1;
        const { rounds, ...level } = search([x.subarray(0, middle), x.subarray(middle)], k);
        assert.equal(level, measured(Array.from(x, Math.abs), k), `${kind} ${n} ${share}`);
        took.add(rounds);
      }
  // one where there are fewer, three to five digits where there are enough
  assert.equal(
    [...took].sort((a, b) => a - b),
    [1, 3, 4, 5],
  );
});

test('exactly k are above it or among the ties that it takes, and at least one', () => {
  for (const kind of ['normal', 'ties', 'constant'] as InputKind[])
    for (const k of [0.001, 1, 2.5, 10, 100, 3333.3, 9999]) {
      const x = input(kind, 10_000).map((value) => (value === 0 ? 1 : value));
      const { d, ties } = search([x], k);
      const [above, equal] = [0, 0].map(
        (_, i) => x.filter((value) => (i === 0 ? Math.abs(value) > d : Math.abs(value) === d)).length,
      );
      assert.is(above + Math.min(equal, ties), Math.max(1, Math.round(k)), `${kind} ${k}`);
    }
});

test('parts may be empty, and zeros are in no bin', () => {
  const levels = keyHistogram(1);
  assert.ok(levels.count(new Float32Array([0, -0, 0])).every((count) => count === 0));
  assert.ok(levels.count(new Float32Array(0)).every((count) => count === 0));
  const { d } = search([new Float32Array(0), new Float32Array([0, -3, 0, 1])], 1);
  assert.ok(d <= 3 && d > 1);
});

test('fewer elements than k give 0', () => {
  assert.is(search([new Float32Array([0, 5, 0, 1])], 3).d, 0);
  assert.is(search([new Float32Array(4)], 1).d, 0);
});

test.run();
