/**
 * What the tables of docs/ and the benchmarks are measured on: numbers drawn from a seed, and how far off a decoded
 * vector is.
 */
import { words } from './inputs.ts';

/**
 * Numbers from a seed, all from one sequence: words, uniform in (0, 1), and normal with variance 1 by Box and Muller.
 */
export function openDraws(seed: number): Readonly<Record<'next' | 'uniform' | 'normal', () => number>> {
  const next = words(seed);
  const uniform = (): number => ((next() >>> 8) + 0.5) / 2 ** 24;
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { next, uniform, normal };
}

/** |y - x|^2 / |x|^2 */
export function relativeError(x: Float32Array, y: ArrayLike<number>): number {
  let error = 0;
  let size = 0;
  for (let i = 0; i < x.length; i++) {
    error += (y[i] - x[i]) ** 2;
    size += x[i] ** 2;
  }
  return error / size;
}
