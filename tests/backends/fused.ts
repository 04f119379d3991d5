/** What tests of fused passes share: a backend that writes down what it runs, and programs of kernels over buffers. */
import { unpack, compile } from '../../ts/backends/wasm/compile.ts';
import { start } from '../../ts/backends/wasm/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Backend, DeviceBuffer } from '../../ts/backends/backend.ts';
import { PARALLEL, type Threads } from '../../ts/backends/wasm/executor.ts';
import type { KernelTable } from '../../ts/backends/wasm/fusion.ts';
import { allKernels } from '../../ts/backends/wasm/kernels/index.ts';
import type { AnyKernel, TilePlan } from '../../ts/backends/wasm/kernels/kernel.ts';
import { TILE } from '../../ts/backends/wasm/task.ts';
import { shareMemory } from '../../ts/backends/wasm/threads/shared-memory.ts';
import { startPool } from '../../ts/backends/wasm/threads/spawn.ts';
import { bytes } from '../../ts/generated/wasm-simd.ts';
import type { Kernel } from '../../ts/kernels/kernel.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { randomWords } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';

/**
 * A backend on so many threads that writes down what it runs: `whole NAME`, or for a tile of a pass `NAME TILE`, with
 * how many there are in front where several of a kernel go together.
 */
export async function openLogged(
  threads: number,
): Promise<{ backend: Backend; log: string[]; jobs: () => number }> {
  const log: string[] = [];
  let jobs = 0;
  const table: Record<string, AnyKernel> = {};
  for (const [name, kernel] of Object.entries(allKernels as unknown as Record<string, AnyKernel>))
    table[name] = logged(name, kernel, log);
  const kernels = table as KernelTable as Partial<typeof allKernels>;
  const code = await unpack(bytes);
  if (threads === 1) return { backend: start(await compile(code), kernels), log, jobs: () => jobs };
  const module = await compile(shareMemory(code));
  const pool = await startPool(threads, module);
  const counted: Threads = {
    count: pool.count,
    slots: pool.slots,
    open: (memory) => pool.open(memory),
    drop: (memory) => pool.drop(memory),
    run(...args) {
      jobs++;
      pool.run(...args);
    },
    close: () => pool.close(),
  };
  return { backend: start(module, kernels, { threads: counted }), log, jobs: () => jobs };
}

export function logged(name: string, kernel: AnyKernel, log: string[]): AnyKernel {
  const { whole, tiled, together } = kernel;
  const planLogged = (plan: TilePlan, what = name): TilePlan => ({
    ...plan,
    tile(at, first, count, local, shared) {
      log.push(`${what} ${first / TILE}`);
      plan.tile(at, first, count, local, shared);
    },
    withSigns: plan.withSigns && ((bits) => planLogged(plan.withSigns!(bits))),
  });
  return {
    ...kernel,
    whole(exports, args) {
      log.push(`whole ${name}`);
      whole(exports, args);
    },
    tiled:
      tiled &&
      ((...given) => {
        const plan = tiled(...given);
        return plan && planLogged(plan);
      }),
    together: together && ((instance, all) => planLogged(together(instance, all), `${all.length} ${name}`)),
  };
}

/** Around several tiles, and the same shared by threads; no multiple of anything. */
export const N: number = 3 * TILE + 4097;
export const LONG: number = PARALLEL + 4097;

export type Operands = Readonly<Record<string, DeviceBuffer>>;
export type Numbers = Readonly<Record<string, number>>;

/** Kernels in turn, over buffers by name. */
export type Program = readonly (readonly [
  kernel: Kernel<string, string>,
  buffers: Readonly<Record<string, string>>,
  params: Numbers,
])[];

/** A step of a program, its names checked against the kernel by the compiler. */
export function step<Buffers extends string, Params extends string>(
  kernel: Kernel<Buffers, Params>,
  buffers: Readonly<Record<Buffers, string>>,
  params: Readonly<Record<Params, number>>,
): Program[number] {
  return [kernel, buffers, params];
}

/**
 * Words by the names of buffers; those whose names start with `lent` are lent, with `target` or `blank` targets, which
 * kernels find as they are or anyhow.
 */
export type Memory = Readonly<Record<string, Float32Array | Uint32Array>>;

export function buffersOf(backend: Backend, memory: Memory): Record<string, DeviceBuffer> {
  const buffers: Record<string, DeviceBuffer> = {};
  for (const [name, data] of Object.entries(memory)) {
    const own = wordsOf(data).slice();
    buffers[name] = bufferOf(backend, name, own);
  }
  return buffers;
}

function bufferOf(backend: Backend, name: string, own: Uint32Array): DeviceBuffer {
  if (name.startsWith('lent')) return backend.lend(own);
  const target = backend.target?.bind(backend);
  const kept = name.startsWith('target') || name.startsWith('blank');
  if (kept && target) {
    const buffer = target(own, name.startsWith('target'));
    targets.set(buffer, own);
    return buffer;
  }
  const buffer = backend.allocate(own.length);
  backend.write(buffer, own);
  return buffer;
}

/** The arrays that targets are over. */
const targets = new WeakMap<DeviceBuffer, Uint32Array>();

function run(backend: Backend, program: Program, buffers: Operands): void {
  for (const [kernel, names, params] of program) {
    const own = Object.fromEntries(Object.entries(names).map(([name, of]) => [name, buffers[of]]));
    backend.run(kernel, own, params);
  }
}

/** What a program leaves in all buffers. */
export async function leftBy(backend: Backend, program: Program, memory: Memory): Promise<Uint32Array[]> {
  const buffers = buffersOf(backend, memory);
  run(backend, program, buffers);
  const left = await backend.read(
    Object.values(buffers).map((buffer) => ({ buffer, into: targets.get(buffer) })),
  );
  for (const buffer of Object.values(buffers)) backend.release(buffer);
  return left;
}

export const js: Backend = openJs();

/** Runs a program on a backend and on js: the words of all buffers are the same. */
export async function assertAsJs(
  backend: Backend,
  program: Program,
  memory: Memory,
  what: string,
): Promise<void> {
  const [expected, actual] = [await leftBy(js, program, memory), await leftBy(backend, program, memory)];
  Object.keys(memory).forEach((name, i) => assertWords(actual[i], expected[i], `${what}, ${name}`));
}

/** The tiles of a pass by these kernels, in turn. */
export function passOf(names: readonly string[], tiles: number): string[] {
  return Array.from({ length: tiles }, (_, tile) => names.map((name) => `${name} ${tile}`)).flat();
}

export const tilesOf = (n: number): number => Math.ceil(n / TILE);

/** About one index in a hundred, ascending. */
export function someIndices(n: number, seed: number): Uint32Array {
  const drawn = randomWords(n, seed);
  return Uint32Array.from({ length: n }, (_, i) => i).filter((i) => drawn[i] % 100 === 0);
}
