/** What was found of a form of a backend: cases that differ, and cases that fail, equal errors as one. */
import type { Case } from './cases.ts';
import type { Difference, Where } from './outcome.ts';

/** Differences that are spelled out, of each form, and as many failures. */
const MOST_SPELLED_OUT = 20;

type Counted = Difference & { cases: number };

export class Findings {
  readonly #target: string;
  readonly #differences: Difference[] = [];
  readonly #failures: Counted[] = [];
  readonly #replays: Difference[] = [];
  /** The shortest vector whose bytes differ, by compressor. */
  readonly #shortest = new Map<string, Case>();
  #different = 0;
  #failed = 0;

  constructor(target: string) {
    this.#target = target;
  }

  /** Cases whose bytes differ. */
  get different(): number {
    return this.#different;
  }

  /** Cases that failed. */
  get failed(): number {
    return this.#failed;
  }

  /** The first differences, then the first failures. */
  get all(): readonly Difference[] {
    return [...this.#differences, ...this.#failures, ...this.#replays];
  }

  /** For each compressor that differs, the case with the shortest vector. */
  get shortest(): readonly Case[] {
    return [...this.#shortest.values()];
  }

  record(one: Case, where: Where): void {
    const found = this.#of(one, where);
    if (where.what === 'failure') return this.#recordFailure(found);
    this.#different++;
    if (this.#differences.length < MOST_SPELLED_OUT) this.#differences.push(found);
    const shortest = this.#shortest.get(one.name);
    if (shortest === undefined || one.n < shortest.n) this.#shortest.set(one.name, one);
  }

  /** The error of a replay, of a case that is counted already. */
  recordReplay(one: Case, got: string): void {
    this.#replays.push(this.#of(one, { what: 'replay', expected: 'each kernel by itself', got }));
  }

  #recordFailure(found: Difference): void {
    this.#failed++;
    const same = this.#failures.find(({ got, expected }) => got === found.got && expected === found.expected);
    if (same !== undefined) same.cases++;
    else if (this.#failures.length < MOST_SPELLED_OUT) this.#failures.push({ ...found, cases: 1 });
  }

  #of({ name, kind, n, seed }: Case, where: Where): Difference {
    return { target: this.#target, compressor: name, data: kind, n, seed, ...where };
  }
}
