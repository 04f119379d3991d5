/** What ExDyna must hold on every step, and each of its rules by itself. */
import * as assert from 'uvu/assert';
import { exDyna } from '../../ts/algorithms/ex-dyna.ts';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { sumMessages } from '../../ts/algorithms/steps.ts';
import { readIndexList } from '../../ts/compressors/index-list.ts';
import { Device } from '../../ts/device.ts';
import { scaleOf } from '../reference/algorithms/ex-dyna.ts';
import { gradients } from '../reference/algorithms/gradients.ts';
import { listsOf } from '../reference/algorithms/lists.ts';
import { crewOf, directionsOf, floats, play } from '../reference/algorithms/play.ts';
import { loadAll, savedBy, withNumbers } from '../reference/algorithms/states.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { summed, numbersOf, requireStep } from './ex-dyna-step.ts';

const test = suite('exDyna by its definition');

for (const workers of [1, 2, 3, 8])
  test(`${workers} workers: lists are disjoint and all of them are summed, for all lengths`, async () => {
    for (const n of [1, 2, 3, 31, 32, 33, 100, 1000, 1025, 20_000])
      for (const options of [{ density: 0.01 }, { density: 0.2, warmStart: false }] as const) {
        const crew = crewOf(exDyna(options), n, workers);
        for (let step = 0; step < (n > 2000 ? 3 : 7); step++)
          await requireStep(crew, gradients(n, workers, step), `n ${n}, step ${step}`);
      }
  });

test('ties, zeros and one large element are no exception', async () => {
  for (const kind of ['ties', 'zeros', 'constant', 'sparse', 'negativeZero', 'heavy', 'subnormal'] as const)
    for (const control of ['scaled', 'exact'] as const) {
      const crew = crewOf(exDyna({ density: 0.05, control }), 700, 3);
      for (let step = 0; step < 12; step++)
        await requireStep(
          crew,
          [1, 2, 3].map((seed) => input(kind, 700, seed + step)),
          `${kind} ${step}`,
          control === 'exact' ? 35 : undefined,
        );
    }
});

test('two million elements on wasm: the union is the sum of the counts', async () => {
  const n = 2_000_003;
  const workers = 8;
  const backend = await openWasm({ simd: true });
  const device = new Device({ backend: 'wasm' }, { backend, reasons: {} });
  const crew = crewOf(exDyna({ density: 0.001 }), n, workers, device);
  const base = gradients(n, 1, 0)[0];
  for (let step = 0; step < 3; step++) {
    const given = Array.from({ length: workers }, (_, r) =>
      base.map((value, i) => (i % 8 === r ? -value : value)),
    );
    const played = await play(crew, given);
    const { lists, lengths } = await listsOf(played);
    const union = lists.reduce((sum, list) => sum + list.length, 0);
    assert.is(union, summed(played));
    assert.is(
      lengths.reduce((sum, length) => sum + length, 0),
      n,
    );
    assert.is(directionsOf(played)[7].filter((value) => value !== 0).length, union);
    if (step === 0) assert.ok(Math.abs(union - 2000.003) <= 40, `${union}`);
  }
  device.close();
});

test('where n < workers the last partition has everything', async () => {
  const crew = crewOf(exDyna({ density: 1 }), 3, 8);
  for (let step = 0; step < 10; step++) {
    const { lengths, lists } = await listsOf(await play(crew, gradients(3, 8, step)));
    const owner = (((7 - step) % 8) + 8) % 8;
    lengths.forEach((length, rank) => assert.is(length, rank === owner ? 3 : 0));
    lists.forEach((list, rank) => assert.is(list.length > 0, rank === owner));
  }
});

test('where nothing reaches d, one element in turn is sent and does not count', async () => {
  const [n, workers] = [100, 3];
  const crew = crewOf(exDyna({ density: 0.1, warmStart: false }), n, workers);
  for (let step = 0; step < 50; step++) {
    const { lists, forced, lengths } = await listsOf(
      await play(
        crew,
        [0, 1, 2].map(() => new Float32Array(n)),
      ),
    );
    assert.equal(forced, [true, true, true]);
    assert.equal(
      lists,
      lengths.map((length) => [step % length]),
    );
    const { kPrev, counts, d } = await numbersOf(crew);
    assert.equal([kPrev, counts], [1, [0, 0, 0]]);
    // k is 10, so e is 0.1
    if (step > 0) assert.ok(d < 1 / (2 * Math.sqrt(10)));
  }
});

test('a forced element beside others is left out of k_prev and of the counts', async () => {
  const n = 128;
  const crew = crewOf(exDyna({ density: 0.5, warmStart: false }), n, 2);
  const lower = Float32Array.from({ length: n }, (_, i) => (i < 64 ? 5 : 0));
  const played = await play(crew, [lower, lower]);
  const { lists, forced } = await listsOf(played);
  assert.equal([lists[0].length, lists[1], forced], [64, [0], [false, true]]);
  const { kPrev, counts } = await numbersOf(crew);
  assert.equal([kPrev, counts], [64, [64, 0]]);
  assert.is(summed(played), 65);
});

test('d starts at 1 / (2 sqrt k) unless it is measured', async () => {
  for (const [n, density] of [
    [100, 0.1],
    [1000, 0.01],
    [777, 0.0123],
    [3, 0.1],
  ]) {
    const crew = crewOf(exDyna({ density, warmStart: false }), n, 2);
    await play(crew, gradients(n, 2, 0));
    assert.is(crew.workers[1].report.threshold, Math.fround(1 / (2 * Math.sqrt(density * n))));
  }
});

/** A lone worker in step 1, whose state has these numbers, after it has taken a step of zeros. */
async function stepFrom(
  numbers: Record<string, number>,
  { n, density }: { n: number; density: number },
): Promise<number | undefined> {
  const system = exDyna({ density, warmStart: false });
  const crew = crewOf(system, n, 1);
  const fresh = await crew.workers[0].save();
  await crew.workers[0].load(withNumbers(fresh, { t: 1, ...numbers }));
  await play(crew, [new Float32Array(n)]);
  return crew.workers[0].report.threshold;
}

test('d is scaled by e = k_prev / k, in float64, and rounded once', async () => {
  // k = 1000 exactly
  const size = { n: 4000, density: 0.25 };
  for (const [kPrev, factor] of [
    [4000, 1.005],
    [1101, 1.005],
    [1100, 1.00125], // e = 1.1, in float64 too
    [1001, 1.00125],
    [1000, 0.9987],
    [910, 0.9987],
    [909, 0.995], // e = 0.909
    [1, 0.995],
  ]) {
    assert.is(scaleOf(kPrev / 1000), factor);
    for (const d of [0.1, 1, 3.7e-12, 2e25].map(Math.fround))
      assert.is(await stepFrom({ d, kPrev }, size), Math.fround(d * factor), `k_prev ${kPrev}, d ${d}`);
  }
});

test('d stays within 2^-100 and 2^100, and above 2^-10 of the largest exchanged mean', async () => {
  const size = { n: 100, density: 0.1 };
  assert.is(await stepFrom({ d: 2 ** -100, kPrev: 1 }, size), 2 ** -100);
  assert.is(await stepFrom({ d: Math.fround(2 ** -100 * 1.004), kPrev: 1 }, size), 2 ** -100);
  assert.is(await stepFrom({ d: 2 ** 100, kPrev: 100 }, size), 2 ** 100);
  assert.is(await stepFrom({ d: 2 ** 100, kPrev: 1 }, size), Math.fround(2 ** 100 * 0.995));

  // a spike of 1000 over two workers is a mean of 500; d_0 = 0.158 would be far below 2^-10 of it
  const crew = crewOf(exDyna({ density: 0.1, warmStart: false }), 100, 2);
  const spike = new Float32Array(100);
  spike[60] = -1000;
  await play(crew, [spike, new Float32Array(100)]);
  assert.is(crew.workers[0].report.threshold, Math.fround(1 / (2 * Math.sqrt(10))));
  // what was exchanged is part of the state
  const resumed = crewOf(exDyna({ density: 0.1, warmStart: false }), 100, 2);
  await loadAll(resumed.workers, await savedBy(crew.workers));
  for (const next of [crew, resumed]) {
    await play(next, [new Float32Array(100), new Float32Array(100)]);
    assert.is(next.workers[0].report.threshold, 500 / 1024);
  }
  // the zeros of that step were exchanged since: the paper's factor again
  await play(crew, [new Float32Array(100), new Float32Array(100)]);
  assert.is(crew.workers[1].report.threshold, Math.fround((500 / 1024) * 0.995));
});

test('a warm start meets the density at steps 0, 10, 20, 40, 80 and 160, in more rounds', async () => {
  for (const [n, workers, density] of [
    [1200, 2, 0.05],
    [2000, 3, 0.01],
  ]) {
    const crew = crewOf(exDyna({ density }), n, workers);
    const k = density * n;
    for (let step = 0; step <= 160; step++) {
      const { rounds } = await play(crew, gradients(n, workers, step));
      const measures = [0, 10, 20, 40, 80, 160].includes(step);
      assert.is(rounds.length > 2, measures, `step ${step} has ${rounds.length} rounds`);
      if (!measures) continue;
      const selected = (crew.workers[0].report.union ?? 0) * n;
      assert.ok(Math.abs(selected - k) <= Math.max(1, 0.02 * k), `${selected} in step ${step}, k ${k}`);
    }
  }
});

test("control 'exact' selects round(k) elements on every step", async () => {
  for (const [n, workers, density] of [
    [100, 1, 0.055],
    [1000, 2, 0.01],
    [1000, 8, 0.3],
    [3001, 3, 0.05],
    [20_000, 2, 0.001],
    // fewer than the workers, and less than one
    [1000, 8, 0.003],
    [100, 3, 0.002],
    [3, 8, 0.7],
    [64, 2, 1],
  ]) {
    const crew = crewOf(exDyna({ density, control: 'exact' }), n, workers);
    const k = density * n;
    for (let step = 0; step < (n > 5000 ? 10 : 30); step++) {
      const played = await play(crew, gradients(n, workers, step));
      const { lists, forced } = await listsOf(played);
      const selected = lists.reduce((sum, list) => sum + list.length, 0);
      assert.is(selected, Math.max(1, Math.round(k)), `step ${step}`);
      assert.is(summed(played), selected);
      assert.ok(forced.every((one) => !one));
    }
  }
});

test("control 'exact' selects round(k) elements of any size, zeros of the lowest index where there are no others", async () => {
  const [n, workers] = [96, 3];
  for (const size of [0, 2 ** -149, 2 ** -120, 2 ** -102, 1, 2 ** 115]) {
    const crew = crewOf(exDyna({ density: 0.25, control: 'exact' }), n, workers);
    for (let step = 0; step < 4; step++) {
      const given = [1, 2, 3].map(() =>
        Float32Array.from({ length: n }, (_, i) => (i % 7 === 0 ? size * (1 + (i % 3)) : 0)),
      );
      await requireStep(crew, given, `${size}, step ${step}`, 24);
    }
  }
  const crew = crewOf(exDyna({ density: 0.05, control: 'exact' }), n, workers);
  const x = new Float32Array(n);
  x[70] = -3;
  const { lists } = await listsOf(await play(crew, [x, x, x]));
  // round(4.8) = 5: the one that is not zero, and four zeros
  assert.equal(lists, [[0, 1, 2, 3], [], [6]]);
});

test("control 'exact' over some of the workers: never more than round(k), and nothing of who missed a round", async () => {
  const [n, workers] = [300, 3];
  const k = 30;
  /** One step whose j-th round is over these ranks; what each rank sent as lists. */
  const played = async (roundsOver: (j: number) => number[]): Promise<number[]> => {
    const crew = crewOf(exDyna({ density: 0.1, control: 'exact' }), n, workers);
    const given = gradients(n, workers, 0);
    let messages = await Promise.all(crew.workers.map((worker, rank) => worker.send(given[rank])));
    for (let j = 0; ; j++) {
      const over = roundsOver(j);
      const sent = over.map((rank) => messages[rank].bytes);
      const inbox = messages[0].route === 'sum' ? [sumMessages(sent)] : sent;
      const lists = messages.map(({ route, bytes }) =>
        route === 'gather' ? readIndexList(bytes).indices.length : -1,
      );
      const outcomes = await Promise.all(crew.workers.map((worker) => worker.receive(inbox, over)));
      if (lists[0] >= 0) return over.map((rank) => lists[rank]);
      messages = outcomes.map((outcome) => {
        if (outcome.kind !== 'message') throw new Error('the step ended before its lists');
        return outcome.message;
      });
    }
  };
  const sum = (counts: number[]): number => counts.reduce((a, b) => a + b, 0);
  // the same two in all rounds: exactly k, of two partitions
  assert.is(sum(await played(() => [0, 2])), k);
  // one that missed a round of the histogram sends nothing, first or last
  const late = await played((j) => (j === 0 ? [0, 2] : [0, 1, 2]));
  assert.is(late[1], 0);
  assert.is(sum(late), k);
  const gone = await played((j) => (j === 1 ? [0, 1] : [0, 1, 2]));
  assert.is(gone[2], 0);
  assert.ok(sum(gone) <= k);
});

test('where all magnitudes are equal, the lowest indices are taken, or all where d is scaled', async () => {
  const x = new Float32Array(640).map((_, i) => (i % 2 === 0 ? 0.25 : -0.25));
  for (const density of [0.1, 0.7]) {
    const exact = crewOf(exDyna({ density, control: 'exact' }), 640, 2);
    const played = await play(exact, [x, x]);
    const { lists, forced } = await listsOf(played);
    const k = density * 640;
    assert.equal(lists[0], [...Array(Math.min(k, 320)).keys()]);
    assert.equal(lists[1], [...Array(Math.max(0, k - 320)).keys()]);
    assert.equal(forced, [false, false]);
  }
  const scaled = crewOf(exDyna({ density: 0.1, warmStart: false }), 640, 2);
  // d_0 = 0.0625
  assert.is(summed(await play(scaled, [x, x])), 640);
});

test('the values that are summed are those of acc at the union, by rank and ascending', async () => {
  const crew = crewOf(exDyna({ density: 0.1 }), 320, 2);
  const given = gradients(320, 2, 0);
  const played = await play(crew, given);
  const { lists } = await listsOf(played);
  const union = lists.flatMap((list, rank) => list.map((i) => rank * 160 + i));
  played.rounds[played.rounds.length - 1].messages.forEach(({ bytes }, rank) =>
    assertWords(
      floats(bytes),
      Float32Array.from(union, (i) => given[rank][i]),
      `rank ${rank}`,
    ),
  );
});

test.run();
