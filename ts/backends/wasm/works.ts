/**
 * Kernels as they go through a vector piece by piece: what each does with a piece, on whichever thread has its turn, and
 * what is left to do after the last.
 */
import { BLOCK } from '../../kernels/reduce.ts';
import type { Exports } from './kernels.ts';

/** Elements of a piece, 64 KiB: whole blocks of every tree and whole words of every packing. */
export const PIECE: number = 2 ** 14;

/** A kernel as it goes through a vector. Addresses are bytes; pieces may be done in any order, by several threads. */
export interface Work {
  /** The buffer that it goes through, and its elements. */
  readonly through: string;
  readonly n: number;
  /** Outputs that are done with each piece, by the words that a piece has of them. */
  readonly flows: Readonly<Record<string, number>>;
  /** Words that each thread has of its own, zero before its first piece; 0 if left out. */
  readonly own?: number;
  /** Words that all threads fill together, for `end`; 0 if left out. */
  readonly keeps?: number;
  /** The next `count` elements, from `first` on: they lie at `at`. */
  piece(at: number, first: number, count: number, own: number, kept: number): void;
  /** After the last piece, with the own words of all threads. */
  end?(owns: readonly number[], kept: number): void;
  /** Where it writes signs, if it does nothing else. */
  readonly signs?: number;
  /** The same work, that writes signs on its way. */
  readonly withSigns?: (bits: number) => Work;
}

export type Numbers = Readonly<Record<string, number>>;

/** Words of linear memory: valid until it grows. */
export type View = (address: number, words: number) => Uint32Array;

/**
 * The work of a kernel by the addresses of its buffers, which of them flow in words a piece, and its numbers; undefined
 * where it cannot be done in pieces. The address of what it goes through does not matter.
 */
export type Start = (places: Numbers, params: Numbers, flowing: Numbers) => Work | undefined;

/** The kernels that can go through a vector in pieces, by name. */
export function worksOf(wasm: Exports, view: View): Readonly<Record<string, Start>> {
  /** Adds up the segments of a piece: where its sums and largest keys go, and its first element in x. */
  type Add = (
    piece: { x: number; sums: number; max: number; scratch: number; n: number; first: number },
    segment: number,
  ) => void;

  /** The work of a sum over segments of x. */
  const sumOf = (add: Add, { sums, max }: Numbers, params: Numbers, flowing: Numbers): Work | undefined => {
    const { n, segment } = params;
    // blocks of the tree are whole in pieces of x alone
    if ((flowing.x ?? PIECE) !== PIECE) return undefined;
    const common = { through: 'x', n, own: wasm.sumScratch() };
    if (segment < n && PIECE % segment === 0)
      return {
        ...common,
        flows: { sums: PIECE / segment, max: PIECE / segment },
        piece: (x, first, count, scratch) => {
          const at = (first / segment) * 4;
          add({ x, sums: sums + at, max: max + at, scratch, n: count, first }, segment);
        },
      };
    if (segment < n) return undefined;
    // the first level of the tree in pieces, the others at the end
    const blocks = Math.ceil(n / BLOCK);
    return {
      ...common,
      flows: {},
      keeps: 2 * blocks,
      piece: (x, first, count, scratch, level) => {
        const at = level + (first / BLOCK) * 4;
        add({ x, sums: at, max: at + blocks * 4, scratch, n: count, first }, BLOCK);
      },
      end([scratch], level) {
        // what is added there counts whole, and its own largest keys are of no use
        wasm.absSum(level, sums, max, scratch, blocks, blocks, 0, 1);
        const keys = view(level + blocks * 4, blocks);
        view(max, 1)[0] = keys.reduce((most, key) => Math.max(most, key), 0);
      },
    };
  };

  const absSum: Start = (places, params, flowing) => {
    const { n, segment, tiny, scale } = params;
    const work = sumOf(
      (at, length) => wasm.absSum(at.x, at.sums, at.max, at.scratch, at.n, length, tiny, scale),
      places,
      params,
      flowing,
    );
    // a word of signs has those of one segment
    if (work === undefined || scale !== 1 || (segment < n && segment % 32 !== 0)) return work;
    const withSigns = (bits: number): Work => {
      const both: Add = (at, length) =>
        wasm.signsAndSum(at.x, bits + at.first / 8, at.sums, at.max, at.scratch, at.n, length, tiny);
      return { ...work, ...sumOf(both, places, params, flowing) };
    };
    return { ...work, withSigns };
  };

  return {
    absSum,
    squareSum: (places, params, flowing) =>
      sumOf(
        (at, length) =>
          wasm.squareSum(at.x, at.sums, at.max, at.scratch, at.n, length, params.tiny, params.scale),
        places,
        params,
        flowing,
      ),
    packSigns: ({ bits }, { n }) => ({
      through: 'x',
      n,
      flows: {},
      signs: bits,
      piece: (x, first, count) => wasm.packSigns(x, bits + first / 8, count),
    }),
    // own: whether the thread had a piece, its range, and that of one piece
    extremes: ({ range }, { n, order }) => ({
      through: 'x',
      n,
      flows: {},
      own: 5,
      piece(x, _first, count, own) {
        wasm.extremes(x, own + 12, count, order);
        const words = signed(view(own, 5));
        words[1] = words[0] === 0 ? words[3] : Math.min(words[1], words[3]);
        words[2] = words[0] === 0 ? words[4] : Math.max(words[2], words[4]);
        words[0] = 1;
      },
      end(owns) {
        // magnitudes' keys and signed keys are signed numbers both
        const had = owns.map((own) => signed(view(own, 5))).filter(([pieces]) => pieces > 0);
        const ends = signed(view(range, 2));
        ends[0] = Math.min(...had.map((words) => words[1]));
        ends[1] = Math.max(...had.map((words) => words[2]));
      },
    }),
    // own: how many and the first, of all its pieces, and of one
    nonFinite: ({ found }, { n }) => ({
      through: 'x',
      n,
      flows: {},
      own: 4,
      piece(x, first, count, own) {
        wasm.nonFinite(x, own + 8, count);
        const words = view(own, 4);
        if (words[2] === 0) return;
        words[1] = words[0] === 0 ? first + words[3] : Math.min(words[1], first + words[3]);
        words[0] += words[2];
      },
      end(owns) {
        const all = view(found, 2);
        all[0] = 0;
        all[1] = 2 ** 32 - 1;
        for (const [count, first] of owns.map((own) => view(own, 2))) {
          if (count === 0) continue;
          all[0] += count;
          all[1] = Math.min(all[1], first);
        }
      },
    }),
    quantize: ({ grid, packed }, { n, width, rounding, power, fraction, seed, step, stream }) => {
      // draws are keyed by the place in the whole vector
      if (fraction !== 0) return undefined;
      const draw = [seed, step, stream] as const;
      return {
        through: 'x',
        n,
        flows: {},
        own: wasm.quantizeScratch(),
        piece(x, first, count, scratch) {
          const to = packed + (first / 8) * width;
          wasm.quantize(x, grid, to, scratch, count, width, rounding, power, fraction, ...draw);
        },
      };
    },
    flatten: ({ y }, { n, total, block, seed, step, stream, tiny, scale }) => {
      if (block > PIECE) return undefined;
      return {
        through: 'x',
        n,
        flows: { y: PIECE },
        own: wasm.flipScratch(),
        piece(x, first, count, scratch) {
          const end = Math.min(first + PIECE, total);
          // where element 0 would lie, modulo 2^32
          const start = x - first * 4;
          wasm.flatten(start, y, scratch, first, first + count, end, block, seed, step, stream, tiny, scale);
        },
      };
    },
    lambdas: ({ lambdas }, { count, factor }, { sums }) =>
      sums === undefined
        ? undefined
        : {
            through: 'sums',
            n: count,
            flows: { lambdas: sums },
            piece: (at, first, some) => wasm.lambdas(at, lambdas + first * 4, some, factor),
          },
    packDithered: ({ lambdas, bits }, { n, segment, seed, step, stream }, flowing) => {
      // one for all, or as many as a piece has of them
      const one = segment >= n;
      if (one ? flowing.lambdas !== undefined : PIECE % segment !== 0) return undefined;
      if (!one && (flowing.lambdas ?? PIECE / segment) !== PIECE / segment) return undefined;
      return {
        through: 'z',
        n,
        flows: {},
        own: wasm.ditherScratch(),
        piece(z, first, count, scratch) {
          const own = one ? lambdas : lambdas + (first / segment) * 4;
          const end = first + count;
          wasm.packDithered(z, own, bits + first / 8, scratch, first, end, segment, seed, step, stream);
        },
      };
    },
  };
}

function signed(words: Uint32Array): Int32Array {
  return new Int32Array(words.buffer, words.byteOffset, words.length);
}
