/**
 * What the page trains, in two halves: the hub has the data and gives them out, each training worker has the network.
 * Only bytes as they were fetched are kept; batches are made when they are asked for.
 */
import type { Network } from '../../mnist/network.ts';

/** Hears how many bytes have come, and of how many, 0 where that is not said. */
export type OnBytes = (come: number, all: number) => void;

/** The hub's half. What it gives out has memory of its own, which moves to a worker. */
export interface Data<Batch, Share> {
  /** The batch of that number, as `npm start` deals it: worker r of N takes batch t N + r in step t. */
  batch(number: number): Batch;
  /** Worker `rank`'s share of the held-out data. */
  share(rank: number, workers: number): Share;
  /** The score, from the sum of what all workers measured. */
  score(sum: number, atEnd: boolean): number;
}

/** A training worker's half, opened with its share of the held-out data. */
export interface Learner<Batch> {
  readonly network: Network<Batch>;
  /** What parameters come to on the share: before the end on a part of it, where all of it takes long. */
  measure(parameters: Float32Array, atEnd: boolean): Promise<number>;
}

/** Worker `rank`'s part of a list that all workers share, in its order. */
export function partOf<T>(list: readonly T[], rank: number, workers: number): T[] {
  const [start, end] = [rank, rank + 1].map((r) => Math.floor((list.length * r) / workers));
  return list.slice(start, end);
}
