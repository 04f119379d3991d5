/**
 * ExDyna (arXiv 2402.13781): sparsified data-parallel SGD with error feedback, where each worker selects in an
 * exclusive part of the vector, so that the lists never overlap, and one threshold, scaled from step to step, keeps the
 * density.
 *
 * State, equal on all workers: the step t that comes next; the threshold d; the partitions, as blocks each; of the last
 * step each partition's count and their sum k_prev, at least 1, elements that were forced (4.) left out, and the
 * largest magnitude of the direction; for how many steps the density has been astray. Own: the residual.
 *
 * A step, with acc = residual + gradient and k = density n:
 * 1. partitions are runs of blocks; from step to step single blocks move from crowded to sparse neighbours. Or, with
 *    `balance: 'exact'`, they are cut anew once d is known (ex-dyna-balance.ts)
 * 2. rank r owns partition (t + r) mod N at step t
 * 3. d follows k_prev / k, or is measured: set from a histogram of the magnitudes, with equal ones cut so that k are
 *    selected (density.ts says when)
 * 4. each worker selects all |acc_i| >= d of its partition; where there is none, and the density need not be exact, the
 *    element t mod (length of the partition) of it is forced: sent, though not above d, and not counted. With
 *    `balance: 'exact'` and d measured: its share of k, as even as can be, of the largest of the partition; of those
 *    that reach d alone, unless the density is to be exact
 * 5. all-gather of the lists, all-reduce of acc at their union, divided by N; residual = acc, zero at the union
 *
 * All of a step's numbers are its own until its last round: then they become the state. So a step that was begun and
 * not finished leaves nothing behind.
 *
 * Of a round over some of the workers: the partition of one whose list is missing is not selected from in this step,
 * and counts as it did in the last; sums are divided by the number of those who added to them, and the residual of one
 * who did not keeps acc at the union too. Ranks rotate over the partitions, so that each has its turn though a worker
 * stays away. With `balance: 'exact'` the partition of one whose counts are missing is empty; of one that counted, and
 * whose list is missing, its share counts.
 */
import { writeIndexList } from '../compressors/index-list.ts';
import type { Device } from '../device.ts';
import type { Bytes } from '../platform.ts';
import {
  countsOf,
  FORCED,
  readOwnList,
  tagOf,
  totalOf,
  type OwnList,
  type OwnPart,
} from './ex-dyna-messages.ts';
import type { DeviceVector } from '../kernels/device-vector.ts';
import {
  beginStep,
  divideBy,
  firstNumbers,
  numbersAfter,
  recut,
  takeLevel,
  type Numbers,
  type Rules,
  type Step,
} from './ex-dyna-state.ts';
import { ascending, unionOf } from './ex-dyna-union.ts';
import { reach, reaching } from './histogram.ts';
import { requireScale } from '../kernels/accumulate.ts';
import { openPair, scale, settle, type Kept } from './kept.ts';
import { Balance } from './ex-dyna-balance.ts';
import { move, requireSender, type MovableSeat } from './seat.ts';
import { shared, stateful } from './state.ts';
import {
  accumulate,
  bytesOf,
  notGathered,
  ranksOf,
  requireMessages,
  sumOf,
  takeUnion,
  valuesAt,
} from './steps.ts';
import type { Message, Outcome, Seat, SendOptions, StepReport, Worker } from './system.ts';
import { openDirection, type Vector } from './vectors.ts';
import { requireUnweighted } from './weights.ts';

type Inbox = readonly Uint8Array[];

/** Memory on the device: two vectors; the direction beside them. */
export class ExDynaWorker<Where extends Vector> implements Worker<Where> {
  readonly #device: Device;
  readonly #seat: MovableSeat;
  /** How many elements all workers together are to select: a real number. */
  readonly #k: number;
  readonly #rules: Rules;
  readonly save: () => Promise<Bytes>;
  readonly load: (state: Uint8Array) => Promise<void>;
  readonly free: () => void;
  readonly share: () => Bytes;
  readonly adopt: (shared: Uint8Array, taken?: boolean) => void;

  /** The residual; and acc of the step under way, which is the next residual. Between steps that is the one before. */
  #residual: Kept;
  #acc: Kept;
  readonly #direction: Where;
  #numbers: Numbers;
  #report: StepReport = {};
  #step: Step | undefined;
  /** The numbers before the last step, for as long as #acc is the residual that belongs to them. */
  #before: { readonly numbers: Numbers; readonly report: StepReport } | undefined;

  constructor(device: Device, seat: MovableSeat, into: Where | undefined, density: number, rules: Rules) {
    const { n } = seat;
    this.#device = device;
    this.#seat = seat;
    // of no elements, or hardly any, some number above zero
    this.#k = Math.max(density * n, Number.MIN_VALUE);
    this.#rules = rules;
    // before the vectors, which are not freed where it is refused
    this.#direction = openDirection(device, n, into);
    const pair = openPair(device, n);
    this.#residual = pair.first;
    this.#acc = { vector: pair.other(pair.first) };
    this.#numbers = firstNumbers(seat, this.#k, rules);
    const numbers = (): Numbers => this.#numbers;
    const restore = ({ t, d, kPrev, largest, strayed, counts, blocks }: Numbers): void => {
      this.#numbers = { t, d, kPrev, largest, strayed, counts, blocks };
      this.#step = undefined;
      this.#before = undefined;
    };
    const vectors = (): { residual: Kept } => ({ residual: this.#residual });
    const name = rules.balanced ? "exDyna, balance 'exact'" : 'exDyna';
    const own = stateful(
      device,
      () => `${name}, worker ${seat.rank} of ${seat.workers}, ${n} elements`,
      vectors,
      numbers,
      restore,
    );
    /** Whether the others have gone on without what this worker sent. */
    let missed = false;
    const goOn = (saved: Numbers): void => {
      missed = this.#step !== undefined && saved.t > this.#numbers.t;
      restore(saved);
    };
    const commonName = (): string => `${name}, ${seat.workers} workers, ${n} elements`;
    const common = shared(commonName, numbers, goOn, (taken) => {
      // what of it was in the sum is not known any more
      if (taken) this.#residual = { vector: this.#residual.vector, sent: 'all' };
      else if (missed) [this.#residual, this.#acc] = [this.#acc, this.#residual];
    });
    this.save = () => own.save();
    this.load = (bytes) => own.load(bytes);
    this.share = () => common.share();
    this.adopt = (bytes, taken) => common.adopt(bytes, taken);
    this.free = () => pair.free();
  }

  get report(): StepReport {
    return this.#report;
  }

  async send(gradient: Vector, options?: SendOptions): Promise<Message> {
    requireUnweighted(gradient, this.#seat.n, options);
    this.#forget();
    await accumulate(this.#device, this.#residual, gradient, this.#acc.vector);
    delete this.#acc.sent;
    return this.#begin();
  }

  async follow(): Promise<Message> {
    this.#forget();
    await settle(this.#device, this.#residual);
    await this.#acc.vector.write(this.#residual.vector);
    delete this.#acc.sent;
    return this.#begin();
  }

  /** Ends a step under way; acc is about to be overwritten, so that the last one cannot be taken back any more. */
  #forget(): void {
    this.#step = undefined;
    this.#before = undefined;
  }

  /**
   * Goes back to what was before the last step, while no other has begun; a step under way is forgotten. Where there is
   * none to take back nothing changes.
   */
  takeBack(): void {
    this.#step = undefined;
    if (this.#before === undefined) return;
    this.#numbers = this.#before.numbers;
    this.#report = this.#before.report;
    this.#before = undefined;
    [this.#residual, this.#acc] = [this.#acc, this.#residual];
  }

  /** Among another number of workers partitions are cut anew; there is no way back behind that. */
  reseat(place: Omit<Seat, 'n'>): void {
    const { workers } = this.#seat;
    move(this.#seat, place);
    if (workers === place.workers) return;
    this.#before = undefined;
    this.#numbers = recut(this.#numbers, this.#seat, this.#rules);
  }

  async scaleErrors(factor: number): Promise<void> {
    requireScale('factor', factor);
    this.#forget();
    await scale(this.#device, this.#residual, factor);
  }

  /** 1. and 3. */
  #begin(): Promise<Message> {
    const step = beginStep(this.#numbers, this.#seat, this.#k, this.#rules);
    this.#step = step;
    return step.measured ? this.#count(step) : this.#divideOrSelect(step);
  }

  /** What follows once d is known: the counts that partitions are cut by, or the lists. */
  #divideOrSelect(step: Step): Promise<Message> {
    if (!this.#rules.balanced) return this.#select(step);
    step.balance = new Balance(this.#device, { ...this.#seat }, this.#numbers.t, step.d);
    step.round = 'counts';
    return step.balance.message(this.#acc.vector);
  }

  /** 1., with `balance: 'exact'`. */
  async #balance(
    step: Step,
    inbox: Inbox,
    ranks: readonly number[],
    among: boolean,
  ): Promise<Outcome<Where>> {
    const balance = step.balance!;
    balance.receive(inbox, ranks, among);
    if (balance.result === undefined)
      return { kind: 'message', message: await balance.message(this.#acc.vector) };
    divideBy(step, balance.result, this.#k, this.#rules);
    return { kind: 'message', message: await this.#select(step) };
  }

  async check(message: Uint8Array, rank: number): Promise<void> {
    const step = this.#step;
    requireSender(rank, this.#seat.workers);
    if (step?.round === 'lists') this.#list(step, message, rank);
    else if (step?.round === 'counts') step.balance?.read(message, rank);
    else await notGathered();
  }

  async receive(
    inbox: readonly Uint8Array[],
    from?: readonly number[],
    used?: boolean,
  ): Promise<Outcome<Where>> {
    const ranks = ranksOf(from, this.#seat.workers);
    const among = used ?? ranks.includes(this.#seat.rank);
    const step = this.#step;
    switch (step?.round) {
      case 'histogram':
        return this.#refine(step, inbox, ranks, among);
      case 'ties':
        return this.#cut(step, inbox, ranks, among);
      case 'counts':
        return this.#balance(step, inbox, ranks, among);
      case 'lists':
        return this.#gather(step, inbox, ranks);
      case 'values':
        return this.#sum(step, inbox, ranks.length, among);
      case undefined:
        throw new Error('receive was called before send or follow');
    }
  }

  /** The part of acc that rank r owns in this step. */
  #own({ partitions, shares }: Step, rank: number): OwnPart {
    const partition = (this.#numbers.t + rank) % this.#seat.workers;
    return { partition, ...partitions.range(partition), most: shares[partition] ?? Infinity };
  }

  /**
   * The own part of acc; nothing where this worker has missed a round of the histogram, whose sums know nothing of it.
   */
  #counted(step: Step): DeviceVector {
    const { start, end } = this.#own(step, this.#seat.rank);
    return this.#acc.vector.slice(start, this.#isCounted(step) ? end : start);
  }

  #isCounted({ counted }: Step): boolean {
    // one beyond the workers follows: nobody reads what it sends
    return this.#seat.rank === this.#seat.workers || counted.includes(this.#seat.rank);
  }

  /** Who is left of the histogram after a round of it. */
  #stay({ counted }: Step, ranks: readonly number[], among: boolean): readonly number[] {
    return counted.filter((rank) => ranks.includes(rank) && (among || rank !== this.#seat.rank));
  }

  /** 3., measured: how many magnitudes of the own partition lie in each bin of the search. */
  async #count(step: Step): Promise<Message> {
    return { route: 'sum', bytes: bytesOf(await step.search.count(this.#device, this.#counted(step))) };
  }

  async #refine(step: Step, sums: Inbox, ranks: readonly number[], among: boolean): Promise<Outcome<Where>> {
    const level = step.search.refine(countsOf(sums, step.search.bins));
    step.counted = this.#stay(step, ranks, among);
    if (level === undefined) return { kind: 'message', message: await this.#count(step) };
    takeLevel(step, level, this.#rules);
    return {
      kind: 'message',
      message: await (step.ties === Infinity || this.#rules.balanced
        ? this.#divideOrSelect(step)
        : this.#countTies(step)),
    };
  }

  /** 3., where too many magnitudes are equal to d: how many each partition has, in a place of its own. */
  async #countTies(step: Step): Promise<Message> {
    const { partition } = this.#own(step, this.#seat.rank);
    const counts = new Float32Array(this.#seat.workers);
    counts[partition] = (await reach(this.#device, this.#counted(step), step.d)).equal;
    step.round = 'ties';
    return { route: 'sum', bytes: bytesOf(counts) };
  }

  /** The partitions take of them in their order: those of the lowest indices. */
  async #cut(step: Step, sums: Inbox, ranks: readonly number[], among: boolean): Promise<Outcome<Where>> {
    const { partition } = this.#own(step, this.#seat.rank);
    const before = countsOf(sums, this.#seat.workers).subarray(0, partition);
    step.counted = this.#stay(step, ranks, among);
    step.ties = Math.max(
      0,
      before.reduce((left, count) => left - count, step.ties),
    );
    return { kind: 'message', message: await this.#select(step) };
  }

  /**
   * 4. all |acc_i| >= d of the own partition, the ties as cut; where there is none, one element in turn, unless the
   *    density is to be exact.
   */
  async #select(step: Step): Promise<Message> {
    const { exact } = this.#rules;
    const { rank } = this.#seat;
    const { start, end, most } = this.#own(step, rank);
    const length = end - start;
    const absent = step.balance?.counted === false;
    step.round = 'lists';
    const own =
      exact && !step.balance ? this.#counted(step) : this.#acc.vector.slice(start, absent ? start : end);
    const indices = step.balance
      ? (await this.#device.kernels.topK(own, Math.min(most, own.length))).indices
      : await reaching(this.#device, own, step);
    const forced = !exact && !absent && indices.length === 0 && length > 0;
    const list = forced ? new Uint32Array([this.#numbers.t % length]) : indices;
    const tag = forced ? FORCED : tagOf(this.#seat.n, this.#numbers.t, rank);
    return { route: 'gather', bytes: writeIndexList(list, length, tag) };
  }

  /** 5. the union of the lists is their concatenation; acc there goes to the sum. */
  async #gather(step: Step, inbox: readonly Uint8Array[], ranks: readonly number[]): Promise<Outcome<Where>> {
    const { workers, n, rank: own } = this.#seat;
    requireMessages('inbox', inbox, ranks.length);
    const lists = ranks.map((rank, i) => this.#list(step, inbox[i], rank));
    const union = unionOf(lists);
    // those that were forced say nothing of the threshold
    const counts = [...step.counts];
    for (const { partition, indices, forced } of lists) counts[partition] = forced ? 0 : indices.length;
    const sent = lists[ranks.indexOf(own)];
    step.report = {
      ...(sent && { density: sent.indices.length / n }),
      union: union.length / n,
      threshold: step.d,
      imbalance: Math.max(...counts) / (totalOf(counts, 1) / (step.balance?.owners.length ?? workers)),
    };
    const values = await valuesAt(this.#device, this.#acc.vector, union);
    step.union = union;
    step.lists = lists;
    step.counts = counts;
    step.round = 'values';
    return { kind: 'message', message: { route: 'sum', bytes: bytesOf(values) } };
  }

  /** @throws PacketError unless the message is a list that the worker of this rank may send in this step */
  #list(step: Step, bytes: Uint8Array, rank: number): OwnList {
    const { n, workers } = this.#seat;
    const { exact, balanced } = this.#rules;
    const place = { n, workers, rank, t: this.#numbers.t, empty: exact || balanced, forces: !exact };
    return readOwnList(bytes, this.#own(step, rank), place);
  }

  /**
   * 5. the direction is the mean at the union; the residual is acc, zero at the union. So the step becomes the state.
   */
  async #sum(step: Step, sums: Inbox, count: number, among: boolean): Promise<Outcome<Where>> {
    const { lists, union } = step;
    const values = sumOf(sums, union.length).map((sum) => sum / count);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const residual = among ? this.#acc.vector : undefined;
    await takeUnion(this.#device, ascending(lists, union, values), residual, this.#direction);
    this.#before = { numbers: this.#numbers, report: this.#report };
    this.#numbers = numbersAfter(step, this.#numbers, this.#k, largest);
    this.#report = step.report;
    this.#step = undefined;
    [this.#residual, this.#acc] = [this.#acc, this.#residual];
    return { kind: 'direction', direction: this.#direction };
  }
}
