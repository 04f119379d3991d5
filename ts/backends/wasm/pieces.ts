/**
 * Kernels that go through a vector piece by piece. A piece fits the cache: the kernels of a group take turns at it, so that
 * all of them together read memory once, and what one leaves for the next is still there. A vector of the user's that is
 * not in linear memory is copied there piece by piece, never as a whole.
 */
import { BLOCK } from '../../kernels/reduce.ts';
import type { Heap } from './heap.ts';
import type { Exports } from './kernels.ts';

/** Elements of a piece, 64 KiB: whole blocks of every tree and whole words of every packing. */
export const PIECE: number = 2 ** 14;

/** A buffer of the backend's: where it lies in linear memory, or the user's words where it is only lent. */
export interface Place {
  readonly address: number | undefined;
  readonly source: Uint32Array | undefined;
}

/** A kernel as it goes through a vector. */
interface Work {
  /** The buffer that it goes through, and its elements. */
  readonly through: string;
  readonly n: number;
  /** Outputs that are done with each piece, by the words that a piece has of them. */
  readonly flows: Readonly<Record<string, number>>;
  /** Words that it keeps from the first piece to the end; 0 if left out. */
  readonly keeps?: number;
  /** The next `count` elements, from `first` on: they lie at `at`. */
  piece(at: number, first: number, count: number, kept: number): void;
  /** After the last piece. */
  end?(kept: number): void;
  /** Where it writes signs, if it does nothing else. */
  readonly signs?: number;
  /** The same work, that writes signs on its way. */
  readonly withSigns?: (bits: number) => Work;
}

type Numbers = Readonly<Record<string, number>>;

/**
 * The work of a kernel by the addresses of its buffers, which of them flow in words a piece, and its numbers; undefined
 * where it cannot be done in pieces. The address of what it goes through does not matter.
 */
type Start = (places: Numbers, params: Numbers, flowing: Numbers) => Work | undefined;

/** The kernels that can go through a vector in pieces, by name. */
function worksOf(wasm: Exports, heap: Heap): Readonly<Record<string, Start>> {
  /** Adds up the segments of a piece: where its sums and largest keys go, and its first element in x. */
  type Add = (
    piece: { x: number; sums: number; max: number; scratch: number; n: number; first: number },
    segment: number,
  ) => void;

  /** The work of a sum over segments of x. */
  const sumOf = (add: Add, { sums, max }: Numbers, { n, segment }: Numbers): Work | undefined => {
    const scratch = wasm.sumScratch();
    const common = { through: 'x', n };
    if (segment < n && PIECE % segment === 0)
      return {
        ...common,
        flows: { sums: PIECE / segment, max: PIECE / segment },
        keeps: scratch,
        piece: (x, first, count, kept) => {
          const at = (first / segment) * 4;
          add({ x, sums: sums + at, max: max + at, scratch: kept, n: count, first }, segment);
        },
      };
    if (segment < n) return undefined;
    // the first level of the tree in pieces, the others at the end
    const blocks = Math.ceil(n / BLOCK);
    return {
      ...common,
      flows: {},
      keeps: scratch + 2 * blocks,
      piece: (x, first, count, kept) => {
        const at = kept + (scratch + first / BLOCK) * 4;
        add({ x, sums: at, max: at + blocks * 4, scratch: kept, n: count, first }, BLOCK);
      },
      end(kept) {
        const level = kept + scratch * 4;
        // what is added there counts whole, and its own largest keys are of no use
        wasm.absSum(level, sums, max, kept, blocks, blocks, 0, 1);
        const keys = heap.view(level + blocks * 4, blocks);
        heap.view(max, 1)[0] = keys.reduce((most, key) => Math.max(most, key), 0);
      },
    };
  };

  const absSum: Start = (places, params) => {
    const { n, segment, tiny, scale } = params;
    const work = sumOf(
      (at, length) => wasm.absSum(at.x, at.sums, at.max, at.scratch, at.n, length, tiny, scale),
      places,
      params,
    );
    // a word of signs has those of one segment
    if (work === undefined || scale !== 1 || (segment < n && segment % 32 !== 0)) return work;
    const withSigns = (bits: number): Work => {
      const both: Add = (at, length) =>
        wasm.signsAndSum(at.x, bits + at.first / 8, at.sums, at.max, at.scratch, at.n, length, tiny);
      return { ...work, ...sumOf(both, places, params) };
    };
    return { ...work, withSigns };
  };

  return {
    absSum,
    squareSum: (places, params) =>
      sumOf(
        (at, length) =>
          wasm.squareSum(at.x, at.sums, at.max, at.scratch, at.n, length, params.tiny, params.scale),
        places,
        params,
      ),
    packSigns: ({ bits }, { n }) => ({
      through: 'x',
      n,
      flows: {},
      signs: bits,
      piece: (x, first, count) => wasm.packSigns(x, bits + first / 8, count),
    }),
    extremes: ({ range }, { n, order }) => ({
      through: 'x',
      n,
      flows: {},
      keeps: 2,
      piece(x, first, count, kept) {
        wasm.extremes(x, first === 0 ? range : kept, count, order);
        if (first === 0) return;
        // magnitudes' keys and signed keys are signed numbers both
        const [least, greatest] = signed(heap, kept);
        const ends = signed(heap, range);
        ends[0] = Math.min(ends[0], least);
        ends[1] = Math.max(ends[1], greatest);
      },
    }),
    nonFinite: ({ found }, { n }) => ({
      through: 'x',
      n,
      flows: {},
      keeps: 2,
      piece(x, first, count, kept) {
        wasm.nonFinite(x, first === 0 ? found : kept, count);
        if (first === 0) return;
        const [here, place] = heap.view(kept, 2);
        const all = heap.view(found, 2);
        if (here > 0 && all[0] === 0) all[1] = first + place;
        all[0] += here;
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
        keeps: wasm.quantizeScratch(),
        piece(x, first, count, kept) {
          const to = packed + (first / 8) * width;
          wasm.quantize(x, grid, to, kept, count, width, rounding, power, fraction, ...draw);
        },
      };
    },
    flatten: ({ y }, { n, total, block, seed, step, stream, tiny, scale }) => {
      if (block > PIECE) return undefined;
      return {
        through: 'x',
        n,
        flows: { y: PIECE },
        keeps: wasm.flipScratch(),
        piece(x, first, count, kept) {
          const end = Math.min(first + PIECE, total);
          // where element 0 would lie, modulo 2^32
          const start = x - first * 4;
          wasm.flatten(start, y, kept, first, first + count, end, block, seed, step, stream, tiny, scale);
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
      if (PIECE % segment !== 0 || (flowing.lambdas ?? PIECE / segment) !== PIECE / segment) return undefined;
      return {
        through: 'z',
        n,
        flows: {},
        keeps: wasm.ditherScratch(),
        piece(z, first, count, kept) {
          const own = lambdas + (first / segment) * 4;
          const end = first + count;
          wasm.packDithered(z, own, bits + first / 8, kept, first, end, segment, seed, step, stream);
        },
      };
    },
  };
}

function signed(heap: Heap, address: number): Int32Array {
  return new Int32Array(heap.view(address, 2).buffer, address, 2);
}

/** Kernels that wait to go through a vector together. */
interface Group {
  readonly source: Place;
  readonly n: number;
  readonly members: { readonly work: Work; readonly through: Place }[];
  /** What is there piece by piece, in words a piece: the source, and what members leave. */
  readonly flowing: Map<Place, number>;
  /** What members leave only at the end. */
  readonly late: Set<Place>;
  /** The first kernel as it runs alone. */
  readonly alone: () => void;
}

/** The kernels that wait. */
export class Pieces {
  readonly #heap: Heap;
  readonly #works: Readonly<Record<string, Start>>;
  #group: Group | undefined;

  constructor(wasm: Exports, heap: Heap) {
    this.#heap = heap;
    this.#works = worksOf(wasm, heap);
  }

  /**
   * Lets a kernel wait for others that go through the same vector, and does first what it needs done; false where it cannot
   * be done in pieces. `alone` runs it at once.
   */
  wait(name: string, buffers: Readonly<Record<string, Place>>, params: Numbers, alone: () => void): boolean {
    const start = this.#works[name];
    if (start === undefined) return false;
    const places: Record<string, number> = {};
    const flowing: Record<string, number> = {};
    for (const key in buffers) {
      places[key] = buffers[key].address ?? 0;
      const words = this.#group?.flowing.get(buffers[key]);
      if (words !== undefined) flowing[key] = words;
    }
    const work = start(places, params, flowing);
    if (work === undefined) return false;
    const through = buffers[work.through];
    if (Object.values(buffers).some((place) => place.address === undefined && place !== through))
      return false;
    if (!this.#fits(work, buffers)) {
      this.finish();
      // lambdas go through what others leave, and are nothing by themselves
      if (work.n <= PIECE || flowing[work.through] !== undefined) return false;
      this.#group = {
        source: through,
        n: work.n,
        members: [],
        flowing: new Map([[through, PIECE]]),
        late: new Set(),
        alone,
      };
    }
    const group = this.#group!;
    group.members.push({ work, through });
    for (const key in buffers) {
      if (key in work.flows) group.flowing.set(buffers[key], work.flows[key]);
      else if (!group.flowing.has(buffers[key])) group.late.add(buffers[key]);
    }
    return true;
  }

  /** Whether a work may go with those that wait: all that it reads is there in time, and it writes what none of them has. */
  #fits(work: Work, buffers: Readonly<Record<string, Place>>): boolean {
    const group = this.#group;
    const words = group?.flowing.get(buffers[work.through]);
    if (group === undefined || words === undefined) return false;
    if (Math.ceil(work.n / words) !== Math.ceil(group.n / PIECE)) return false;
    return Object.entries(buffers).every(
      ([key, place]) => !group.late.has(place) && !(key in work.flows && group.flowing.has(place)),
    );
  }

  /** Does what waits. */
  finish(): void {
    const group = this.#group;
    this.#group = undefined;
    if (group === undefined) return;
    if (group.members.length === 1 && group.source.address !== undefined) group.alone();
    else this.#go(group);
  }

  /** Forgets what waits. */
  clear(): void {
    this.#group = undefined;
  }

  /** Goes through the source with all members in turns. */
  #go({ source, n, members: given, flowing }: Group): void {
    const heap = this.#heap;
    const members = joined(given);
    const room = source.address === undefined ? Math.min(PIECE, n) : 0;
    const words = members.reduce((sum, { work }) => sum + lines(work.keeps ?? 0), lines(room));
    heap.with(words, (address) => {
      let next = address + lines(room) * 4;
      const steps = members.map(({ work, through }) => {
        const kept = next;
        next += lines(work.keeps ?? 0) * 4;
        return { work, kept, through, words: flowing.get(through) ?? PIECE };
      });
      for (let piece = 0; piece * PIECE < n; piece++) {
        const start = piece * PIECE;
        if (source.source !== undefined && room > 0)
          heap
            .view(address, Math.min(PIECE, n - start))
            .set(source.source.subarray(start, Math.min(start + PIECE, n)));
        for (const step of steps) {
          const first = piece * step.words;
          const at = step.through.address === undefined ? address : step.through.address + first * 4;
          step.work.piece(at, first, Math.min(step.words, step.work.n - first), step.kept);
        }
      }
      for (const { work, kept } of steps) work.end?.(kept);
    });
  }
}

/** Signs are written by a sum of the same vector on its way, where there is one that can. */
function joined(members: Group['members']): Group['members'] {
  for (const signs of members) {
    const { signs: bits } = signs.work;
    const host = members.find(
      ({ work, through }) => through === signs.through && work.withSigns !== undefined,
    );
    if (bits === undefined || host?.work.withSigns === undefined) continue;
    const both = { work: host.work.withSigns(bits), through: host.through };
    return members.filter((member) => member !== signs).map((member) => (member === host ? both : member));
  }
  return members;
}

/** Words in whole cache lines. */
function lines(words: number): number {
  return Math.ceil(words / 16) * 16;
}
