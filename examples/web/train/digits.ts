/** The digits for workers of a page: fetched packed, kept as bytes, dealt out as batches of floats. */
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

/** Both sets, a byte a pixel: 55 MB, of which floats would take four times as much. */
export interface Digits {
  readonly train: Pictures;
  readonly test: Pictures;
}

/** What a gzip file starts with; a server may have unpacked it on the way. */
const GZIP = [0x1f, 0x8b];

/**
 * Fetches the digits from below `base`; `onBytes` hears how many have come, and of how many, 0 where that is not said.
 */
export async function fetchDigits(
  base: string,
  onBytes: (come: number, all: number) => void,
): Promise<Digits> {
  let [come, all] = [0, 0];
  const read = async (name: string): Promise<Uint8Array> => {
    const response = await fetch(new URL(`mnist/${name}.gz`, base));
    if (!response.ok || response.body === null)
      throw new Error(`the digits did not come: ${name}.gz, ${response.status} ${response.statusText}`);
    all += Number(response.headers.get('content-length') ?? 0);
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        onBytes((come += chunk.length), all);
        controller.enqueue(chunk);
      },
    });
    const packed = await bytesOf(response.body.pipeThrough(counted));
    if (!GZIP.every((byte, i) => packed[i] === byte)) return packed;
    return bytesOf(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')));
  };
  const [train, test] = await Promise.all([loadPictures(read, 'train'), loadPictures(read, 't10k')]);
  return { train, test };
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream as ReadableStream<BufferSource>).arrayBuffer());
}

/** The batches of `openBatches`, by their number, made from bytes when they are asked for. */
export function dealer({ images, labels }: Pictures, seed: number): (number: number) => Dataset {
  const imageAt = openOrder(labels.length, seed, BATCHES_STREAM);
  return (number) => {
    const batch = { images: new Uint8Array(BATCH * PIXELS), labels: new Uint8Array(BATCH) };
    for (let i = 0; i < BATCH; i++) {
      const image = imageAt(number * BATCH + i);
      batch.images.set(images.subarray(image * PIXELS, (image + 1) * PIXELS), i * PIXELS);
      batch.labels[i] = labels[image];
    }
    return toDataset(batch);
  };
}

/** Images that `Model.evaluate` takes at a time: shares are whole multiples, so that no other size is compiled. */
const EVALUATED = 500;

/** Worker `rank`'s share of the test set, a copy. */
export function testShare({ images, labels }: Pictures, rank: number, workers: number): Pictures {
  const calls = Math.ceil(labels.length / EVALUATED);
  const [first, end] = [rank, rank + 1].map((r) =>
    Math.min(labels.length, Math.floor((calls * r) / workers) * EVALUATED),
  );
  return { images: images.slice(first * PIXELS, end * PIXELS), labels: labels.slice(first, end) };
}
