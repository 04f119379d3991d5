/** The transformer on the King James Bible, a byte a character. */
import {
  evenPassages,
  openPassages,
  partsOf,
  PASSAGES,
  PASSAGES_STREAM,
  SCORED,
  SCORED_BEFORE,
  type Passages,
} from '../../text/passages.ts';
import { moved } from '../calls.ts';
import { openFetch } from './fetched.ts';
import { partOf, type Data, type Learner, type OnBytes } from './problem.ts';

/** Passages to score a model with, so many at a time as are compiled. */
export interface Held {
  readonly before: readonly Passages[];
  readonly atEnd: readonly Passages[];
}

export async function fetchText(base: string, seed: number, onBytes: OnBytes): Promise<Data<Passages, Held>> {
  const read = openFetch(base, 'the King James Bible', onBytes);
  const [train, test] = await Promise.all(['text/train', 'text/test'].map(read));
  const batchOf = openPassages(train, seed, PASSAGES_STREAM, PASSAGES);
  const [atEnd, before] = [SCORED, SCORED_BEFORE].map((count) => evenPassages(test, count));
  return {
    batch(number) {
      const batch = batchOf(number);
      return moved(batch, [batch.codes]);
    },
    share(rank, workers) {
      const shareOf = (passages: Passages): Passages[] =>
        partOf(partsOf(passages), rank, workers).map(({ codes }) => ({ codes: codes.slice() }));
      return { before: shareOf(before), atEnd: shareOf(atEnd) };
    },
    score: (nats, isEnd) => nats / (isEnd ? atEnd : before).codes.length / Math.LN2,
  };
}

/** What is measured are the nats of the share's characters, in all. */
export async function openText(share: Held): Promise<Learner<Passages>> {
  const { openModel } = await import('../../text/model.ts');
  const network = await openModel();
  return {
    network,
    async measure(parameters, isEnd) {
      let nats = 0;
      for (const passages of isEnd ? share.atEnd : share.before)
        nats += passages.codes.length * (await network.loss(parameters, passages));
      return nats;
    },
  };
}
