/** Operations on subgroups, over the lanes that take part. */
import type { Scalars, SubgroupSite } from './compile.ts';
import { type Arithmetic, floatOf } from './floats.ts';

export interface Lane {
  /** Its number in the subgroup. */
  readonly lane: number;
  readonly value: Scalars;
  /** The second argument. */
  readonly by: number;
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

/** The numbers in another order: sums over a subgroup have none. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const found = [...items];
  for (let i = found.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [found[i], found[j]] = [found[j], found[i]];
  }
  return found;
}

/**
 * The result of each lane, in the order of the lanes.
 * @param missing is called where a lane asks for the value of one that does not take part
 */
export function subgroupResults(
  { subgroup, of }: SubgroupSite,
  lanes: readonly Lane[],
  arithmetic: Arithmetic,
  random: () => number,
  missing: () => void,
): Scalars[] {
  const name = subgroup.slice('subgroup'.length);
  const byLane = new Map(lanes.map(({ lane, value }) => [lane, value]));
  const valueOf = (lane: number): Scalars => {
    const found = byLane.get(lane);
    if (found !== undefined) return found;
    missing();
    return of === 'f32'
      ? floatOf(0x40000000 + (random() >>> 9))
      : of === 'bool'
        ? (random() & 1) === 1
        : random();
  };
  const numbers = (): number[] => lanes.map(({ value }) => Number(value));
  const everywhere = (value: Scalars): Scalars[] => lanes.map(() => value);
  switch (name) {
    case 'Shuffle':
    case 'Broadcast':
      return lanes.map(({ by }) => valueOf(by));
    case 'ShuffleXor':
      return lanes.map(({ lane, by }) => valueOf(lane ^ by));
    case 'ShuffleUp':
      return lanes.map(({ lane, by }) => valueOf(lane - by));
    case 'ShuffleDown':
      return lanes.map(({ lane, by }) => valueOf(lane + by));
    case 'BroadcastFirst':
      return everywhere(lanes[0].value);
    case 'Elect':
      return lanes.map((_, i) => i === 0);
    case 'All':
      return everywhere(lanes.every(({ value }) => value));
    case 'Any':
      return everywhere(lanes.some(({ value }) => value));
    case 'Ballot': {
      const words = [0, 0, 0, 0];
      for (const { lane, value } of lanes)
        if (value) words[lane >>> 5] = (words[lane >>> 5] | (1 << (lane & 31))) >>> 0;
      return everywhere(words);
    }
  }
  const prefix = /^(Inclusive|Exclusive)(Add|Mul)$/.exec(name);
  if (!prefix) return everywhere(shuffled(numbers(), random).reduce(combiner(name, of, arithmetic)));
  const combine = combiner(prefix[2], of, arithmetic);
  let before = prefix[2] === 'Add' ? 0 : 1;
  return numbers().map((value) => {
    const after = combine(before, value);
    const result = prefix[1] === 'Inclusive' ? after : before;
    before = after;
    return result;
  });
}
