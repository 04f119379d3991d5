/** The lists of indices that ExDyna's workers gather in a step. */
import { inspect } from '../../../ts/inspect.ts';
import { decoded, type Played } from './play.ts';

/** By rank: what was selected, within the partition; whether it was forced; elements of the partition. */
export interface Lists {
  readonly lists: number[][];
  readonly forced: boolean[];
  readonly lengths: number[];
}

export async function listsOf({ rounds }: Played): Promise<Lists> {
  const gather = [...rounds].reverse().find(({ messages }) => messages[0].route === 'gather');
  const packets = gather?.messages.map(({ bytes }) => bytes) ?? [];
  const vectors = await decoded(packets);
  return {
    lists: vectors.map((vector) => [...vector.keys()].filter((i) => vector[i] === 1)),
    forced: packets.map((packet) => inspect(packet).parameters.tag === 1),
    lengths: vectors.map(({ length }) => length),
  };
}
