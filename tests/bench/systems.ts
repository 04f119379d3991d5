/**
 * The systems whose steps are measured, one in a hundred elements where that is for them to say. `npm run bench` makes
 * systems here and workers in steps.ts, nowhere else.
 */
import {
  cltK,
  cser,
  diLoCo,
  doubleSqueeze,
  exDyna,
  foSgd,
  hardThreshold,
  liecSgd,
  localSteps,
  memSgd,
  pSgd,
  sparseLoCo,
  topKAllGather,
  type System,
} from '../../ts/algorithms/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { blockTopK, flattenedOneBit, float32, scaledSign, threshold, topK } from '../../ts/index.ts';
import {
  plainCltK,
  plainDoubleSqueeze,
  plainExDyna,
  plainFoSgd,
  plainHardThreshold,
  plainLiecSgd,
  plainMemSgd,
  plainPSgd,
  plainTopKAllGather,
  type OpenPlain,
} from './plain-systems.ts';

/** The share of the elements that sparse systems send. */
export const RATIO = 0.01;

/** A system to be measured. `level` is the magnitude that RATIO of a gradient's elements reach. */
export interface SystemTask {
  readonly name: string;
  readonly system: (level: number) => System;
  /** What its workers compress with, or a compressor that selects alike; absent where they do neither. */
  readonly compressor?: (level: number) => Compressor;
  /** The same in plain JavaScript. */
  readonly plain?: (level: number) => OpenPlain;
  /** Steps before those that are timed; WARM_STEPS if left out. */
  readonly warm?: number;
  /** Consecutive steps of which a sample is the mean, for a system that does more in one of so many; 1 if left out. */
  readonly period?: number;
  /** What a step on one thread is to take at most at n = 25,600,000, in copies of an element and worker. */
  readonly most?: number;
}

export const WARM_STEPS = 5;

/** ExDyna measures its threshold in the steps 0, 10, 20, 40, 80 and 160: those from 21 to 39 are all alike. */
const EX_DYNA_WARM_STEPS = 21;

/** What a worker keeps is larger than a gradient: RATIO of it reaches about so many times the level in each step. */
const HARD = 3.5;

const FLATTENED = { seed: 1 } as const;
const DRIVE = { ...FLATTENED, scale: 'drive' } as const;

export const SYSTEMS: readonly SystemTask[] = [
  {
    name: 'pSgd',
    system: () => pSgd(),
    compressor: () => float32(),
    plain: () => plainPSgd,
    most: 12,
  },
  {
    name: 'memSgd, topK 1 %',
    system: () => memSgd(topK({ ratio: RATIO })),
    compressor: () => topK({ ratio: RATIO }),
    plain: () => plainMemSgd(RATIO),
    most: 9,
  },
  {
    name: 'doubleSqueeze, scaledSign',
    system: () => doubleSqueeze(scaledSign()),
    compressor: () => scaledSign(),
    plain: () => plainDoubleSqueeze,
    most: 6,
  },
  {
    name: 'foSgd, drive',
    system: () => foSgd(DRIVE),
    compressor: () => flattenedOneBit(DRIVE),
    plain: () => plainFoSgd(4096),
    most: 20,
  },
  {
    name: 'foSgd, dither',
    system: () => foSgd({ ...FLATTENED, scale: 'dither' }),
    compressor: () => flattenedOneBit({ ...FLATTENED, scale: 'dither' }),
  },
  {
    // models are averaged in step 99, which is not reached
    name: 'liecSgd, scaledSign',
    system: () => liecSgd({ compressor: scaledSign(), averagePeriod: 100 }),
    compressor: () => scaledSign(),
    plain: () => plainLiecSgd,
    most: 7,
  },
  {
    name: 'exDyna',
    system: () => exDyna({ density: RATIO }),
    compressor: (level) => threshold({ t: level }),
    plain: () => plainExDyna(RATIO),
    warm: EX_DYNA_WARM_STEPS,
    most: 6,
  },
  {
    name: 'exDyna, exact',
    system: () => exDyna({ density: RATIO, control: 'exact' }),
    compressor: (level) => threshold({ t: level }),
    most: 8,
  },
  {
    name: 'topKAllGather 1 %',
    system: () => topKAllGather({ ratio: RATIO }),
    compressor: () => topK({ ratio: RATIO }),
    plain: () => plainTopKAllGather(RATIO),
    most: 7,
  },
  {
    name: 'hardThreshold',
    system: (level) => hardThreshold({ t: HARD * level }),
    compressor: (level) => threshold({ t: level }),
    plain: (level) => plainHardThreshold(HARD * level),
  },
  {
    name: 'cltK 1 %',
    system: () => cltK({ ratio: RATIO }),
    compressor: () => topK({ ratio: RATIO }),
    plain: () => plainCltK(RATIO),
    most: 5,
  },
  {
    // one step in eight averages blocks of the models
    name: 'cser',
    system: () => cser({ seed: 1 }),
    period: 8,
  },
  {
    name: 'sparseLoCo',
    system: () => sparseLoCo(),
    compressor: () => blockTopK(),
  },
  {
    name: 'diLoCo',
    system: () => diLoCo(),
    compressor: () => float32(),
  },
  {
    name: 'localSteps, topK 1 %, through a server',
    system: () => localSteps({ compressor: topK({ ratio: RATIO }), server: topK({ ratio: RATIO }) }),
    compressor: () => topK({ ratio: RATIO }),
  },
];
