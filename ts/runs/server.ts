/**
 * The server of a run: opens turns, collects, closes them and tells what came of them. It keeps a copy of the model, trained
 * by a worker of its own that only follows, for those who join. Of systems without a server it does the same: messages of a
 * `gather` turn go to all peers, those of a `sum` turn are added here.
 *
 * Everything happens in one queue, one thing after the other; nothing in it waits for the broker.
 */
import { requireInteger, requireNumber } from '../arguments.ts';
import { descend, finiteFloatsOf, sumMessages } from '../algorithms/steps.ts';
import type { Model, Outcome, Route, Server, System, Worker } from '../algorithms/system.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { crc32 } from '../packet/crc32.ts';
import { DEADLINE } from './deadline.ts';
import type { Description } from './description.ts';
import { NO_RANK, type Kind, type Message, type Position } from './wire/head.ts';
import { History } from './history.ts';
import { isSame } from './inbox.ts';
import { LEAVING, wallClock, within, type Clock, type Link, type OpenLink, type Traffic } from './link.ts';
import { Membership, type Member } from './membership.ts';
import { drawMark, Post } from './post.ts';
import { chained, firstChain, packClosed, packRanks } from './wire/record.ts';
import { Round, type Entry } from './round.ts';
import { packJson, packList, packModel, unpackJson, unpackModel } from './wire/state.ts';
import { packRun, unpackRun } from './checkpoint.ts';
import { checksumOf, settingsOf, type Settings } from './settings.ts';
import { topicsOf, type Topics } from './topics.ts';
import { secondsOf, Waits } from './waits.ts';

/** Where a server keeps its state: a file, say. */
export interface Store {
  /** What was written last, if anything. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when it is safe. */
  write(state: Uint8Array): Promise<void>;
}

/** A closed turn, for people and for tests. */
export interface ClosedRound extends Position {
  readonly route: Route;
  /** Whether the step ended with it. */
  readonly last: boolean;
  /** Whose messages it is made of, by rank. */
  readonly from: readonly (Entry & { readonly name: string })[];
  /** What the server answered; the sum of a `sum` turn; empty of a `gather` turn. */
  readonly answer: Uint8Array;
  /** Milliseconds from its opening to its closing. */
  readonly duration: number;
  /** Names of those who were here and not in it. */
  readonly missed: readonly string[];
  /** Names of those who left the step out, and said so. */
  readonly passed: readonly string[];
  /** Names of those who are not waited for any more. */
  readonly stragglers: readonly string[];
  /** Workers who are here. */
  readonly present: number;
  /** Since the start. */
  readonly traffic: Traffic;
}

export interface ServeOptions {
  /** How to reach the broker: `mqttBroker({ url })`. */
  readonly broker: OpenLink;
  /** The run's name: 1 to 64 of A-Z a-z 0-9 . _ - */
  readonly run: string;
  /** Levels of all topics before the run's name; fewbits if left out. */
  readonly prefix?: string;
  readonly device: Device;
  readonly system: System;
  /** The initial model. It is trained in place; workers get it from here. */
  readonly model: Model;
  /** Seats: the most workers at a time. */
  readonly workers: number;
  /** Workers to wait for before the first step; all seats if left out. */
  readonly start?: number;
  /** The least number of messages that a turn is made of; half of the seats if left out. */
  readonly quorum?: number;
  /**
   * Milliseconds from its opening after which a turn closes with a quorum, and after which `onNote` hears what is waited for
   * where there is none, each time anew; 30,000 if left out.
   */
  readonly deadline?: number;
  /** Steps after which the run ends; without end if left out. */
  readonly steps?: number;
  /** Milliseconds of silence after which the server says where the run is; 1000 if left out. */
  readonly beat?: number;
  /**
   * Steps after which the checksum of the model goes with a closed turn: a worker whose model has another is named in
   * `onRefused`, and loads the model. 25 if left out; 0 for never. Of systems whose workers' models differ by design they are
   * compared in the next step that sets all models to one answer, if they have such steps (LIEC-SGD has, CSER has not).
   */
  readonly checkEvery?: number;
  /** What workers are told of the run, JSON: the task and its settings, say. */
  readonly about?: unknown;
  /** Where the state goes, and comes from where there is one. */
  readonly store?: Store;
  /** Steps from one saved state to the next; 1 if left out, so that a restart undoes nothing. */
  readonly saveEvery?: number;
  /** Called after each turn; the next one closes when it has resolved. */
  readonly onRound?: (round: ClosedRound) => void | Promise<void>;
  /**
   * From whom something was refused, and why: a message, settings that are not the run's, a model that is not; or that a worker
   * has left out ten steps in a row.
   */
  readonly onRefused?: (refusal: { readonly name: string; readonly reason: string }) => void;
  /** What the server has been waiting for, for longer than `deadline`. */
  readonly onNote?: (text: string) => void;
  /** Somebody has come or gone. */
  readonly onMember?: (member: {
    readonly name: string;
    readonly rank: number;
    readonly here: boolean;
  }) => void;
  /** For tests: another time. */
  readonly clock?: Clock;
}

/** A run under way. */
export interface RunServer {
  /** Resolves when all steps are done or it was stopped; rejects where it cannot go on. */
  readonly done: Promise<void>;
  /** Where the run is. */
  readonly position: Position;
  readonly members: readonly Member[];
  /** Saves the state and leaves, within seconds, whether the broker is there or not; the run can go on from there. */
  stop(): Promise<void>;
}

/** How long a server stays after the last step for those who have not heard of it, in milliseconds. */
const LINGER = 10_000;

/** Parts that may wait for their turn before the broker is held back. */
const QUEUED = 256;

const BEAT = 1000;
const CHECK_EVERY = 25;

/** Characters of a worker's note that are told. */
const NOTE = 400;

/**
 * Serves a run until its steps are done. `done` rejects with a BrokerError where the broker refuses what the server sends.
 * @throws TypeError or RangeError where an option is wrong; PacketError where the stored state is not one of this run
 * @throws BrokerError where the broker refuses the connection; another Error where it cannot be reached, or where the state
 * cannot be written
 */
export async function serveRun(options: ServeOptions): Promise<RunServer> {
  const topics = topicsOf(options.run, options.prefix);
  const serving = new Serving(options, topics);
  await serving.restore();
  const link = await options.broker(topics.server);
  serving.begin(link);
  return serving;
}

class Serving implements RunServer {
  readonly done: Promise<void>;
  readonly #options: ServeOptions;
  readonly #topics: Topics;
  readonly #clock: Clock;
  readonly #mark = drawMark();
  readonly #members: Membership;
  readonly #machine: Server | undefined;
  readonly #follower: Worker;
  readonly #steps: number;
  readonly #beat: number;
  readonly #checkEvery: number;
  readonly #waits: Waits;
  readonly #history = new History();

  #post: Post | undefined;
  #key = 0;
  #round: Round;
  /** Of a `sum` turn: bytes of each message. */
  #sumBytes = 0;
  /** What goes with the model at the start of this step. */
  #common: Uint8Array;
  #stepChain: number;
  /** The model at the start of this step, where one that is under way may change it: among peers. */
  #before: Uint8Array | undefined;
  /** The last message of each name that was used. */
  #used = new Map<string, { step: number; turn: number; crc: number }>();
  /** Marks of those who found no seat. */
  readonly #waiting = new Map<string, string>();

  #queue: Promise<void> = Promise.resolve();
  #sent: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #lastWord = 0;
  #callOff: () => void = () => {};
  #settings: Settings | undefined;
  /** The step after which models were compared last. */
  #checked = -1;
  #isDown = false;
  #ended = false;
  #stopped = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(options: ServeOptions, topics: Topics) {
    const { workers, system, device, model } = options;
    this.#members = new Membership(workers);
    requireInteger('start', options.start ?? workers, 1, workers);
    requireInteger('quorum', options.quorum ?? 1, 1, workers);
    const { deadline = DEADLINE } = options;
    requireNumber('deadline', deadline, 'a number above 0', (value) => value > 0);
    this.#waits = new Waits(deadline);
    this.#checkEvery = requireInteger('checkEvery', options.checkEvery ?? CHECK_EVERY, 0, 2 ** 31);
    this.#beat = requireNumber('beat', options.beat ?? BEAT, 'a number above 0', (value) => value > 0);
    requireInteger('saveEvery', options.saveEvery ?? 1, 1, 2 ** 31);
    this.#steps =
      options.steps === undefined ? Infinity : requireInteger('steps', options.steps, 1, 2 ** 32 - 1);
    this.#options = options;
    this.#topics = topics;
    this.#clock = options.clock ?? wallClock;
    const n = model.parameters.length;
    this.#machine = system.server?.(device, { n, workers });
    this.#follower = system.worker(device, { n, workers, rank: workers });
    this.#common = this.#follower.share();
    this.#stepChain = firstChain(model.parameters);
    this.#round = this.#open({ step: 0, turn: 0, chain: this.#stepChain }, 'server');
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // whoever waits for `done` is told; who does not is not to be ended by it
    this.done.catch(() => {});
  }

  get position(): Position {
    return this.#round.position;
  }

  get members(): readonly Member[] {
    return this.#members.members;
  }

  /** Takes the stored state, if there is one, and begins the step. The state is written, so that it is known that it can be. */
  async restore(): Promise<void> {
    const { run, store, device, system, model } = this.#options;
    this.#settings = await settingsOf(device, system, model);
    const stored = await store?.read();
    this.#key = crc32(packJson([run, drawMark()]));
    if (stored !== undefined) this.#load(stored);
    await this.#beginStep(this.position);
    await this.#save();
  }

  begin(link: Link): void {
    const fail = (error: Error): void =>
      void this.#do(() => {
        throw error;
      });
    this.#post = new Post(link, fail);
    link.listen({
      message: (topic, payload, retained) => this.#take(topic, payload, retained),
      up: () => {
        this.#isDown = false;
        void this.#do(() => this.#announce());
      },
      down: () => {
        // each attempt that fails breaks the connection anew; the wait goes on
        if (!this.#isDown) this.#waits.at(this.#clock.now());
        this.#isDown = true;
      },
      failed: fail,
    });
    const { allHere, allUp, allPeers, server } = this.#topics;
    // not in the queue: what comes before the broker's acknowledgement would wait for it, and it for that
    link.subscribe([server, allHere, allUp, ...(this.#machine ? [] : [allPeers])]).then(
      () =>
        this.#do(async () => {
          if (this.position.step >= this.#steps) await this.#end();
          else this.#announce();
        }),
      fail,
    );
  }

  async stop(): Promise<void> {
    if (this.#stopped) return this.done;
    await this.#do(async () => {
      if (!this.#ended) await this.#save();
      await this.#leave();
    });
    return this.done;
  }

  // Time and order

  /** Does one thing after the other; an error ends the run. */
  #do(work: () => void | Promise<void>): Promise<void> {
    const next = this.#queue.then(async () => {
      if (this.#stopped) return;
      try {
        await work();
        await this.#closeWhatIsDue();
        this.#wake();
      } catch (error) {
        this.#stopped = true;
        this.#callOff();
        await this.#post?.link.close();
        this.#reject(error);
      }
    });
    this.#queue = next;
    return next;
  }

  /** Comes back for the deadline or the next beat. */
  #wake(): void {
    this.#callOff();
    if (this.#stopped || this.#post === undefined) return;
    const now = this.#clock.now();
    const at = [this.#lastWord + this.#beat];
    if (!this.#ended && this.#round.deadlineAt > now) at.push(this.#round.deadlineAt);
    this.#callOff = this.#clock.after(Math.max(1, Math.min(...at) - now), () => {
      void this.#do(() => {
        const time = this.#clock.now();
        if (!this.#ended && time >= this.#lastWord + this.#beat) this.#sendBeat();
        this.#tellWaits(time);
      });
    });
  }

  /** Says what is waited for, where that takes long. */
  #tellWaits(now: number): void {
    if (this.#ended) return;
    if (!this.#isDown) this.#waits.at(this.#round.openedAt);
    const waited = this.#waits.due(now);
    if (waited === undefined) return;
    const since = `has waited ${secondsOf(waited)} for`;
    if (this.#isDown) return this.#options.onNote?.(`${since} the broker, which cannot be reached`);
    const names = (ranks: readonly number[]): string =>
      ranks.length === 0 ? 'nobody' : ranks.map((rank) => this.#nameOf(rank)).join(' ');
    const { missing, heard } = this.#round;
    const { step } = this.position;
    this.#options.onNote?.(
      `${since} ${missing} more of the workers that step ${step} needs: ` +
        `here are ${names(this.#members.present)}, heard were ${names(heard)}`,
    );
  }

  #nameOf(rank: number): string {
    return this.#members.nameOf(rank) ?? String(rank);
  }

  // What is sent

  #message(kind: Kind, bytes: Uint8Array, position: Position = this.position, rank = NO_RANK): Message {
    const { step, turn, chain } = position;
    return { kind, rank, run: this.#key, step, turn, chain, bytes };
  }

  /** Sends without waiting: what cannot be sent now is sent when the broker is there again. */
  #send(topic: string, message: Message): void {
    if (topic === this.#topics.down) this.#lastWord = this.#clock.now();
    this.#sent = Promise.allSettled([this.#sent, this.#post?.send(topic, message)]);
  }

  #sendBeat(): void {
    // beats that wait for the broker would all come at once
    if (this.#isDown) this.#lastWord = this.#clock.now();
    else this.#send(this.#topics.down, this.#beatMessage());
  }

  #beatMessage(): Message {
    return this.#message('beat', packRanks(this.#round.heard, this.#options.workers));
  }

  /** Says what the run is, retained, and where it is. */
  #announce(): void {
    this.#describe(false);
    this.#sendBeat();
  }

  #describe(ended: boolean): void {
    const { system, model, workers, about = null } = this.#options;
    const description: Description = {
      format: 1,
      mark: this.#mark,
      key: this.#key,
      system: system.name,
      n: model.parameters.length,
      workers,
      ended,
      chain: this.position.chain,
      about,
      settings: this.#settings,
      checkEvery: this.#checkEvery,
      deadline: this.#options.deadline ?? DEADLINE,
    };
    this.#retain(packJson(description));
  }

  #retain(payload: Uint8Array): void {
    this.#sent = Promise.allSettled([this.#sent, this.#post?.retain(this.#topics.server, payload)]);
  }

  // What comes

  /** Puts a message into the queue; where that is long, resolves when the message has had its turn. */
  async #take(topic: string, payload: Uint8Array, retained: boolean): Promise<void> {
    this.#queued++;
    const done = this.#do(async () => {
      this.#queued--;
      const place = this.#topics.read(topic);
      if (place?.kind === 'here') await this.#presence(place.name, new TextDecoder().decode(payload));
      else if (place?.kind === 'server' && !retained) this.#rival(payload);
      else if (place?.kind === 'up' || place?.kind === 'peer') await this.#part(topic, place, payload);
    });
    if (this.#queued > QUEUED) await done;
  }

  /** Another server of this run: the later one goes on. */
  #rival(payload: Uint8Array): void {
    if (payload.length === 0) return;
    let mark: unknown;
    try {
      ({ mark } = unpackJson<Description>(payload));
    } catch {
      return;
    }
    if (mark !== this.#mark) throw new Error(`another server has taken over the run ${this.#options.run}`);
  }

  async #presence(name: string, mark: string): Promise<void> {
    if (mark === '') {
      this.#waiting.delete(name);
      const rank = this.#members.leave(name, this.#clock.now());
      if (rank === undefined) return;
      this.#options.onMember?.({ name, rank, here: false });
      // its seat may be what another one waits for
      const [next] = this.#waiting;
      if (next !== undefined) await this.#presence(...next);
      return;
    }
    const arrival = this.#members.arrive(name, mark, this.position.turn > 0);
    if (arrival.kind === 'full') {
      this.#waiting.set(name, mark);
      this.#note(name, `all ${this.#options.workers} seats are taken; you get the next one that is free`);
      return;
    }
    const { rank, fresh } = arrival;
    this.#waiting.delete(name);
    if (fresh) {
      this.#round.drop(rank);
      this.#post?.forget(this.#topics.up(name));
      this.#post?.forget(this.#topics.peer(name));
      this.#options.onMember?.({ name, rank, here: true });
    }
    const seat = packJson({ mark, rank, heard: this.#round.heard.includes(rank) });
    this.#send(this.#topics.to(name), this.#message('seat', seat));
  }

  #note(name: string, text: string): void {
    this.#send(this.#topics.to(name), this.#message('note', new TextEncoder().encode(text)));
  }

  #refuse(name: string, reason: string): void {
    this.#options.onRefused?.({ name, reason });
    this.#note(name, reason);
  }

  async #part(
    topic: string,
    { kind, name }: { kind: string; name: string },
    payload: Uint8Array,
  ): Promise<void> {
    const taken = this.#post?.take(topic, payload);
    if (taken?.kind === 'refused') return this.#refuse(name, taken.reason);
    if (taken?.kind !== 'whole') return;
    const { message, crc } = taken;
    if (message.run !== this.#key) return this.#refuse(name, 'a message of another run');
    if (message.kind === 'ask') return this.#answerAsk(name, message);
    if (message.kind === 'note') return this.#noted(name, message.bytes);
    if (this.#ended) return;
    const { kind: route } = message;
    if (route !== 'server' && route !== 'gather' && route !== 'sum' && route !== 'pass')
      return this.#refuse(name, `a message of kind ${route}`);
    if ((route === 'gather') !== (kind === 'peer'))
      return this.#refuse(name, `a message of route ${route} on the topic ${kind}`);
    const rank = this.#members.rankOf(name);
    if (rank === undefined || rank !== message.rank)
      return this.#refuse(name, `a message of rank ${message.rank}, whose seat is ${rank ?? 'none'}`);
    const judgement =
      route === 'pass'
        ? this.#round.pass(rank, message)
        : this.#round.take(rank, message, crc, this.#clock.now());
    if (typeof judgement === 'object') return this.#refuse(name, judgement.refused);
    if (judgement !== 'taken') return;
    try {
      if (route === 'sum') finiteFloatsOf(message.bytes, this.#sumBytes / 4);
      if (route === 'gather') await this.#follower.check(message.bytes, rank);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.#round.drop(rank);
      this.#refuse(name, error.message);
    }
  }

  /** What a worker has found: text for people. */
  #noted(name: string, bytes: Uint8Array): void {
    const text = new TextDecoder().decode(bytes).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
    this.#options.onRefused?.({ name, reason: text.slice(0, NOTE) });
  }

  /** Tells a worker how to go on from where it is; one that asks for the model gets it. */
  #answerAsk(name: string, ask: Message): void {
    const topic = this.#topics.to(name);
    const wantsModel = ask.bytes.length > 0;
    if (this.#ended) this.#describe(true);
    if (!wantsModel && isSame(ask, this.position)) return this.#send(topic, this.#beatMessage());
    let turns = wantsModel ? undefined : this.#history.since(ask);
    if (turns === undefined) {
      const { model } = this.#options;
      const used = packJson(this.#used.get(name) ?? {});
      const state = packList([this.#common, this.#before ?? packModel(model), used]);
      const at = { step: this.position.step, turn: 0, chain: this.#stepChain };
      this.#send(topic, this.#message('state', state, at));
      // and the turns of this step that are closed
      turns = this.#history.of(at.step);
    }
    for (const { position, closed, gathered } of turns) {
      for (const entry of gathered)
        this.#send(topic, this.#message('gather', entry.bytes, position, entry.rank));
      this.#send(topic, this.#message('closed', closed, position));
    }
  }

  // Turns

  #open(position: Position, route: Route, passed: readonly number[] = []): Round {
    const { deadline = DEADLINE, workers, start = workers, quorum } = this.#options;
    const least = quorum ?? Math.max(1, Math.ceil(workers / 2));
    const first = position.step === 0 && position.turn === 0;
    const rules = { deadline, quorum: first ? Math.max(start, least) : least };
    return new Round(position, route, rules, this.#clock.now(), passed);
  }

  /** The follower begins the step, and the first turn opens. */
  async #beginStep(position: Position): Promise<void> {
    this.#common = this.#follower.share();
    this.#stepChain = position.chain;
    const { model } = this.#options;
    this.#before = this.#machine === undefined ? packModel(model) : undefined;
    const { route, bytes } = await this.#follower.follow(model);
    this.#sumBytes = bytes.length;
    this.#round = this.#open(position, route);
  }

  async #closeWhatIsDue(): Promise<void> {
    while (!this.#ended && !this.#stopped && this.#round.isDue(this.#members.awaited, this.#clock.now())) {
      const made = await this.#make();
      if (made !== undefined) await this.#close(made.entries, made.answer);
    }
  }

  /** What the turn comes to; undefined where a message was no good, and is gone. */
  async #make(): Promise<{ entries: readonly Entry[]; answer: Uint8Array } | undefined> {
    const { entries, route } = this.#round;
    const messages = entries.map(({ bytes }) => bytes);
    if (route === 'gather' || entries.length === 0) return { entries, answer: new Uint8Array(0) };
    if (route === 'sum') return { entries, answer: sumMessages(messages) };
    const machine = this.#machine;
    if (machine === undefined) throw new Error(`${this.#options.system.name} has no server to answer`);
    try {
      const from = entries.map(({ rank }) => rank);
      return { entries, answer: await machine.answer(messages, from) };
    } catch (error) {
      // whose is it? the machine is as it was
      let found = false;
      for (const { rank, bytes } of entries)
        await machine.check(bytes).catch((reason: unknown) => {
          if (!(reason instanceof PacketError)) throw reason;
          found = true;
          this.#round.drop(rank);
          this.#refuse(this.#nameOf(rank), reason.message);
        });
      if (!found) throw error;
      return undefined;
    }
  }

  async #close(entries: readonly Entry[], answer: Uint8Array): Promise<void> {
    const { position, route, openedAt, passed } = this.#round;
    const { workers, model } = this.#options;
    const from = entries.map(({ rank }) => rank);
    const inbox = route === 'gather' ? entries.map(({ bytes }) => bytes) : [answer];
    // where all have left the step out it ends as if it had not been
    const outcome: Outcome | undefined =
      entries.length === 0 ? undefined : await this.#follower.receive(inbox, from);
    const last = outcome?.kind !== 'message';
    if (outcome?.kind === 'direction') descend(model, outcome.direction);

    const crcs = entries.map(({ crc }) => crc);
    const record = { route, last, seats: workers, from, crcs, ...this.#checksumAfter(outcome) };
    const closed = packClosed(record, answer);
    const chain = chained(position.chain, closed);
    this.#history.keep({ position, closed, gathered: route === 'gather' ? entries : [] });
    for (const { rank, crc } of entries) {
      const name = this.#members.nameOf(rank);
      if (name !== undefined) this.#used.set(name, { step: position.step, turn: position.turn, crc });
    }
    const missed = this.#members.present.filter((rank) => !from.includes(rank) && !passed.includes(rank));
    this.#members.closed(from, { first: position.turn === 0, last }, passed);
    const duration = this.#clock.now() - openedAt;

    if (outcome?.kind === 'message') {
      const { step, turn } = position;
      this.#sumBytes = outcome.message.bytes.length;
      this.#round = this.#open({ step, turn: turn + 1, chain }, outcome.message.route, passed);
    } else {
      await this.#beginStep({ step: position.step + 1, turn: 0, chain });
      // before anyone hears of it, so that what was heard is not undone by a restart
      if (this.position.step % (this.#options.saveEvery ?? 1) === 0) await this.#save();
    }
    this.#send(this.#topics.down, this.#message('closed', closed, position));

    const name = (rank: number): string => this.#nameOf(rank);
    await this.#options.onRound?.({
      ...position,
      route,
      last,
      from: entries.map((entry) => ({ ...entry, name: name(entry.rank) })),
      answer,
      duration,
      missed: missed.map(name),
      passed: passed.map(name),
      stragglers: this.#members.stragglers.map(name),
      present: this.#members.present.length,
      traffic: { ...(this.#post as Post).link.traffic },
    });
    if (this.position.step >= this.#steps) await this.#end();
  }

  /** The checksum of the model after a turn with this outcome, where it is time for one and all workers have one model then. */
  #checksumAfter(outcome: Outcome | undefined): { readonly checksum?: number } {
    const { step } = this.position;
    if (this.#checkEvery === 0 || step - this.#checked < this.#checkEvery) return {};
    // systems that average models: where the server's answer is the model, all have it; parts of it say nothing of the rest
    const isCommon = this.#options.system.averagesModels
      ? outcome?.kind === 'stepped' && this.#round.route === 'server'
      : outcome?.kind === 'direction';
    if (!isCommon) return {};
    this.#checked = step;
    return { checksum: checksumOf(this.#options.model) };
  }

  // The end, and states

  async #end(): Promise<void> {
    this.#ended = true;
    await this.#save();
    this.#describe(true);
    const until = this.#clock.now() + LINGER;
    const look = (): void => {
      if (this.#members.present.length === 0 || this.#clock.now() >= until)
        void this.#do(() => this.#leave());
      else this.#clock.after(20, look);
    };
    look();
  }

  async #leave(): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    // what has ended stays said, so that nobody waits for it
    if (!this.#ended) this.#retain(new Uint8Array(0));
    // a broker that is gone takes nothing; its own last will has said that the server is gone
    if (!this.#isDown) await within(this.#clock, LEAVING, this.#sent);
    await this.#post?.link.close();
    this.#resolve();
  }

  async #save(): Promise<void> {
    await this.#options.store?.write(this.#pack());
  }

  /** The state at the start of a step. */
  #pack(): Uint8Array {
    const { model, system, workers, about = null } = this.#options;
    const { step } = this.position;
    const head = {
      about,
      system: system.name,
      workers,
      key: this.#key,
      step,
      chain: this.#stepChain,
      seats: this.#members.save(),
      used: [...this.#used],
    };
    return packRun({
      head,
      common: this.#common,
      model: this.#before ?? packModel(model),
      machine: this.#machine?.save() ?? new Uint8Array(0),
      kept: this.#history.of(step - 1),
    });
  }

  #load(bytes: Uint8Array): void {
    const { system, workers, model } = this.#options;
    const saved = unpackRun(bytes, { system: system.name, workers });
    const { key, step, chain, seats, used } = saved.head;
    this.#follower.adopt(saved.common);
    this.#machine?.load(saved.machine);
    unpackModel(saved.model, model);
    this.#key = key;
    this.#members.load(seats);
    this.#used = new Map(used);
    this.#history.load(saved.kept);
    this.#checked = step - 1;
    this.#round = this.#open({ step, turn: 0, chain }, 'server');
  }
}
