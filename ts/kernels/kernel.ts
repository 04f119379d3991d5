/**
 * What a kernel is, to all backends: a name, the buffers and the numbers that it takes. The js and wasm backends look
 * it up by name in their own tables, the webgpu backend in ./plans.
 */

/** A kernel of the contract. `Buffers` and `Params` are the names that callers and all backends use. */
export interface Kernel<Buffers extends string, Params extends string> {
  readonly name: string;
  readonly buffers: readonly Buffers[];
  readonly params: readonly Params[];
  /** The kernels that it is made of, where it has no definition but theirs; left out where it has one of its own. */
  parts?(params: Readonly<Record<Params, number>>): Parts;
}

/**
 * Kernels that run one after the other. What a kernel made of others leaves is what its parts leave, so a backend that
 * does nothing better runs these (ts/backends/parts.ts), while a GPU may do in one pass what they do in several.
 */
export interface Parts {
  /** Memory that the parts need between them: name to words. Contents are undefined at the start. */
  readonly scratch: Readonly<Record<string, number>>;
  readonly runs: readonly Part[];
}

/** One of them. `buffers` says which buffer of the whole, or scratch memory, stands behind each of its names. */
export interface Part {
  readonly kernel: Kernel<string, string>;
  readonly buffers: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, number>>;
}

/** A part, its names checked by the compiler against the kernel. */
export function partOf<Buffers extends string, Params extends string>(
  kernel: Kernel<Buffers, Params>,
  buffers: Readonly<Record<Buffers, string>>,
  params: Readonly<Record<Params, number>>,
): Part {
  return { kernel, buffers, params };
}

/** `a / b` rounded up. */
export function ceilDiv(a: number, b: number): number {
  return Math.ceil(a / b);
}
