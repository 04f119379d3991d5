/**
 * What the server of a run decides from step to step: how many seats there are, and what it was asked to say of each
 * step. No clock, and no input or output.
 */
import type { Membership } from './membership.ts';
import { requireStepSettings, type StepSettings } from './step-settings.ts';
import type { Change, Terms } from './wire/terms.ts';

/** What the server's user says of steps: always the same, or by the number of the step. */
export type Schedule = StepSettings | ((step: number) => StepSettings);

export class Decisions {
  readonly #schedule: Schedule | undefined;
  readonly #rates: { readonly learningRate: number; readonly momentum: number };
  /** The terms of the run's first step. */
  first: Terms;
  #terms: Terms;

  /** @throws TypeError or RangeError where the schedule says something of the first step that can not be */
  constructor(
    schedule: Schedule | undefined,
    { learningRate, momentum }: { readonly learningRate: number; readonly momentum: number },
    seats: number,
  ) {
    this.#schedule = schedule;
    this.#rates = { learningRate, momentum };
    this.first = { seats, ...this.#settingsOf(0) };
    this.#terms = this.first;
  }

  /** The terms of the step under way. */
  get terms(): Terms {
    return this.#terms;
  }

  /** Where there is a schedule, workers need no rates of their own. */
  #settingsOf(step: number): { readonly settings?: StepSettings } {
    const schedule = this.#schedule;
    if (schedule === undefined) return {};
    const said = typeof schedule === 'function' ? schedule(step) : schedule;
    const { learningRate = this.#rates.learningRate, momentum = this.#rates.momentum } =
      requireStepSettings(said);
    return { settings: { ...said, learningRate, momentum } };
  }

  /**
   * What changes with a step: seats, as workers have come and gone, and what is said of it.
   * @throws TypeError or RangeError where the schedule says something that can not be
   */
  changeAt(step: number, members: Membership, waiting: number): Change | undefined {
    const { seats = this.#terms.seats, moves = [] } = members.reseating(waiting) ?? {};
    const said = this.#settingsOf(step);
    const isSame = JSON.stringify(said.settings) === JSON.stringify(this.#terms.settings);
    const settings = isSame ? this.#terms.settings : said.settings;
    if (isSame && seats === this.#terms.seats) return undefined;
    return { seats, moves, ...(settings !== undefined && { settings }) };
  }

  /** The step begins that these terms are of. */
  take(terms: Terms): void {
    const { seats, settings } = terms;
    this.#terms = { seats, ...(settings !== undefined && { settings }) };
  }

  /** Goes on from a saved state, which was of `settings`; the schedule may have become another. */
  load(step: number, seats: number, settings: StepSettings | undefined, first: Terms | undefined): void {
    this.take({ seats, ...(settings !== undefined && { settings: requireStepSettings(settings) }) });
    this.first = first ?? (step === 0 ? this.#terms : { ...this.first, seats });
  }
}
