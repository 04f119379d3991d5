/**
 * Cuts: where a vector is to be divided between owners in a fixed order, each of whom counts by itself, so that their
 * loads are as even as can be. Functions of numbers that all workers have in common: integers, and so the same on all.
 */

/** Where a border between two owners may lie. */
export interface Grid {
  /** Elements before the border, ascending. */
  readonly positions: readonly number[];
  /** How many of the elements before each position the owner on its left counts, and the one on its right. */
  readonly left: readonly number[];
  readonly right: readonly number[];
}

/** A vector of n elements, the borders between its owners, and how many the last of them counts in all of it. */
export interface Field {
  readonly n: number;
  readonly grids: readonly Grid[];
  readonly total: number;
  /** What all owners count, by as many owners as partitions: the mean load where all count alike. */
  readonly expected: number;
}

/** The borders, and the load of each owner. */
export interface Cut {
  readonly borders: readonly number[];
  readonly loads: readonly number[];
}

/** Mean loads below which whole elements do not allow the largest to be 1.1 times the mean. */
const FEW = 10;

/** In place of a border before the first owner. */
const START: Grid = { positions: [0], left: [0], right: [0] };

/**
 * The positions of each border that borders before it can go with, so that all loads so far are from `low` to `high`;
 * undefined where no cut has such loads. Of a border the positions that go with one of the border before it are
 * neighbours, and these move on with it: each is looked at once.
 */
function reachable({ grids, total }: Field, low: number, high: number): Uint8Array[] | undefined {
  const all: Uint8Array[] = [];
  let [before, open] = [START, Uint8Array.of(1)];
  for (const grid of grids) {
    const { positions, left } = grid;
    const marks = new Uint8Array(positions.length);
    let [first, end, found] = [0, 0, false];
    for (let i = 0; i < open.length; i++) {
      if (open[i] === 0) continue;
      const base = before.right[i];
      while (first < left.length && (left[first] < base + low || positions[first] < before.positions[i]))
        first++;
      if (end < first) end = first;
      for (; end < left.length && left[end] <= base + high; end++) marks[end] = 1;
      // of what was marked before, all from `first` on goes with this one too
      found ||= end > first;
    }
    if (!found) return undefined;
    all.push(marks);
    [before, open] = [grid, marks];
  }
  const ends = open.some((mark, i) => mark === 1 && within(total - before.right[i], low, high));
  return ends ? all : undefined;
}

const within = (load: number, low: number, high: number): boolean => load >= low && load <= high;

/** The least number of `from..to` for which `holds`; it holds for `to`, and for all above one for which it does. */
function least(from: number, to: number, holds: (value: number) => boolean): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The largest load of the cut whose largest is least. */
function leastLargest(field: Field): number {
  const { grids, total } = field;
  const last = grids.reduce((most, { left }) => Math.max(most, left[left.length - 1]), total);
  return least(0, last, (high) => reachable(field, 0, high) !== undefined);
}

/**
 * The cut whose largest load is least, and of these one whose smallest load is largest. Of few elements there may be a
 * cut at which no owner has any: where its mean load is below 10, loads may be as large as the expected mean rounded
 * up, and as 10.
 */
export function evenCut(field: Field): Cut {
  const high = leastLargest(field);
  const cut = cutUpTo(field, high);
  const selected = cut.loads.reduce((sum, load) => sum + load, 0);
  const allowed = Math.min(Math.ceil(field.expected), FEW);
  return selected >= FEW * cut.loads.length || allowed <= high ? cut : cutUpTo(field, allowed);
}

/**
 * Of the cuts without a load above `high`, of which there is one, one whose smallest load is largest. Of several,
 * borders are placed from the last to the first, each as near as can be to where n is divided evenly, the lower of two.
 */
function cutUpTo(field: Field, high: number): Cut {
  const { n, grids, total } = field;
  // the larger the smallest load, the fewer cuts: what is sought is how far below `high` it has to lie
  const low = high - least(0, high, (below) => reachable(field, high - below, high) !== undefined);
  const marks = reachable(field, low, high)!;
  const borders: number[] = [];
  const loads: number[] = [];
  let [next, count] = [n, total];
  for (let q = grids.length - 1; q >= 0; q--) {
    const { positions, left, right } = grids[q];
    const even = (n * (q + 1)) / (grids.length + 1);
    let chosen = -1;
    for (let i = 0; i < positions.length && positions[i] <= next; i++) {
      if (marks[q][i] === 0 || !within(count - right[i], low, high)) continue;
      if (chosen < 0 || Math.abs(positions[i] - even) < Math.abs(positions[chosen] - even)) chosen = i;
    }
    borders.unshift(positions[chosen]);
    loads.unshift(count - right[chosen]);
    [next, count] = [positions[chosen], left[chosen]];
  }
  return { borders, loads: [count, ...loads] };
}

/** How many each of the owners, in their order, counts in each block. */
export type Blocks = readonly (ArrayLike<number> & Iterable<number>)[];

/** From which block to which each border lies. */
export type Ranges = readonly (readonly [first: number, last: number])[];

/**
 * The largest block that each border can lie in, where no load is above `high` and what an owner has in the blocks of
 * its two borders counts nothing; as many as there are blocks where it can lie at the end of the vector. The last
 * number is the load of the last owner then.
 */
function furthest(counts: Blocks, high: number): number[] {
  const blocks = counts[0].length;
  const found: number[] = [];
  let start = 0;
  for (const own of counts) {
    let [block, load] = [start, 0];
    const last = found.length === counts.length - 1;
    for (; block < blocks && (last || load + own[block] <= high); block++) load += own[block];
    found.push(last ? load : block);
    start = Math.min(block + 1, blocks);
  }
  return found;
}

/** The smallest block that each border can lie in, where no load is below `low` and all of these blocks counts. */
function nearest(counts: Blocks, low: number): number[] {
  const blocks = counts[0].length;
  let start = 0;
  return counts.slice(0, -1).map((own) => {
    let load = own[start];
    while (load < low && start + 1 < blocks) load += own[++start];
    return start;
  });
}

/** The least that the largest load of a cut can be, wherever in their blocks the counted elements lie. */
export function boundBelow(counts: Blocks): number {
  const most = Math.max(...counts.map((own) => [...own].reduce((sum, count) => sum + count, 0)));
  return least(0, most, (high) => {
    const found = furthest(counts, high);
    return found[found.length - 1] <= high;
  });
}

/** The blocks that the borders of a cut lie in whose loads are from `low` to `high`, wherever in them that is. */
export function rangesOf(counts: Blocks, low: number, high: number): Ranges {
  const blocks = counts[0].length;
  const back = [...counts].reverse().map((own) => [...own].reverse());
  const [far, near] = [furthest(counts, high), nearest(counts, low)];
  const [farBack, nearBack] = [furthest(back, high), nearest(back, low)];
  return near.map((block, q) => {
    const mirrored = near.length - 1 - q;
    return [
      Math.max(block, blocks - 1 - farBack[mirrored], 0),
      Math.min(far[q], blocks - 1 - nearBack[mirrored], blocks - 1),
    ];
  });
}
