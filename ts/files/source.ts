/**
 * Sources of the bytes of an .npy or .safetensors file: an array in memory, or a file on disk that is read in pieces.
 */

export interface Source {
  /** Bytes in all. */
  readonly size: number;
  /** The bytes `start..end`, or fewer where the file has become shorter. The caller does not write to them. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/**
 * Bytes that are read at once: a part of a file that engines and operating systems take without copies of gigabytes.
 */
const PIECE = 2 ** 25;

export function sourceOf(from: Source | Uint8Array): Source {
  if (!(from instanceof Uint8Array)) return from;
  return { size: from.length, read: (start, end) => Promise.resolve(from.subarray(start, end)) };
}

/**
 * The bytes `start..end` in pieces, each at an offset that is a multiple of `PIECE` from `start`.
 * @throws Error where the file ends before them
 */
export async function* piecesOf(
  source: Source,
  start: number,
  end: number,
  piece: number = PIECE,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += piece) {
    const last = Math.min(at + piece, end);
    const bytes = await source.read(at, last);
    if (bytes.length !== last - at)
      throw new Error(`the file ends at byte ${at + bytes.length} while it is read`);
    yield bytes;
  }
}

/** The bytes `start..end` in an array of their own. @throws Error where the file ends before them */
export async function bytesOf(source: Source, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  let at = 0;
  for await (const piece of piecesOf(source, start, end)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Parts as one array. */
export function joined(parts: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const all = [...parts];
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of all) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
