/** The systems that are compared; rates.ts has the learning rate of each. */
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

/** A system by name, and whether the workers descend along what it gives them with momentum. */
export interface Algorithm {
  readonly name: string;
  /** What travels in which direction, in a line. */
  readonly description: string;
  /** Share of the velocity that is kept from step to step; 0 for plain SGD. */
  readonly momentum: number;
  /** Whether it runs when nothing is asked for; the others are baselines and variants. */
  readonly standard: boolean;
  readonly system: System;
}

/** Draws of the systems that are random; the workers' ranks and the steps make them different. */
const SEED = 7;

/** Share of the velocity that momentum SGD keeps from step to step. */
const MOMENTUM = 0.9;

/** One scale for so many signs: closer to the gradient than one scale for all, for a bit in a hundred more. */
const signs = scaledSign({ block: 4096 });

/** All systems, in the order in which they run and are shown. */
export const algorithms: readonly Algorithm[] = [
  {
    name: 'dense',
    description: 'P-SGD: float32 gradients up, their float32 mean down',
    momentum: MOMENTUM,
    standard: true,
    system: pSgd(),
  },
  {
    name: 'fo-sgd',
    description: 'FO-SGD: flattened, one bit an element up and down, DRIVE scale, no error feedback',
    momentum: MOMENTUM,
    standard: true,
    system: foSgd({ seed: SEED, scale: 'drive' }),
  },
  {
    name: 'liec-sgd',
    description: 'LIEC-SGD: one bit an element up and down, models averaged every 100 steps',
    momentum: MOMENTUM,
    standard: true,
    system: liecSgd({ compressor: signs, averagePeriod: 100 }),
  },
  {
    name: 'ex-dyna',
    description: 'ExDyna: 1 % of the elements among peers, exclusive partitions, one threshold',
    momentum: 0,
    standard: true,
    system: exDyna({ density: 0.01 }),
  },
  {
    name: 'sparse-lo-co',
    description: 'SparseLoCo: 25 steps alone, then 64 of 4096 elements of the change in 2 bits, among peers',
    momentum: MOMENTUM,
    standard: true,
    system: sparseLoCo(),
  },
  {
    name: 'sparse-lo-co-forgets',
    description: 'SparseLoCo without error memory: what was not sent is lost',
    momentum: MOMENTUM,
    standard: false,
    system: sparseLoCo({ decay: 0 }),
  },
  {
    name: 'di-lo-co',
    description: 'DiLoCo: 25 steps alone, then the change in float32; an outer step with momentum',
    momentum: MOMENTUM,
    standard: false,
    system: diLoCo(),
  },
  {
    name: 'fed-avg',
    description: 'FedAvg: 25 steps alone, then the mean of the models in float32',
    momentum: MOMENTUM,
    standard: false,
    system: fedAvg(),
  },
  {
    name: 'dense-plain',
    description: 'P-SGD without momentum, at the rate of the sparse systems',
    momentum: 0,
    standard: false,
    system: pSgd(),
  },
  {
    name: 'fo-sgd-dither',
    description: 'FO-SGD with dither, lambda = 0.3 |x| sqrt(2 ln(2d) / d)',
    momentum: MOMENTUM,
    standard: false,
    system: foSgd({ seed: SEED, lambda: 'norm', c: 0.3 }),
  },
  {
    name: 'fo-sgd-unbiased',
    description: 'FO-SGD with dither at c = 1, which clips nothing',
    momentum: MOMENTUM,
    standard: false,
    system: foSgd({ seed: SEED, lambda: 'norm', c: 1 }),
  },
  {
    name: 'liec-sgd-plain',
    description: 'LIEC-SGD without momentum',
    momentum: 0,
    standard: false,
    system: liecSgd({ compressor: signs, averagePeriod: 100 }),
  },
  {
    name: 'ex-dyna-5',
    description: 'ExDyna at a density of 5 %',
    momentum: 0,
    standard: false,
    system: exDyna({ density: 0.05 }),
  },
  {
    name: 'ex-dyna-exact',
    description: 'ExDyna at 1 %, the threshold from a histogram in every step',
    momentum: 0,
    standard: false,
    system: exDyna({ density: 0.01, control: 'exact' }),
  },
  {
    name: 'ex-dyna-balanced',
    description: "ExDyna at 1 %, partitions from counts by blocks: balance 'exact'",
    momentum: 0,
    standard: false,
    system: exDyna({ density: 0.01, balance: 'exact' }),
  },
  {
    name: 'ex-dyna-momentum',
    description: 'ExDyna at 1 % with the momentum and the rate of dense training',
    momentum: MOMENTUM,
    standard: false,
    system: exDyna({ density: 0.01 }),
  },
  {
    name: 'mem-sgd',
    description: 'MEM-SGD: scaled signs up with error feedback, float32 down',
    momentum: MOMENTUM,
    standard: false,
    system: memSgd(signs),
  },
  {
    name: 'double-squeeze',
    description: 'DoubleSqueeze: scaled signs up and down, error feedback on both sides',
    momentum: MOMENTUM,
    standard: false,
    system: doubleSqueeze(signs),
  },
  {
    name: 'double-squeeze-plain',
    description: 'DoubleSqueeze of signs without momentum',
    momentum: 0,
    standard: false,
    system: doubleSqueeze(signs),
  },
  {
    name: 'double-squeeze-top-k',
    description: 'DoubleSqueeze with the largest 1 % up and down',
    momentum: MOMENTUM,
    standard: false,
    system: doubleSqueeze(topK({ ratio: 0.01 })),
  },
  {
    name: 'double-squeeze-drive',
    description: 'DoubleSqueeze with the bits of FO-SGD at the mean scale, error feedback on both sides',
    momentum: MOMENTUM,
    standard: false,
    system: doubleSqueeze(flattenedOneBit({ seed: SEED, scale: 'mean' })),
  },
  {
    name: 'cser',
    description: 'CSER: 1/32 of the gradient each step, 1/4 of the model each eighth',
    momentum: MOMENTUM,
    standard: false,
    system: cser({ seed: SEED }),
  },
  {
    name: 'top-k',
    description: 'Local top-k of 1 % with an all-gather: the union grows with the workers',
    momentum: 0,
    standard: false,
    system: topKAllGather({ ratio: 0.01 }),
  },
  {
    name: 'clt-k',
    description: 'CLT-k: 1 % of the elements, selected by one worker in turn',
    momentum: 0,
    standard: false,
    system: cltK({ ratio: 0.01 }),
  },
  {
    name: 'hard-threshold',
    description: 'All magnitudes from a fixed threshold on, with an all-gather',
    momentum: 0,
    standard: false,
    system: hardThreshold({ t: 0.02 }),
  },
];
