/** ExDyna with balance: 'exact': no worker selects more than 1.1 times the mean, whatever the data; cuts and counts. */
import * as assert from 'uvu/assert';
import { readCounts, writeCounts } from '../../ts/algorithms/block-counts.ts';
import { evenCut, type Field, type Grid } from '../../ts/algorithms/cuts.ts';
import { exDyna, type ExDynaOptions } from '../../ts/algorithms/ex-dyna.ts';
import { sumMessages } from '../../ts/algorithms/steps.ts';
import type { Message, Outcome } from '../../ts/algorithms/system.ts';
import { writeIndexList } from '../../ts/compressors/index-list.ts';
import { PacketError } from '../../ts/errors.ts';
import { gradients } from '../reference/algorithms/gradients.ts';
import { listsOf } from '../reference/algorithms/lists.ts';
import { crewOf, play } from '../reference/algorithms/play.ts';
import { input, some, words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { numbersOf, requireStep } from './ex-dyna-step.ts';

const test = suite("exDyna, balance: 'exact'");

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

/** Elements of rank r in step t, by their index. */
type Data = (i: number, rank: number, step: number, noise: number) => number;

const N = 20_000;

/** Gradients that make partitions of equal length as uneven as can be, with selections of 10 and more a worker. */
const DATA: Readonly<Record<string, Data>> = {
  drawn: (_i, _rank, _step, noise) => noise,
  'growing along the vector': (i, _rank, _step, noise) => noise * (1 + (20 * i) / N),
  'all in one block': (i, _rank, _step, noise) => (i >= 7000 && i < 7039 ? 1000 + noise : noise / 1000),
  'all in one block of its own by step': (i, _rank, step, noise) =>
    Math.floor(i / 40) === (step * 97) % 500 ? 1000 + noise : 0,
  'one worker elsewhere': (i, rank, _step, noise) =>
    (rank === 1 ? i > 15_000 : i < 5000) ? 100 * noise : noise / 100,
  ties: (i) => ((i * 7919) % 100 < 3 ? 4 : (i * 31) % 2),
  'the last elements alone': (i, _rank, _step, noise) => (i >= N - 300 ? 50 * noise : noise / 50),
  'one worker far more than the others': (_i, rank, _step, noise) => (rank === 0 ? 1000 : 1) * noise,
};

for (const [label, data] of Object.entries(DATA))
  for (const workers of some([4, 2, 8]))
    test(`${label}, ${workers} workers: at most 1.1 times the mean on every step`, async () => {
      let reached = 0;
      for (const options of [
        { density: 0.02 },
        { density: 0.02, warmStart: false },
        { density: 0.02, control: 'exact' },
      ] satisfies Partial<ExDynaOptions>[]) {
        const crew = crewOf(exDyna({ ...options, balance: 'exact' }), N, workers);
        for (let step = 0; step < 14; step++) {
          const given = Array.from({ length: workers }, (_, rank) =>
            input('normal', N, step * workers + rank + 1).map((noise, i) => data(i, rank, step, noise)),
          );
          const { lists, forced, lengths } = await listsOf(await play(crew, given));
          const loads = lists.map((list, rank) => (forced[rank] ? 0 : list.length));
          const mean = sum(loads) / workers;
          assert.is(sum(lengths), N);
          if (mean < 10) continue;
          reached++;
          const at = `${JSON.stringify(options)}, step ${step}: ${loads.join()}`;
          assert.ok(Math.max(...loads) <= 1.1 * mean, at);
          assert.is(crew.workers[0].report.imbalance, Math.max(...loads) / mean, at);
          if (options.control === 'exact') assert.is(sum(loads), 0.02 * N, at);
        }
      }
      assert.ok(reached >= 14, `${reached} steps with 10 elements a worker`);
    });

test('every step is sound for all lengths, few elements, ties and zeros', async () => {
  for (const workers of some([3, 1, 2, 8]))
    for (const n of [1, 3, 8, 31, 33, 100, 1025])
      for (const control of ['scaled', 'exact'] as const) {
        const crew = crewOf(exDyna({ density: 0.05, control, balance: 'exact' }), n, workers);
        const exact = Math.min(n, Math.max(1, Math.round(0.05 * n)));
        for (let step = 0; step < 5; step++)
          await requireStep(
            crew,
            gradients(n, workers, step),
            `n ${n}, ${workers} workers, ${control}, step ${step}`,
            control === 'exact' ? exact : undefined,
          );
      }
  for (const kind of ['ties', 'zeros', 'constant', 'sparse', 'subnormal'] as const) {
    const crew = crewOf(exDyna({ density: 0.05, balance: 'exact' }), 700, 3);
    for (let step = 0; step < 12; step++)
      await requireStep(
        crew,
        [1, 2, 3].map((seed) => input(kind, 700, seed + step)),
        `${kind} ${step}`,
      );
  }
});

test("control 'exact': a partition of which all reaches d is made as long as its share", async () => {
  // all of the first 200 elements are large, and hardly any others: evenly cut they are too short for 500 each
  const [n, workers] = [4000, 2];
  const crew = crewOf(exDyna({ density: 0.25, control: 'exact', balance: 'exact' }), n, workers);
  for (let step = 0; step < 4; step++) {
    const given = [1, 2].map((seed) =>
      input('normal', n, seed + step).map((noise, i) => (i < 200 ? 1000 : i < 2000 ? 0 : noise * (seed - 1))),
    );
    const { lists } = await listsOf(await play(crew, given));
    assert.equal(
      lists.map((list) => list.length),
      [500, 500],
      `step ${step}`,
    );
  }
});

test('an empty step leaves partitions of equal length, and each sends the element whose turn it is', async () => {
  const crew = crewOf(exDyna({ density: 0.1, balance: 'exact', warmStart: false }), 96, 3);
  const zeros = [0, 1, 2].map(() => new Float32Array(96));
  for (let step = 0; step < 3; step++) {
    const { lists, forced, lengths } = await listsOf(await play(crew, zeros));
    assert.equal(
      [lists, forced, lengths],
      [
        [[step], [step], [step]],
        [true, true, true],
        [32, 32, 32],
      ],
    );
  }
});

/** One step whose j-th round is over these ranks: the routes, and the last messages of route gather. */
async function over(
  crew: ReturnType<typeof crewOf>,
  given: readonly Float32Array[],
  ranksIn: (round: number) => readonly number[],
): Promise<{ rounds: number; lists: Uint8Array[] }> {
  let messages: Message[] = await Promise.all(crew.workers.map((worker, rank) => worker.send(given[rank])));
  let lists: Uint8Array[] = [];
  for (let round = 0; ; round++) {
    const ranks = ranksIn(round);
    const sent = ranks.map((rank) => messages[rank].bytes);
    if (messages[0].route === 'gather') lists = messages.map(({ bytes }) => bytes);
    const inbox = messages[0].route === 'sum' ? [sumMessages(sent)] : sent;
    const outcomes: Outcome[] = [];
    for (const worker of crew.workers) outcomes.push(await worker.receive(inbox, ranks));
    messages = outcomes.flatMap((outcome) => (outcome.kind === 'message' ? [outcome.message] : []));
    if (messages.length === 0) return { rounds: round + 1, lists };
  }
}

test('those whose counts are missing own nothing; the others share the vector evenly, in any round of them', async () => {
  const [n, workers] = [N, 4];
  const block: Data = DATA['all in one block'];
  const given = Array.from({ length: workers }, (_, rank) =>
    input('normal', n, rank + 1).map((noise, i) => (i < 400 ? noise : block(i, rank, 0, noise))),
  );
  const system = exDyna({ density: 0.02, warmStart: false, balance: 'exact' });
  // rank 2 is missing from the first count on, or from the second on, or comes back after the first
  for (const missing of [() => true, (round: number) => round > 0, (round: number) => round === 0]) {
    const crew = crewOf(system, n, workers);
    const { lists } = await over(crew, given, (round) => (missing(round) ? [0, 1, 3] : [0, 1, 2, 3]));
    const { counts, blocks } = await numbersOf(crew);
    assert.equal(
      [(counts as unknown as number[])[2], (blocks as unknown as number[])[2], lists.length],
      [0, 0, 4],
    );
    const loads = [0, 1, 3].map((rank) => (counts as unknown as number[])[rank]);
    assert.ok(Math.max(...loads) <= 1.1 * (sum(loads) / 3), loads.join());
    assert.ok(sum(loads) >= 30);
    assert.is(crew.workers[1].report.imbalance, Math.max(...loads) / (sum(loads) / 3));
    for (const worker of crew.workers) assert.equal(worker.share(), crew.workers[0].share());
  }
});

/** Every cut of a small field, and of those the least largest load, and the largest smallest load beside it. */
function bestOf({ grids, total }: Field): { high: number; low: number } {
  let best = { high: Infinity, low: 0 };
  const go = (q: number, from: number, base: number, loads: number[]): void => {
    if (q === grids.length) {
      const all = [...loads, total - base];
      const [high, low] = [Math.max(...all), Math.min(...all)];
      if (high < best.high || (high === best.high && low > best.low)) best = { high, low };
      return;
    }
    const { positions, left, right } = grids[q];
    positions.forEach((position, i) => {
      if (position >= from) go(q + 1, position, right[i], [...loads, left[i] - base]);
    });
  };
  go(0, 0, 0, []);
  return best;
}

test('a cut has the least largest load of all, and beside it the largest smallest load', () => {
  const next = words(9);
  for (let turn = 0; turn < 400; turn++) {
    const owners = 2 + (next() % 3);
    const blocks = 2 + (next() % 6);
    const most = turn % 2 === 0 ? 4 : 200;
    const counts = Array.from({ length: owners }, () =>
      Array.from({ length: blocks }, () => (next() % 3 === 0 ? 0 : next() % most)),
    );
    const prefix = (own: number[]): number[] => [0, ...own.map((_, i) => sum(own.slice(0, i + 1)))];
    const grids = counts.slice(1).map((own, q): Grid => {
      const positions = [...Array(blocks + 1).keys()].map((block) => block * 10);
      return { positions, left: prefix(counts[q]), right: prefix(own) };
    });
    const field = { n: blocks * 10, grids, total: sum(counts[owners - 1]), expected: 0 };
    const { loads, borders } = evenCut(field);
    assert.equal({ high: Math.max(...loads), low: Math.min(...loads) }, bestOf(field), `turn ${turn}`);
    const ends = [0, ...borders, field.n].map((position) => position / 10);
    assert.equal(
      counts.map((own, i) => sum(own.slice(ends[i], ends[i + 1]))),
      loads,
    );
  }
});

test('counts come back from their messages, and what is no message of counts is refused', () => {
  const next = words(3);
  for (const most of [0, 1, 2, 40])
    for (const blocks of [0, 1, 2, 33, 512]) {
      const counts = Uint32Array.from({ length: blocks }, () => next() % (most + 1));
      const stretch = { start: 40, end: 40 + blocks * 40, length: 40 };
      const bytes = writeCounts(counts, 77);
      assert.equal(readCounts(bytes, blocks === 0 ? [] : [stretch]), { counts, tag: 77 });
    }
  // two blocks of 40 elements and one of 7
  const stretches = [{ start: 0, end: 87, length: 40 }];
  const accepted: string[] = [];
  for (const [label, indices, length] of [
    ['too few places', [0], 5],
    ['a place too many', [0, 1, 2], 5],
    ['an element behind the last block', [0, 4], 5],
    ['marks that do not end at the last place', [1, 3, 6], 8],
    ['more than a block has', [0, 1, 10], 11],
  ] as const)
    try {
      readCounts(writeIndexList(Uint32Array.from(indices), length, 1), stretches);
      accepted.push(label);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
    }
  assert.equal(accepted, []);
});

test.run();
