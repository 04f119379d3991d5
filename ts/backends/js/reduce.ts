/** Reductions in plain TypeScript: the tree of ts/kernels/reduce.ts, and integer extremes. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { INFINITE, MAGNITUDE, signedKeyOf } from '../../kernels/float-bits.ts';
import { BLOCK, LANES, SQUARE_MASK } from '../../kernels/reduce.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

const lanes = new Float32Array(LANES);
const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** One level of the tree: from x[first..end) the sum of each block, to sums from `at` on. */
function level(x: Float32Array, first: number, end: number, sums: Float32Array, at: number): void {
  for (let block = first; block < end; block += BLOCK, at++) {
    lanes.fill(0);
    const stop = Math.min(block + BLOCK, end);
    for (let i = block; i < stop; i++) lanes[(i - block) % LANES] += x[i];
    for (let half = LANES / 2; half > 0; half >>= 1)
      for (let l = 0; l < half; l++) lanes[l] += lanes[l + half];
    sums[at] = lanes[0];
  }
}

/** The tree over x[first..end). */
function tree(x: Float32Array, first: number, end: number): number {
  const sums = new Float32Array(Math.ceil((end - first) / BLOCK));
  level(x, first, end, sums, 0);
  return sums.length === 1 ? sums[0] : tree(sums, 0, sums.length);
}

function sums(
  { x, sums, max }: { x: Memory; sums: Memory; max: Memory },
  { n, segment, tiny, scale }: { n: number; segment: number; tiny: number; scale: number },
  term: (key: number, scale: number) => number,
): void {
  const terms = new Float32Array(n);
  let largest = 0;
  for (let i = 0; i < n; i++) {
    const key = x.words[i] & MAGNITUDE;
    if (key > largest) largest = key;
    terms[i] = key < tiny ? 0 : term(key, scale);
  }
  for (let s = 0; s * segment < n; s++)
    sums.floats[s] = tree(terms, s * segment, Math.min(n, (s + 1) * segment));
  max.words[0] = largest;
}

export const absSum: Kernels['absSum'] = (buffers, params) =>
  sums(buffers, params, (key, scale) => {
    word[0] = key;
    return real[0] * scale;
  });

export const squareSum: Kernels['squareSum'] = (buffers, params) =>
  sums(buffers, params, (key, scale) => {
    word[0] = key & SQUARE_MASK;
    const magnitude = Math.fround(real[0] * scale);
    return magnitude * magnitude;
  });

export const extremes: Kernels['extremes'] = ({ x, range }, { n }) => {
  let least = MAGNITUDE;
  let greatest = -MAGNITUDE;
  for (let i = 0; i < n; i++) {
    const key = signedKeyOf(x.words[i]);
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
