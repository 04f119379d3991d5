/**
 * A worker of a run: computes gradients, sends what the algorithm makes of them, and takes what came of each round, whether it
 * was in time or not. One loop does the work; what comes from the broker is put where the loop finds it.
 */
import { descend } from '../algorithms/steps.ts';
import { requireNumber } from '../arguments.ts';
import type { Message, Model, Outcome, System, Worker } from '../algorithms/system.ts';
import type { Device } from '../device.ts';
import { NonFiniteError } from '../errors.ts';
import { crc32 } from '../packet/crc32.ts';
import type { Description } from './description.ts';
import { isSame, NO_RANK, type Kind, type RunMessage, type Position } from './wire/head.ts';
import { Inbox } from './inbox.ts';
import { LinkError, wallClock, type Clock, type Link, type OpenLink, type Traffic } from './link.ts';
import { drawToken, Post } from './post.ts';
import { chained, firstChain, unpackClosed, unpackRanks, type RoundRecord } from './wire/record.ts';
import { unpackJson, unpackList, unpackModel } from './wire/state.ts';
import { checksumOf, differencesOf, hexOf, SettingsError, settingsOf, type Settings } from './settings.ts';
import { topicsOf, type Topics } from './topics.ts';
import { DEADLINE, secondsOf, Waits } from './waits.ts';

/** Where a worker is when it is asked for a gradient. */
export interface At {
  readonly step: number;
  readonly rank: number;
  /** Seats of the run. */
  readonly workers: number;
}

export interface JoinOptions {
  /** How to reach the broker: `mqttBroker({ url })`. */
  readonly broker: OpenLink;
  /** The run's name. */
  readonly run: string;
  /** As the server's. */
  readonly prefix?: string;
  /** This worker's name, the same when it comes back: 1 to 64 of A-Z a-z 0-9 . _ - ; drawn if left out. */
  readonly name?: string;
  readonly device: Device;
  /** As the server's. */
  readonly system: System;
  /** The initial model: where it is not the server's, the server's is loaded. Trained in place. */
  readonly model: Model;
  /** The gradient of this worker's batch at `model.parameters`. */
  readonly gradient: (model: Model, at: At) => Promise<Gradient> | Gradient;
  /** Called after each step. */
  readonly onStep?: (step: WorkerStep) => void;
  /**
   * What there is to say to people: that a message was refused, that all seats are taken, what this worker has been waiting
   * for, that its gradients have not been finite for ten steps, that its model was not the run's.
   */
  readonly onNote?: (text: string) => void;
  /** Milliseconds of waiting after which `onNote` hears what for, each time anew; 30,000 if left out. */
  readonly deadline?: number;
  /** For tests: another time. */
  readonly clock?: Clock;
}

/**
 * n numbers. Nothing, or numbers among which are NaN or infinity, as mixed precision has them now and then: the worker leaves
 * this step out, and the others go on without it.
 */
export type Gradient = Float32Array | null | undefined;

/** A step that this worker took. */
export interface WorkerStep extends At {
  /** Rounds of it that this worker's messages were used in, and rounds in all. */
  readonly used: number;
  readonly rounds: number;
  /** Whether this worker left the step out. */
  readonly passed: boolean;
  readonly traffic: Traffic;
}

/** A worker that takes part. */
export interface RunWorker {
  readonly name: string;
  /** Resolves when the run has ended or this worker was stopped; rejects where it cannot go on. */
  readonly done: Promise<{ readonly steps: number }>;
  readonly position: Position;
  /** Leaves the run. */
  stop(): Promise<void>;
}

/** Milliseconds between two questions. */
const ASK_EVERY = 500;

/** Milliseconds after which a message that was not heard is sent again. */
const AGAIN_AFTER = 500;

/** How long a worker waits for what it missed after the run has ended, in milliseconds. */
const LAST_WORDS = 8000;

/** Milliseconds without a word from the broker after which a worker that waits asks what the run is. */
const SILENCE = 5000;

/** Steps in a row that a worker leaves out before it says so. */
const LEFT_OUT = 10;

/** What the loop comes upon while it waits. */
type Event =
  | {
      readonly kind: 'closed';
      readonly record: RoundRecord;
      readonly answer: Uint8Array;
      /** Whether this worker's message is among those of the record. */
      readonly isUsed: boolean;
      readonly chain: number;
    }
  | { readonly kind: 'reload' }
  | { readonly kind: 'over' };

/** What a step comes to that all workers left out. */
interface Nothing {
  readonly kind: 'nothing';
}

/** A message of a round that is not closed yet, as far as this worker knows. */
interface Outgoing {
  readonly topic: string;
  readonly message: RunMessage;
  readonly crc: number;
  at: number;
}

/**
 * Joins a run, and takes part until it ends. `done` rejects with a SettingsError where the run has another learning rate,
 * momentum, system or number of parameters, and with a BrokerError where the broker refuses what this worker sends.
 * @throws TypeError or RangeError where an option is wrong
 * @throws BrokerError where the broker refuses the connection or a subscription; another Error where it cannot be reached
 */
export async function joinRun(options: JoinOptions): Promise<RunWorker> {
  const name = options.name ?? drawToken();
  const topics = topicsOf(options.run, options.prefix);
  const { device, system, model, deadline = DEADLINE } = options;
  requireNumber('deadline', deadline, 'a number above 0', (value) => value > 0);
  const own = topics.here(name);
  const settings = await settingsOf(device, system, model);
  const joining = new Joining(options, name, topics, await options.broker(own), settings);
  await joining.begin();
  return joining;
}

class Joining implements RunWorker {
  readonly name: string;
  readonly done: Promise<{ readonly steps: number }>;
  readonly #options: JoinOptions;
  readonly #topics: Topics;
  readonly #post: Post;
  readonly #clock: Clock;
  readonly #settings: Settings;
  readonly #waits: Waits;
  readonly #inbox = new Inbox();
  readonly #mark = drawToken();

  #position: Position;
  #run: { key: number; workers: number } | undefined;
  #rank: number | undefined;
  #machine: Worker | undefined;
  /** The last message that was sent in the step under way. */
  #outgoing: Outgoing | undefined;
  #state: { readonly position: Position; readonly bytes: Uint8Array } | undefined;
  /** Once the run has ended: its history, and when this worker heard of it. */
  #ended: { readonly chain: number; readonly at: number } | undefined;
  #stopping = false;
  #superseded = false;
  #failure: Error | undefined;
  #isDown = false;
  /** Whether the model is not the run's: it has to be loaded. */
  #diverged = false;
  /** Steps in a row that were left out. */
  #leftOut = 0;
  #waiting = false;
  #asked = -Infinity;
  /** When something came last. */
  #word = 0;
  #callOff: () => void = () => {};
  /** Wakes the loop up. */
  #changed: () => void = () => {};
  /** Gives the gradient under way up. */
  #giveUp: () => void = () => {};

  constructor(options: JoinOptions, name: string, topics: Topics, link: Link, settings: Settings) {
    this.name = name;
    this.#options = options;
    this.#topics = topics;
    this.#settings = settings;
    this.#post = new Post(link, (error) => this.#fail(error));
    this.#clock = options.clock ?? wallClock;
    this.#waits = new Waits(options.deadline ?? DEADLINE);
    this.#position = { step: 0, round: 0, chain: firstChain(options.model.parameters) };
    this.done = this.#work().finally(() => this.#leave());
    this.done.catch(() => {});
  }

  get position(): Position {
    return this.#position;
  }

  async begin(): Promise<void> {
    const { server, down, allPeers } = this.#topics;
    const { link } = this.#post;
    link.listen({
      message: (topic, payload, retained) => this.#receive(topic, payload, retained),
      up: () => {
        this.#isDown = false;
        this.#appear();
      },
      down: () => {
        this.#isDown = true;
      },
      failed: (error) => this.#fail(error),
    });
    try {
      await link.subscribe([
        server,
        down,
        allPeers,
        this.#topics.to(this.name),
        this.#topics.here(this.name),
      ]);
    } catch (error) {
      this.#fail(error);
      await this.done;
    }
    this.#appear();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#giveUp();
    this.#changed();
    await this.done.catch(() => {});
  }

  /** This worker cannot go on. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#giveUp();
    this.#changed();
  }

  /** Says, retained, that this worker is here. */
  #appear(): void {
    if (this.#stopping || this.#failure !== undefined) return;
    void this.#post.retain(this.#topics.here(this.name), new TextEncoder().encode(this.#mark));
  }

  async #leave(): Promise<void> {
    this.#stopping = true;
    this.#callOff();
    // the name may be another worker's by now
    if (!this.#superseded) void this.#post.retain(this.#topics.here(this.name), new Uint8Array(0));
    await this.#post.link.close();
  }

  // What comes

  #receive(topic: string, payload: Uint8Array, retained: boolean): void {
    this.#word = this.#clock.now();
    try {
      const place = this.#topics.read(topic);
      if (place?.kind === 'server') this.#described(payload);
      else if (place?.kind === 'here') this.#self(new TextDecoder().decode(payload), retained);
      else this.#part(topic, place?.kind ?? '', payload);
    } catch (error) {
      this.#fail(error);
    }
    this.#changed();
  }

  /** The will of an earlier life comes late: say again that this one is here. Another mark: somebody took the name. */
  #self(mark: string, retained: boolean): void {
    if (mark === '') this.#appear();
    else if (mark !== this.#mark && !retained) {
      this.#superseded = true;
      this.#fail(new Error(`another worker has taken the name ${this.name}`));
    }
  }

  /** What the run is; an empty message where its server has gone: it is waited for. */
  #described(payload: Uint8Array): void {
    if (payload.length === 0) return;
    const description = unpackJson<Description>(payload);
    const { key = 0, workers = 0, ended, chain } = description;
    if (this.#run?.key !== key) {
      this.#compare(description);
      this.#inbox.clear();
      // a seat of this run comes when its server has seen this worker
      if (this.#run !== undefined) this.#rank = undefined;
    }
    this.#run = { key, workers };
    if (ended === true) this.#ended ??= { chain: chain ?? 0, at: this.#clock.now() };
    else this.#ended = undefined;
    if (this.#rank === undefined) this.#appear();
  }

  /** What the run and this worker must have in common. */
  #compare({ key = 0, system, n, settings }: Partial<Description>): void {
    const own = this.#options;
    const elements = own.model.parameters.length;
    const refusal =
      system !== own.system.name || n !== elements
        ? new SettingsError(
            `the run ${own.run} trains ${n} numbers by ${system}, this worker ${elements} by ${own.system.name}`,
          )
        : SettingsError.of(own.run, differencesOf(settings ?? {}, this.#settings));
    if (refusal !== undefined) {
      this.#tell(key, refusal.message);
      throw refusal;
    }
    const initial = settings?.initial;
    if (initial !== undefined && initial !== this.#settings.initial && this.#run === undefined)
      this.#tell(
        key,
        `the initial model differs: the CRC-32 of the run's parameters is ${hexOf(initial)}, ` +
          `of this worker's ${hexOf(this.#settings.initial)}; the run's model is loaded`,
      );
  }

  /** Tells the server, and whoever looks here, of something that this worker has found. */
  #tell(run: number, text: string): void {
    this.#options.onNote?.(text);
    const head = { kind: 'note', rank: NO_RANK, run, ...this.#position } as const;
    void this.#post.send(this.#topics.up(this.name), { ...head, bytes: new TextEncoder().encode(text) });
  }

  #part(topic: string, place: string, payload: Uint8Array): void {
    const taken = this.#post.receive(topic, payload);
    if (taken.kind !== 'whole') return;
    const { message, crc } = taken;
    if (place === 'to' && message.kind === 'note')
      return this.#options.onNote?.(new TextDecoder().decode(message.bytes));
    // before the description there is no telling; the heartbeat brings back what is missed by that
    if (this.#run === undefined || message.run !== this.#run.key) return this.#askWhatItIs();
    const isBehind = message.step < this.#position.step;
    if (message.kind === 'gather' && (place === 'peer' || place === 'to') && !isBehind)
      this.#inbox.gather(message, crc);
    if (place !== 'down' && place !== 'to') return;
    if (message.kind === 'closed') this.#hold(message);
    if (message.kind === 'heartbeat') this.#heard(message);
    if (message.kind === 'state') this.#state = { position: message, bytes: message.bytes };
    if (message.kind === 'seat') this.#sit(message);
  }

  #sit(message: RunMessage): void {
    const { mark, rank, heard } = unpackJson<{ mark: string; rank: number; heard: boolean }>(message.bytes);
    if (mark !== this.#mark || rank === undefined) return;
    if (rank !== this.#rank) {
      const { device, system, model } = this.#options;
      const n = model.parameters.length;
      const machine = system.worker(device, { n, workers: this.#run?.workers ?? 0, rank });
      // another seat: what all have in common goes on, this worker's own was keyed to the old one
      if (this.#machine !== undefined) machine.adopt(this.#machine.share());
      this.#machine = machine;
      this.#rank = rank;
    }
    if (!this.#isHere(message)) this.#ask();
    else if (heard === false) this.#sendAgain();
  }

  #isHere(position: Position): boolean {
    return isSame(position, this.#position);
  }

  #hold(message: RunMessage): void {
    if (message.step < this.#position.step) return;
    this.#inbox.hold(message);
    if (this.#waiting && this.#inbox.closedAt(this.#position) === undefined) this.#ask();
  }

  /** A heartbeat: where the run is. Only one who waits has to do something about it. */
  #heard(message: RunMessage): void {
    if (this.#rank === undefined) return this.#appear();
    if (!this.#waiting) return;
    if (!this.#isHere(message) || this.#diverged) return this.#ask();
    const ranks = unpackRanks(message.bytes, this.#run?.workers ?? 0);
    if (!ranks.includes(this.#rank)) this.#sendAgain();
  }

  #sendAgain(): void {
    const out = this.#outgoing;
    if (out === undefined || !this.#isHere(out.message) || this.#clock.now() < out.at + AGAIN_AFTER) return;
    out.at = this.#clock.now();
    void this.#post.send(out.topic, { ...out.message, rank: this.#rank ?? NO_RANK });
  }

  /** Has the broker say again what the run is: it keeps that for who subscribes. */
  #askWhatItIs(): void {
    const now = this.#clock.now();
    if (now < this.#asked + ASK_EVERY) return;
    this.#asked = now;
    this.#post.link.subscribe([this.#topics.server]).catch((error: unknown) => {
      if (error instanceof LinkError) this.#fail(error);
    });
  }

  /** Asks how to go on from here; with a byte where the model has to be loaded, wherever this worker is. */
  #ask(): void {
    const now = this.#clock.now();
    if (now < this.#asked + ASK_EVERY || this.#isDown) return;
    this.#asked = now;
    const bytes = new Uint8Array(this.#diverged ? 1 : 0);
    void this.#post.send(this.#topics.up(this.name), this.#message('ask', bytes));
  }

  #message(kind: Kind, bytes: Uint8Array): RunMessage {
    return { kind, rank: this.#rank ?? NO_RANK, run: this.#run?.key ?? 0, ...this.#position, bytes };
  }

  // The loop

  async #work(): Promise<{ steps: number }> {
    let steps = 0;
    this.#listenForSilence();
    for (;;) {
      const now = await this.#until(() =>
        this.#state !== undefined
          ? { kind: 'reload' as const }
          : this.#rank === undefined || this.#diverged
            ? undefined
            : { kind: 'seated' as const },
      );
      if (now.kind === 'over') return { steps };
      if (now.kind === 'reload') this.#reload();
      else if (await this.#step()) steps++;
    }
  }

  /** One step; false where it was broken off. */
  async #step(): Promise<boolean> {
    const { model, onStep } = this.#options;
    const machine = this.#machine as Worker;
    const at: At = { step: this.#position.step, rank: this.#rank ?? 0, workers: this.#run?.workers ?? 0 };
    // a step that has closed already is only followed: a gradient would come too late
    const follows = this.#inbox.isStepClosed(this.#position) || this.#ended !== undefined;
    let sent: Message | undefined;
    if (!follows) {
      const gradient = await this.#compute(model, at);
      // another model or another seat has come: that gradient is of no use
      if (this.#state !== undefined || this.#isLeaving || machine !== this.#machine) return false;
      sent = await this.#begin(machine, gradient);
    }
    const passed = !follows && sent === undefined;
    let message = sent ?? (await machine.follow(model));
    this.#outgoing = undefined;
    if (passed && this.#inbox.closedAt(this.#position) === undefined) this.#pass();
    let used = 0;
    for (let rounds = 1; ; rounds++) {
      if (sent !== undefined && this.#inbox.closedAt(this.#position) === undefined) this.#speak(message);
      const event = await this.#until(() => this.#next(machine));
      if (event.kind !== 'closed') return false;
      const { record, answer, isUsed, chain } = event;
      const inbox = record.route === 'gather' ? this.#inbox.gatheredOf(record, this.#position) : [answer];
      const outcome: Outcome | Nothing =
        record.from.length === 0
          ? { kind: 'nothing' }
          : await machine.receive(inbox as Uint8Array[], record.from, isUsed);
      if (isUsed) used++;
      this.#inbox.forget(this.#position);
      const { step, round } = this.#position;
      if ((outcome.kind === 'message') === record.last)
        throw new Error(`step ${step}: this worker and the server do not agree on its rounds`);
      if (outcome.kind === 'message') {
        this.#position = { step, round: round + 1, chain };
        ({ message } = outcome);
        continue;
      }
      if (outcome.kind === 'direction') descend(model, outcome.direction);
      this.#position = { step: step + 1, round: 0, chain };
      this.#outgoing = undefined;
      if (record.checksum !== undefined) this.#check(record.checksum, step);
      onStep?.({ ...at, used, rounds, passed, traffic: { ...this.#post.link.traffic } });
      return true;
    }
  }

  get #isLeaving(): boolean {
    return this.#stopping || this.#failure !== undefined;
  }

  /** The user's gradient, or nothing once this worker is to leave. */
  async #compute(model: Model, at: At): Promise<Gradient> {
    const givenUp = new Promise<undefined>((resolve) => {
      this.#giveUp = () => resolve(undefined);
    });
    if (this.#isLeaving) return undefined;
    const { gradient } = this.#options;
    return Promise.race([(async () => gradient(model, at))(), givenUp]);
  }

  /** Begins a step with a gradient; nothing where it is none, or not finite: then the step is left out. */
  async #begin(machine: Worker, gradient: Gradient): Promise<Message | undefined> {
    let reason = 'there is no gradient';
    try {
      if (gradient !== undefined && gradient !== null) {
        const message = await machine.send(gradient, this.#options.model);
        this.#leftOut = 0;
        return message;
      }
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      reason = error.message;
    }
    this.#leftOut++;
    if (this.#leftOut % LEFT_OUT === 0)
      this.#tell(this.#run?.key ?? 0, `left out ${this.#leftOut} steps in a row: ${reason}`);
    return undefined;
  }

  /** Compares the model with the server's after a step. */
  #check(checksum: number, step: number): void {
    const own = checksumOf(this.#options.model);
    if (own === checksum) return;
    this.#diverged = true;
    this.#asked = -Infinity;
    this.#tell(
      this.#run?.key ?? 0,
      `the model after step ${step} differs: the run's checksum is ${hexOf(checksum)}, ` +
        `this worker's ${hexOf(own)}; the run's model is loaded`,
    );
    this.#ask();
  }

  /** Says that this worker leaves the step out. */
  #pass(): void {
    const topic = this.#topics.up(this.name);
    const message = this.#message('pass', new Uint8Array(0));
    this.#outgoing = { topic, message, crc: 0, at: this.#clock.now() };
    void this.#post.send(topic, message);
  }

  /** Sends what the machine has to say in this round. */
  #speak({ route, bytes }: Message): void {
    const topic = route === 'gather' ? this.#topics.peer(this.name) : this.#topics.up(this.name);
    const message = this.#message(route, bytes);
    const crc = crc32(bytes);
    this.#outgoing = { topic, message, crc, at: this.#clock.now() };
    if (route === 'gather') this.#inbox.gather(message, crc);
    void this.#post.send(topic, message);
  }

  /** What there is to do in this round. */
  #next(machine: Worker): Event | undefined {
    if (this.#state !== undefined || machine !== this.#machine) return { kind: 'reload' };
    const bytes = this.#inbox.closedAt(this.#position);
    if (bytes === undefined) return undefined;
    const { record, answer } = unpackClosed(bytes);
    const place = record.from.indexOf(this.#rank ?? NO_RANK);
    const own = this.#outgoing;
    // one of its rank may be that of an earlier life
    const isUsed =
      place >= 0 &&
      own !== undefined &&
      own.message.kind !== 'pass' &&
      this.#isHere(own.message) &&
      record.crcs[place] === own.crc;
    if (record.route === 'gather' && this.#inbox.gatheredOf(record, this.#position) === undefined)
      return undefined;
    return { kind: 'closed', record, answer, isUsed, chain: chained(this.#position.chain, bytes) };
  }

  /** Goes on from the state that the server sent. */
  #reload(): void {
    const state = this.#state;
    this.#state = undefined;
    if (state === undefined || this.#machine === undefined) return;
    const [common, model, told] = unpackList(state.bytes);
    const used = unpackJson<{ step: number; round: number; crc: number }>(told);
    const own = this.#outgoing;
    const taken =
      own !== undefined &&
      used.step === own.message.step &&
      used.round === own.message.round &&
      used.crc === own.crc;
    unpackModel(model, this.#options.model);
    this.#machine.adopt(common, taken);
    this.#outgoing = undefined;
    const { step, round, chain } = state.position;
    this.#position = { step, round, chain };
    this.#inbox.forgetBefore(step);
    this.#asked = -Infinity;
    this.#diverged = false;
  }

  /**
   * Where nothing comes any more, not even a heartbeat, the end of the run or its server's return may have been lost. A wait that
   * lasts is told of.
   */
  #listenForSilence(): void {
    const every = Math.min(SILENCE, this.#options.deadline ?? DEADLINE);
    this.#callOff = this.#clock.after(every, () => {
      if (this.#isLeaving) return;
      const now = this.#clock.now();
      if (this.#waiting && !this.#isDown && now >= this.#word + SILENCE) {
        this.#askWhatItIs();
        this.#appear();
      }
      const waited = this.#waits.due(now);
      if (waited !== undefined)
        this.#options.onNote?.(`has waited ${secondsOf(waited)} for ${this.#awaited(now)}`);
      this.#changed();
      this.#listenForSilence();
    });
  }

  /** What this worker waits for, in words. */
  #awaited(now: number): string {
    const { run } = this.#options;
    if (this.#isDown) return 'the broker, which cannot be reached';
    if (this.#run === undefined)
      return `a server of the run ${run}: none has said what the run is, or the broker's rules keep it from ${this.name}`;
    if (this.#rank === undefined)
      return `a seat: the server of the run ${run} has not answered, or the broker's rules keep that from ${this.name}`;
    const { step } = this.#position;
    const heard = secondsOf(now - this.#word);
    if (this.#diverged)
      return `the run's model in step ${step}; the last word from the broker came ${heard} ago`;
    return `the end of step ${step}, which is the server's to say; the last word from the broker came ${heard} ago`;
  }

  /** Whether the run has ended, and this worker has all of it, or nobody tells it what it misses. */
  #isOver(): boolean {
    if (this.#ended === undefined) return false;
    const { chain, at } = this.#ended;
    const hasAll = chain === this.#position.chain && !this.#diverged;
    return hasAll || this.#machine === undefined || this.#clock.now() >= at + LAST_WORDS;
  }

  /** Waits until there is something to do, or the run is over. */
  async #until<T>(probe: () => T | undefined): Promise<T | { readonly kind: 'over' }> {
    this.#waiting = true;
    this.#waits.at(this.#clock.now());
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#stopping) return { kind: 'over' };
        const change = new Promise<void>((resolve) => {
          this.#changed = resolve;
        });
        if (this.#isOver()) return { kind: 'over' };
        const found = probe();
        if (found !== undefined) return found;
        if (this.#ended !== undefined) {
          // what is missing is asked for while there is somebody to tell it
          this.#ask();
          this.#clock.after(ASK_EVERY, () => this.#changed());
        }
        await change;
      }
    } finally {
      this.#waiting = false;
      this.#waits.end();
    }
  }
}
