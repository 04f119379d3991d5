/**
 * ExDyna as its page has it (arXiv 2402.13781), all workers at once. acc, residuals, d and sums are rounded to float32
 * where float32 vectors hold them, everything else is float64, so that selections are equal and not only near.
 */
import { bitsOf } from '../../../ts/kernels/float-bits.ts';
import { floatWith } from '../exact.ts';

export interface Settings {
  readonly n: number;
  readonly workers: number;
  readonly density: number;
  /** Whether step t measures d rather than scaling it. */
  readonly measures: (t: number) => boolean;
  /** Exact control: exactly k elements, however small, and none on top. */
  readonly exact?: boolean;
  /**
   * Whether d is measured also after ten steps of a density that is off by more than 8, once it has been met; true if
   * left out.
   */
  readonly recover?: boolean;
}

/** Steps that a warm start measures. */
export const warm = (t: number): boolean => [0, 10, 20, 40, 80, 160].includes(t);

/** One step. */
export interface Simulated {
  /** The threshold that the step selected with. */
  readonly d: number;
  /** Blocks of each partition in the step. */
  readonly blocks: readonly number[];
  /** What each rank selected, as indices of the whole vector, and whether that was forced. */
  readonly lists: readonly (readonly number[])[];
  readonly forced: readonly boolean[];
  /** Elements of each rank's partition. */
  readonly lengths: readonly number[];
  readonly direction: Float32Array;
  readonly residuals: readonly Float32Array[];
  /** How many were selected, forced ones left out, at least 1; and in which partition. */
  readonly kPrev: number;
  readonly counts: readonly number[];
}

/** The blocks of rule 1: their length, and between which of them partitions lie at the start. */
export function blocksOf(n: number, workers: number): { length: number; total: number; ends: number[] } {
  const total = Math.max(workers, Math.min(1024, Math.floor(n / 32)));
  const whole = Math.floor(n / total);
  const length = whole >= 32 ? Math.floor(whole / 32) * 32 : whole;
  // the first total mod N partitions have one more
  const ends = Array.from({ length: workers }, (_, i) => {
    const p = i + 1;
    return p * Math.floor(total / workers) + Math.min(p, total % workers);
  });
  return { length, total, ends };
}

/** Rule 2: `ends` after the moves. `ends[i]` is the block that partition i + 1 starts with. */
export function balanced(
  ends: readonly number[],
  counts: readonly number[],
  kPrev: number,
  { n, length, total }: { n: number; length: number; total: number },
): number[] {
  const workers = counts.length;
  const after = [...ends];
  const k = [...counts];
  const mean = kPrev / workers;
  const correction = Math.floor((length * kPrev) / n);
  const size = (i: number): number => after[i] - (i === 0 ? 0 : after[i - 1]);
  for (let i = 0; i < workers - 1; i++) {
    const much = [i, i + 1].map((p) => k[p] > 1.05 * mean);
    const little = [i, i + 1].map((p) => k[p] < mean / 1.05);
    const right = much[0] && little[1];
    const left = much[1] && little[0];
    const giver = right ? i : i + 1;
    if ((!right && !left) || size(giver) - 1 < total / (4 * workers)) continue;
    after[i] += right ? -1 : 1;
    k[i] += right ? -correction : correction;
    k[i + 1] += right ? correction : -correction;
  }
  return after;
}

/** Rule 4 without the clamps. */
export function scaleOf(e: number): number {
  if (e > 1.1) return 1.005;
  if (e > 1 && e <= 1.1) return 1.00125;
  if (e > 0.909 && e <= 1) return 0.9987;
  return 0.995;
}

/**
 * The threshold that round(k) magnitudes, at least one, reach: the k-th largest cut to 20 bits of its key, or 26, where
 * exactly k reach that; else itself, and how many of those equal to it belong to the k. 0 where fewer than k are not
 * zero.
 */
export function measured(magnitudes: readonly number[], k: number): { d: number; ties: number } {
  const wanted = Math.max(1, Math.round(k));
  const sorted = magnitudes.filter((m) => m > 0).sort((a, b) => b - a);
  if (sorted.length < wanted) return { d: 0, ties: Infinity };
  const kth = sorted[wanted - 1];
  for (const dropped of [11, 5, 0]) {
    const d = floatWith(bitsOf(kth) & (-1 << dropped));
    if (sorted.filter((m) => m >= d).length === wanted) return { d, ties: Infinity };
  }
  return { d: kth, ties: wanted - sorted.indexOf(kth) };
}

/** Each call is the next step. */
export function simulateExDyna({
  n,
  workers,
  density,
  measures,
  exact = false,
  recover = true,
}: Settings): (gradients: readonly Float32Array[]) => Simulated {
  const k = density * n;
  const table = blocksOf(n, workers);
  let ends = table.ends;
  let d = Math.fround(1 / (2 * Math.sqrt(k)));
  let kPrev = 1;
  let last: { counts: number[]; t: number } | undefined;
  let largest = 0;
  let residuals = Array.from({ length: workers }, () => new Float32Array(n));
  let t = 0;
  // steps of a density that is off, since it was met
  let met = false;
  let off = 0;

  return (gradients) => {
    const accs = residuals.map((residual, r) => residual.map((value, i) => value + gradients[r][i]));
    // 2. last step's counts, by rank, belong to the partitions that the ranks then owned
    if (last !== undefined) {
      const { counts, t: before } = last;
      const byPartition = counts.map((_, p) => counts[(((p - before) % workers) + workers) % workers]);
      ends = balanced(ends, byPartition, kPrev, { n, ...table });
    }
    // 3. the part of each rank
    const parts = accs.map((_, r) => {
      const p = (t + r) % workers;
      const start = p === 0 ? 0 : ends[p - 1] * table.length;
      return { start, end: p === workers - 1 ? n : ends[p] * table.length };
    });
    // 4. the threshold
    const clamped = (wanted: number, least = 0): number =>
      Math.fround(Math.min(Math.max(wanted, 2 ** -100, least), 2 ** 100));
    let ties = Infinity;
    const measuring = measures(t) || (recover && off >= 10);
    if (measuring) {
      const owned = parts.flatMap(({ start, end }, r) => Array.from(accs[r].subarray(start, end), Math.abs));
      const level = measured(owned, k);
      d = exact ? level.d : clamped(level.d);
      if (d === level.d) ties = level.ties;
      // zeros are ties too
      if (exact && d === 0) ties = Math.max(1, Math.round(k)) - owned.filter((m) => m > 0).length;
    } else if (t > 0) d = clamped(d * scaleOf(kPrev / k), largest / 1024);
    // 5. selection, of equal magnitudes the lowest indices of the whole vector
    const equal = parts
      .flatMap(({ start, end }, r) =>
        Array.from(accs[r].subarray(start, end), (value, i) => (Math.abs(value) === d ? start + i : -1)),
      )
      .filter((i) => i >= 0)
      .sort((a, b) => a - b);
    const cut = new Set(equal.slice(ties));
    const found = parts.map(({ start, end }, r) => {
      const indices: number[] = [];
      for (let i = start; i < end; i++) if (Math.abs(accs[r][i]) >= d && !cut.has(i)) indices.push(i);
      return indices;
    });
    const lengths = parts.map(({ start, end }) => end - start);
    const forced = found.map((indices, r) => !exact && indices.length === 0 && lengths[r] > 0);
    const lists = found.map((indices, r) => (forced[r] ? [parts[r].start + (t % lengths[r])] : indices));
    // 6. exchange
    const direction = new Float32Array(n);
    largest = 0;
    for (const i of lists.flat()) {
      let sum = accs[0][i];
      for (const acc of accs.slice(1)) sum = Math.fround(sum + acc[i]);
      direction[i] = sum / workers;
      largest = Math.max(largest, Math.abs(direction[i]));
      for (const acc of accs) acc[i] = 0;
    }
    residuals = accs;

    const counts = found.map((indices) => indices.length);
    kPrev = Math.max(
      1,
      counts.reduce((sum, count) => sum + count, 0),
    );
    const selected = counts.reduce((sum, count) => sum + count, 0);
    if (selected <= 8 * k && 8 * selected >= Math.floor(k)) [met, off] = [true, 0];
    else if (measuring) [met, off] = [false, 0];
    else if (met) off++;
    last = { counts, t };
    t++;
    return {
      d,
      blocks: ends.map((end, i) => end - (i === 0 ? 0 : ends[i - 1])),
      lists,
      forced,
      lengths,
      direction,
      residuals: accs.map((acc) => acc.slice()),
      kPrev,
      counts: counts.map((_, p) => counts[(((p - (t - 1)) % workers) + workers) % workers]),
    };
  };
}
