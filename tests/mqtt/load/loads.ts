/** The systems of the load test, and how many numbers a packet of theirs stands for. */
import { doubleSqueeze } from '../../../ts/algorithms/baselines/double-squeeze.ts';
import { foSgd } from '../../../ts/algorithms/fo-sgd.ts';
import type { System } from '../../../ts/algorithms/system.ts';
import { scaledSign } from '../../../ts/compressors/scaled-sign.ts';
import { topK } from '../../../ts/compressors/top-k.ts';

/** What is under load: a system, or the plain program. */
export type Program = 'plain' | 'doubleSqueeze(scaledSign)' | 'doubleSqueeze(topK)' | 'foSgd';

/** A system under load. */
interface Load {
  readonly system: () => System;
  /** Bytes of a packet for each number of the gradient: what `--bytes` is divided by. */
  readonly bytesPerNumber: number;
}

/** Elements that topK keeps. */
const RATIO = 0.01;

/** By the name in the table. Each sends packets of one length up and down, as the plain program does. */
export const loads: Readonly<Record<Exclude<Program, 'plain'>, Load>> = {
  'doubleSqueeze(scaledSign)': { system: () => doubleSqueeze(scaledSign()), bytesPerNumber: 1 / 8 },
  // four bytes a value, and about eight bits for its place
  'doubleSqueeze(topK)': {
    system: () => doubleSqueeze(topK({ ratio: RATIO })),
    bytesPerNumber: RATIO * (4 + 8.1 / 8),
  },
  foSgd: { system: () => foSgd({ seed: 1, scale: 'drive' }), bytesPerNumber: 1 / 8 },
};

export const programs = ['plain', ...Object.keys(loads)] as readonly Program[];
