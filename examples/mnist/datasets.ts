/** The data sets by name: pictures, and the text. */
import { loadFashion } from './fashion.ts';
import { readMnistFile } from './files.ts';
import { loadMnist } from './mnist.ts';
import type { Dataset } from './mnist.ts';

/** What --dataset takes, with the names for people. */
export const PICTURES = { mnist: 'MNIST', fashion: 'Fashion-MNIST' } as const;

export type PicturesName = keyof typeof PICTURES;

/** All of them: the text has a task of its own. */
export const DATASETS: Readonly<Record<PicturesName | 'bible', string>> = {
  ...PICTURES,
  bible: 'King James Bible',
};

export type DatasetName = keyof typeof DATASETS;

/** 60,000 pictures to train on and 10,000 to test with. */
export function loadDataset(name: PicturesName): Promise<{ train: Dataset; test: Dataset }> {
  return name === 'fashion' ? loadFashion() : loadMnist(readMnistFile);
}
