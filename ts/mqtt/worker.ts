/**
 * A worker of a run: computes gradients, sends what the algorithm makes of them, and takes what came of each turn, whether it
 * was in time or not. One loop does the work; what comes from the broker is put where the loop finds it.
 */
import { descend } from '../algorithms/steps.ts';
import type { Message as Spoken, Model, System, Worker } from '../algorithms/system.ts';
import type { Device } from '../device.ts';
import { crc32 } from '../packet/crc32.ts';
import { NO_RANK, type Kind, type Message, type Position } from './head.ts';
import { wallClock, type Clock, type OpenLink, type Traffic } from './link.ts';
import { drawMark, Post } from './post.ts';
import { chained, firstChain, unpackClosed, unpackRanks, type Record as Closed } from './record.ts';
import { unpackJson, unpackList, unpackModel } from './run-state.ts';
import type { Description } from './server.ts';
import { topicsOf, type Topics } from './topics.ts';

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
  /** The gradient of this worker's batch at `model.parameters`: n numbers. */
  readonly gradient: (model: Model, at: At) => Promise<Float32Array> | Float32Array;
  /** Called after each step. */
  readonly onStep?: (step: WorkerStep) => void;
  /** What the server has to say to this worker: that a message was refused, that all seats are taken. */
  readonly onNote?: (text: string) => void;
  /** For tests: another time. */
  readonly clock?: Clock;
}

/** A step that this worker took. */
export interface WorkerStep extends At {
  /** Turns of it that this worker's messages were used in, and turns in all. */
  readonly used: number;
  readonly turns: number;
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

/** Closed turns, and turns of which messages of peers are here, that are kept until the loop comes to them. */
const AHEAD = 128;

/** What the loop comes upon while it waits. */
type Event =
  | {
      readonly kind: 'closed';
      readonly record: Closed;
      readonly answer: Uint8Array;
      /** Whether this worker's message is among those of the record. */
      readonly isUsed: boolean;
      readonly chain: number;
    }
  | { readonly kind: 'reload' }
  | { readonly kind: 'over' };

/** A message of a turn that is not closed yet, as far as this worker knows. */
interface Outgoing {
  readonly topic: string;
  readonly message: Message;
  readonly crc: number;
  at: number;
}

const keyOf = ({ step, turn, chain }: Position): string => `${step},${turn},${chain}`;

/**
 * Joins a run, and takes part until it ends.
 * @throws TypeError or RangeError where an option is wrong
 * @throws Error where the broker cannot be reached
 */
export async function joinRun(options: JoinOptions): Promise<RunWorker> {
  const name = options.name ?? drawMark();
  const topics = topicsOf(options.run, options.prefix);
  const post = new Post(await options.broker(topics.here(name)));
  const joining = new Joining(options, name, topics, post);
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
  readonly #mark = drawMark();

  #position: Position;
  #run: { key: number; workers: number } | undefined;
  #rank: number | undefined;
  #machine: Worker | undefined;
  /** The last message that was sent in the step under way. */
  #outgoing: Outgoing | undefined;
  /** Closed turns by the position before them. */
  readonly #closed = new Map<string, Uint8Array>();
  /** Messages of peers by position, then by rank and CRC. */
  readonly #gathered = new Map<string, Map<string, Uint8Array>>();
  #state: { readonly position: Position; readonly bytes: Uint8Array } | undefined;
  /** Once the run has ended: its history, and when this worker heard of it. */
  #ended: { readonly chain: number; readonly at: number } | undefined;
  #stopping = false;
  #superseded = false;
  #failure: Error | undefined;
  #waiting = false;
  #asked = -Infinity;
  /** When something came last. */
  #word = 0;
  #callOff: () => void = () => {};
  /** Wakes the loop up. */
  #changed: () => void = () => {};

  constructor(options: JoinOptions, name: string, topics: Topics, post: Post) {
    this.name = name;
    this.#options = options;
    this.#topics = topics;
    this.#post = post;
    this.#clock = options.clock ?? wallClock;
    this.#position = { step: 0, turn: 0, chain: firstChain(options.model.parameters) };
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
      message: (topic, payload, retained) => this.#take(topic, payload, retained),
      up: () => this.#appear(),
    });
    await link.subscribe([server, down, allPeers, this.#topics.to(this.name), this.#topics.here(this.name)]);
    this.#appear();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#changed();
    await this.done.catch(() => {});
  }

  /** Says, retained, that this worker is here. */
  #appear(): void {
    if (this.#stopping) return;
    this.#quietly(
      this.#post.link.publish(this.#topics.here(this.name), new TextEncoder().encode(this.#mark), true),
    );
  }

  async #leave(): Promise<void> {
    this.#stopping = true;
    this.#callOff();
    // the name may be another worker's by now
    if (!this.#superseded)
      this.#quietly(this.#post.link.publish(this.#topics.here(this.name), new Uint8Array(0), true));
    await this.#post.link.close();
  }

  /** Sending goes on when the broker is there again; a link that is closed for good has been closed by this worker. */
  #quietly(sending: Promise<unknown>): void {
    sending.catch(() => {});
  }

  // What comes

  #take(topic: string, payload: Uint8Array, retained: boolean): void {
    this.#word = this.#clock.now();
    try {
      const place = this.#topics.read(topic);
      if (place?.kind === 'server') this.#described(payload);
      else if (place?.kind === 'here') this.#self(new TextDecoder().decode(payload), retained);
      else this.#part(topic, place?.kind ?? '', payload);
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    }
    this.#changed();
  }

  /** The will of an earlier life comes late: say again that this one is here. Another mark: somebody took the name. */
  #self(mark: string, retained: boolean): void {
    if (mark === '') this.#appear();
    else if (mark !== this.#mark && !retained) {
      this.#superseded = true;
      this.#failure ??= new Error(`another worker has taken the name ${this.name}`);
    }
  }

  /** What the run is; an empty message where its server has gone: it is waited for. */
  #described(payload: Uint8Array): void {
    if (payload.length === 0) return;
    const { key = 0, workers = 0, system, n, ended, chain } = unpackJson<Description>(payload);
    const own = this.#options;
    if (system !== own.system.name || n !== own.model.parameters.length)
      throw new Error(
        `the run ${own.run} trains ${n} numbers by ${system}, this worker ${own.model.parameters.length} by ${own.system.name}`,
      );
    if (this.#run?.key !== key) {
      this.#closed.clear();
      this.#gathered.clear();
      // a seat of this run comes when its server has seen this worker
      if (this.#run !== undefined) this.#rank = undefined;
    }
    this.#run = { key, workers };
    if (ended === true) this.#ended ??= { chain: chain ?? 0, at: this.#clock.now() };
    else this.#ended = undefined;
    if (this.#rank === undefined) this.#appear();
  }

  #part(topic: string, place: string, payload: Uint8Array): void {
    const taken = this.#post.take(topic, payload);
    if (taken.kind !== 'whole') return;
    const { message, crc } = taken;
    if (place === 'to' && message.kind === 'note')
      return this.#options.onNote?.(new TextDecoder().decode(message.bytes));
    // before the description there is no telling; the beat brings back what is missed by that
    if (this.#run === undefined || message.run !== this.#run.key) return this.#askWhatItIs();
    if (message.kind === 'gather' && (place === 'peer' || place === 'to')) this.#gather(message, crc);
    if (place !== 'down' && place !== 'to') return;
    if (message.kind === 'closed') this.#hold(message);
    if (message.kind === 'beat') this.#heard(message);
    if (message.kind === 'state') this.#state = { position: message, bytes: message.bytes };
    if (message.kind === 'seat') this.#sit(message);
  }

  #sit(message: Message): void {
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
    return keyOf(position) === keyOf(this.#position);
  }

  #hold(message: Message): void {
    if (message.step < this.#position.step) return;
    if (this.#closed.size < AHEAD) this.#closed.set(keyOf(message), message.bytes);
    if (this.#waiting && !this.#closed.has(keyOf(this.#position))) this.#ask();
  }

  #gather(message: Message, crc: number): void {
    if (message.step < this.#position.step) return;
    const key = keyOf(message);
    const turn = this.#gathered.get(key) ?? new Map<string, Uint8Array>();
    if (this.#gathered.size >= AHEAD && !this.#gathered.has(key)) return;
    this.#gathered.set(key, turn.set(`${message.rank},${crc}`, message.bytes));
  }

  /** A beat: where the run is. Only one who waits has to do something about it. */
  #heard(message: Message): void {
    if (this.#rank === undefined) return this.#appear();
    if (!this.#waiting) return;
    if (!this.#isHere(message)) return this.#ask();
    const ranks = unpackRanks(message.bytes, this.#run?.workers ?? 0);
    if (!ranks.includes(this.#rank)) this.#sendAgain();
  }

  #sendAgain(): void {
    const out = this.#outgoing;
    if (out === undefined || !this.#isHere(out.message) || this.#clock.now() < out.at + AGAIN_AFTER) return;
    out.at = this.#clock.now();
    this.#quietly(this.#post.send(out.topic, { ...out.message, rank: this.#rank ?? NO_RANK }));
  }

  /** Has the broker say again what the run is: it keeps that for who subscribes. */
  #askWhatItIs(): void {
    const now = this.#clock.now();
    if (now < this.#asked + ASK_EVERY) return;
    this.#asked = now;
    this.#quietly(this.#post.link.subscribe([this.#topics.server]));
  }

  /** Asks how to go on from here. */
  #ask(): void {
    const now = this.#clock.now();
    if (now < this.#asked + ASK_EVERY) return;
    this.#asked = now;
    this.#quietly(this.#post.send(this.#topics.up(this.name), this.#message('ask', new Uint8Array(0))));
  }

  #message(kind: Kind, bytes: Uint8Array): Message {
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
          : this.#rank === undefined
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
    const { model, gradient: compute, onStep } = this.#options;
    const machine = this.#machine as Worker;
    const at: At = { step: this.#position.step, rank: this.#rank ?? 0, workers: this.#run?.workers ?? 0 };
    // a step that has closed already is only followed: a gradient would come too late
    const follows = this.#isStepClosed() || this.#ended !== undefined;
    let message: Spoken;
    if (follows) message = await machine.follow(model);
    else {
      const gradient = await compute(model, at);
      // another model or another seat has come: that gradient is of no use
      if (this.#state !== undefined || this.#stopping || machine !== this.#machine) return false;
      message = await machine.send(gradient, model);
    }
    this.#outgoing = undefined;
    let used = 0;
    for (let turns = 1; ; turns++) {
      if (!follows && !this.#closed.has(keyOf(this.#position))) this.#speak(message);
      const event = await this.#until(() => this.#next(machine));
      if (event.kind !== 'closed') return false;
      const { record, answer, isUsed, chain } = event;
      const inbox = record.route === 'gather' ? this.#gatheredOf(record) : [answer];
      const outcome = await machine.receive(inbox as Uint8Array[], record.from, isUsed);
      if (isUsed) used++;
      this.#closed.delete(keyOf(this.#position));
      this.#gathered.delete(keyOf(this.#position));
      const { step, turn } = this.#position;
      if ((outcome.kind === 'message') === record.last)
        throw new Error(`step ${step}: this worker and the server do not agree on its turns`);
      if (outcome.kind === 'message') {
        this.#position = { step, turn: turn + 1, chain };
        ({ message } = outcome);
        continue;
      }
      if (outcome.kind === 'direction') descend(model, outcome.direction);
      this.#position = { step: step + 1, turn: 0, chain };
      this.#outgoing = undefined;
      onStep?.({ ...at, used, turns, traffic: { ...this.#post.link.traffic } });
      return true;
    }
  }

  /** Whether all turns of this step are closed. */
  #isStepClosed(): boolean {
    const { step } = this.#position;
    let { turn, chain } = this.#position;
    for (;;) {
      const bytes = this.#closed.get(keyOf({ step, turn, chain }));
      if (bytes === undefined) return false;
      if (unpackClosed(bytes).record.last) return true;
      chain = chained(chain, bytes);
      turn++;
    }
  }

  /** Sends what the machine has to say in this turn. */
  #speak({ route, bytes }: Spoken): void {
    const topic = route === 'gather' ? this.#topics.peer(this.name) : this.#topics.up(this.name);
    const message = this.#message(route, bytes);
    const crc = crc32(bytes);
    this.#outgoing = { topic, message, crc, at: this.#clock.now() };
    if (route === 'gather') this.#gather(message, crc);
    this.#quietly(this.#post.send(topic, message));
  }

  /** What there is to do in this turn. */
  #next(machine: Worker): Event | undefined {
    if (this.#state !== undefined || machine !== this.#machine) return { kind: 'reload' };
    const bytes = this.#closed.get(keyOf(this.#position));
    if (bytes === undefined) return undefined;
    const { record, answer } = unpackClosed(bytes);
    const place = record.from.indexOf(this.#rank ?? NO_RANK);
    const own = this.#outgoing;
    // one of its rank may be that of an earlier life
    const isUsed =
      place >= 0 && own !== undefined && this.#isHere(own.message) && record.crcs[place] === own.crc;
    if (record.route === 'gather' && this.#gatheredOf(record) === undefined) return undefined;
    return { kind: 'closed', record, answer, isUsed, chain: chained(this.#position.chain, bytes) };
  }

  /** The messages that a record names, where all are here. */
  #gatheredOf({ from, crcs }: Closed): Uint8Array[] | undefined {
    const turn = this.#gathered.get(keyOf(this.#position));
    const messages = from.map((rank, i) => turn?.get(`${rank},${crcs[i]}`));
    return messages.every((bytes) => bytes !== undefined) ? messages : undefined;
  }

  /** Goes on from the state that the server sent. */
  #reload(): void {
    const state = this.#state;
    this.#state = undefined;
    if (state === undefined || this.#machine === undefined) return;
    const [common, model, told] = unpackList(state.bytes);
    const used = unpackJson<{ step: number; turn: number; crc: number }>(told);
    const own = this.#outgoing;
    const taken =
      own !== undefined &&
      used.step === own.message.step &&
      used.turn === own.message.turn &&
      used.crc === own.crc;
    unpackModel(model, this.#options.model);
    this.#machine.adopt(common, taken);
    this.#outgoing = undefined;
    const { step, turn, chain } = state.position;
    this.#position = { step, turn, chain };
    for (const key of this.#closed.keys()) if (Number(key.split(',')[0]) < step) this.#closed.delete(key);
    for (const key of this.#gathered.keys()) if (Number(key.split(',')[0]) < step) this.#gathered.delete(key);
    this.#asked = -Infinity;
  }

  /** Where nothing comes any more, not even a beat, the end of the run or its server's return may have been lost. */
  #listenForSilence(): void {
    this.#callOff = this.#clock.after(SILENCE, () => {
      if (this.#stopping) return;
      if (this.#waiting && this.#clock.now() >= this.#word + SILENCE) {
        this.#askWhatItIs();
        this.#appear();
      }
      this.#changed();
      this.#listenForSilence();
    });
  }

  /** Whether the run has ended, and this worker has all of it, or nobody tells it what it misses. */
  #isOver(): boolean {
    if (this.#ended === undefined) return false;
    const { chain, at } = this.#ended;
    return (
      chain === this.#position.chain || this.#machine === undefined || this.#clock.now() >= at + LAST_WORDS
    );
  }

  /** Waits until there is something to do, or the run is over. */
  async #until<T>(probe: () => T | undefined): Promise<T | { readonly kind: 'over' }> {
    this.#waiting = true;
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
    }
  }
}
