/**
 * What a machine can do at best: reading, filling and copying an array inside WebAssembly, and a new array. A kernel
 * that reads its input once cannot be faster than the first. Measured in every group, since machines differ, and one
 * differs with its load.
 *
 * The module is put together here, instruction by instruction: to start the compiler takes seconds.
 */

/** Calls over n floats. */
export interface Floors {
  /** The sum of the array. */
  readonly read: () => unknown;
  /** One byte all over another array of its size. */
  readonly fill: () => unknown;
  /** The array to the other one. */
  readonly copy: () => unknown;
  /** A new array of JavaScript's, each element written. */
  readonly fresh: () => unknown;
}

/** Sums that are kept beside each other, of four floats each, so that additions do not wait for each other. */
const SUMS = 8;

/** Bytes of a vector, and of a step of `read`. */
const VECTOR = 16;
const STEP = SUMS * VECTOR;

/** Bytes of a page of WebAssembly memory. */
const PAGE = 65536;

/** What the module exports. */
export interface FloorsExports {
  readonly read: (start: number, end: number) => number;
  readonly fill: (to: number, bytes: number) => void;
  readonly copy: (to: number, from: number, bytes: number) => void;
}

/** Puts a vector in a memory of its own, with room for another one behind it. */
export async function openFloors(x: Float32Array): Promise<Floors> {
  const bytes = Math.ceil(x.byteLength / STEP) * STEP;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((2 * bytes) / PAGE) });
  const { instance } = await WebAssembly.instantiate(floorsModule(), { env: { memory } });
  const { read, fill, copy } = instance.exports as unknown as FloorsExports;
  new Float32Array(memory.buffer).set(x);
  return {
    read: () => read(0, bytes),
    fill: () => fill(bytes, bytes),
    copy: () => copy(bytes, 0, bytes),
    fresh: () => new Float32Array(x.length).fill(1),
  };
}

const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const i32Const = (value: number): number[] => [0x41, (value & 0x7f) | 0x80, value >> 7];
const I32_ADD = [0x6a];
const I32_LESS = [0x49];
const F32_ADD = [0x92];
const F32X4_ADD = [0xfd, 0xe4, 1];
const extractLane = (lane: number): number[] => [0xfd, 0x1f, lane];
const v128Load = (offset: number): number[] => [0xfd, 0, 4, offset];
const MEMORY_COPY = [0xfc, 10, 0, 0];
const MEMORY_FILL = [0xfc, 11, 0];
const LOOP = [3, 0x40];
const BRANCH_IF = [0x0d, 0];
const END = [0x0b];

/** The module, which imports its memory. */
export function floorsModule(): Uint8Array<ArrayBuffer> {
  const sums = Array.from({ length: SUMS }, (_, i) => i);
  // read(start, end): local 0 walks from start to end, the sums are locals 2, 3, ...
  const read = [
    ...LOOP,
    ...sums.flatMap((i) => [...get(2 + i), ...get(0), ...v128Load(i * VECTOR), ...F32X4_ADD, ...set(2 + i)]),
    ...[...get(0), ...i32Const(STEP), ...I32_ADD, ...tee(0), ...get(1), ...I32_LESS, ...BRANCH_IF],
    ...END,
    ...[...get(2), ...sums.slice(1).flatMap((i) => [...get(2 + i), ...F32X4_ADD]), ...set(2)],
    ...[...get(2), ...extractLane(0)],
    ...[1, 2, 3].flatMap((lane) => [...get(2), ...extractLane(lane), ...F32_ADD]),
  ];
  const fill = [...get(0), ...i32Const(0x3f), ...get(1), ...MEMORY_FILL];
  const copy = [...get(0), ...get(1), ...get(2), ...MEMORY_COPY];
  const list = (items: readonly (readonly number[])[]): number[] => [items.length, ...items.flat()];
  const text = (letters: string): number[] => [letters.length, ...new TextEncoder().encode(letters)];
  const section = (id: number, contents: readonly number[]): number[] => [id, ...sized(contents)];
  const type = (takes: readonly number[], gives: readonly number[]): number[] => {
    return [0x60, ...list(takes.map((one) => [one])), ...list(gives.map((one) => [one]))];
  };
  const body = (locals: readonly number[], code: readonly number[]): number[] => {
    return sized([...locals, ...code, ...END]);
  };
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([type([I32, I32], [F32]), type([I32, I32], []), type([I32, I32, I32], [])])),
    ...section(2, list([[...text('env'), ...text('memory'), 2, 0, 1]])),
    ...section(3, list([[0], [1], [2]])),
    ...section(7, list(['read', 'fill', 'copy'].map((name, i) => [...text(name), 0, i]))),
    ...section(10, list([body([1, SUMS, V128], read), body([0], fill), body([0], copy)])),
  ]);
}

/** Bytes behind their number, below 2^14. */
function sized(bytes: readonly number[]): number[] {
  return [(bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes];
}
