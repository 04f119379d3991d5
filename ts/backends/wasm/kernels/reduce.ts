/** How sums and extremes of a vector are found, and what is not finite in it. */
import * as module from '../../../generated/wasm-exports.ts';
import {
  BLOCK,
  type absSumKernel,
  type extremesKernel,
  type nonFiniteKernel,
  type squareSumKernel,
} from '../../../kernels/reduce.ts';
import { TILE, type Args, type Instance } from '../task.ts';
import type { KernelOf, TilePlan } from './kernel.ts';

export const absSum: KernelOf<typeof absSumKernel> = {
  whole: module.absSum,
  scratch: module.sumScratch,
  tiled(instance, args, streamed) {
    const { exports } = instance;
    const { n, segment, tiny, scale } = args;
    const plan = sumPlan(
      instance,
      (part) => module.absSum(exports, { ...part, tiny, scale }),
      args,
      streamed.x,
    );
    // a word of signs has those of one segment
    if (plan === undefined || scale !== 1 || (segment < n && segment % 32 !== 0)) return plan;
    const withSigns = (bits: number): TilePlan => {
      const both: Add = (part, first) =>
        module.signsAndSum(exports, { ...part, bits: bits + first / 8, tiny });
      return { ...plan, ...sumPlan(instance, both, args, streamed.x) };
    };
    return { ...plan, withSigns };
  },
};

export const squareSum: KernelOf<typeof squareSumKernel> = {
  whole: module.squareSum,
  scratch: module.sumScratch,
  tiled(instance, args, streamed) {
    const { tiny, scale } = args;
    const add: Add = (part) => module.squareSum(instance.exports, { ...part, tiny, scale });
    return sumPlan(instance, add, args, streamed.x);
  },
};

/** Adds up the segments of a part of x that starts with element `first`. */
type Add = (part: Args<'x' | 'sums' | 'max' | 'scratch' | 'n' | 'segment'>, first: number) => void;

/** A sum over segments of x, of which other kernels stream so many words a tile. */
function sumPlan(
  { exports, view }: Instance,
  add: Add,
  { sums, max, n, segment }: Args<'sums' | 'max' | 'n' | 'segment'>,
  streamed: number = TILE,
): TilePlan | undefined {
  // blocks of the tree are whole in tiles of x alone
  if (streamed !== TILE) return undefined;
  const common = { input: 'x', n, local: module.sumScratch(exports) };
  if (segment < n && TILE % segment === 0)
    return {
      ...common,
      outputs: { sums: TILE / segment, max: TILE / segment },
      tile(x, first, count, scratch) {
        const at = (first / segment) * 4;
        add({ x, sums: sums + at, max: max + at, scratch, n: count, segment }, first);
      },
    };
  if (segment < n) return undefined;
  // the first level of the tree in tiles, the others at the end
  const blocks = Math.ceil(n / BLOCK);
  return {
    ...common,
    outputs: {},
    shared: 2 * blocks,
    tile(x, first, count, scratch, level) {
      const at = level + (first / BLOCK) * 4;
      add({ x, sums: at, max: at + blocks * 4, scratch, n: count, segment: BLOCK }, first);
    },
    finish([scratch], x) {
      // what is added there counts whole, and its own largest keys are of no use
      module.absSum(exports, { x, sums, max, scratch, n: blocks, segment: blocks, tiny: 0, scale: 1 });
      const keys = view(x + blocks * 4, blocks);
      view(max, 1)[0] = keys.reduce((most, key) => Math.max(most, key), 0);
    },
  };
}

export const extremes: KernelOf<typeof extremesKernel> = {
  whole: module.extremes,
  // local: whether the thread had a tile, its range, and that of one tile
  tiled: ({ exports, view }, { range, n, order }) => ({
    input: 'x',
    n,
    outputs: {},
    local: 5,
    tile(x, _first, count, local) {
      module.extremes(exports, { x, range: local + 12, n: count, order });
      const words = signed(view(local, 5));
      words[1] = words[0] === 0 ? words[3] : Math.min(words[1], words[3]);
      words[2] = words[0] === 0 ? words[4] : Math.max(words[2], words[4]);
      words[0] = 1;
    },
    finish(locals) {
      // magnitudes' keys and signed keys are signed numbers both
      const had = locals.map((local) => signed(view(local, 5))).filter(([tiles]) => tiles > 0);
      const ends = signed(view(range, 2));
      ends[0] = Math.min(...had.map((words) => words[1]));
      ends[1] = Math.max(...had.map((words) => words[2]));
    },
  }),
};

export const nonFinite: KernelOf<typeof nonFiniteKernel> = {
  whole: module.nonFinite,
  // local: how many and the first, of all the thread's tiles, and of one
  tiled: ({ exports, view }, { found, n }) => ({
    input: 'x',
    n,
    outputs: {},
    local: 4,
    tile(x, first, count, local) {
      module.nonFinite(exports, { x, found: local + 8, n: count });
      const words = view(local, 4);
      if (words[2] === 0) return;
      words[1] = words[0] === 0 ? first + words[3] : Math.min(words[1], first + words[3]);
      words[0] += words[2];
    },
    finish(locals) {
      const all = view(found, 2);
      all[0] = 0;
      all[1] = 2 ** 32 - 1;
      for (const [count, first] of locals.map((local) => view(local, 2))) {
        if (count === 0) continue;
        all[0] += count;
        all[1] = Math.min(all[1], first);
      }
    },
  }),
};

function signed(words: Uint32Array): Int32Array {
  return new Int32Array(words.buffer, words.byteOffset, words.length);
}
