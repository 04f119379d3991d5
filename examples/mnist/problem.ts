/** What data-parallel training trains: a network, each worker's batches, and data that none of them has seen. */
import { loadBible } from '../text/kjv.ts';
import { openModel as openTransformer } from '../text/model.ts';
import {
  CONTEXT,
  evenPassages,
  openPassages,
  PASSAGES,
  PASSAGES_STREAM,
  SCORED,
  SCORED_BEFORE,
  type Passages,
} from '../text/passages.ts';
import { loadDataset, type DatasetName, type PicturesName } from './datasets.ts';
import { whole } from './format.ts';
import type { Measure } from './measure.ts';
import { BATCH, BATCHES_STREAM, openDealer, picked, type Dataset } from './mnist.ts';
import { openModel } from './model.ts';
import type { Network } from './network.ts';
import { sharesByClass, type Shares } from './shares.ts';

/** What --held-out takes: the test data, or a part of the training data that is then not trained on. */
export const HELD_OUT = ['test', 'validation'] as const;

export type HeldOut = (typeof HELD_OUT)[number];

/** What is trained on, by whom. */
export interface ProblemSetting {
  readonly dataset: DatasetName;
  readonly workers: number;
  /** Who has which of the pictures; all have all of them if left out. A text is always everybody's. */
  readonly shares?: Shares;
  readonly seed: number;
  /** What scores are of; the test data if left out. */
  readonly heldOut?: HeldOut;
}

export interface Problem<Batch> {
  readonly network: Network<Batch>;
  /** What deals each worker's batches, by rank. */
  readonly deals: readonly (() => Batch)[];
  /** How many data each worker has, by rank, where they differ. */
  readonly weights?: readonly number[];
  readonly measure: Measure;
  /** How well parameters do on the held-out data: before the end on a part of it, where all of it takes long. */
  score(parameters: Float32Array, atEnd: boolean): Promise<number>;
}

/** Of so many training pictures one is held out to choose settings by: in all as many as the test has. */
const VALIDATION = 6;

export function openProblem({ dataset, ...setting }: ProblemSetting): Promise<Problem<unknown>> {
  return dataset === 'bible' ? openBible(setting) : openPictures(dataset, setting);
}

async function openBible({
  workers,
  seed,
  heldOut = 'test',
}: Omit<ProblemSetting, 'dataset'>): Promise<Problem<Passages>> {
  const network = await openTransformer();
  const text = await loadBible();
  const batchOf = openPassages(text.train, seed, PASSAGES_STREAM, PASSAGES);
  let next = 0;
  const [scored, before] = [SCORED, SCORED_BEFORE].map((count) => evenPassages(text[heldOut], count));
  return {
    network,
    deals: Array.from({ length: workers }, () => () => batchOf(next++)),
    measure: 'bits',
    score: (parameters, atEnd) => network.bits(parameters, atEnd ? scored : before),
  };
}

/** What there is to train on, and how much of it a worker takes a step, for people. */
export async function sizeOf(dataset: DatasetName, heldOut: HeldOut): Promise<string> {
  if (dataset === 'bible') {
    const { train } = await loadBible();
    return `${whole(train.length)} characters to train on; ${PASSAGES} passages of ${CONTEXT} a step`;
  }
  const { train } = await picturesOf(dataset, heldOut);
  return `${whole(train.labels.length)} pictures to train on; ${BATCH} a step`;
}

/** Pictures of a set: to train on, and to score with. */
export async function picturesOf(
  name: PicturesName,
  heldOut: HeldOut = 'test',
): Promise<{ train: Dataset; scored: Dataset }> {
  const { train, test } = await loadDataset(name);
  if (heldOut === 'test') return { train, scored: test };
  const places = [...train.labels.keys()];
  const isHeldOut = (place: number): boolean => place % VALIDATION === VALIDATION - 1;
  return {
    train: picked(
      train,
      places.filter((place) => !isHeldOut(place)),
    ),
    scored: picked(train, places.filter(isHeldOut)),
  };
}

async function openPictures(
  name: PicturesName,
  { workers, shares, seed, heldOut }: Omit<ProblemSetting, 'dataset'>,
): Promise<Problem<Dataset>> {
  const network = await openModel();
  const { train, scored } = await picturesOf(name, heldOut);
  const ranks = Array.from({ length: workers }, (_, rank) => rank);
  const parts = shares === 'classes' ? sharesByClass(train, workers, seed) : undefined;
  const all = openDealer(train, seed, BATCHES_STREAM, BATCH);
  return {
    network,
    // in turns of one set, or of a share of its own
    deals: ranks.map((rank) => (parts ? openDealer(parts[rank], seed, BATCHES_STREAM, BATCH) : all)),
    weights: parts?.map(({ labels }) => labels.length),
    measure: 'accuracy',
    score: (parameters) => network.evaluate(parameters, scored),
  };
}
