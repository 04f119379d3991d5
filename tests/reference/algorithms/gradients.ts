/** Gradients for simulations: drifting, with heavy tails, made from words of a generator. */
import type { Model } from '../../../ts/algorithms/system.ts';
import { input, words } from '../../support/inputs.ts';

/** A triangular wave of period 256 between -1 and 1. */
function wave(phase: number): number {
  return Math.abs((phase % 256) - 128) / 64 - 1;
}

/**
 * A worker's gradient in a step: a trend that all workers share and that turns within hundreds of steps, and noise of
 * each worker's own with tails as of Student's t with two degrees of freedom. A quarter of the vector, wandering, is
 * four times as large, so that loads differ.
 */
export function gradient(n: number, step: number, rank: number, seed = 1): Float32Array {
  const key = (seed * 1009 + step) * 31 + rank + 1;
  const noise = input('normal', n, key);
  const next = words(key * 7919);
  return noise.map((normal, i) => {
    // 2^j with the chance 4^-j
    const tail = 2 ** (Math.clz32(next()) >> 1);
    const hot = (i + Math.floor((step * n) / 300)) % n < n / 4 ? 4 : 1;
    return hot * (0.5 * wave(i * 37 + step) + normal * tail);
  });
}

/** The gradients of all workers. */
export function gradients(n: number, workers: number, step: number, seed = 1): Float32Array[] {
  return Array.from({ length: workers }, (_, rank) => gradient(n, step, rank, seed));
}

/** Models for the workers, all equal at first. */
export function models(n: number, workers: number, momentum: number, learningRate = 0.05): Model[] {
  return Array.from({ length: workers }, () => ({
    parameters: input('normal', n, 77),
    velocity: new Float32Array(n),
    learningRate,
    momentum,
  }));
}

/** The step of momentum SGD that a trainer takes along a direction. */
export function descend(
  { parameters, velocity, learningRate, momentum }: Model,
  direction: Float32Array,
): void {
  for (let i = 0; i < parameters.length; i++) {
    velocity[i] = momentum * velocity[i] + direction[i];
    parameters[i] -= learningRate * velocity[i];
  }
}
