/**
 * The server of a run: opens rounds, collects, closes them and sends their aggregates. It keeps a replica of the model
 * for those who join. Of systems without a server it does the same: messages of a `gather` round go to all peers, those
 * of a `sum` round are added here.
 */
import { finiteFloatsOf } from '../algorithms/steps.ts';
import type { Outcome, Route } from '../algorithms/system.ts';
import { PacketError } from '../errors.ts';
import { aggregate } from './aggregate.ts';
import { packCheckpoint, unpackCheckpoint } from './checkpoint.ts';
import { Course } from './course.ts';
import { Early } from './early.ts';
import { History } from './history.ts';
import { Host, type Sender, type Service } from './host.ts';
import { rangeOf, type Member } from './membership.ts';
import type { Replica } from './replica.ts';
import { misplacedIn, overweightOf, Round, type RoundEntry } from './round.ts';
import { serveNumbersOf, type RunServer, type ServeNumbers, type ServeOptions } from './serve-options.ts';
import { secondsOf, Waits } from './waits.ts';
import { isSame, type Position, type RunMessage } from './wire/head.ts';
import { chained, packClosed, packRanks } from './wire/record.ts';
import { packRunState } from './wire/state.ts';
import type { Change } from './wire/terms.ts';

/** Messages that may wait in the queue before the transport is held back. */
const QUEUED = 256;

/** Characters of a worker's note that are told. */
const NOTE = 400;

export class RoundServer implements RunServer, Service {
  readonly #options: ServeOptions;
  readonly #numbers: ServeNumbers;
  readonly #host: Host;
  readonly #course: Course;
  readonly #replica: Replica;
  readonly #waits: Waits;
  readonly #history = new History();
  readonly #early: Early;
  #round: Round;
  /** When all were told something last. */
  #lastWord = 0;

  constructor(options: ServeOptions) {
    this.#numbers = serveNumbersOf(options);
    // before the vectors, which are not freed where an option is refused
    const seats = { seats: rangeOf(options.workers), first: this.#numbers.first };
    this.#host = new Host({ ...options, ...seats, queued: QUEUED }, this);
    this.#options = options;
    this.#waits = new Waits(this.#numbers.deadline);
    this.#course = new Course(options, this.#numbers);
    this.#early = new Early(() => this.#course.machine);
    this.#replica = this.#course.replica;
    this.#round = this.#open({ step: 0, round: 0, chain: this.#replica.chain }, 'server');
    // nothing is done in the host's queue any more then
    const free = (): void => this.free();
    this.done.then(free, free);
  }

  /** Seats of the step under way. */
  get #seats(): number {
    return this.#course.terms.seats;
  }

  /** Gives the device's memory back. */
  free(): void {
    this.#course.free();
  }

  get done(): Promise<void> {
    return this.#host.done;
  }

  get position(): Position {
    return this.#round.position;
  }

  get members(): readonly Member[] {
    return this.#host.members.members;
  }

  /**
   * Takes the stored state, if there is one, and begins the step. The state is written, so that it is known that it can
   * be.
   */
  async restore(): Promise<void> {
    await this.#course.prepare();
    const stored = await this.#options.store?.read();
    if (stored !== undefined) await this.#load(stored);
    await this.#beginStep(this.position);
    await this.#save();
  }

  async begin(): Promise<void> {
    const host = this.#host;
    await host.connect();
    // not in the queue: what comes before the transport's acknowledgement would wait for it, and it for that
    host.subscribe(this.#course.machine ? [] : [host.topics.allPeers]).then(
      () => host.do(() => (this.#isDone ? this.#end() : this.connected())),
      (error: unknown) => host.fail(error),
    );
  }

  async stop(): Promise<void> {
    return this.#host.stop(() => this.#save());
  }

  // What the host asks for

  /** Says what the run is, retained, and where it is. */
  connected(): void {
    this.#host.announce();
    this.#sendHeartbeat();
  }

  disconnected(): void {
    this.#waits.at(this.#host.clock.now());
  }

  describe(): ReturnType<Service['describe']> {
    const { about = null } = this.#options;
    const { checkEvery, deadline } = this.#numbers;
    return { ...this.#course.describe(), chain: this.position.chain, about, checkEvery, deadline };
  }

  seat(_: string, rank: number, isFresh: boolean): object {
    if (isFresh) this.#round.drop(rank);
    return { heard: this.#round.heard.includes(rank) };
  }

  async settle(): Promise<void> {
    const { members, clock } = this.#host;
    while (!this.#host.isEnded && this.#round.isDue(members.awaited, clock.now())) {
      const { entries, route } = this.#round;
      const made = await aggregate(entries, route, this.#course.machine);
      if (made.kind === 'answer') await this.#close(entries, made.answer);
      else for (const { rank, reason } of made.refusals) this.#drop(rank, reason);
    }
    const early = this.#host.isEnded ? [] : await this.#early.take(this.#round, () => members.awaited);
    for (const { rank, reason } of early) this.#drop(rank, reason);
  }

  /** A message turned out to be no good. */
  #drop(rank: number, reason: string): void {
    this.#round.drop(rank);
    this.#host.refuse(this.#nameOf(rank), reason);
  }

  /** The deadline or the next heartbeat. */
  wakeAt(): number | undefined {
    if (this.#host.isEnded) return undefined;
    const heartbeat = this.#lastWord + this.#numbers.heartbeat;
    const { deadlineAt } = this.#round;
    return deadlineAt > this.#host.clock.now() ? Math.min(heartbeat, deadlineAt) : heartbeat;
  }

  awake(): void {
    if (this.#host.isEnded) return;
    const now = this.#host.clock.now();
    if (now >= this.#lastWord + this.#numbers.heartbeat) this.#sendHeartbeat();
    this.#tellWaits(now);
  }

  /** Says what is waited for, where that takes long. */
  #tellWaits(now: number): void {
    const { isDown, members } = this.#host;
    if (!isDown) this.#waits.at(this.#round.openedAt);
    const waited = this.#waits.due(now);
    if (waited === undefined) return;
    const since = `has waited ${secondsOf(waited)} for`;
    if (isDown) return this.#options.onNote?.(`${since} the broker, which cannot be reached`);
    const names = (ranks: readonly number[]): string =>
      ranks.length === 0 ? 'nobody' : ranks.map((rank) => this.#nameOf(rank)).join(' ');
    const { missing, heard } = this.#round;
    const { step } = this.position;
    this.#options.onNote?.(
      `${since} ${missing} more of the workers that step ${step} needs: ` +
        `here are ${names(members.present)}, heard were ${names(heard)}`,
    );
  }

  #nameOf(rank: number): string {
    return this.#host.members.nameOf(rank) ?? String(rank);
  }

  // What is sent to all

  #sendToAll(message: RunMessage): void {
    this.#lastWord = this.#host.clock.now();
    this.#host.send(this.#host.topics.down, message);
  }

  #sendHeartbeat(): void {
    // heartbeats that wait for the transport would all come at once
    if (this.#host.isDown) this.#lastWord = this.#host.clock.now();
    else this.#sendToAll(this.#heartbeat());
  }

  #heartbeat(): RunMessage {
    return this.#host.message('heartbeat', packRanks(this.#round.heard, this.#seats));
  }

  // What comes

  deliver(sender: Sender, message: RunMessage, crc: number): void | Promise<void> {
    const { name } = sender;
    if (message.kind === 'ask') return this.#answerAsk(name, message);
    if (message.kind === 'note') return this.#noted(name, message.bytes);
    if (this.#host.isEnded) return;
    return this.#collect(sender, message, crc);
  }

  /** Takes a message of a round. */
  async #collect({ kind: topic, name }: Sender, message: RunMessage, crc: number): Promise<void> {
    const refuse = (reason: string): void => this.#host.refuse(name, reason);
    const { kind: route } = message;
    const reason = misplacedIn(topic, route) ?? overweightOf(message.bytes, this.#numbers.mostWeight);
    if (reason !== undefined) return refuse(reason);
    const rank = this.#host.members.rankOf(name);
    if (rank === undefined || rank !== message.rank) {
      this.#host.askPresence(name);
      return refuse(`a message of rank ${message.rank}, whose seat is ${rank ?? 'none'}`);
    }
    const judgement =
      route === 'pass'
        ? this.#round.pass(rank, message)
        : this.#round.collect(rank, message, crc, this.#host.clock.now());
    if (typeof judgement === 'object') return refuse(judgement.refused);
    if (judgement !== 'collected') return;
    try {
      if (route === 'sum') finiteFloatsOf(message.bytes, this.#replica.sumBytes / 4);
      if (route === 'gather') await this.#replica.check(message.bytes, rank);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.#drop(rank, error.message);
    }
  }

  /** What a worker has found: text for people. */
  #noted(name: string, bytes: Uint8Array): void {
    const text = new TextDecoder().decode(bytes).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
    this.#options.onRefused?.({ name, reason: text.slice(0, NOTE) });
  }

  /** Tells a worker how to go on from where it is; one that asks for the model gets it. */
  #answerAsk(name: string, ask: RunMessage): void {
    const host = this.#host;
    const topic = host.topics.to(name);
    const wantsModel = ask.bytes.length > 0;
    if (host.isEnded) host.announce();
    if (!wantsModel && isSame(ask, this.position)) return host.send(topic, this.#heartbeat());
    let rounds = wantsModel ? undefined : this.#history.since(ask);
    if (rounds === undefined) {
      const { common, chain } = this.#replica;
      const state = packRunState({
        common,
        model: this.#replica.packModel(),
        used: this.#history.usedOf(name),
        terms: this.#course.terms,
      });
      const { step } = this.position;
      host.send(topic, host.message('state', state, { step, round: 0, chain }));
      // and the rounds of this step that are closed
      rounds = this.#history.of(step);
    }
    for (const { position, closed, gathered } of rounds) {
      for (const { bytes, rank } of gathered) host.send(topic, host.message('gather', bytes, position, rank));
      host.send(topic, host.message('closed', closed, position));
    }
  }

  // Rounds

  #open(position: Position, route: Route, passed: readonly number[] = []): Round {
    const { deadline, start, quorum } = this.#numbers;
    const isFirst = position.step === 0 && position.round === 0;
    const rules = { deadline, quorum: isFirst ? Math.max(start, quorum) : quorum };
    return new Round(position, route, rules, this.#host.clock.now(), passed);
  }

  /** The replica begins the step, and the first round opens. */
  async #beginStep(position: Position): Promise<void> {
    const route = await this.#replica.begin(position.chain);
    this.#round = this.#open(position, route);
  }

  async #close(entries: readonly RoundEntry[], answer: Uint8Array): Promise<void> {
    const { position, route, openedAt, passed } = this.#round;
    const { members, clock } = this.#host;
    const from = entries.map(({ rank }) => rank);
    const inbox = route === 'gather' ? entries.map(({ bytes }) => bytes) : [answer];
    // where all have left the step out it ends as if it had not been
    const outcome = entries.length === 0 ? undefined : await this.#replica.receive(inbox, from);
    const last = outcome?.kind !== 'message';
    const change = last ? this.#course.changeAt(position.step + 1, members, this.#host.waiting) : undefined;
    const closed = this.#record(entries, answer, last, outcome, change);
    const missed = members.present.filter((rank) => !from.includes(rank) && !passed.includes(rank));
    members.closed(from, { first: position.round === 0, last }, passed);
    const duration = clock.now() - openedAt;
    // by the ranks of this step
    const name = (rank: number): string => this.#nameOf(rank);
    const told = {
      ...position,
      route,
      last,
      seats: this.#seats,
      from: entries.map((entry) => ({ ...entry, name: name(entry.rank) })),
      answer,
      duration,
      missed: missed.map(name),
      passed: passed.map(name),
      stragglers: members.stragglers.map(name),
      present: members.present.length,
    };
    await this.#goOn(chained(position.chain, closed), outcome, change);
    this.#sendToAll(this.#host.message('closed', closed, position));
    if (change !== undefined) this.#host.seatWaiting();
    await this.#options.onRound?.({ ...told, traffic: this.#host.traffic });
    if (this.position.step >= this.#numbers.steps) await this.#end();
  }

  /** Writes the round into the history: its record and answer as bytes. */
  #record(
    entries: readonly RoundEntry[],
    answer: Uint8Array,
    last: boolean,
    outcome: Outcome | undefined,
    change: Change | undefined,
  ): Uint8Array {
    const { position, route } = this.#round;
    const { step, round } = position;
    const from = entries.map(({ rank }) => rank);
    const crcs = entries.map(({ crc }) => crc);
    const checksum = this.#replica.checksumAfter(step, route, outcome);
    const record = { route, last, seats: this.#seats, from, crcs, ...checksum, ...(change && { change }) };
    const closed = packClosed(record, answer);
    this.#history.keep({ position, closed, gathered: route === 'gather' ? entries : [] });
    for (const { rank, crc } of entries) this.#history.use(this.#nameOf(rank), { step, round, crc });
    return closed;
  }

  /** The next round opens, of this step or of the next one. */
  async #goOn(chain: number, outcome: Outcome | undefined, change: Change | undefined): Promise<void> {
    const { position, passed } = this.#round;
    const { step, round } = position;
    if (outcome?.kind === 'message') {
      this.#round = this.#open({ step, round: round + 1, chain }, outcome.message.route, passed);
      return;
    }
    if (change !== undefined) {
      this.#host.members.reseat(change);
      await this.#course.take(change);
    }
    await this.#beginStep({ step: step + 1, round: 0, chain });
    // before anyone hears of it, so that what was heard is not undone by a restart
    if (this.position.step % this.#numbers.saveEvery === 0) await this.#save();
  }

  // The end, and states

  get #isDone(): boolean {
    return this.position.step >= this.#numbers.steps;
  }

  async #end(): Promise<void> {
    await this.#save();
    this.#host.end();
  }

  async #save(): Promise<void> {
    const { store } = this.#options;
    if (store === undefined) return;
    // in the queue, or before anyone is heard
    const { head, ...course } = await this.#course.save();
    const { about = null } = this.#options;
    const { step } = this.position;
    const { chain } = this.#replica;
    const { key, members } = this.#host;
    const { used } = this.#history;
    const facts = { about, ...head, key, step, chain, seats: members.save(), used };
    await store.write(packCheckpoint({ head: facts, ...course, kept: this.#history.of(step - 1) }));
  }

  async #load(bytes: Uint8Array): Promise<void> {
    const { system, range: workers } = this.#course;
    const checkpoint = unpackCheckpoint(bytes, { system: system.name, workers });
    const { key, step, chain, seats, used } = checkpoint.head;
    await this.#course.load(checkpoint);
    this.#host.key = key;
    this.#host.members.load(seats);
    this.#history.load(checkpoint.kept, used);
    this.#round = this.#open({ step, round: 0, chain }, 'server');
  }
}
