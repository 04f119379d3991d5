/**
 * The learning rates, as `npm run results:rates` found them: for each system and data set the one of a geometric series
 * that did best on pictures or text held out of the training data. The command writes the table below.
 */
import type { DatasetName } from './datasets.ts';
import type { Job } from './jobs.ts';

/** By task and data set, then by system. */
const RATES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // <rates>
  'data mnist': {
    dense: 0.05,
    'fo-sgd': 0.05,
    'liec-sgd': 0.05,
    'ex-dyna': 0.3,
    'sparse-lo-co': 0.05,
    'sparse-lo-co-forgets': 0.05,
    'di-lo-co': 0.02,
    'fed-avg': 0.05,
    'dense-plain': 0.3,
    'fo-sgd-dither': 0.05,
    'fo-sgd-unbiased': 0.01,
    'liec-sgd-plain': 0.3,
    'ex-dyna-5': 0.3,
    'ex-dyna-exact': 0.3,
    'ex-dyna-balanced': 0.3,
    'ex-dyna-momentum': 0.05,
    'mem-sgd': 0.05,
    'double-squeeze': 0.02,
    'double-squeeze-plain': 0.3,
    'double-squeeze-top-k': 0.05,
    'double-squeeze-drive': 0.02,
    cser: 0.05,
    'top-k': 0.3,
    'clt-k': 0.3,
    'hard-threshold': 0.3,
  },
  'data fashion': {
    dense: 0.05,
    'fo-sgd': 0.05,
    'liec-sgd': 0.05,
    'ex-dyna': 0.3,
    'sparse-lo-co': 0.05,
    'sparse-lo-co-forgets': 0.05,
    'di-lo-co': 0.02,
    'fed-avg': 0.05,
    'dense-plain': 0.3,
    'fo-sgd-dither': 0.05,
    'fo-sgd-unbiased': 0.01,
    'liec-sgd-plain': 0.3,
    'ex-dyna-5': 0.3,
    'ex-dyna-exact': 0.3,
    'ex-dyna-balanced': 0.3,
    'ex-dyna-momentum': 0.05,
    'mem-sgd': 0.05,
    'double-squeeze': 0.02,
    'double-squeeze-plain': 0.3,
    'double-squeeze-top-k': 0.05,
    'double-squeeze-drive': 0.02,
    cser: 0.05,
    'top-k': 0.3,
    'clt-k': 0.3,
    'hard-threshold': 0.3,
  },
  'data bible': {
    dense: 0.05,
    'fo-sgd': 0.05,
    'liec-sgd': 0.05,
    'ex-dyna': 0.3,
    'sparse-lo-co': 0.05,
    'sparse-lo-co-forgets': 0.05,
    'di-lo-co': 0.02,
    'fed-avg': 0.05,
    'dense-plain': 0.3,
    'fo-sgd-dither': 0.05,
    'fo-sgd-unbiased': 0.01,
    'liec-sgd-plain': 0.3,
    'ex-dyna-5': 0.3,
    'ex-dyna-exact': 0.3,
    'ex-dyna-balanced': 0.3,
    'ex-dyna-momentum': 0.05,
    'mem-sgd': 0.05,
    'double-squeeze': 0.02,
    'double-squeeze-plain': 0.3,
    'double-squeeze-top-k': 0.05,
    'double-squeeze-drive': 0.02,
    cser: 0.05,
    'top-k': 0.3,
    'clt-k': 0.3,
    'hard-threshold': 0.3,
  },
  'split mnist': {
    split: 0.02,
    ms: 0.02,
    sp: 0.02,
    'sp-coded': 0.02,
    qu: 0.02,
    'qu-3': 0.02,
    'qu-4': 0.02,
    rt: 0.02,
    'rt-coded': 0.02,
  },
  'split fashion': {
    split: 0.02,
    ms: 0.02,
    sp: 0.02,
    'sp-coded': 0.02,
    qu: 0.02,
    'qu-3': 0.02,
    'qu-4': 0.02,
    rt: 0.02,
    'rt-coded': 0.02,
  },
  // </rates>
};

/** The rate at which a system descends. @throws RangeError where none was found */
export function rateOf(task: Job['task'], dataset: DatasetName, name: string): number {
  const rate = RATES[`${task} ${dataset}`]?.[name];
  if (rate === undefined) throw new RangeError(`there is no rate of ${name} for ${task} on ${dataset}`);
  return rate;
}
