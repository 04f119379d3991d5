/**
 * How the Walsh-Hadamard transform runs on the wasm backend (the ways: kernel.ts). On several threads long blocks go in
 * parts: the first stages part by part, then the others, three at a time, the butterflies shared out. Each element sees
 * the same stages in the same order as in one call.
 */
import * as module from '../../../generated/wasm-exports.ts';
import type { flattenKernel, fwhtKernel, unflattenKernel } from '../../../kernels/fwht.ts';
import { PARALLEL, type Executor } from '../executor.ts';
import { TILE, type Args, type TaskKind } from '../task.ts';
import type { KernelOf } from './kernel.ts';

export const fwht: KernelOf<typeof fwhtKernel> = {
  whole: module.fwht,
  parallel: { lent: [], run: (executor, _operands, args) => transform(executor, fwhtParts, args, 0) },
};

export const flatten: KernelOf<typeof flattenKernel> = {
  whole: module.flatten,
  scratch: module.flipScratch,
  tiled({ exports }, args) {
    const { total, block } = args;
    if (block > TILE) return undefined;
    const part = { ...args, scratch: 0, from: 0 };
    return {
      input: 'x',
      n: args.n,
      long: true,
      outputs: { y: TILE },
      local: module.flipScratch(exports),
      tile(x, first, count, scratch) {
        // where element 0 would lie, modulo 2^32
        part.x = x - first * 4;
        part.scratch = scratch;
        part.from = first;
        part.n = first + count;
        part.total = Math.min(first + TILE, total);
        module.flatten(exports, part);
      },
    };
  },
  parallel: {
    lent: [],
    run: (executor, _operands, args) =>
      transform(executor, flattenParts, args, module.flipScratch(executor.exports)),
  },
};

export const unflatten: KernelOf<typeof unflattenKernel> = {
  whole: module.unflatten,
  scratch: module.flipScratch,
};

/** Parts that each thread has to have, so that a slow one does not keep the others waiting for long. */
const PARTS_A_THREAD = 4;

/** Stages that one job does at most. */
const MOST_STAGES = 3;

/** The first stages of a transform: parts of so many elements, one a task. */
interface Parts<Names extends string> {
  readonly args: Args<Names>;
  readonly part: number;
  /** Scratch of each thread. */
  readonly locals: readonly number[];
}

const fwhtParts: TaskKind<Parts<'x' | 'y' | 'n'>> = {
  name: 'fwhtParts',
  bind:
    ({ exports, view }, { args, part }) =>
    (task) => {
      const first = task * part;
      const [x, y] = [args.x + first * 4, args.y + first * 4];
      const n = Math.min(args.n - first, part);
      if (n > 0) module.fwht(exports, { x, y, n, total: part, block: part });
      else view(y, part).fill(0);
    },
};

const flattenParts: TaskKind<Parts<'x' | 'y' | 'n' | 'seed' | 'step' | 'stream' | 'tiny' | 'scale'>> = {
  name: 'flattenParts',
  bind({ exports }, { args, part, locals }) {
    const own = { ...args, scratch: 0, from: 0, total: 0, block: part };
    return (task, thread) => {
      own.scratch = locals[thread];
      own.from = task * part;
      own.total = own.from + part;
      module.flatten(exports, own);
    };
  },
};

/** The stages h, ..., 2^(stages - 1) h of y, `count` butterflies a task. */
const butterflies: TaskKind<Args<'y' | 'h' | 'stages' | 'count'>> = {
  name: 'butterflies',
  bind:
    ({ exports }, { y, h, stages, count }) =>
    (task) =>
      module.butterflies(exports, { y, h, stages, first: task * count, last: (task + 1) * count }),
};

/** What workers do of a transform. */
export const transformTasks: readonly TaskKind<never>[] = [fwhtParts, flattenParts, butterflies];

/** A transform of x in memory by parts of this kind; false, and nothing done, where one thread does it as well. */
function transform<Names extends string>(
  executor: Executor,
  kind: TaskKind<Parts<Names>>,
  args: Args<Names | 'y' | 'total' | 'block'>,
  scratch: number,
): boolean {
  const { y, total, block }: Args<'y' | 'total' | 'block'> = args;
  const threads = executor.threadsFor(total);
  if (threads === 1 || block < PARALLEL) return false;
  let part = block;
  while (total / part < threads * PARTS_A_THREAD && part >> MOST_STAGES >= TILE) part >>= MOST_STAGES;
  executor.withMemory((allocate) => {
    const locals = executor.locals(total, scratch, allocate);
    executor.run(kind, { args, part, locals }, total / part, total);
  });
  for (let h = part; h < block;) {
    const stages = Math.min(MOST_STAGES, Math.log2(block / h));
    const count = TILE >> stages;
    executor.run(butterflies, { y, h, stages, count }, (total >> stages) / count, total);
    h <<= stages;
  }
  return true;
}
