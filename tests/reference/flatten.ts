/** Flattening in float64 (arXiv 2405.11095): z = H D x / sqrt(d) by blocks of d elements, and back. */
import { pcg4d, type Key } from './random.ts';

/** D: -1 where the flip of the key is 1, else +1. */
export function signsOf(n: number, { seed, step, stream }: Key): Float64Array {
  let four: number[] = [];
  return Float64Array.from({ length: n }, (_, i) => {
    if (i % 128 === 0) four = pcg4d(2 ** 31 + i / 128, seed, step, stream);
    return (four[i % 4] >>> (31 - (Math.floor(i / 4) % 32))) & 1 ? -1 : 1;
  });
}

/** H x for 2^m elements, by H_2m = [[H_m, H_m], [H_m, -H_m]]. */
export function hadamard(x: Float64Array): Float64Array {
  if (x.length === 1) return x;
  const half = x.length / 2;
  const [upper, lower] = [hadamard(x.slice(0, half)), hadamard(x.slice(half))];
  const y = new Float64Array(x.length);
  for (let i = 0; i < half; i++) {
    y[i] = upper[i] + lower[i];
    y[half + i] = upper[i] - lower[i];
  }
  return y;
}

/** H / sqrt(d) of each block of d. */
function rotated(x: Float64Array, d: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let first = 0; first < x.length; first += d) y.set(hadamard(x.slice(first, first + d)), first);
  return y.map((value) => value / Math.sqrt(d));
}

/** z of x, padded with zeros to whole blocks. */
export function flatten(x: ArrayLike<number>, d: number, key: Key): Float64Array {
  const signs = signsOf(x.length, key);
  const padded = new Float64Array(Math.ceil(x.length / d) * d);
  for (let i = 0; i < x.length; i++) padded[i] = signs[i] * x[i];
  return rotated(padded, d);
}

/** The first n elements of D H q / sqrt(d). */
export function unflatten(q: Float64Array, d: number, key: Key, n: number): Float64Array {
  const signs = signsOf(n, key);
  return rotated(q, d)
    .subarray(0, n)
    .map((value, i) => value * signs[i]);
}
