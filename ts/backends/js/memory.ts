/** A buffer as the kernels of the js backend see it: the same memory as words and as floats. */
export interface Memory {
  readonly words: Uint32Array;
  readonly floats: Float32Array;
}
