/**
 * The invocations of a workgroup: each runs up to the next barrier, or to an operation on its subgroup, then the next.
 */
import type { Asked, Barrier, Scalars, SubgroupSite, Waiting } from './waiting.ts';
import type { Findings } from './findings.ts';
import type { Turn } from './memory.ts';
import { type Lanes, type Operation, subgroupOperation, type Surroundings } from './subgroups.ts';

/** The largest subgroup. */
const MOST_LANES = 128;

export class Invocations {
  readonly #subgroupSize: number;
  readonly #turn: Turn;
  readonly #findings: Findings;
  readonly #asked: Asked;
  readonly #surroundings: Surroundings;
  readonly #operations = new Map<SubgroupSite, Operation>();
  readonly #lanes: Lanes;
  /** By invocation: what runs, where it waits, what it gave to its subgroup there and what it gets. */
  readonly #work: (Waiting | undefined)[] = [];
  readonly #waits: (Barrier | SubgroupSite | undefined)[] = [];
  readonly #values: Scalars[] = [];
  readonly #by: number[] = [];
  readonly #answers: (Scalars | undefined)[] = [];
  #size = 0;
  #live = 0;

  /** @param asked holds what the invocation that has just stopped gives to its subgroup */
  constructor(subgroupSize: number, turn: Turn, asked: Asked, surroundings: Omit<Surroundings, 'missing'>) {
    this.#subgroupSize = subgroupSize;
    this.#turn = turn;
    this.#findings = turn.findings;
    this.#asked = asked;
    const missing = ({ line, subgroup }: SubgroupSite): void =>
      this.#findings.add('shuffle from a lane that is not there', line, subgroup);
    this.#surroundings = { ...surroundings, missing };
    const none = (): undefined[] => new Array<undefined>(MOST_LANES).fill(undefined);
    this.#lanes = { values: none(), by: new Array<number>(MOST_LANES).fill(0), results: none() };
  }

  /**
   * Runs so many invocations to their ends.
   * @param order gives the order in which they take their turns, each time
   * @param passed is told of each barrier
   * @returns the number of barriers
   */
  run(
    size: number,
    start: (invocation: number) => Waiting,
    order: (size: number) => Uint32Array,
    passed: (barrier: Barrier) => void,
  ): number {
    this.#size = this.#live = size;
    for (let i = 0; i < size; i++) {
      this.#work[i] = start(i);
      this.#waits[i] = this.#answers[i] = undefined;
    }
    for (let barriers = 0; ;) {
      if (this.#advance(order(size))) this.#answerSubgroups();
      else if (this.#live > 0) {
        this.#passBarrier(passed);
        barriers++;
      } else return barriers;
    }
  }

  /** Lets each invocation that does not wait run on; whether any asks its subgroup. */
  #advance(order: Uint32Array): boolean {
    let isAsking = false;
    for (const i of order) {
      const work = this.#work[i];
      if (work === undefined) continue;
      if (this.#waits[i] !== undefined) {
        isAsking ||= isSubgroup(this.#waits[i]);
        continue;
      }
      this.#turn.invocation = i;
      const { done, value } = work.next(this.#answers[i]);
      if (done) {
        this.#work[i] = undefined;
        this.#live--;
        continue;
      }
      this.#waits[i] = value;
      if (!isSubgroup(this.#waits[i])) continue;
      isAsking = true;
      this.#values[i] = this.#asked.value;
      this.#by[i] = this.#asked.by;
    }
    return isAsking;
  }

  /** All invocations that have not returned wait at a barrier: lets them pass. */
  #passBarrier(passed: (barrier: Barrier) => void): void {
    const waits = this.#waits;
    let first: Barrier | undefined;
    let others: Set<Barrier> | undefined;
    for (let i = 0; i < this.#size; i++) {
      if (this.#work[i] === undefined) continue;
      const barrier = waits[i] as Barrier;
      first ??= barrier;
      if (barrier !== first) (others ??= new Set()).add(barrier);
      waits[i] = this.#answers[i] = undefined;
    }
    if (others || this.#live < this.#size)
      this.#findings.add(
        'barrier in non-uniform control flow',
        first!.line,
        `${first!.barrier}, others ${others ? 'wait elsewhere' : 'have returned'}`,
      );
    for (const barrier of [first!, ...(others ?? [])]) passed(barrier);
  }

  /** Answers the operations that all lanes of a subgroup have reached; where there are none, those that some have. */
  #answerSubgroups(): void {
    let isAnswered = false;
    for (let first = 0; first < this.#size; first += this.#subgroupSize) {
      const end = Math.min(first + this.#subgroupSize, this.#size);
      const site = this.#waits[first];
      if (!isSubgroup(site)) continue;
      let next = first + 1;
      while (next < end && this.#waits[next] === site) next++;
      if (next < end) continue;
      this.#answer(site, first, end);
      isAnswered = true;
    }
    if (!isAnswered) this.#answerSome();
  }

  /** Nobody else can go on: some lanes do not get where others ask. */
  #answerSome(): void {
    for (let first = 0; first < this.#size; first += this.#subgroupSize) {
      const end = Math.min(first + this.#subgroupSize, this.#size);
      for (const site of new Set(this.#waits.slice(first, end))) {
        if (!isSubgroup(site)) continue;
        this.#findings.add('subgroup operation that some lanes miss', site.line, site.subgroup);
        this.#answer(site, first, end);
      }
    }
  }

  /** Answers those of the lanes from `first` on that wait at an operation. */
  #answer(site: SubgroupSite, first: number, end: number): void {
    const { values, by, results } = this.#lanes;
    for (let i = first; i < end; i++) {
      values[i - first] = this.#waits[i] === site ? this.#values[i] : undefined;
      by[i - first] = this.#by[i];
    }
    for (let lane = end - first; lane < MOST_LANES; lane++) values[lane] = undefined;
    let operation = this.#operations.get(site);
    if (operation === undefined)
      this.#operations.set(site, (operation = subgroupOperation(site, this.#surroundings)));
    operation(this.#lanes, end - first);
    for (let i = first; i < end; i++) {
      if (this.#waits[i] !== site) continue;
      this.#answers[i] = results[i - first];
      this.#waits[i] = undefined;
    }
  }
}

function isSubgroup(site: Barrier | SubgroupSite | undefined): site is SubgroupSite {
  return site !== undefined && 'subgroup' in site;
}
