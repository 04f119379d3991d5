/** The two data sets of pictures, MNIST's digits and Fashion-MNIST, by name. */
import { loadFashion } from './fashion.ts';
import { readMnistFile } from './files.ts';
import { loadMnist } from './mnist.ts';
import type { Dataset } from './mnist.ts';

/** What --dataset takes, with the names for people. */
export const DATASETS = { mnist: 'MNIST', fashion: 'Fashion-MNIST' } as const;

export type DatasetName = keyof typeof DATASETS;

/** 60,000 pictures to train on and 10,000 to test with. */
export function loadDataset(name: DatasetName): Promise<{ train: Dataset; test: Dataset }> {
  return name === 'fashion' ? loadFashion() : loadMnist(readMnistFile);
}
