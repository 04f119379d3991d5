/** Operations on subgroups, over the lanes that take part. */
import type { Scalars, SubgroupSite } from './waiting.ts';
import { type Arithmetic, floatOf } from './floats.ts';

/** A subgroup that is asked: by lane, what each gave. The value of a lane that does not take part is undefined. */
export interface Lanes {
  readonly values: (Scalars | undefined)[];
  /** The second argument. */
  readonly by: number[];
  /** Takes the result of each lane that takes part. */
  readonly results: (Scalars | undefined)[];
}

/** Fills `results` of a subgroup of so many lanes. */
export type Operation = (lanes: Lanes, size: number) => void;

/** What operations need beside their lanes. */
export interface Surroundings {
  readonly arithmetic: Arithmetic;
  readonly random: () => number;
  /** Is called where a lane asks for the value of one that does not take part. */
  readonly missing: (site: SubgroupSite) => void;
}

/** Combines two numbers, as `Add` and so on do. */
function combiner(
  name: string,
  of: string,
  { add, mul, functions }: Arithmetic,
): (a: number, b: number) => number {
  const signed = (x: number): number => (of === 'u32' ? x >>> 0 : x | 0);
  if (of === 'f32')
    switch (name) {
      case 'Add':
        return add;
      case 'Mul':
        return mul;
      case 'Min':
        return functions.min;
      default:
        return functions.max;
    }
  switch (name) {
    case 'Add':
      return (a, b) => signed(a + b);
    case 'Mul':
      return (a, b) => signed(Math.imul(a, b));
    case 'Min':
      return Math.min;
    case 'Max':
      return Math.max;
    case 'And':
      return (a, b) => signed(a & b);
    case 'Or':
      return (a, b) => signed(a | b);
    default:
      return (a, b) => signed(a ^ b);
  }
}

/** The lane that each lane reads, by the operation's name. */
const SOURCES: Readonly<Record<string, (lane: number, by: number) => number>> = {
  Shuffle: (_, by) => by,
  Broadcast: (_, by) => by,
  ShuffleXor: (lane, by) => lane ^ by,
  ShuffleUp: (lane, by) => lane - by,
  ShuffleDown: (lane, by) => lane + by,
};

/** The operation of a place in the source. */
export function subgroupOperation(site: SubgroupSite, surroundings: Surroundings): Operation {
  const { subgroup, of } = site;
  const { arithmetic, random } = surroundings;
  const name = subgroup.slice('subgroup'.length);
  if (name in SOURCES) return exchange(SOURCES[name], site, surroundings);
  switch (name) {
    case 'BroadcastFirst':
      return everywhere((values) => values.find((value) => value !== undefined)!);
    case 'Elect':
      return elect;
    case 'All':
      return everywhere((values) => values.every((value) => value ?? true));
    case 'Any':
      return everywhere((values) => values.some((value) => value ?? false));
    case 'Ballot':
      return everywhere(ballot);
  }
  const prefix = /^(Inclusive|Exclusive)(Add|Mul)$/.exec(name);
  if (prefix) return running(combiner(prefix[2], of, arithmetic), prefix[2] === 'Add' ? 0 : 1, prefix[1]);
  const combine = combiner(name, of, arithmetic);
  return everywhere((values) => shuffled(numbersOf(values), random).reduce(combine));
}

const numbersOf = (values: readonly (Scalars | undefined)[]): number[] =>
  values.filter((value) => value !== undefined).map(Number);

/** The numbers in another order: sums over a subgroup have none. */
function shuffled<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

/** Each lane has the value of another one. */
function exchange(
  sourceOf: (lane: number, by: number) => number,
  site: SubgroupSite,
  { random, missing }: Surroundings,
): Operation {
  const { of } = site;
  return ({ values, by, results }, size) => {
    for (let lane = 0; lane < size; lane++) {
      if (values[lane] === undefined) continue;
      let found = values[sourceOf(lane, by[lane])];
      if (found === undefined) {
        missing(site);
        if (of === 'bool') found = (random() & 1) === 1;
        else found = of === 'f32' ? floatOf(0x40000000 + (random() >>> 9)) : random();
      }
      results[lane] = found;
    }
  };
}

/** All lanes have the same result. */
function everywhere(result: (values: readonly (Scalars | undefined)[]) => Scalars): Operation {
  return ({ values, results }, size) => {
    const found = result(values.slice(0, size));
    for (let lane = 0; lane < size; lane++) if (values[lane] !== undefined) results[lane] = found;
  };
}

/** Sums or products of the lanes up to each one. */
function running(combine: (a: number, b: number) => number, start: number, kind: string): Operation {
  const inclusive = kind === 'Inclusive';
  return ({ values, results }, size) => {
    let before = start;
    for (let lane = 0; lane < size; lane++) {
      const value = values[lane];
      if (value === undefined) continue;
      const after = combine(before, Number(value));
      results[lane] = inclusive ? after : before;
      before = after;
    }
  };
}

function elect({ values, results }: Lanes, size: number): void {
  let isFirst = true;
  for (let lane = 0; lane < size; lane++) {
    if (values[lane] === undefined) continue;
    results[lane] = isFirst;
    isFirst = false;
  }
}

function ballot(values: readonly (Scalars | undefined)[]): Scalars {
  const words = [0, 0, 0, 0];
  values.forEach((value, lane) => {
    if (value) words[lane >>> 5] = (words[lane >>> 5] | (1 << (lane & 31))) >>> 0;
  });
  return words;
}
