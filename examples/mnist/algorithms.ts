/** The systems that are compared, with the settings at which each trains well on this task. */
import { flattenedOneBit, scaledSign, topK } from 'fewbits';
import {
  cltK,
  cser,
  diLoCo,
  doubleSqueeze,
  exDyna,
  fedAvg,
  foSgd,
  hardThreshold,
  liecSgd,
  memSgd,
  pSgd,
  sparseLoCo,
  topKAllGather,
} from 'fewbits/algorithms';
import type { System } from 'fewbits/algorithms';

/** A system by name, and how the workers descend along what it gives them. */
export interface Algorithm {
  readonly name: string;
  /** What travels in which direction, in a line. */
  readonly description: string;
  readonly learningRate: number;
  /** Share of the velocity that is kept from step to step; 0 for plain SGD. */
  readonly momentum: number;
  /** Whether it runs when nothing is asked for; the others are baselines and variants. */
  readonly standard: boolean;
  readonly system: System;
}

/** Draws of the systems that are random; the workers' ranks and the steps make them different. */
const SEED = 7;

/** Momentum SGD as dense training likes it here. */
const MOMENTUM = { learningRate: 0.05, momentum: 0.9 } as const;

/** Sparse systems at one percent: momentum would carry what is old, so plain SGD at a higher rate. */
const PLAIN = { learningRate: 0.3, momentum: 0 } as const;

/** Errors that are fed back arrive late: at the rate of dense training it overshoots, at 0.015 to 0.03 it does not. */
const SQUEEZED = { learningRate: 0.02, momentum: 0.9 } as const;

/** DiLoCo's outer momentum takes several times the workers' step: at the rate of dense training, too far. */
const SLOWER = { learningRate: 0.02, momentum: 0.9 } as const;

/** One scale for so many signs: closer to the gradient than one scale for all, for a bit in a hundred more. */
const signs = scaledSign({ block: 4096 });

/** All systems, in the order in which they run and are shown. */
export const algorithms: readonly Algorithm[] = [
  {
    name: 'dense',
    description: 'P-SGD: float32 gradients up, their float32 mean down',
    ...MOMENTUM,
    standard: true,
    system: pSgd(),
  },
  {
    name: 'fo-sgd',
    description: 'FO-SGD: flattened, one bit an element up and down, DRIVE scale, no error feedback',
    ...MOMENTUM,
    standard: true,
    system: foSgd({ seed: SEED, scale: 'drive' }),
  },
  {
    name: 'liec-sgd',
    description: 'LIEC-SGD: one bit an element up and down, models averaged every 100 steps',
    ...MOMENTUM,
    standard: true,
    system: liecSgd({ compressor: signs, averagePeriod: 100 }),
  },
  {
    name: 'ex-dyna',
    description: 'ExDyna: 1 % of the elements among peers, exclusive partitions, one threshold',
    ...PLAIN,
    standard: true,
    system: exDyna({ density: 0.01 }),
  },
  {
    name: 'sparse-lo-co',
    description: 'SparseLoCo: 25 steps alone, then 64 of 4096 elements of the change in 2 bits, among peers',
    ...MOMENTUM,
    standard: true,
    system: sparseLoCo(),
  },
  {
    name: 'sparse-lo-co-forgets',
    description: 'SparseLoCo without error memory: what was not sent is lost',
    ...MOMENTUM,
    standard: false,
    system: sparseLoCo({ decay: 0 }),
  },
  {
    name: 'di-lo-co',
    description: 'DiLoCo: 25 steps alone, then the change in float32; an outer step with momentum',
    ...SLOWER,
    standard: false,
    system: diLoCo(),
  },
  {
    name: 'fed-avg',
    description: 'FedAvg: 25 steps alone, then the mean of the models in float32',
    ...MOMENTUM,
    standard: false,
    system: fedAvg(),
  },
  {
    name: 'dense-plain',
    description: 'P-SGD without momentum, at the rate of the sparse systems',
    ...PLAIN,
    standard: false,
    system: pSgd(),
  },
  {
    name: 'fo-sgd-dither',
    description: 'FO-SGD with dither, lambda = 0.3 |x| sqrt(2 ln(2d) / d)',
    ...MOMENTUM,
    standard: false,
    system: foSgd({ seed: SEED, lambda: 'norm', c: 0.3 }),
  },
  {
    name: 'fo-sgd-unbiased',
    description: 'FO-SGD with dither at c = 1, which clips nothing',
    learningRate: 0.01,
    momentum: 0.9,
    standard: false,
    system: foSgd({ seed: SEED, lambda: 'norm', c: 1 }),
  },
  {
    name: 'liec-sgd-plain',
    description: 'LIEC-SGD without momentum',
    ...PLAIN,
    standard: false,
    system: liecSgd({ compressor: signs, averagePeriod: 100 }),
  },
  {
    name: 'ex-dyna-5',
    description: 'ExDyna at a density of 5 %',
    ...PLAIN,
    standard: false,
    system: exDyna({ density: 0.05 }),
  },
  {
    name: 'ex-dyna-exact',
    description: 'ExDyna at 1 %, the threshold from a histogram in every step',
    ...PLAIN,
    standard: false,
    system: exDyna({ density: 0.01, control: 'exact' }),
  },
  {
    name: 'ex-dyna-momentum',
    description: 'ExDyna at 1 % with the momentum and the rate of dense training',
    ...MOMENTUM,
    standard: false,
    system: exDyna({ density: 0.01 }),
  },
  {
    name: 'mem-sgd',
    description: 'MEM-SGD: scaled signs up with error feedback, float32 down',
    ...MOMENTUM,
    standard: false,
    system: memSgd(signs),
  },
  {
    name: 'double-squeeze',
    description: 'DoubleSqueeze: scaled signs up and down, error feedback on both sides',
    ...SQUEEZED,
    standard: false,
    system: doubleSqueeze(signs),
  },
  {
    name: 'double-squeeze-plain',
    description: 'DoubleSqueeze of signs without momentum',
    learningRate: 0.3,
    momentum: 0,
    standard: false,
    system: doubleSqueeze(signs),
  },
  {
    name: 'double-squeeze-top-k',
    description: 'DoubleSqueeze with the largest 1 % up and down',
    ...MOMENTUM,
    standard: false,
    system: doubleSqueeze(topK({ ratio: 0.01 })),
  },
  {
    name: 'double-squeeze-drive',
    description: 'DoubleSqueeze with the bits of FO-SGD at the mean scale, error feedback on both sides',
    ...SQUEEZED,
    standard: false,
    system: doubleSqueeze(flattenedOneBit({ seed: SEED, scale: 'mean' })),
  },
  {
    name: 'cser',
    description: 'CSER: 1/32 of the gradient each step, 1/4 of the model each eighth',
    ...MOMENTUM,
    standard: false,
    system: cser({ seed: SEED }),
  },
  {
    name: 'top-k',
    description: 'Local top-k of 1 % with an all-gather: the union grows with the workers',
    ...PLAIN,
    standard: false,
    system: topKAllGather({ ratio: 0.01 }),
  },
  {
    name: 'clt-k',
    description: 'CLT-k: 1 % of the elements, selected by one worker in turn',
    ...PLAIN,
    standard: false,
    system: cltK({ ratio: 0.01 }),
  },
  {
    name: 'hard-threshold',
    description: 'All magnitudes from a fixed threshold on, with an all-gather',
    ...PLAIN,
    standard: false,
    system: hardThreshold({ t: 0.02 }),
  },
];
