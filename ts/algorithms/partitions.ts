/**
 * ExDyna's partitions (arXiv 2402.13781): runs of blocks that cover the vector, one for each worker. Blocks are of
 * equal length; what is left over after the last block belongs to the last partition.
 */

/** The most blocks, and the unit of their length. */
const BLOCKS = 1024;
const UNIT = 32;

/** How far a partition's count must be from the mean on both sides before a block moves. */
const APART = 1.05;

/** A vector divided into partitions. */
export interface Division {
  /** Of each partition, in the order of the vector: how many blocks, or elements, it has. */
  readonly blocks: readonly number[];
  /** The elements of a partition: from `start` to before `end`. */
  range(partition: number): { start: number; end: number };
}

/** Partitions of so many elements. */
export function divided(blocks: readonly number[]): Division {
  return {
    blocks,
    range(partition) {
      const start = blocks.slice(0, partition).reduce((sum, length) => sum + length, 0);
      return { start, end: start + blocks[partition] };
    },
  };
}

/** n elements in partitions that are as equal as can be. */
export function dividedEvenly(n: number, workers: number): Division {
  return divided(
    Array.from({ length: workers }, (_, i) => Math.floor(n / workers) + (i < n % workers ? 1 : 0)),
  );
}

/**
 * The lengths of partitions of which each that is `owned` has room for its even share of `wanted` elements, or of all
 * where there are fewer: borders move as little as that takes, first to the right, then to the left.
 */
export function lengthened(
  lengths: readonly number[],
  owned: readonly boolean[],
  wanted: number,
): readonly number[] {
  const owners = [...lengths.keys()].filter((p) => owned[p]);
  if (owners.length === 0) return lengths;
  const n = owners.reduce((sum, p) => sum + lengths[p], 0);
  const least = Math.min(Math.ceil(wanted / owners.length), Math.floor(n / owners.length));
  let end = 0;
  let before = 0;
  const ends = owners.map((p) => {
    end += lengths[p];
    return (before = Math.max(end, before + least));
  });
  ends.reduceRight((next, one, i) => (ends[i] = Math.min(one, next)) - least, n);
  ends[ends.length - 1] = n;
  const after = [...lengths];
  owners.forEach((p, i) => (after[p] = ends[i] - (i === 0 ? 0 : ends[i - 1])));
  return after;
}

/** `wanted` shared out as evenly as can be, where no share is above its limit; less where the limits are less. */
export function sharedOut(wanted: number, limits: readonly number[]): number[] {
  const shares = new Array<number>(limits.length).fill(0);
  let left = wanted;
  const order = [...limits.keys()].sort((a, b) => limits[a] - limits[b] || b - a);
  order.forEach((i, turn) => {
    shares[i] = Math.min(limits[i], Math.floor(left / (limits.length - turn)));
    left -= shares[i];
  });
  return shares;
}

export class Partitions implements Division {
  readonly #n: number;
  /** Elements of a block. */
  readonly length: number;
  /** The least number of blocks that a move leaves a partition: a quarter of the mean. */
  readonly #least: number;
  /** Blocks of each partition. */
  blocks: number[];

  /**
   * n elements for `workers` partitions: max(workers, min(1024, floor(n / 32))) blocks of floor(n / blocks) elements,
   * rounded down to a multiple of 32 where that is 32 or more.
   */
  constructor(n: number, workers: number) {
    const total = Math.max(workers, Math.min(BLOCKS, Math.floor(n / UNIT)));
    const length = Math.floor(n / total);
    this.#n = n;
    this.length = length < UNIT ? length : length - (length % UNIT);
    this.#least = total / (4 * workers);
    this.blocks = Array.from(
      { length: workers },
      (_, i) => Math.floor(total / workers) + (i < total % workers ? 1 : 0),
    );
  }

  /** The elements of a partition: from `start` to before `end`. */
  range(partition: number): { start: number; end: number } {
    const before = this.blocks.slice(0, partition).reduce((sum, blocks) => sum + blocks, 0);
    const start = before * this.length;
    const last = partition === this.blocks.length - 1;
    return { start, end: last ? this.#n : start + this.blocks[partition] * this.length };
  }

  /**
   * Moves a block between neighbours, pair by pair, where one selected more than 1.05 times the mean and the other less
   * than the mean / 1.05. `counts` are those of the last step, `selected` their sum, at least 1; the counts of a pair
   * are corrected by what a block holds on average before the next pair is looked at.
   */
  balance(counts: readonly number[], selected: number): void {
    const left = [...counts];
    const mean = selected / counts.length;
    const moved = Math.floor((this.length * selected) / this.#n);
    const crowded = (i: number): boolean => left[i] > APART * mean;
    const sparse = (i: number): boolean => left[i] < mean / APART;
    const move = (from: number, to: number): void => {
      if (this.blocks[from] - 1 < this.#least) return;
      this.blocks[from]--;
      this.blocks[to]++;
      left[from] -= moved;
      left[to] += moved;
    };
    for (let i = 0; i + 1 < counts.length; i++) {
      if (crowded(i) && sparse(i + 1)) move(i, i + 1);
      else if (sparse(i) && crowded(i + 1)) move(i + 1, i);
    }
  }
}
