/**
 * Kernels that go through a vector piece by piece. A piece fits the cache: the kernels of a group take turns at it, so that
 * all of them together read memory once, and what one leaves for the next is still there. A vector of the user's that is
 * not in linear memory is copied there piece by piece, never as a whole.
 */
import { workOf, type Stop, type Trip } from './jobs.ts';
import type { Place, Workshop } from './workshop.ts';
import { PIECE, worksOf, type Numbers, type Start, type Work } from './works.ts';

/** A kernel that waits: its work, and how to start that anew on another thread. */
interface Member extends Pick<Stop, 'name' | 'places' | 'params' | 'flowing' | 'signs'> {
  readonly work: Work;
  readonly through: Place;
}

/** Kernels that wait to go through a vector together. */
interface Group {
  readonly source: Place;
  readonly n: number;
  readonly members: Member[];
  /** What is there piece by piece, in words a piece: the source, and what members leave. */
  readonly flowing: Map<Place, number>;
  /** What members leave only at the end. */
  readonly late: Set<Place>;
  /** The first kernel as it runs alone. */
  readonly alone: () => void;
}

/** The kernels that wait. */
export class Pieces {
  readonly #shop: Workshop;
  readonly #works: Readonly<Record<string, Start>>;
  #group: Group | undefined;

  constructor(shop: Workshop) {
    this.#shop = shop;
    this.#works = worksOf(shop.wasm, shop.view);
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
    group.members.push({ name, places, params, flowing, signs: undefined, work, through });
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
    const inMemory = group.source.address !== undefined;
    if (inMemory && group.members.length === 1 && this.#shop.threadsFor(group.n) === 1) group.alone();
    else this.#go(group);
  }

  /** Goes through the source with all members in turns. */
  #go({ source, n, members: given, flowing }: Group): void {
    const shop = this.#shop;
    shop.scratch((take) => {
      const pieces = shop.pieces(source, n, take);
      const works: Work[] = [];
      const stops = joined(given).map((member): Stop => {
        const { name, places, params, flowing: own, signs, through } = member;
        const stop = { name, places, params, flowing: own, signs };
        const work = workOf(stop, this.#works);
        works.push(work);
        return {
          ...stop,
          at: through.address,
          words: flowing.get(through) ?? PIECE,
          owns: shop.owns(n, work.own ?? 0, take),
          kept: take(work.keeps ?? 0),
        };
      });
      const trip: Trip = { kind: 'trip', pieces, stops };
      shop.run(trip, Math.ceil(n / PIECE), n, source);
      for (const [i, { owns, kept }] of stops.entries()) works[i].end?.(owns, kept);
    });
  }
}

/** Signs are written by a sum of the same vector on its way, where there is one that can. */
function joined(members: readonly Member[]): readonly Member[] {
  for (const signs of members) {
    const { signs: bits } = signs.work;
    const host = members.find(
      ({ work, through }) => through === signs.through && work.withSigns !== undefined,
    );
    if (bits === undefined || host === undefined) continue;
    const both = { ...host, signs: bits };
    return members.filter((member) => member !== signs).map((member) => (member === host ? both : member));
  }
  return members;
}
