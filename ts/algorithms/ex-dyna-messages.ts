/**
 * ExDyna's messages other than values: the list of the indices that a worker selected in its own partition, with a tag
 * that is a hash of the vector's length, the step and the rank; and counts that are summed.
 */
import { readIndexList } from '../compressors/index-list.ts';
import { PacketError } from '../errors.ts';
import { pcg4d } from '../kernels/random.ts';
import { sumOf } from './steps.ts';

/** The part of the vector that a rank owns in a step. */
export interface OwnPart {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  /** The most elements that its owner may select, where the counts of its blocks have said so; else Infinity. */
  readonly most: number;
}

/** What identifies a list: the vector, the worker, the step t; and what it may be like. */
export interface ListPlace {
  readonly n: number;
  readonly workers: number;
  readonly rank: number;
  readonly t: number;
  /** Whether it may have no elements though its partition has some. */
  readonly empty: boolean;
  /** Whether an element may be forced where there is none. */
  readonly forces: boolean;
}

/** A list as its worker sent it. */
export interface OwnList {
  readonly partition: number;
  readonly start: number;
  /** Within the partition. */
  readonly indices: Uint32Array;
  /** Whether no element reached the threshold d, so that one was sent, chosen by the step. */
  readonly forced: boolean;
}

/** @throws PacketError unless the bytes are a list that the worker of this rank may send in this step */
export function readOwnList(
  bytes: Uint8Array,
  { partition, start, end, most }: OwnPart,
  { n, workers, rank, t, empty, forces }: ListPlace,
): OwnList {
  const { indices, length, tag } = readIndexList(bytes);
  if (length !== end - start)
    throw new PacketError(
      `a list over ${length} elements from rank ${rank}, whose partition ${partition} has ${end - start} in step ${t}`,
      8,
    );
  const forced = tag === FORCED;
  if (!forced) requireTag('a list', tag, { n, workers, rank, t });
  const fits = forced
    ? forces && indices.length === 1 && indices[0] === t % length
    : indices.length <= most && (empty || indices.length > 0 || length === 0);
  if (!fits)
    throw new PacketError(
      `a list of ${indices.length} elements${forced ? ', forced,' : ''} from rank ${rank} in step ${t}`,
      16,
    );
  return { partition, start, indices, forced };
}

/** The tag of a list of the one element that a partition sends where nothing reaches d. */
export const FORCED = 1;

/**
 * The tag of any other list: whose it is, so that one by another rank, of another step or for a vector of another
 * length is found out though its partition is as long. Of counts `round` says of which round of them, 1 for the first.
 */
export function tagOf(n: number, t: number, rank: number, round = 0): number {
  const four = new Int32Array(4);
  pcg4d(n, t, rank, round, four);
  return Math.max(FORCED + 1, four[0] >>> 0);
}

/** @throws PacketError unless a tag is that of `what` by this rank in this step and round */
export function requireTag(
  what: string,
  tag: number,
  { n, workers, rank, t }: Omit<ListPlace, 'empty' | 'forces'>,
  round = 0,
): void {
  if (tag === tagOf(n, t, rank, round)) return;
  const ranks = Array.from({ length: workers }, (_, one) => one);
  const sender = ranks.find((one) => tag === tagOf(n, t, one, round));
  const whose = sender === undefined ? `with tag ${tag}` : `by rank ${sender}`;
  throw new PacketError(`${what} ${whose}, expected one by rank ${rank} in step ${t}`, 32);
}

/** The sum of the counts, at least `least`. */
export function totalOf(counts: readonly number[], least: number): number {
  return Math.max(
    counts.reduce((sum, count) => sum + count, 0),
    least,
  );
}

/** @throws PacketError unless the message has `length` counts */
export function countsOf(sums: readonly Uint8Array[], length: number): Float32Array {
  const counts = sumOf(sums, length);
  const bad = counts.findIndex((count) => count < 0 || !Number.isInteger(count));
  if (bad >= 0) throw new PacketError(`count ${bad} of the message is ${counts[bad]}`, bad * 4);
  return counts;
}
