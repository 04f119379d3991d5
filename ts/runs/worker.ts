/**
 * A worker of a run: computes gradients, sends what the algorithm makes of them, and takes the aggregate of each round,
 * whether it was in time or not. One loop does the work; what the server says is put where the loop finds it.
 */
import { descend } from '../algorithms/steps.ts';
import type { Message, Model, Outcome, Worker } from '../algorithms/system.ts';
import { NonFiniteError, PacketError } from '../errors.ts';
import { Attendance } from './attendance.ts';
import { Dialogue, type ReceivedRound } from './dialogue.ts';
import type { At, Gradient, JoinOptions, RunWorker } from './join-options.ts';
import { checksumOf, commonModel, hexOf, SettingsError, settingsOf, type Settings } from './settings.ts';
import { requireStepSettings, systemOf, type StepSettings } from './step-settings.ts';
import { Trained } from './trained.ts';
import type { Position } from './wire/head.ts';
import { firstChain } from './wire/record.ts';
import { unpackModel } from './wire/state.ts';

/** Milliseconds without a word from the server after which a worker that waits asks what the run is. */
const SILENCE = 5000;

/** Steps in a row that a worker leaves out before it says so. */
const LEFT_OUT = 10;

/** What the loop comes upon while it waits. */
type Event<T> =
  | { readonly kind: 'found'; readonly found: T }
  /** A state is to be loaded, or another seat taken. */
  | { readonly kind: 'anew' }
  | { readonly kind: 'over' };

/**
 * Joins a run, and takes part until it ends. `done` rejects with a SettingsError where the run has another learning
 * rate, momentum, system or number of parameters, and with a LinkError where the transport refuses what this worker
 * sends; of MQTT that is a BrokerError.
 * @throws TypeError or RangeError where an option is wrong
 * @throws LinkError where the transport refuses the connection or a subscription; another Error where it cannot be
 * reached
 */
export async function joinRun(options: JoinOptions): Promise<RunWorker> {
  const attendance = new Attendance(options);
  const { device, model } = options;
  const settings = await settingsOf(device, systemOf(options.system), model);
  await attendance.connect();
  const worker = new RoundWorker(options, attendance, settings);
  await worker.begin();
  return worker;
}

class RoundWorker implements RunWorker {
  readonly name: string;
  readonly done: Promise<{ readonly steps: number }>;
  readonly #options: JoinOptions;
  readonly #attendance: Attendance;
  readonly #dialogue: Dialogue;
  /** The algorithm's machine, at the seat that was given as the `#seating`th. */
  readonly #trained: Trained;
  #seating = 0;
  /** Steps in a row that were left out. */
  #leftOut = 0;
  #callOff: () => void = () => {};

  constructor(options: JoinOptions, attendance: Attendance, settings: Settings) {
    const { run, model, onNote = () => {} } = options;
    const { name: system } = systemOf(options.system);
    const setup = { run, system, n: model.parameters.length, settings };
    this.#trained = new Trained(options);
    this.name = attendance.name;
    this.#options = options;
    this.#attendance = attendance;
    this.#dialogue = new Dialogue(attendance, setup, firstChain(model.parameters), onNote);
    // oxlint-disable-next-line typescript/no-misused-promises -- finally waits for the promise
    this.done = this.#work().finally(() => this.#leave());
    this.done.catch(() => {});
  }

  get position(): Position {
    return this.#dialogue.position;
  }

  async begin(): Promise<void> {
    const dialogue = this.#dialogue;
    try {
      await this.#attendance.begin(dialogue.filters, (topic, payload) => dialogue.receive(topic, payload));
    } catch (error) {
      this.#attendance.fail(error);
      await this.done;
    }
  }

  async stop(): Promise<void> {
    this.#attendance.stop();
    await this.done.catch(() => {});
  }

  async #leave(): Promise<void> {
    this.#callOff();
    this.#trained.free();
    await this.#attendance.leave();
  }

  // The loop

  async #work(): Promise<{ steps: number }> {
    let steps = 0;
    this.#listenForSilence();
    for (;;) {
      const event = await this.#until(() => this.#canBegin || undefined);
      if (event.kind === 'over') return { steps };
      if (this.#dialogue.hasState) await this.#load();
      else {
        await this.#sit();
        if (event.kind === 'found' && !this.#isOutdated && (await this.#step())) steps++;
      }
    }
  }

  get #canBegin(): boolean {
    const { place, isStepClosed, hasDiverged } = this.#dialogue;
    // a seat of a later step: until there this worker follows
    return (place.isSeated || (place.rank !== undefined && isStepClosed)) && !hasDiverged;
  }

  /** Whether what this worker is doing is of no use: another model or another seat has come. */
  get #isOutdated(): boolean {
    const { hasState, place } = this.#dialogue;
    return hasState || (place.rank !== undefined && place.seatings !== this.#seating);
  }

  /** Takes the seat that was given last, and what the server says of the step. */
  async #sit(): Promise<void> {
    const { place } = this.#dialogue;
    if (place.rank === undefined) return;
    this.#trained.sit(place.machine);
    this.#seating = place.seatings;
    await this.#agree(place.terms?.settings);
  }

  /** @throws SettingsError where this worker can not run what the server says */
  async #agree(settings: StepSettings | undefined): Promise<void> {
    const { run } = this.#options;
    try {
      await this.#trained.take(settings && requireStepSettings(settings));
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError || error instanceof PacketError))
        throw error;
      const { step } = this.position;
      const refusal = `this worker cannot run the settings of the run ${run} in step ${step}: ${error.message}`;
      this.#dialogue.tell(refusal);
      throw new SettingsError(refusal, { cause: error });
    }
  }

  /** One step; false where it was broken off. */
  async #step(): Promise<boolean> {
    const { onStep } = this.#options;
    const dialogue = this.#dialogue;
    const machine = this.#trained.machine as Worker;
    const { model } = this.#trained;
    const { terms, machine: place } = dialogue.place;
    const localSteps = terms?.settings?.localSteps;
    const at: At = { step: this.position.step, ...place, ...(localSteps !== undefined && { localSteps }) };
    // a step that has closed already is only followed: a gradient would come too late
    const follows = dialogue.isStepClosed || dialogue.hasEnded;
    let sent: Message | undefined;
    if (!follows) {
      const gradient = await this.#compute(model, at);
      if (this.#isOutdated || this.#attendance.isLeaving) return false;
      sent = await this.#begin(machine, gradient, at);
    }
    const passed = !follows && sent === undefined;
    let message = sent ?? (await machine.follow(model));
    dialogue.beginStep();
    if (passed && !dialogue.isRoundClosed) dialogue.pass();
    let used = 0;
    for (let rounds = 1; ; rounds++) {
      if (sent !== undefined && !dialogue.isRoundClosed) dialogue.speak(message);
      const event = await this.#until(() => dialogue.closedRound());
      if (event.kind !== 'found') return false;
      const { isUsed, record } = event.found;
      const outcome = await this.#take(machine, event.found);
      if (isUsed) used++;
      if (outcome?.kind === 'message') {
        ({ message } = outcome);
        continue;
      }
      if (record.checksum !== undefined) this.#check(record.checksum, at.step);
      onStep?.({ ...at, used, rounds, passed, traffic: this.#attendance.traffic });
      return true;
    }
  }

  /** Takes the aggregate of a round; a round that all have left out has none. */
  async #take(machine: Worker, received: ReceivedRound): Promise<Outcome | undefined> {
    const { record, inbox, isUsed, chain } = received;
    const { step, round } = this.position;
    const isEmpty = record.from.length === 0;
    const outcome = isEmpty ? undefined : await machine.receive(inbox, record.from, isUsed);
    if ((outcome?.kind === 'message') === record.last)
      throw new Error(`step ${step}: this worker and the server do not agree on its rounds`);
    if (outcome?.kind === 'direction') descend(this.#trained.model, outcome.direction);
    this.#dialogue.goOn(
      record.last ? { step: step + 1, round: 0, chain } : { step, round: round + 1, chain },
      record.change,
    );
    return outcome;
  }

  /** The user's gradient, or nothing once this worker is to leave. */
  async #compute(model: Model, at: At): Promise<Gradient> {
    const attendance = this.#attendance;
    const left = new Promise<undefined>((resolve) => {
      attendance.onLeaving = () => resolve(undefined);
    });
    if (attendance.isLeaving) return undefined;
    const { gradient } = this.#options;
    const computed = (async () => gradient(model, at))().catch((error: unknown): Gradient => {
      if (!(error instanceof NonFiniteError)) throw error;
      return undefined;
    });
    return Promise.race([computed, left]);
  }

  /** Begins a step with a gradient; nothing where it is none, or not finite: then the step is left out. */
  async #begin(machine: Worker, gradient: Gradient, at: At): Promise<Message | undefined> {
    let reason = 'there is no gradient';
    try {
      if (gradient !== undefined && gradient !== null) {
        const { weight } = this.#options;
        const counts = typeof weight === 'function' ? weight(at) : weight;
        const message = await machine.send(gradient, { ...this.#trained.model, weight: counts });
        this.#leftOut = 0;
        return message;
      }
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      reason = error.message;
    }
    this.#leftOut++;
    if (this.#leftOut % LEFT_OUT === 0)
      this.#dialogue.tell(`left out ${this.#leftOut} steps in a row: ${reason}`);
    return undefined;
  }

  /** Compares the model with the server's after a step. */
  #check(checksum: number, step: number): void {
    const { system, model } = this.#trained;
    const own = checksumOf(commonModel(system, model));
    if (own === checksum) return;
    this.#dialogue.diverged(
      `the model after step ${step} differs: the run's checksum is ${hexOf(checksum)}, ` +
        `this worker's ${hexOf(own)}; the run's model is loaded`,
    );
  }

  /** Goes on from the state that the server sent. */
  async #load(): Promise<void> {
    const state = this.#dialogue.takeState();
    if (state === undefined) return;
    const { place } = this.#dialogue;
    this.#trained.sit(place.machine);
    this.#seating = place.seatings;
    // before the settings change what is kept: whether that was sent is known now
    this.#trained.machine?.adopt(state.common, state.isUsed);
    await this.#agree(state.terms.settings);
    const { system, model } = this.#trained;
    unpackModel(state.model, commonModel(system, model));
    this.#dialogue.goOnFrom(state.position);
  }

  // Waiting

  /**
   * Where nothing comes any more, not even a heartbeat, the end of the run or its server's return may have been lost. A
   * wait that lasts is told of.
   */
  #listenForSilence(): void {
    const { clock, deadline } = this.#attendance;
    this.#callOff = clock.after(Math.min(SILENCE, deadline), () => {
      const { isLeaving, isDown, lastWord } = this.#attendance;
      if (isLeaving) return;
      if (this.#dialogue.isWaiting && !isDown && clock.now() >= lastWord + SILENCE) {
        this.#dialogue.askWhatItIs();
        this.#attendance.appear();
      }
      this.#attendance.tellWait(() => this.#dialogue.awaited);
      this.#attendance.change();
      this.#listenForSilence();
    });
  }

  /** Waits until there is something to do, or the run is over. */
  async #until<T>(probe: () => T | undefined): Promise<Event<T>> {
    const attendance = this.#attendance;
    const dialogue = this.#dialogue;
    dialogue.isWaiting = true;
    attendance.waits.at(attendance.clock.now());
    try {
      for (;;) {
        if (attendance.failure !== undefined) throw attendance.failure;
        if (attendance.isStopping) return { kind: 'over' };
        const change = attendance.changed();
        if (dialogue.isOver) return { kind: 'over' };
        if (this.#isOutdated) return { kind: 'anew' };
        const found = probe();
        if (found !== undefined) return { kind: 'found', found };
        // what is missing is asked for while there is somebody to tell it
        if (dialogue.hasEnded) dialogue.askLater();
        await change;
      }
    } finally {
      dialogue.isWaiting = false;
      attendance.waits.end();
    }
  }
}
