/** What one step of ExDyna must hold, whatever the data. */
import * as assert from 'uvu/assert';
import { blocksOf } from '../reference/algorithms/ex-dyna.ts';
import { listsOf } from '../reference/algorithms/lists.ts';
import { directionsOf, play, type Crew, type Played } from '../reference/algorithms/play.ts';
import { readState, savedBy } from '../reference/algorithms/states.ts';

/** How many elements the last round summed. */
export function summed({ rounds }: Played): number {
  return rounds[rounds.length - 1].messages[0].bytes.length / 4;
}

export const numbersOf = async ({ workers }: Crew, rank = 0): Promise<Record<string, number>> =>
  readState(await workers[rank].save()).numbers as Record<string, number>;

const residualsOf = async ({ workers }: Crew): Promise<Float32Array[]> =>
  (await savedBy(workers)).map((state) => readState(state).vectors.residual);

/** A number as it is added: magnitudes below 2^-102 count as zero, since GPUs may flush subnormals. */
const counted = (x: number): number => (Math.abs(x) < 2 ** -102 ? 0 : x);

/**
 * All that one step must hold, whatever the data: disjoint lists, all of them summed, nothing lost; of `exact` elements
 * where the density is exact.
 */
export async function requireStep(
  crew: Crew,
  given: Float32Array[],
  label: string,
  exact?: number,
): Promise<void> {
  const n = given[0].length;
  const workers = given.length;
  const before = await residualsOf(crew);
  const { t } = await numbersOf(crew);
  const played = await play(crew, given);
  const { lists, forced, lengths } = await listsOf(played);
  const blocks = readState(await crew.workers[0].save()).numbers.blocks as number[];
  // where they are balanced exactly their lengths are elements
  const inElements = blocks.reduce((sum, count) => sum + count, 0) === n;
  const length = inElements ? 1 : blocksOf(n, workers).length;
  // partitions cover the vector
  assert.is(
    lengths.reduce((sum, own) => sum + own, 0),
    n,
    label,
  );
  const union = lists.flatMap((list, rank) => {
    const own = (t + rank) % workers;
    const start = blocks.slice(0, own).reduce((sum, count) => sum + count, 0) * length;
    // an empty partition sends nothing, all others something, unless the density is exact
    if (exact === undefined) assert.is(list.length > 0, lengths[rank] > 0, label);
    if (forced[rank]) assert.equal(list, [t % lengths[rank]], label);
    return list.map((i) => start + i);
  });
  assert.is(new Set(union).size, union.length, `${label}: lists overlap`);
  assert.is(union.length, summed(played), `${label}: the union is not the sum of the counts`);
  if (exact !== undefined) assert.is(union.length, exact, `${label}: elements of the step`);
  // what was sent plus what was kept is what came in
  const [direction] = directionsOf(played);
  const touched = new Set(union);
  const residuals = await residualsOf(crew);
  for (let i = 0; i < n; i++) {
    const accs = before.map((residual, r) => Math.fround(counted(residual[i]) + counted(given[r][i])));
    if (touched.has(i)) {
      const sum = accs.reduce((all, acc) => all + acc, 0);
      const size = accs.reduce((all, acc) => all + Math.abs(acc), 0);
      // N - 1 sums and a quotient in float32
      const bound = (workers + 1) * 2 ** -24 * size;
      assert.ok(Math.abs(direction[i] * workers - sum) <= bound, `${label}: direction ${i}`);
      assert.ok(residuals.every((residual) => residual[i] === 0));
    } else {
      assert.is(direction[i], 0);
      assert.ok(residuals.every((residual, r) => residual[i] === accs[r]));
    }
  }
}
