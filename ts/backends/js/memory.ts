/** A buffer as the kernels of the js backend see it: the same memory as words and as floats. */
export interface Memory {
  readonly words: Uint32Array;
  readonly floats: Float32Array;
}

export function memoryOf(words: Uint32Array): Memory {
  return { words, floats: new Float32Array(words.buffer, words.byteOffset, words.length) };
}
