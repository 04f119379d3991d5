import * as assert from 'uvu/assert';
import { foSgd } from '../../ts/algorithms/fo-sgd.ts';
import { flattenedOneBit, type FlattenedOptions } from '../../ts/compressors/flattened-one-bit.ts';
import { gradients } from '../reference/algorithms/gradients.ts';
import { crewOf, decoded, device, directionsOf, play } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('foSgd');

const squares = (x: ArrayLike<number>): number =>
  Array.from(x).reduce((sum, value) => sum + value * value, 0);

for (const options of [
  { seed: 7, block: 256 },
  { seed: 8, block: 'whole', lambda: 'max' },
  { seed: 9, block: 64, scale: 'drive' },
] satisfies FlattenedOptions[])
  test(`${JSON.stringify(options)}: C up, the mean, C down, over 200 steps`, async () => {
    const C = flattenedOneBit(options);
    for (const [workers, n, steps] of [
      [2, 500, 200],
      [3, 333, 40],
      [8, 256, 50],
    ]) {
      const crew = crewOf(foSgd(options), n, workers);
      for (let step = 0; step < steps; step++) {
        const at = `${workers} workers, step ${step}`;
        const given = gradients(n, workers, step);
        const played = await play(crew, given);
        const [{ messages, inbox }] = played.rounds;
        // draws are keyed by the step, and the rank or the server
        for (const [rank, { bytes }] of messages.entries())
          assert.equal(bytes, await device.compress(C, given[rank], { step, stream: rank }), at);
        const received = await decoded(messages.map(({ bytes }) => bytes));
        const mean = Float32Array.from(
          received[0],
          (_, i) => received.reduce((sum, vector) => sum + vector[i], 0) / workers,
        );
        const [q] = await decoded(inbox);
        const expected = await device.decompress(await device.compress(C, mean, { step, stream: workers }));
        // float32 means may turn one sign of a few hundred, 2 lambda of lambda sqrt(n) in length; hardly ever two
        const off = squares(q.map((value, i) => value - expected[i])) / squares(expected);
        assert.ok(off <= (1.01 * 8) / n, `${at}: ${off}`);
        for (const direction of directionsOf(played)) assertWords(direction, q, at);
      }
    }
  });

test('one bit an element both ways: the padded length in bits, 4 bytes a block and 40 bytes', async () => {
  for (const [n, options, blocks, padded] of [
    [8192, { seed: 1 }, 2, 8192],
    [10_000, { seed: 1 }, 3, 12_288],
    [1000, { seed: 1 }, 1, 1024],
    [1000, { seed: 1, block: 128 }, 8, 1024],
    [5000, { seed: 1, block: 'whole' }, 1, 8192],
  ] as const) {
    const { bytesUp, bytesDown } = await play(crewOf(foSgd(options), n, 3), gradients(n, 3, 0));
    const size = padded / 8 + 4 * blocks + 40;
    assert.equal([bytesUp, bytesDown], [3 * size, 3 * size], `n ${n}`);
  }
});

test('the same step repeated gives the same bytes; another step, seed, rank or the server draw anew', async () => {
  const [n, x] = [1000, input('normal', 1000)];
  /** What two ranks and the server send in the first steps, all of them of the same vector. */
  const sent = async (seed: number): Promise<Uint8Array[]> => {
    const crew = crewOf(foSgd({ seed, lambda: 3 }), n, 2);
    const bytes: Uint8Array[] = [];
    for (let step = 0; step < 2; step++) {
      const [{ messages }] = (await play(crew, [x, x])).rounds;
      bytes.push(...messages.map((message) => message.bytes));
    }
    const dense = await device.compress(flattenedOneBit({ seed, lambda: 3 }), x, { step: 0, stream: 2 });
    return [...bytes, dense];
  };
  const first = await sent(1);
  assert.equal(await sent(1), first);
  const all = [...first, ...(await sent(2))];
  const bits = all.map((bytes) => bytes.subarray(40));
  for (const [a, one] of bits.entries())
    for (const other of bits.slice(a + 1)) {
      const equal = one.filter((byte, i) => byte === other[i]).length;
      assert.ok(equal < one.length / 4, `${equal} of ${one.length} bytes are equal`);
    }
});

test('with one worker and an equal key the server draws other signs than the worker', async () => {
  const crew = crewOf(foSgd({ seed: 5, lambda: 'max', block: 1024 }), 1024, 1);
  const [{ messages, inbox }] = (await play(crew, [input('normal', 1024)])).rounds;
  assert.is.not(String(messages[0].bytes.subarray(40)), String(inbox[0].subarray(40)));
});

test('keeps no error: a saved state holds the step alone', async () => {
  const crew = crewOf(foSgd({ seed: 1 }), 500, 2);
  for (let step = 0; step < 3; step++) await play(crew, gradients(500, 2, step));
  for (const side of [...crew.workers, crew.server]) {
    const { numbers, vectors } = readState((await side?.save()) ?? new Uint8Array());
    assert.equal(numbers, { step: 3 });
    assert.is(
      Object.values(vectors).reduce((sum, { length }) => sum + length, 0),
      0,
    );
  }
});

test('the mean of many steps is the mean of the gradients, where lambda is the largest magnitude', async () => {
  const [n, workers, steps] = [64, 2, 600];
  const given = gradients(n, workers, 0).map((x) => x.map((value) => Math.max(-3, Math.min(3, value))));
  const crew = crewOf(foSgd({ seed: 3, lambda: 'max' }), n, workers);
  const sum = new Float64Array(n);
  let variance = 0;
  for (let step = 0; step < steps; step++) {
    const [direction] = directionsOf(await play(crew, given));
    direction.forEach((value, i) => (sum[i] += value));
    variance += squares(direction) / n / steps;
  }
  // of 64 means with a standard error of less than sqrt(variance / steps) none is further off than five of them
  const bound = 5 * Math.sqrt(variance / steps);
  sum.forEach((total, i) => {
    const mean = (given[0][i] + given[1][i]) / 2;
    assert.ok(Math.abs(total / steps - mean) < bound, `element ${i}: ${total / steps}, expected ${mean}`);
  });
});

test('wrong options are named', () => {
  assert.throws(
    () => foSgd({} as FlattenedOptions),
    /"seed" expected an integer in 0\.\.4294967295, got undefined/,
  );
  assert.throws(() => foSgd({ seed: 1, block: 100 }), /"block"/);
  assert.throws(() => foSgd({ seed: 1, momentum: 0 } as FlattenedOptions), /has no option "momentum"/);
});

test.run();
