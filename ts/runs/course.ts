/**
 * What the server of a run computes by the terms of the step: its machine, its replica of the model, and what it
 * decides. All of it changes between two steps together, and is saved and loaded together.
 */
import type { Server, System } from '../algorithms/system.ts';
import type { Checkpoint } from './checkpoint.ts';
import { Decisions } from './decisions.ts';
import type { Description } from './description.ts';
import { rangeOf, type Membership } from './membership.ts';
import { Replica } from './replica.ts';
import type { ServeNumbers, ServeOptions } from './serve-options.ts';
import { settingsOf, type Settings } from './settings.ts';
import { systemOf, type StepSettings } from './step-settings.ts';
import { Answering } from './trained.ts';
import type { Range, Change, Terms } from './wire/terms.ts';

export class Course {
  readonly #options: ServeOptions;
  readonly #decisions: Decisions;
  readonly #answering: Answering;
  readonly replica: Replica;
  /** The least and the most seats. */
  readonly range: Range;
  #settings: Settings | undefined;

  /** @throws TypeError or RangeError where an option is wrong, or workers cannot come and go in this system */
  constructor(options: ServeOptions, { first, checkEvery }: ServeNumbers) {
    this.#options = options;
    this.range = rangeOf(options.workers);
    this.#decisions = new Decisions(options.settings, options.model, first);
    const { terms } = this.#decisions;
    this.#answering = new Answering(options, terms.seats, terms.settings);
    this.replica = new Replica({ ...options, checkEvery }, terms);
    if (this.#isElastic && !this.#canResize) {
      this.free();
      throw new TypeError(
        `"workers" expected a number: the system ${this.system.name} cannot go on with another one`,
      );
    }
  }

  get #isElastic(): boolean {
    return this.range.most > this.range.least;
  }

  get #canResize(): boolean {
    const { machine } = this;
    return this.replica.canReseat && (machine === undefined || machine.resize !== undefined);
  }

  /** The system's server; none among peers. */
  get machine(): Server | undefined {
    return this.#answering.machine;
  }

  /** The system of the step under way. */
  get system(): System {
    return systemOf(this.#options.system, this.terms.settings);
  }

  /** The terms of the step under way. */
  get terms(): Terms {
    return this.#decisions.terms;
  }

  /** Tries the system, so that workers can be told what it makes of a known gradient. */
  async prepare(): Promise<void> {
    const { device, model } = this.#options;
    this.#settings = await settingsOf(device, this.system, model);
  }

  /** What changes with the step, where `waiting` workers have found no seat. */
  changeAt(step: number, members: Membership, waiting: number): Change | undefined {
    return this.#decisions.changeAt(step, members, waiting);
  }

  /** The step that begins is of these terms. */
  async take(terms: Terms): Promise<void> {
    this.#decisions.take(terms);
    await this.#answering.take(terms.seats, terms.settings);
    await this.replica.take(terms);
  }

  /** What the run is, as far as it is decided here. */
  describe(): Pick<Description, 'system' | 'n' | 'workers' | 'settings' | 'stepSettings' | 'elastic'> {
    const { seats, settings } = this.#decisions.first;
    return {
      system: this.system.name,
      n: this.#options.model.parameters.length,
      workers: seats,
      ...(this.#settings && { settings: withoutDecided(this.#settings, settings) }),
      ...(settings && { stepSettings: settings }),
      ...(this.#isElastic && { elastic: this.range }),
    };
  }

  /** The state at the start of a step, without what is not computed. */
  async save(): Promise<Omit<Checkpoint, 'head' | 'kept'> & { readonly head: CourseHead }> {
    // no step goes on meanwhile; the rest of it in one turn after this
    const machine = (await this.machine?.save()) ?? new Uint8Array(0);
    const { first, terms } = this.#decisions;
    const head = {
      system: this.system.name,
      workers: terms.seats,
      ...(terms.settings && { settings: terms.settings }),
      ...((terms.settings !== undefined || first.seats !== terms.seats) && { first }),
    };
    return { head, common: this.replica.common, model: this.replica.packModel(), machine };
  }

  async load({ head, common, model, machine }: Checkpoint): Promise<void> {
    this.#decisions.load(head.step, head.workers, head.settings, head.first);
    await this.take(this.terms);
    this.replica.load(head.step, common, model);
    await this.machine?.load(machine);
  }

  /** Gives the device's memory back. */
  free(): void {
    this.#answering.free();
    this.replica.free();
  }
}

/** What a checkpoint's head says of this. */
type CourseHead = Pick<Checkpoint['head'], 'system' | 'workers' | 'settings' | 'first'>;

/** The settings that workers must have without a server's word: what it decides is not theirs to have. */
function withoutDecided(settings: Settings, decided: StepSettings | undefined): Partial<Settings> {
  if (decided === undefined) return settings;
  const { initial, packet } = settings;
  return { initial, ...(decided.compressor === undefined && { packet }) };
}
