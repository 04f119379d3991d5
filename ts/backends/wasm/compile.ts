/**
 * WebAssembly of this runtime: whether it is there, whether it has SIMD, and compiling what the build has packed as
 * text.
 */

import type { Bytes } from '../../platform.ts';

/** @throws Error where there is no WebAssembly */
export function requireWebAssembly(): void {
  if (typeof WebAssembly !== 'object') throw new Error('this runtime has no WebAssembly');
}

/**
 * Whether the engine takes SIMD: it validates a function that makes a vector and drops it. The few that do but inflate
 * nothing, of 2021 and 2022, are counted among those without.
 */
export function simdWorks(): boolean {
  if (inflater() === undefined) return false;
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const type = [1, 4, 1, 0x60, 0, 0];
  const functions = [3, 2, 1, 0];
  // i32.const 0; i8x16.splat; drop; end
  const code = [10, 9, 1, 7, 0, 0x41, 0, 0xfd, 15, 0x1a, 0x0b];
  return WebAssembly.validate(new Uint8Array([...header, ...type, ...functions, ...code]));
}

/** The bytes of a module from its text: they, or they deflated, as base64. */
export async function unpack(text: string): Promise<Bytes> {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  // a module starts with a zero, what is deflated does not
  if (packed[0] === 0) return packed;
  const inflate = inflater();
  if (inflate === undefined) throw new Error('this runtime has no DecompressionStream');
  return inflate(packed);
}

/** What Node has beside the language; a test's document that stands in for a browser may leave it alone. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:zlib'): { inflateSync(bytes: Uint8Array): Uint8Array } | undefined;
}

/**
 * What inflates here: a stream of the platform, or Node's own where a document of jsdom or happy-dom hides that.
 * Neither `Blob` nor `Response` is asked for a stream, since such documents have them without.
 */
function inflater(): ((packed: Bytes) => Promise<Bytes>) | undefined {
  if (typeof DecompressionStream === 'function') return inflateByStream;
  const { process } = globalThis as { readonly process?: NodeProcess };
  const zlib = process?.getBuiltinModule?.('node:zlib');
  // a copy: memory of this realm, without a pool behind it
  return zlib && ((packed) => Promise.resolve(new Uint8Array(zlib.inflateSync(packed))));
}

async function inflateByStream(packed: Bytes): Promise<Bytes> {
  const { readable, writable } = new DecompressionStream('deflate');
  const writer = writable.getWriter();
  const [chunks] = await Promise.all([chunksOf(readable), writer.write(packed), writer.close()]);
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function chunksOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
  return chunks;
}

/** @throws Error where compiling is forbidden */
export async function compile(bytes: Bytes): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new Error(`WebAssembly may not be compiled here: ${reasonOf(cause)}`, { cause });
  }
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
