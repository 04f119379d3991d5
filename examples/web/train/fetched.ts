/** Files that lie packed beside the page. */
import type { OnBytes } from './problem.ts';

/** What a gzip file starts with; a server may have unpacked it on the way. */
const GZIP = [0x1f, 0x8b];

/**
 * What reads files below `base` by their path without `.gz`; `onBytes` hears of the bytes of all of them.
 * @param what the data in words, for an error
 */
export function openFetch(
  base: string,
  what: string,
  onBytes: OnBytes,
): (path: string) => Promise<Uint8Array<ArrayBuffer>> {
  let [come, all] = [0, 0];
  return async (path) => {
    const response = await fetch(new URL(`${path}.gz`, base));
    if (!response.ok || response.body === null)
      throw new Error(`${what} did not come: ${path}.gz, ${response.status} ${response.statusText}`);
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
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream as ReadableStream<BufferSource>).arrayBuffer());
}
