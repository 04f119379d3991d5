/** Words of the host's as a GPU queue takes them. */

/** Words that are copied to give them to the GPU at a time, where it does not take them from where they lie: 1 MiB. */
const COPIED = 2 ** 18;

/** Queues the write of `words` to a buffer, from byte `offset` on. `words` is free to change afterwards. */
export function upload(queue: GPUQueue, target: GPUBuffer, offset: number, words: Uint32Array): void {
  for (const [part, first] of writable(words)) {
    const { buffer: source, byteOffset, byteLength } = part;
    queue.writeBuffer(target, offset + first * 4, source, byteOffset, byteLength);
  }
}

/**
 * Words as a queue's `writeBuffer` takes them, with their place: as they are, or, in memory that is shared or may be
 * resized, which Dawn in Node and Firefox refuse, one copied part after the other, in the same array.
 */
function* writable(words: Uint32Array): Generator<readonly [part: Uint32Array, first: number]> {
  const { buffer, length } = words;
  const plain = buffer as { readonly [Symbol.toStringTag]: string; readonly resizable?: boolean };
  if (plain[Symbol.toStringTag] === 'ArrayBuffer' && plain.resizable !== true) {
    yield [words, 0];
    return;
  }
  const copy = new Uint32Array(Math.min(length, COPIED));
  for (let first = 0; first < length; first += COPIED) {
    const part = words.subarray(first, first + COPIED);
    copy.set(part);
    yield [copy.subarray(0, part.length), first];
  }
}
