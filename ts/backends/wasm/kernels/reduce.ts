/** How sums, extremes and non-finite elements of a vector are found on the wasm backend (the ways: kernel.ts). */
import * as module from '../../../generated/wasm-exports.ts';
import type { Exports } from '../../../generated/wasm-exports.ts';
import {
  BLOCK,
  type absSumKernel,
  type extremesKernel,
  type nonFiniteKernel,
  type signsAndSumKernel,
  type squareSumKernel,
} from '../../../kernels/reduce.ts';
import { TILE, type Args, type Instance } from '../task.ts';
import type { KernelOf, TilePlan } from './kernel.ts';

export const absSum: KernelOf<typeof absSumKernel> = {
  whole: module.absSum,
  scratch: module.sumScratch,
  tiled(instance, args, streamed) {
    const { n, segment, scale } = args;
    // a word of signs has those of one segment
    const signs = scale === 1 && (segment >= n || segment % 32 === 0);
    return sumPlan(module.absSum, instance, args, streamed.x, signs ? module.signsAndSum : undefined);
  },
};

/** A kernel made of others: as one where a word of signs has those of one segment. */
export const signsAndSum: KernelOf<typeof signsAndSumKernel> = {
  takes: ({ n, segment }) => segment >= n || segment % 32 === 0,
  whole: module.signsAndSum,
  scratch: module.sumScratch,
  tiled: (instance, args, streamed) =>
    sumPlan(module.signsAndSum, instance, { ...args, scale: 1 }, streamed.x, undefined, args.bits),
};

export const squareSum: KernelOf<typeof squareSumKernel> = {
  whole: module.squareSum,
  scratch: module.sumScratch,
  tiled: (instance, args, streamed) => sumPlan(module.squareSum, instance, args, streamed.x),
};

/** A sum over segments of x, and the signs of x where it has bits for them. */
type Sum = (
  exports: Exports,
  part: Args<'x' | 'bits' | 'sums' | 'max' | 'scratch' | 'n' | 'segment' | 'tiny' | 'scale'>,
) => void;

/**
 * The tile plan of a sum, of whose x other kernels stream so many words a tile, and that may write signs on its way.
 */
function sumPlan(
  sum: Sum,
  instance: Instance,
  args: Args<'sums' | 'max' | 'n' | 'segment' | 'tiny' | 'scale'>,
  streamed: number = TILE,
  withSigns?: Sum,
  bits: number = 0,
): TilePlan | undefined {
  const { exports, view } = instance;
  const { sums, max, n, segment, tiny, scale } = args;
  const one = segment >= n;
  // blocks of the tree, and segments, are whole in tiles of x alone
  if (streamed !== TILE || (!one && TILE % segment !== 0)) return undefined;
  // of one segment the first level of the tree in tiles, the others at the end
  const length = one ? BLOCK : segment;
  const blocks = one ? Math.ceil(n / BLOCK) : 0;
  const part = { x: 0, bits: 0, sums, max, scratch: 0, n: 0, segment: length, tiny, scale };
  return {
    input: 'x',
    n,
    outputs: {
      ...(bits !== 0 && { bits: TILE / 32 }),
      ...(!one && { sums: TILE / segment, max: TILE / segment }),
    },
    local: module.sumScratch(exports),
    shared: 2 * blocks,
    tile(x, first, count, scratch, level) {
      const at = (first / length) * 4;
      part.x = x;
      part.bits = bits + first / 8;
      part.sums = (one ? level : sums) + at;
      part.max = (one ? level + blocks * 4 : max) + at;
      part.scratch = scratch;
      part.n = count;
      sum(exports, part);
    },
    finish([scratch], x) {
      if (!one) return;
      // what is added there counts whole, and its own largest keys are of no use
      module.absSum(exports, { x, sums, max, scratch, n: blocks, segment: blocks, tiny: 0, scale: 1 });
      const keys = view(x + blocks * 4, blocks);
      view(max, 1)[0] = keys.reduce((most, key) => Math.max(most, key), 0);
    },
    withSigns: withSigns && ((bits) => sumPlan(withSigns, instance, args, streamed, undefined, bits)!),
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
