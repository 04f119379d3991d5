/**
 * The server's own copy of the model: a worker of the system that only follows, so that those who join, or have lost
 * track, can load the model, and what goes with it, as it is at the start of a step.
 */
import { descend } from '../algorithms/steps.ts';
import type { Model, Outcome, Route, System, Worker } from '../algorithms/system.ts';
import { checksumOf, commonModel } from './settings.ts';
import { Trained, type TrainedOptions } from './trained.ts';
import { firstChain } from './wire/record.ts';
import { packModel, unpackModel } from './wire/state.ts';
import type { Terms } from './wire/terms.ts';

export interface ReplicaOptions extends TrainedOptions {
  /** Steps from one checksum of the model to the next; 0 for none. */
  readonly checkEvery: number;
}

export class Replica {
  readonly #checkEvery: number;
  readonly #trained: Trained;
  /** The model at the start of this step, where one that is under way may change it: among peers. */
  #before: Uint8Array | undefined;
  #common: Uint8Array;
  #chain: number;
  #sumBytes = 0;
  /** The step after which models were compared last. */
  #checked = -1;

  constructor(options: ReplicaOptions, terms: Terms) {
    this.#checkEvery = options.checkEvery;
    this.#trained = new Trained(options, terms.settings);
    this.#sit(terms);
    const { model } = options;
    this.#common = this.#worker.share();
    this.#chain = firstChain(model.parameters);
  }

  /** The rank behind all seats. */
  #sit({ seats }: Terms): void {
    this.#trained.sit({ workers: seats, rank: seats });
  }

  /** Goes on by other terms, between two steps. */
  async take(terms: Terms): Promise<void> {
    this.#sit(terms);
    await this.#trained.take(terms.settings);
  }

  /** Whether it can go on among another number of workers. */
  get canReseat(): boolean {
    return this.#worker.reseat !== undefined;
  }

  get #worker(): Worker {
    return this.#trained.machine as Worker;
  }

  get #system(): System {
    return this.#trained.system;
  }

  get #model(): Model {
    return commonModel(this.#system, this.#trained.model);
  }

  /** What goes with the model at the start of this step. */
  get common(): Uint8Array {
    return this.#common;
  }

  /** The chain at the start of this step. */
  get chain(): number {
    return this.#chain;
  }

  /** Of a `sum` round: bytes of each message. */
  get sumBytes(): number {
    return this.#sumBytes;
  }

  /** The model at the start of this step, as bytes. */
  packModel(): Uint8Array {
    return this.#before ?? packModel(this.#model);
  }

  /** Begins a step: the route of its first round. */
  async begin(chain: number): Promise<Route> {
    this.#common = this.#worker.share();
    this.#chain = chain;
    this.#before = this.#system.server === undefined ? packModel(this.#model) : undefined;
    const { route, bytes } = await this.#worker.follow(this.#model);
    this.#sumBytes = bytes.length;
    return route;
  }

  /** Whether a message of a `gather` round can be that of `rank`. @throws PacketError where it can not */
  check(message: Uint8Array, rank: number): Promise<void> {
    return this.#worker.check(message, rank);
  }

  /** Takes the aggregate of a round; where the step ends with it, the model has gone on. */
  async receive(inbox: readonly Uint8Array[], from: readonly number[]): Promise<Outcome> {
    const outcome = await this.#worker.receive(inbox, from);
    if (outcome.kind === 'direction') descend(this.#model, outcome.direction);
    if (outcome.kind === 'message') this.#sumBytes = outcome.message.bytes.length;
    return outcome;
  }

  /**
   * The checksum of the model after a round with this outcome, where it is time for one and all workers have one model
   * then.
   */
  checksumAfter(step: number, route: Route, outcome: Outcome | undefined): { readonly checksum?: number } {
    const [checkEvery, system] = [this.#checkEvery, this.#system];
    if (checkEvery === 0 || step - this.#checked < checkEvery) return {};
    // systems that average models: where the server's answer is the model, all have it; parts of it say nothing of the
    // rest
    const isCommon = system.averagesModels
      ? outcome?.kind === 'stepped' && route === 'server'
      : outcome?.kind === 'direction' || outcome?.kind === 'stepped';
    if (!isCommon) return {};
    this.#checked = step;
    return { checksum: checksumOf(this.#model) };
  }

  /** Gives the device's memory back; the model stays. */
  free(): void {
    this.#trained.free();
  }

  /**
   * Goes on from the start of a step.
   * @throws PacketError where the bytes are damaged, or of another system or size
   */
  load(step: number, common: Uint8Array, model: Uint8Array): void {
    this.#worker.adopt(common);
    unpackModel(model, this.#model);
    this.#checked = step - 1;
  }
}
