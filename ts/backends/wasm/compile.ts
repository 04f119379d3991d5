/** WebAssembly of this runtime: whether it is there, whether it has SIMD, and compiling what the build has packed as text. */

/** @throws Error where there is no WebAssembly */
export function requireWebAssembly(): void {
  if (typeof WebAssembly !== 'object') throw new Error('this runtime has no WebAssembly');
}

/**
 * Whether the engine takes SIMD: it validates a function that makes a vector and drops it. The few that do but inflate
 * nothing, of 2021 and 2022, are counted among those without.
 */
export function simdWorks(): boolean {
  if (typeof DecompressionStream !== 'function') return false;
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const type = [1, 4, 1, 0x60, 0, 0];
  const functions = [3, 2, 1, 0];
  // i32.const 0; i8x16.splat; drop; end
  const code = [10, 9, 1, 7, 0, 0x41, 0, 0xfd, 15, 0x1a, 0x0b];
  return WebAssembly.validate(new Uint8Array([...header, ...type, ...functions, ...code]));
}

/** The bytes of a module from its text: they, or they deflated, as base64. */
export async function unpack(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  // a module starts with a zero, what is deflated does not
  if (packed[0] === 0) return packed;
  const bytes = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(bytes).arrayBuffer());
}

/** @throws Error where compiling is forbidden */
export async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new Error(`WebAssembly may not be compiled here: ${reasonOf(cause)}`, { cause });
  }
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
