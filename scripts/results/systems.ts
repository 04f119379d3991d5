/** Which systems run on what: all of them on pictures, and on text, which takes longer, those that claims ask for. */
import { algorithms } from '../../examples/mnist/algorithms.ts';
import { cuts } from '../../examples/mnist/cuts.ts';
import { PICTURES, type DatasetName, type PicturesName } from '../../examples/mnist/datasets.ts';
import type { Job } from '../../examples/mnist/jobs.ts';
import { MOMENTUM } from '../../examples/mnist/split.ts';

/** Systems that train on text. */
const TEXT: readonly string[] = [
  ...['dense', 'fo-sgd', 'liec-sgd', 'ex-dyna', 'sparse-lo-co', 'sparse-lo-co-forgets', 'di-lo-co'],
  ...['dense-plain', 'mem-sgd', 'double-squeeze', 'top-k'],
];

/** A task on a data set: its systems, their momentum, and its steps. */
export interface Part {
  readonly task: Job['task'];
  readonly dataset: DatasetName;
  readonly systems: readonly { readonly name: string; readonly momentum: number }[];
  readonly steps: number;
  /** Steps in which rates are compared. */
  readonly searched: number;
  /** The options of `npm start` that ask for it, steps and systems aside. */
  readonly options: readonly string[];
}

const pictures = Object.keys(PICTURES) as PicturesName[];

export const parts: readonly Part[] = [
  ...pictures.map((dataset): Part => {
    const options = ['--task', 'data', '--dataset', dataset];
    return { task: 'data', dataset, systems: algorithms, steps: 1000, searched: 300, options };
  }),
  ...pictures.map((dataset): Part => {
    const systems = cuts.map(({ name }) => ({ name, momentum: MOMENTUM }));
    const options = ['--task', 'split', '--dataset', dataset];
    return { task: 'split', dataset, systems, steps: 700, searched: 150, options };
  }),
  {
    ...{ task: 'data', dataset: 'bible', steps: 400, searched: 150, options: ['--task', 'text'] },
    systems: algorithms.filter(({ name }) => TEXT.includes(name)),
  },
];

/** The options that name systems. */
export const named = (names: readonly string[]): string[] => names.flatMap((name) => ['--algorithm', name]);
