/** Every system of fewbits/algorithms with all settings that change what it does, each with momentum and without. */
import {
  diLoCo,
  doubleSqueeze,
  exDyna,
  fedAvg,
  foSgd,
  hardThreshold,
  liecSgd,
  localSteps,
  memSgd,
  sparseLoCo,
} from '../../../ts/algorithms/index.ts';
import type { System } from '../../../ts/algorithms/system.ts';
import {
  ditheredSign,
  flattenedOneBit,
  float32,
  maskEncoded,
  qsgd,
  quantized,
  randomK,
  scaledSign,
  threshold,
} from '../../../ts/index.ts';
import { systems, type Named } from './systems.ts';

const more: readonly (readonly [label: string, system: System])[] = [
  ['memSgd of threshold', memSgd(threshold({ t: 6, values: 'bfloat16' }))],
  ['memSgd of randomK', memSgd(randomK({ k: 9, seed: 4 }))],
  ['memSgd of maskEncoded', memSgd(maskEncoded({ ratio: 0.5, bits: 3 }))],
  ['memSgd of scaledSign by blocks', memSgd(scaledSign({ block: 50 }))],
  ['memSgd of float32', memSgd(float32())],
  ['doubleSqueeze of quantized', doubleSqueeze(quantized({ bits: 3 }))],
  ['doubleSqueeze of qsgd', doubleSqueeze(qsgd({ levels: 4, seed: 3 }))],
  ['doubleSqueeze of ditheredSign', doubleSqueeze(ditheredSign({ seed: 2, lambda: 3 }))],
  ['doubleSqueeze of flattenedOneBit', doubleSqueeze(flattenedOneBit({ seed: 9, block: 32 }))],
  ['foSgd, drive', foSgd({ seed: 3, scale: 'drive' })],
  ['foSgd, mean, whole', foSgd({ seed: 3, scale: 'mean', block: 'whole' })],
  ['foSgd, max', foSgd({ seed: 3, lambda: 'max' })],
  ['liecSgd of every step', liecSgd({ averagePeriod: 1 })],
  ['liecSgd of qsgd', liecSgd({ averagePeriod: 3, compressor: qsgd({ levels: 3, seed: 8 }) })],
  ['exDyna, exact, from the start', exDyna({ density: 0.1, control: 'exact', warmStart: false })],
  ['exDyna, exact and balanced', exDyna({ density: 0.15, control: 'exact', balance: 'exact' })],
  ['exDyna, balanced, from the start', exDyna({ density: 0.2, warmStart: false, balance: 'exact' })],
  ['hardThreshold that keeps little', hardThreshold({ t: 30 })],
  ['sparseLoCo, clipped', sparseLoCo({ clip: 'median', decay: 0.5 })],
  ['diLoCo of qsgd', diLoCo({ compressor: qsgd({ levels: 5, seed: 4 }), decay: 1, clip: 'median' })],
  [
    'localSteps of randomK',
    localSteps({ compressor: randomK({ k: 9, seed: 4 }), average: 'senders', momentum: 0.5 }),
  ],
  [
    'localSteps through a server',
    localSteps({ compressor: scaledSign(), server: quantized({ bits: 4 }), decay: 0.9 }),
  ],
  ['fedAvg', fedAvg()],
];

/** With the momentum of the models in the label. */
const withMomentum = (named: Named, momentum: number): Named => ({
  ...named,
  label: `${named.label}; momentum ${momentum}`,
  momentum,
});

export const every: readonly Named[] = [
  ...systems,
  ...more.map(([label, system]): Named => ({ label, system, momentum: 0, conserves: false })),
].flatMap((named) => [withMomentum(named, 0), withMomentum(named, 0.75)]);
