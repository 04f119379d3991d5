import * as assert from 'uvu/assert';
import { keyHistogram, type Level, type Levels, reach } from '../../ts/algorithms/histogram.ts';
import type { Device } from '../../ts/index.ts';
import type { DeviceVector } from '../../ts/kernels/device-vector.ts';
import { measured } from '../reference/algorithms/ex-dyna.ts';
import { bitsOf } from '../../ts/kernels/float-bits.ts';
import { device as js } from '../reference/algorithms/play.ts';
import { floatWith } from '../reference/exact.ts';
import { deviceOn } from '../support/gpu.ts';
import { input, type InputKind } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('threshold from histograms');

let [wasm, gpu]: Device[] = [];
test.before(async () => {
  wasm = await deviceOn('wasm');
  gpu = await deviceOn('webgpu');
});
test.after(() => {
  wasm.close();
  gpu.close();
});

/** What is found of a vector that is on a device for it. */
async function on<T>(device: Device, x: Float32Array, find: (x: DeviceVector) => Promise<T>): Promise<T> {
  const vector = device.vector(x.length);
  try {
    await vector.write(x);
    return await find(vector);
  } finally {
    vector.free();
  }
}

const countsOn = (device: Device, levels: Levels, x: Float32Array): Promise<Float32Array> =>
  on(device, x, (vector) => levels.count(device, vector));

/**
 * The threshold that k elements of all parts reach, what it takes of those equal to it, and the rounds that it took.
 */
async function search(parts: readonly Float32Array[], k: number): Promise<Level & { rounds: number }> {
  const levels = keyHistogram(k);
  for (let rounds = 1; ; rounds++) {
    const sums = new Float32Array(levels.bins);
    for (const part of parts) {
      const counts = await countsOn(js, levels, part);
      assert.equal(await countsOn(wasm, levels, part), counts);
      counts.forEach((count, bin) => (sums[bin] += count));
    }
    const level = levels.refine(sums);
    if (level !== undefined) return { ...level, rounds };
  }
}

test('is that of the definition, on all kinds of data', async () => {
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
        const { rounds, ...level } = await search([x.subarray(0, middle), x.subarray(middle)], k);
        assert.equal(level, measured(Array.from(x, Math.abs), k), `${kind} ${n} ${share}`);
        took.add(rounds);
      }
  // one where there are fewer, three to five digits where there are enough
  assert.equal(
    [...took].sort((a, b) => a - b),
    [1, 3, 4, 5],
  );
});

test('exactly k are above it or among the ties that it takes, and at least one', async () => {
  for (const kind of ['normal', 'ties', 'constant'] as InputKind[])
    for (const k of [0.001, 1, 2.5, 10, 100, 3333.3, 9999]) {
      const x = input(kind, 10_000).map((value) => (value === 0 ? 1 : value));
      const { d, ties } = await search([x], k);
      const [above, equal] = [0, 0].map(
        (_, i) => x.filter((value) => (i === 0 ? Math.abs(value) > d : Math.abs(value) === d)).length,
      );
      assert.is(above + Math.min(equal, ties), Math.max(1, Math.round(k)), `${kind} ${k}`);
    }
});

test('parts may be empty, and zeros are in no bin', async () => {
  const levels = keyHistogram(1);
  for (const empty of [[0, -0, 0], []])
    assert.equal(await countsOn(js, levels, new Float32Array(empty)), new Float32Array(levels.bins));
  const { d } = await search([new Float32Array(0), new Float32Array([0, -3, 0, 1])], 1);
  assert.ok(d <= 3 && d > 1);
});

test('fewer elements than k give 0', async () => {
  assert.is((await search([new Float32Array([0, 5, 0, 1])], 3)).d, 0);
  assert.is((await search([new Float32Array(4)], 1)).d, 0);
});

test('how many magnitudes are above a threshold, and how many equal to it', async () => {
  for (const kind of ['normal', 'ties', 'constant', 'zeros', 'sparse', 'subnormal'] as InputKind[])
    for (const n of [0, 1, 33, 5000]) {
      const x = input(kind, n);
      for (const given of [0, 2 ** -149, 1, Math.abs(x[n >> 1] ?? 0), floatWith(0x7f7fffff)]) {
        const magnitudes = Array.from(x, (value) => bitsOf(Math.abs(value)));
        const key = bitsOf(given);
        const expected = {
          above: magnitudes.filter((magnitude) => magnitude > key).length,
          equal: magnitudes.filter((magnitude) => magnitude === key).length,
        };
        for (const device of [js, wasm, gpu])
          assert.equal(
            await on(device, x, (vector) => reach(device, vector, given)),
            expected,
            `${kind} ${n} ${given}`,
          );
      }
    }
});

test.run();
