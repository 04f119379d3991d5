/** Reductions in plain TypeScript: the tree of ts/kernels/reduce.ts, and integer extremes. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { INFINITE, MAGNITUDE, signedKeyOf } from '../../kernels/float-bits.ts';
import { BLOCK, HIGH_MASK, LANES } from '../../kernels/reduce.ts';
import { ORDERS } from '../../kernels/order.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

const lanes = new Float32Array(LANES);
const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** Adds the elements of a block, x[first..end), to its lanes, and folds them. */
function fold(first: number, end: number, add: (lane: number, i: number) => void): number {
  lanes.fill(0);
  for (let i = first; i < end; i++) add((i - first) % LANES, i);
  for (let half = LANES / 2; half > 0; half >>= 1) for (let l = 0; l < half; l++) lanes[l] += lanes[l + half];
  return lanes[0];
}

/** The tree over the elements first..end - 1, which `add` adds to a lane. */
function tree(first: number, end: number, add: (lane: number, i: number) => void): number {
  const sums = new Float32Array(Math.ceil((end - first) / BLOCK));
  for (let b = 0; b < sums.length; b++) {
    const start = first + b * BLOCK;
    sums[b] = fold(start, Math.min(start + BLOCK, end), add);
  }
  return sums.length === 1 ? sums[0] : tree(0, sums.length, (lane, i) => (lanes[lane] += sums[i]));
}

/** The sums of all segments, and the largest key of each; `add` adds a magnitude to a lane. */
function sums(
  { x, sums, max }: { x: Memory; sums: Memory; max: Memory },
  { n, segment, tiny, scale }: { n: number; segment: number; tiny: number; scale: number },
  add: (lane: number, magnitude: number) => void,
): void {
  for (let s = 0; s * segment < n; s++) {
    let largest = 0;
    sums.floats[s] = tree(s * segment, Math.min(n, (s + 1) * segment), (lane, i) => {
      const key = x.words[i] & MAGNITUDE;
      largest = Math.max(largest, key);
      word[0] = key;
      if (key >= tiny) add(lane, Math.fround(real[0] * scale));
    });
    max.words[s] = largest;
  }
}

export const absSum: Kernels['absSum'] = (buffers, params) =>
  sums(buffers, params, (lane, magnitude) => (lanes[lane] += magnitude));

export const squareSum: Kernels['squareSum'] = (buffers, params) =>
  sums(buffers, params, (lane, magnitude) => {
    real[0] = magnitude;
    word[0] &= HIGH_MASK;
    const high = real[0];
    lanes[lane] += high * high;
    lanes[lane] += 2 * high * (magnitude - high);
  });

export const extremes: Kernels['extremes'] = ({ x, range }, { n, order }) => {
  let least = MAGNITUDE;
  let greatest = -MAGNITUDE;
  for (let i = 0; i < n; i++) {
    const key = order === ORDERS.value ? signedKeyOf(x.words[i]) : x.words[i] & MAGNITUDE;
    least = Math.min(least, key);
    greatest = Math.max(greatest, key);
  }
  range.words[0] = least;
  range.words[1] = greatest;
};

export const nonFinite: Kernels['nonFinite'] = ({ x, found }, { n }) => {
  let count = 0;
  let first = 0xffffffff;
  for (let i = 0; i < n; i++) {
    if ((x.words[i] & MAGNITUDE) < INFINITE) continue;
    if (count === 0) first = i;
    count++;
  }
  found.words[0] = count;
  found.words[1] = first;
};
