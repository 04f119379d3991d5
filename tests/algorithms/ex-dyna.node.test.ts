/** ExDyna over many steps against a simulation that is written from the definition: every number is equal. */
import * as assert from 'uvu/assert';
import { exDyna } from '../../ts/algorithms/ex-dyna.ts';
import { blocksOf, simulateExDyna, warm } from '../reference/algorithms/ex-dyna.ts';
import { gradients } from '../reference/algorithms/gradients.ts';
import { crewOf, directionsOf, play } from '../reference/algorithms/play.ts';
import { listsOf } from '../reference/algorithms/lists.ts';
import { readState } from '../reference/algorithms/states.ts';
import { assertWords } from '../support/same-words.ts';
import { whole } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const never = (): boolean => false;
const always = (): boolean => true;

const test = suite('exDyna against its simulation');

const STEPS = whole ? 200 : 60;

for (const [workers, n] of [
  [2, 1500],
  [3, 1111],
  [8, 900],
])
  for (const { label, options, measures, size, grid = 2 ** -30 } of [
    { label: 'scaled after a warm start', options: {}, measures: warm, size: 1 },
    // small gradients, so that d_0 is too high at first and not all elements are selected
    { label: 'scaled from the start', options: { warmStart: false }, measures: never, size: 2 ** -7 },
    { label: 'exact', options: { control: 'exact' }, measures: always, size: 1 },
    { label: 'exact, with ties', options: { control: 'exact' }, measures: always, size: 1, grid: 1 / 8 },
  ] as const)
    test(`${workers} workers, ${label}: the same in each of ${STEPS} steps`, async () => {
      const density = 0.05;
      const crew = crewOf(exDyna({ density, ...options }), n, workers);
      const simulate = simulateExDyna({ n, workers, density, measures, exact: label.startsWith('exact') });
      const { length } = blocksOf(n, workers);
      let moves = 0;
      let before: readonly number[] | undefined;
      for (let step = 0; step < STEPS; step++) {
        const given = gradients(n, workers, step).map((x) =>
          x.map((value) => Math.round((value * size) / grid) * grid),
        );
        const played = await play(crew, given);
        const expected = simulate(given);
        const at = `step ${step}`;
        const { lists, forced } = await listsOf(played);
        for (let rank = 0; rank < workers; rank++) {
          const { numbers, vectors } = readState(await crew.workers[rank].save());
          const { d, kPrev, counts, blocks } = expected;
          assert.equal(
            { d: numbers.d, kPrev: numbers.kPrev, counts: numbers.counts, blocks: numbers.blocks },
            { d, kPrev, counts, blocks },
            at,
          );
          const own = (step + rank) % workers;
          const start = blocks.slice(0, own).reduce((sum, count) => sum + count, 0) * length;
          assert.equal(
            lists[rank],
            expected.lists[rank].map((i) => i - start),
            `${at}, list of ${rank}`,
          );
          assert.is(forced[rank], expected.forced[rank]);
          assertWords(vectors.residual, expected.residuals[rank], `${at}, residual of ${rank}`);
          assertWords(directionsOf(played)[rank], expected.direction, `${at}, direction of ${rank}`);
          const union = expected.lists.flat().length;
          assert.equal(crew.workers[rank].report, {
            density: lists[rank].length / n,
            union: union / n,
            threshold: d,
            imbalance: Math.max(...counts) / (kPrev / workers),
          });
        }
        moves += before !== undefined && String(before) !== String(expected.blocks) ? 1 : 0;
        before = expected.blocks;
      }
      // the data are such that the rules do something
      assert.ok(moves >= STEPS / 10, `partitions changed in ${moves} steps`);
    });

test.run();
