/**
 * What a machine of a run trains, as the terms of the step have it: the rates of its model, its system, and the state
 * machine at its place. Terms change between steps; what a machine keeps goes on.
 */
import type { Model, Server, System, Worker } from '../algorithms/system.ts';
import type { Device } from '../device.ts';
import type { MachinePlace } from './place.ts';
import { systemOf, type StepSettings, type SystemOrOf } from './step-settings.ts';

export interface TrainedOptions {
  readonly device: Device;
  readonly system: SystemOrOf;
  readonly model: Model;
}

/** What a server says that leaves all to the machines. */
const NOTHING: StepSettings = {};

/** Whether two settings ask for one compressor. */
const isSameCompressor = (one: StepSettings, other: StepSettings): boolean =>
  JSON.stringify(one.compressor) === JSON.stringify(other.compressor);

/** By what errors of gradients are multiplied, as the learning rate changes. */
class Rates {
  /** The rate that errors are kept for. */
  #rate: number;

  constructor(rate: number) {
    this.#rate = rate;
  }

  factorAt(rate: number, errors: StepSettings['errors']): number {
    // at a rate of 0 nothing is applied: errors stay those of the last rate above it
    if (rate === 0) return 1;
    const factor = errors === 'rescaled' && this.#rate > 0 ? this.#rate / rate : 1;
    this.#rate = rate;
    return factor;
  }
}

/** A worker's machine, or the replica's. */
export class Trained {
  readonly #options: TrainedOptions;
  readonly #rates: Rates;
  #settings: StepSettings;
  #system: System;
  #model: Model;
  #machine: Worker | undefined;
  #place: MachinePlace | undefined;

  constructor(options: TrainedOptions, settings: StepSettings = NOTHING) {
    this.#options = options;
    this.#system = systemOf(options.system, settings);
    this.#settings = settings;
    this.#rates = new Rates(this.#ratesOf(settings).learningRate);
    this.#model = { ...options.model, ...this.#ratesOf(settings) };
  }

  /** The user's model, at the rates of the step. */
  get model(): Model {
    return this.#model;
  }

  get system(): System {
    return this.#system;
  }

  /** Undefined before the first place. */
  get machine(): Worker | undefined {
    return this.#machine;
  }

  #ratesOf({ learningRate, momentum }: StepSettings): Pick<Model, 'learningRate' | 'momentum'> {
    const { model } = this.#options;
    return { learningRate: learningRate ?? model.learningRate, momentum: momentum ?? model.momentum };
  }

  /**
   * Puts the machine at a place; there it is made where there was none.
   * @throws Error where the system cannot go on among another number of workers
   */
  sit(place: MachinePlace): void {
    const { device, model } = this.#options;
    const [machine, was] = [this.#machine, this.#place];
    if (machine !== undefined && was?.rank === place.rank && was.workers === place.workers) return;
    if (machine?.reseat !== undefined) machine.reseat(place);
    else {
      if (machine !== undefined && was?.workers !== place.workers)
        throw new Error(`the system ${this.#system.name} cannot go on with another number of workers`);
      const other = this.#system.worker(device, { n: model.parameters.length, ...place });
      if (machine !== undefined) other.adopt(machine.share());
      machine?.free();
      this.#machine = other;
    }
    this.#place = place;
  }

  /**
   * Goes on by these settings, between steps.
   * @throws TypeError or RangeError where this machine can not; PacketError where what it keeps does not fit the system
   */
  async take(settings: StepSettings = NOTHING): Promise<void> {
    if (settings === this.#settings) return;
    const rates = this.#ratesOf(settings);
    if (!isSameCompressor(settings, this.#settings))
      await this.#change(systemOf(this.#options.system, settings));
    else systemOf(this.#options.system, settings);
    // the velocity at a momentum of 0 is nobody's to know
    if (this.#model.momentum === 0 && rates.momentum > 0 && this.#system.takes !== 'model')
      this.#model.velocity.fill(0);
    this.#model = { ...this.#options.model, ...rates };
    this.#settings = settings;
    const factor = this.#rates.factorAt(rates.learningRate, settings.errors);
    if (factor !== 1) await this.#machine?.scaleErrors?.(factor);
  }

  /** Another system, whose machine goes on from what this one's keeps. */
  async #change(system: System): Promise<void> {
    const [machine, place] = [this.#machine, this.#place];
    if (machine !== undefined && place !== undefined) {
      const { device, model } = this.#options;
      const other = system.worker(device, { n: model.parameters.length, ...place });
      try {
        await other.load(await machine.save());
      } catch (error) {
        other.free();
        throw error;
      }
      machine.free();
      this.#machine = other;
    }
    this.#system = system;
  }

  free(): void {
    this.#machine?.free();
  }
}

/** The machine of a run's server; none where workers exchange among themselves. */
export class Answering {
  readonly #options: TrainedOptions;
  readonly #rates: Rates;
  #settings: StepSettings;
  #workers: number;
  #machine: Server | undefined;

  constructor(options: TrainedOptions, workers: number, settings: StepSettings = NOTHING) {
    this.#options = options;
    this.#settings = settings;
    this.#workers = workers;
    this.#rates = new Rates(settings.learningRate ?? options.model.learningRate);
    this.#machine = this.#open(settings);
  }

  #open(settings: StepSettings): Server | undefined {
    const { device, system, model } = this.#options;
    return systemOf(system, settings).server?.(device, {
      n: model.parameters.length,
      workers: this.#workers,
    });
  }

  get machine(): Server | undefined {
    return this.#machine;
  }

  /** Goes on among so many workers, by these settings. */
  async take(workers: number, settings: StepSettings = NOTHING): Promise<void> {
    if (workers !== this.#workers) this.#machine?.resize?.(workers);
    this.#workers = workers;
    if (settings === this.#settings) return;
    if (!isSameCompressor(settings, this.#settings)) {
      const [machine, other] = [this.#machine, this.#open(settings)];
      if (machine !== undefined) await other?.load(await machine.save());
      machine?.free();
      this.#machine = other;
    }
    this.#settings = settings;
    const rate = settings.learningRate ?? this.#options.model.learningRate;
    const factor = this.#rates.factorAt(rate, settings.errors);
    if (factor !== 1) await this.#machine?.scaleErrors?.(factor);
  }

  free(): void {
    this.#machine?.free();
  }
}
