/** Every system, with settings under which short runs reach all of its steps. */
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
} from '../../../ts/algorithms/index.ts';
import type { System } from '../../../ts/algorithms/system.ts';
import { blockTopK } from '../../../ts/compressors/block-top-k.ts';
import { randomizedTopK } from '../../../ts/compressors/randomized-top-k.ts';
import { scaledSign } from '../../../ts/compressors/scaled-sign.ts';
import { topK } from '../../../ts/compressors/top-k.ts';

export interface Named {
  readonly label: string;
  readonly system: System;
  /** Of the models that go with it. */
  readonly momentum: number;
  /** Whether what it does not send it keeps. */
  readonly conserves: boolean;
}

const named = (label: string, system: System, momentum = 0, conserves = true): Named => ({
  label,
  system,
  momentum,
  conserves,
});

const drawing = randomizedTopK({ ratio: 0.1, alpha: 0.2, seed: 5 });

const blocks = blockTopK({ block: 64, k: 5 });

export const systems: readonly Named[] = [
  named('pSgd', pSgd()),
  named('memSgd of topK', memSgd(topK({ ratio: 0.05 }))),
  named('memSgd of randomizedTopK', memSgd(drawing)),
  named('doubleSqueeze of scaledSign', doubleSqueeze(scaledSign())),
  named('doubleSqueeze of randomizedTopK', doubleSqueeze(drawing)),
  named('foSgd', foSgd({ seed: 6, block: 64 }), 0, false),
  named('liecSgd with momentum', liecSgd({ averagePeriod: 7 }), 0.9),
  named('liecSgd of topK', liecSgd({ averagePeriod: 5, compressor: topK({ ratio: 0.1 }) })),
  named('exDyna', exDyna({ density: 0.05 })),
  named('exDyna from the start', exDyna({ density: 0.2, warmStart: false })),
  named('exDyna, exact', exDyna({ density: 0.05, control: 'exact' })),
  named('exDyna, balanced', exDyna({ density: 0.1, balance: 'exact' })),
  named('topKAllGather', topKAllGather({ ratio: 0.05 })),
  named('hardThreshold', hardThreshold({ t: 8 })),
  named('cltK', cltK({ ratio: 0.05 })),
  named('cser', cser({ seed: 7 })),
  named('cser with momentum', cser({ seed: 8 }), 0.5),
  named('sparseLoCo', sparseLoCo({ compressor: blocks }), 0, false),
  named('sparseLoCo through a server', sparseLoCo({ compressor: blocks, server: scaledSign() }), 0, false),
  named('diLoCo', diLoCo(), 0, false),
  named('localSteps of randomizedTopK', localSteps({ compressor: drawing, average: 'senders' }), 0, false),
];
