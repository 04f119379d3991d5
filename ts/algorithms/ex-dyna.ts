/**
 * ExDyna (arXiv 2402.13781): sparsified data-parallel SGD with error feedback, where each worker selects in an exclusive
 * part of the vector, so that the lists never overlap, and one threshold, scaled from step to step, keeps the density.
 *
 * State, equal on all workers: the threshold d, the partitions, k_prev and each partition's count of the last step. Own:
 * the residual. With acc = residual + gradient and k = density n:
 * 1. partitions are runs of blocks; from step to step single blocks move from crowded to sparse neighbours
 * 2. rank r owns partition (t + r) mod N at step t
 * 3. d follows k_prev / k, or is set from a histogram of the magnitudes, with equal ones cut so that k are selected
 * 4. each worker selects all |acc_i| >= d of its partition
 * 5. all-gather of the lists, all-reduce of acc at their union, divided by N; residual = acc, zero at the union
 *
 * Of a round over some of the workers: the partition of one whose list is missing is not selected from in this step, and counts
 * as it did in the last; sums are divided by the number of those who added to them, and the residual of one who did not keeps
 * acc at the union too. Ranks rotate over the partitions, so that each has its turn though a worker stays away.
 */
import { requireBoolean, requireNumber, requireOneOf, requireOptions } from '../arguments.ts';
import { readIndexList, writeIndexList } from '../compressors/index-list.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import type { Bytes } from '../platform.ts';
import { keyHistogram, type Levels } from './histogram.ts';
import { Partitions } from './partitions.ts';
import { shared, stateful } from './state.ts';
import {
  accumulate,
  bytesOf,
  finiteFloatsOf,
  notGathered,
  only,
  ranksOf,
  requireMessages,
  takeMean,
} from './steps.ts';
import type { Message, Outcome, Seat, StepReport, System, Worker } from './system.ts';
import { requireVector, type Vector } from './vectors.ts';

export interface ExDynaOptions {
  /** The share of elements that all workers together are to select in a step. */
  readonly density: number;
  /**
   * How d follows the density: `'scaled'`, the default, as the paper does it, by 0.1 to 0.5 % a step; `'exact'`, from a
   * histogram that all workers add to in every step: round(k) elements are selected in each, equal magnitudes by the
   * lowest index, for three to six short rounds more.
   */
  readonly control?: 'scaled' | 'exact';
  /**
   * Whether the steps 0, 10, 20, 40, 80 and 160 set d as `'exact'` does: the residual grows tenfold at first, faster than
   * the scaling follows. true if left out.
   */
  readonly warmStart?: boolean;
}

/** Steps at which a warm start sets d. */
const WARM: ReadonlySet<number> = new Set([0, 10, 20, 40, 80, 160]);

/** By how much a step scales d, by e = k_prev / k. */
function factorFor(e: number): number {
  if (e > 1.1) return 1.005;
  if (e > 1) return 1.00125;
  return e > 0.909 ? 0.9987 : 0.995;
}

/**
 * ExDyna, among peers: workers gather lists of indices, then sum values. Source: arXiv 2402.13781, with the evident
 * intention of its program where the scale factors are concerned. Two additions, both options: a warm start, and exact
 * control.
 *
 * @throws RangeError unless 0 < density <= 1
 * @example
 * const worker = exDyna({ density: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function exDyna(options: ExDynaOptions): System {
  requireOptions('exDyna', options, ['density', 'control', 'warmStart']);
  const density = requireNumber(
    'density',
    options?.density,
    'a number above 0 and up to 1',
    (d) => d > 0 && d <= 1,
  );
  const { control = 'scaled', warmStart = true } = options;
  requireOneOf('control', control, ['scaled', 'exact']);
  requireBoolean('warmStart', warmStart);
  return {
    name: 'exDyna',
    worker: (device, seat) =>
      new ExDynaWorker(
        device,
        seat,
        density * seat.n,
        (t) => control === 'exact' || (warmStart && WARM.has(t)),
      ),
  };
}

/** What all workers have in common. */
type Numbers = Record<'t' | 'prepared' | 'd' | 'kPrev' | 'largest', number> &
  Record<'counts' | 'blocks', readonly number[]>;

class ExDynaWorker implements Worker {
  readonly #device: Device;
  readonly #seat: Seat;
  /** How many elements all workers together are to select: a real number. */
  readonly #k: number;
  readonly #measures: (t: number) => boolean;
  readonly #partitions: Partitions;
  readonly #residual: Float32Array;
  readonly #acc: Float32Array;
  readonly #direction: Float32Array;
  /** The states before the last step that began. */
  #former: { readonly own: Bytes; readonly common: Bytes } | undefined;
  readonly save: () => Bytes;
  readonly load: (state: Uint8Array) => void;
  readonly share: () => Bytes;
  readonly adopt: (shared: Uint8Array, taken?: boolean) => void;

  #t = 0;
  /** The step for which partitions and d are set. */
  #prepared = 0;
  #d: number;
  #kPrev = 1;
  /** The largest magnitude of the last direction: d that is scaled stays above 2^-10 of it. */
  #largest = 0;
  /** How many each partition selected in the last step, those that were forced left out. */
  #counts: number[];

  /** The lists of the step under way, by rank; and the search for d while it lasts. */
  #union: number[] = [];
  #search: Levels | undefined;
  /** How many of the magnitudes equal to d are taken: of all partitions together, then of the own. */
  #ties = Infinity;
  #round: 'histogram' | 'ties' | 'lists' | 'values' | 'none' = 'none';
  #report: StepReport = {};

  constructor(device: Device, seat: Seat, k: number, measures: (t: number) => boolean) {
    const { n, workers, rank } = seat;
    this.#device = device;
    this.#seat = seat;
    // of no elements, or hardly any, some number above zero
    this.#k = Math.max(k, Number.MIN_VALUE);
    this.#measures = measures;
    this.#partitions = new Partitions(n, workers);
    this.#residual = new Float32Array(n);
    this.#acc = new Float32Array(n);
    this.#direction = new Float32Array(n);
    this.#d = held(1 / (2 * Math.sqrt(this.#k)), 0);
    this.#counts = new Array<number>(workers).fill(0);
    const numbers = (): Numbers => ({
      t: this.#t,
      prepared: this.#prepared,
      d: this.#d,
      kPrev: this.#kPrev,
      largest: this.#largest,
      counts: this.#counts,
      blocks: this.#partitions.blocks,
    });
    const restore = (saved: Numbers): void => {
      this.#t = saved.t;
      this.#prepared = saved.prepared;
      this.#d = saved.d;
      this.#kPrev = saved.kPrev;
      this.#largest = saved.largest;
      this.#counts = [...saved.counts];
      this.#partitions.blocks = [...saved.blocks];
    };
    const own = stateful(
      `exDyna, worker ${rank} of ${workers}, ${n} elements`,
      { residual: this.#residual },
      numbers,
      restore,
    );
    const common = shared(`exDyna, ${workers} workers, ${n} elements`, numbers, restore, (taken) => {
      this.#round = 'none';
      this.#former = undefined;
      // what of it was in the sum is not known any more
      if (taken) this.#residual.fill(0);
    });
    // in the middle of a step, the state is the one before it
    this.save = () => (this.#round === 'none' ? own.save() : (this.#former?.own ?? own.save()));
    this.load = (bytes) => {
      own.load(bytes);
      this.#round = 'none';
      this.#former = undefined;
    };
    this.share = () => (this.#round === 'none' ? common.share() : (this.#former?.common ?? common.share()));
    this.adopt = (bytes, taken) => common.adopt(bytes, taken);
  }

  get report(): StepReport {
    return this.#report;
  }

  takeBack(): void {
    if (this.#former !== undefined) this.load(this.#former.own);
  }

  /** One that was begun and not finished is forgotten. */
  #forget(): void {
    if (this.#round !== 'none') this.takeBack();
    this.#former = { own: this.save(), common: this.share() };
  }

  async send(gradient: Vector): Promise<Message> {
    requireVector('gradient', gradient, this.#seat.n);
    this.#forget();
    await accumulate(this.#device, this.#residual, gradient, this.#acc);
    return this.#begin();
  }

  async follow(): Promise<Message> {
    this.#forget();
    this.#acc.set(this.#residual);
    return this.#begin();
  }

  async #begin(): Promise<Message> {
    this.#prepare();
    this.#ties = Infinity;
    if (this.#measures(this.#t)) {
      this.#search = keyHistogram(this.#k);
      return this.#count(this.#search);
    }
    return this.#select();
  }

  /** 1. and 3. of this step, once: a step that one worker refused is begun anew by all, and they stay equal. */
  #prepare(): void {
    if (this.#prepared === this.#t) return;
    this.#prepared = this.#t;
    this.#partitions.balance(this.#counts, this.#kPrev);
    if (!this.#measures(this.#t))
      this.#d = held(this.#d * factorFor(this.#kPrev / this.#k), this.#largest * 2 ** -10);
  }

  async check(message: Uint8Array, rank: number): Promise<void> {
    if (this.#round !== 'lists') await notGathered();
    this.#list(message, rank);
  }

  async receive(inbox: readonly Uint8Array[], from?: readonly number[], used?: boolean): Promise<Outcome> {
    const ranks = ranksOf(from, this.#seat.workers);
    switch (this.#round) {
      case 'histogram':
        return this.#refine(only(inbox));
      case 'ties':
        return this.#cut(only(inbox));
      case 'lists':
        return this.#gather(inbox, ranks);
      case 'values':
        return this.#sum(only(inbox), ranks.length, used ?? ranks.includes(this.#seat.rank));
      case 'none':
        throw new Error('receive was called before send');
    }
  }

  /** The part of acc that rank r owns in this step. */
  #own(rank: number): { partition: number; start: number; end: number } {
    const partition = (this.#t + rank) % this.#seat.workers;
    return { partition, ...this.#partitions.range(partition) };
  }

  /** 3., measured: how many magnitudes of the own partition lie in each bin of the search. */
  #count(search: Levels): Message {
    const { start, end } = this.#own(this.#seat.rank);
    this.#round = 'histogram';
    return { route: 'sum', bytes: bytesOf(search.count(this.#acc.subarray(start, end))) };
  }

  async #refine(sums: Uint8Array): Promise<Outcome> {
    const search = this.#search;
    if (search === undefined) throw new Error('no search for a threshold is under way');
    const level = search.refine(finiteFloatsOf(sums, search.bins));
    if (level === undefined) return { kind: 'message', message: this.#count(search) };
    this.#search = undefined;
    this.#d = held(level.d, 0);
    const all = level.ties === Infinity || this.#d !== level.d;
    this.#ties = all ? Infinity : level.ties;
    return { kind: 'message', message: all ? await this.#select() : this.#countTies() };
  }

  /** 3., where too many magnitudes are equal to d: how many each partition has, in a place of its own. */
  #countTies(): Message {
    const { partition, start, end } = this.#own(this.#seat.rank);
    const counts = new Float32Array(this.#seat.workers);
    for (let i = start; i < end; i++) if (Math.abs(this.#acc[i]) === this.#d) counts[partition]++;
    this.#round = 'ties';
    return { route: 'sum', bytes: bytesOf(counts) };
  }

  /** The partitions take of them in their order: those of the lowest indices. */
  async #cut(sums: Uint8Array): Promise<Outcome> {
    const { partition } = this.#own(this.#seat.rank);
    const before = finiteFloatsOf(sums, this.#seat.workers).subarray(0, partition);
    this.#ties = Math.max(
      0,
      before.reduce((left, count) => left - count, this.#ties),
    );
    return { kind: 'message', message: await this.#select() };
  }

  /** 4. all |acc_i| >= d of the own partition, the ties as cut; where there is none, one element in turn. */
  async #select(): Promise<Message> {
    const { start, end } = this.#own(this.#seat.rank);
    const length = end - start;
    this.#round = 'lists';
    const own = this.#acc.subarray(start, end);
    const { indices: reached } = await this.#device.kernels.threshold(own, this.#d);
    const indices = this.#ties === Infinity ? reached : withoutTies(reached, own, this.#d, this.#ties);
    const forced = indices.length === 0 && length > 0;
    const list = forced ? new Uint32Array([this.#t % length]) : indices;
    return { route: 'gather', bytes: writeIndexList(list, length, forced ? 1 : 0) };
  }

  /** 5. the union of the lists is their concatenation; acc there goes to the sum. */
  async #gather(inbox: readonly Uint8Array[], ranks: readonly number[]): Promise<Outcome> {
    const { workers, n, rank: own } = this.#seat;
    requireMessages('inbox', inbox, ranks.length);
    const lists = ranks.map((rank, i) => this.#list(inbox[i], rank));
    this.#union = lists.flatMap(({ start, indices }) => Array.from(indices, (index) => start + index));
    // those that were forced say nothing of the threshold
    for (const { partition, indices, forced } of lists) this.#counts[partition] = forced ? 0 : indices.length;
    this.#kPrev = Math.max(
      this.#counts.reduce((sum, count) => sum + count, 0),
      1,
    );
    const sent = lists[ranks.indexOf(own)];
    this.#report = {
      ...(sent && { density: sent.indices.length / n }),
      union: this.#union.length / n,
      threshold: this.#d,
      imbalance: Math.max(...this.#counts) / (this.#kPrev / workers),
    };
    this.#round = 'values';
    const values = Float32Array.from(this.#union, (i) => this.#acc[i]);
    return { kind: 'message', message: { route: 'sum', bytes: bytesOf(values) } };
  }

  /** @throws PacketError unless the message is a list that the worker of this rank may send in this step */
  #list(
    bytes: Uint8Array,
    rank: number,
  ): { partition: number; start: number; indices: Uint32Array; forced: boolean } {
    const { partition, start, end } = this.#own(rank);
    const { indices, length, tag } = readIndexList(bytes);
    if (length !== end - start)
      throw new PacketError(`a list over ${length} elements from rank ${rank}, expected ${end - start}`, 8);
    const forced = tag === 1;
    const fits = forced
      ? indices.length === 1 && indices[0] === this.#t % length
      : tag === 0 && (indices.length > 0 || length === 0);
    if (!fits)
      throw new PacketError(
        `a list of ${indices.length} with tag ${tag} from rank ${rank} in step ${this.#t}`,
        16,
      );
    return { partition, start, indices, forced };
  }

  /** 5. the direction is the mean at the union; the residual keeps the rest. */
  async #sum(sums: Uint8Array, count: number, among: boolean): Promise<Outcome> {
    const values = finiteFloatsOf(sums, this.#union.length);
    takeMean(this.#union, values, { count, among }, this.#acc, this.#residual, this.#direction);
    this.#largest = this.#union.reduce((most, i) => Math.max(most, Math.abs(this.#direction[i])), 0);
    this.#t++;
    this.#round = 'none';
    return { kind: 'direction', direction: this.#direction };
  }
}

/** Of `indices`, those at which |x| is not d, and the first `ties` of the others. */
function withoutTies(indices: Uint32Array, x: Float32Array, d: number, ties: number): Uint32Array {
  let left = ties;
  return indices.filter((i) => Math.abs(x[i]) !== d || left-- > 0);
}

/** A threshold as float32, within 2^-100 and 2^100, and not below `least`. */
function held(d: number, least: number): number {
  return Math.fround(Math.min(Math.max(d, 2 ** -100, least), 2 ** 100));
}
