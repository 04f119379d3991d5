import * as assert from 'uvu/assert';
import { keyHistogram } from '../../ts/algorithms/histogram.ts';
import { measured } from '../reference/algorithms/ex-dyna.ts';
import { input, type InputKind } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('threshold from histograms');

/** The threshold that k elements of all parts reach, and the rounds that it took. */
function search(parts: readonly Float32Array[], k: number): { d: number; rounds: number } {
  const levels = keyHistogram(k);
  for (let rounds = 1; ; rounds++) {
    const sums = new Float32Array(levels.bins);
    for (const part of parts) levels.count(part).forEach((count, bin) => (sums[bin] += count));
    const d = levels.refine(sums);
    if (d !== undefined) return { d, rounds };
  }
}

test('is the multiple of 2^-12 that selects nearest to k, in three rounds', () => {
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
        const { d, rounds } = search([x.subarray(0, middle), x.subarray(middle)], k);
        assert.is(d, measured(Array.from(x, Math.abs), k), `${kind} ${n} ${share}`);
        assert.is(rounds, 3);
      }
});

test('selects as many as asked for from distinct magnitudes, and at least one', () => {
  const x = input('normal', 10_000);
  for (const k of [0.001, 1, 2.5, 10, 100, 3333.3, 9999]) {
    const { d } = search([x], k);
    const count = x.filter((value) => Math.abs(value) >= d).length;
    assert.ok(count >= 1 && Math.abs(count - k) <= Math.max(1, k * 0.005), `${count} for ${k}`);
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
