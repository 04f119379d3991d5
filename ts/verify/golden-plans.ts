/** Plans that fit vectors of any length, for golden packets: the same tensors, cut by shares of n. */
import type { Compressor } from '../compressors/compressor.ts';
import type { PlanOptions, PlanRule, TensorLayout } from '../compressors/tensor-rules.ts';
import * as fewbits from '../index.ts';

/** Tensors by name and share of the vector; the last has what is left. */
const TENSORS: readonly (readonly [name: string, share: number])[] = [
  ['conv/kernel', 0.2],
  ['conv/bias', 0.02],
  ['norm/gamma', 0.03],
  ['norm/moving_variance', 0.05],
  ['middle/0/kernel', 0.1],
  ['middle/1/kernel', 0.1],
  ['middle/2/kernel', 0.15],
  ['dense/bias', 0.01],
  ['dense/kernel', 1],
];

export type PlanName = 'network' | 'draws' | 'together';

/** Rules and options of each, made when they are wanted. What is tiny is none of them: golden vectors are short. */
const PLANS: Readonly<Record<PlanName, () => readonly [PlanRule[], PlanOptions]>> = {
  // a network with normalisation
  network: () => [
    [
      { match: 'conv/k*', compressor: fewbits.topK({ ratio: 0.1 }) },
      { match: /middle\/[02]/, compressor: fewbits.flattenedOneBit({ seed: 9, block: 64 }) },
      { match: '*', compressor: fewbits.quantized({ bits: 3 }) },
    ],
    { tiny: 0 },
  ],
  // draws of one seed in several parts
  draws: () => [
    [
      { match: '*/bias', compressor: fewbits.ditheredSign({ seed: 7 }) },
      { match: 'conv*', compressor: fewbits.randomizedTopK({ ratio: 0.2, alpha: 0.3, seed: 7 }) },
      { match: 'middle/*', compressor: fewbits.flattenedOneBit({ seed: 7, scale: 'drive' }) },
      { match: 'norm*', compressor: fewbits.qsgd({ levels: 7, seed: 7 }) },
      { match: '*', compressor: fewbits.randomK({ ratio: 0.1, seed: 7, values: 'bfloat16' }) },
    ],
    { small: false },
  ],
  // tensors that are joined, and some that could be
  together: () => [
    [
      { match: 'middle*', compressor: fewbits.scaledSign({ block: 64 }), together: true },
      { match: 'norm*', compressor: fewbits.threshold({ t: 1 }) },
      { match: 'conv*', compressor: fewbits.maskEncoded({ ratio: 0.1, bits: 2 }), together: true },
      { match: '*', compressor: fewbits.blockTopK({ block: 64, k: 8 }) },
    ],
    { small: false },
  ],
};

/** The layout of a vector of n elements: weights of an even length have two dimensions, all else one. */
export function goldenLayout(n: number): TensorLayout {
  let offset = 0;
  return {
    leaves: TENSORS.map(([name, share]) => {
      const length = Math.min(Math.floor(share * n), n - offset);
      const leaf = {
        name,
        shape: name.endsWith('kernel') && length % 2 === 0 ? [2, length / 2] : [length],
        offset,
        length,
      };
      offset += length;
      return leaf;
    }),
  };
}

/** What `plan` is called with for vectors of n elements. */
export function goldenPlanArguments(name: PlanName, n: number): [PlanRule[], TensorLayout, PlanOptions] {
  const [rules, options] = PLANS[name]();
  return [rules, goldenLayout(n), options];
}

/** The plan of that name for vectors of n elements. */
export function goldenPlan(name: PlanName, n: number): Compressor {
  return fewbits.plan(...goldenPlanArguments(name, n));
}
