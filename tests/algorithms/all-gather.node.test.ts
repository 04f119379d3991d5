/** Local top-k, a hard threshold and CLT-k against their simulations. */
import * as assert from 'uvu/assert';
import { hardThreshold, topKAllGather } from '../../ts/algorithms/baselines/all-gather.ts';
import { cltK } from '../../ts/algorithms/baselines/clt-k.ts';
import { simulateCltK, simulateThreshold, simulateTopK } from '../reference/algorithms/gather.ts';
import { gradients } from '../reference/algorithms/gradients.ts';
import { assertNear } from '../reference/algorithms/near.ts';
import { crewOf, decoded, directionsOf, floats, play } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('systems without a server against their simulations');

const SEATS = [
  [2, 700],
  [3, 333],
  [8, 400],
] as const;

const where = (vector: Float32Array): number[] => [...vector.keys()].filter((i) => vector[i] !== 0);

for (const { label, system, simulate } of [
  {
    label: 'topKAllGather',
    system: topKAllGather({ ratio: 0.05 }),
    simulate: (n: number, workers: number) => simulateTopK(n, workers, Math.floor(0.05 * n + 1e-9)),
  },
  {
    label: 'hardThreshold',
    system: hardThreshold({ t: 12 }),
    simulate: (n: number, workers: number) => simulateThreshold(n, workers, 12),
  },
])
  test(`${label}: selections, residuals and directions of 200 steps`, async () => {
    for (const [workers, n] of SEATS) {
      const crew = crewOf(system, n, workers);
      const step = simulate(n, workers);
      for (let t = 0; t < 200; t++) {
        const given = gradients(n, workers, t);
        const played = await play(crew, given);
        const { lists, residuals, direction } = step(given);
        const sent = await decoded(played.rounds[0].messages.map(({ bytes }) => bytes));
        const directions = directionsOf(played);
        for (let rank = 0; rank < workers; rank++) {
          const at = `${workers} workers, step ${t}, rank ${rank}`;
          assert.equal(where(sent[rank]), lists[rank], at);
          assertWords(readState(await crew.workers[rank].save()).vectors.residual, residuals[rank], at);
          assertNear(directions[rank], direction, at);
          const { density, union } = crew.workers[rank].report;
          assert.is(density, lists[rank].length / n);
          assert.is(union, new Set(lists.flat()).size / n);
        }
      }
    }
  });

test('cltK: selections, residuals and directions of 200 steps', async () => {
  const ratio = 0.05;
  for (const [workers, n] of SEATS) {
    const crew = crewOf(cltK({ ratio }), n, workers);
    const k = Math.floor(ratio * n + 1e-9);
    const simulate = simulateCltK(n, workers, k);
    for (let t = 0; t < 200; t++) {
      const given = gradients(n, workers, t);
      const played = await play(crew, given);
      const [lists, values] = played.rounds;
      const expected = simulate(given);
      const sent = await decoded(lists.messages.map(({ bytes }) => bytes));
      const directions = directionsOf(played);
      for (let rank = 0; rank < workers; rank++) {
        const at = `${workers} workers, step ${t}, rank ${rank}`;
        // one selects for all, in turn
        assert.equal(where(sent[rank]), rank === t % workers ? expected.lists[0] : [], at);
        assert.is(floats(values.messages[rank].bytes).length, k);
        assertWords(
          readState(await crew.workers[rank].save()).vectors.residual,
          expected.residuals[rank],
          at,
        );
        assertNear(directions[rank], expected.direction, at);
        assert.equal(crew.workers[rank].report, { density: k / n, union: k / n });
      }
    }
  }
});

test('the union of local lists grows with the workers, that of CLT-k does not', async () => {
  const n = 2000;
  const shareOf = async (system: typeof topKAllGather, workers: number): Promise<number> => {
    const crew = crewOf(system({ ratio: 0.01 }), n, workers);
    for (let t = 0; t < 5; t++) await play(crew, gradients(n, workers, t));
    return crew.workers[0].report.union ?? NaN;
  };
  assert.is(await shareOf(topKAllGather, 1), 0.01);
  assert.ok((await shareOf(topKAllGather, 8)) > 0.03);
  assert.is(await shareOf(cltK, 8), 0.01);
});

test('union counts what was sent, also where it cancels', async () => {
  const crew = crewOf(topKAllGather({ ratio: 0.1 }), 100, 2);
  const x = input('normal', 100);
  await play(crew, [x, x.map((value) => -value)]);
  assert.is(crew.workers[0].report.union, 0.1);
});

test('wrong options are named', () => {
  const clt = (options: unknown) => () => cltK(options as { ratio: number });
  assert.throws(clt({}), /"ratio" expected a number above 0 and up to 1, got undefined/);
  assert.throws(clt({ ratio: 0 }), /"ratio"/);
  assert.throws(clt({ ratio: 2 }), /"ratio"/);
  assert.throws(clt({ ratio: 0.1, k: 3 }), /cltK has no option "k"; it has ratio/);
  assert.throws(() => topKAllGather({ ratio: -1 }), /"ratio"/);
  assert.throws(() => hardThreshold({ t: -1 }), /"t" expected a number of 0 or more, got -1/);
});

test.run();
