/** The plans of random bits (../random.ts, wgsl/random.wgsl). */
import type { randomBitsKernel } from '../random.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, type PlanFor } from './plan.ts';
import { part } from './windows.ts';
import { TILE } from '../random.ts';

function randomBitsPlan(
  { n, seed, step, stream }: { n: number; seed: number; step: number; stream: number },
  limits: Limits,
): Plan {
  const windows = runs(n, TILE, (_, count) => count <= limits.bindingWords);
  return {
    scratch: {},
    steps: windows.map(({ first, count }) =>
      pass(
        'random',
        'draw',
        ceilDiv(count, TILE),
        { bits: part('bits', count, first) },
        { n: count, counter: first / 4, seed, step, stream },
      ),
    ),
  };
}

export const plans: {
  readonly randomBits: PlanFor<typeof randomBitsKernel>;
} = {
  randomBits: randomBitsPlan,
};
