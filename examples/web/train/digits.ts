/** The network on the MNIST digits: 55 MB are kept as bytes, of which floats would take four times as much. */
import {
  BATCH,
  BATCHES_STREAM,
  loadPictures,
  openOrder,
  PIXELS,
  toDataset,
  type Dataset,
  type Pictures,
} from '../../mnist/mnist.ts';
import { moved } from '../calls.ts';
import { openFetch } from './fetched.ts';
import { partOf, type Data, type Learner, type OnBytes } from './problem.ts';

/** Images that `Model.evaluate` takes at a time: shares are whole multiples, so that no other size is compiled. */
const EVALUATED = 500;

export async function fetchDigits(
  base: string,
  seed: number,
  onBytes: OnBytes,
): Promise<Data<Dataset, Pictures>> {
  const read = openFetch(base, 'the digits', onBytes);
  const ofMnist = (name: string): Promise<Uint8Array> => read(`mnist/${name}`);
  const [train, test] = await Promise.all([loadPictures(ofMnist, 'train'), loadPictures(ofMnist, 't10k')]);
  const imageAt = openOrder(train.labels.length, seed, BATCHES_STREAM);
  const { length: held } = test.labels;
  const starts = Array.from({ length: Math.ceil(held / EVALUATED) }, (_, i) => i * EVALUATED);
  return {
    batch(number) {
      const places = Array.from({ length: BATCH }, (_, i) => imageAt(number * BATCH + i));
      const batch = toDataset(picturesAt(train, places));
      return moved(batch, [batch.images, batch.labels]);
    },
    share(rank, workers) {
      const places = partOf(starts, rank, workers).flatMap((start) =>
        Array.from({ length: Math.min(EVALUATED, held - start) }, (_, i) => start + i),
      );
      const share = picturesAt(test, places);
      return moved(share, [share.images, share.labels]);
    },
    score: (right) => right / held,
  };
}

/** The pictures at these places, a copy. */
function picturesAt({ images, labels }: Pictures, places: readonly number[]): Pictures {
  const own = { images: new Uint8Array(places.length * PIXELS), labels: new Uint8Array(places.length) };
  for (const [i, place] of places.entries()) {
    own.images.set(images.subarray(place * PIXELS, (place + 1) * PIXELS), i * PIXELS);
    own.labels[i] = labels[place];
  }
  return own;
}

/** What is measured is how many pictures of the share are named right. */
export async function openDigits(share: Pictures): Promise<Learner<Dataset>> {
  const { openModel } = await import('../../mnist/model.ts');
  const network = await openModel();
  const held = toDataset(share);
  return {
    network,
    async measure(parameters) {
      return Math.round((await network.evaluate(parameters, held)) * held.labels.length);
    },
  };
}
