/**
 * A worker's side of what it and the server of its run say to each other: the run's description, a seat, messages of
 * rounds, which are sent again where they were lost, closed rounds, and questions on how to go on. It knows where the
 * worker is in the run's history, and computes nothing.
 */
import type { Message } from '../algorithms/system.ts';
import { crc32 } from '../packet/crc32.ts';
import type { Attendance } from './attendance.ts';
import { firstTermsOf, otherModelOf, refusalOf, type Description, type Setup } from './description.ts';
import { Inbox } from './inbox.ts';
import { LinkError } from './link.ts';
import { Place } from './place.ts';
import { secondsOf } from './waits.ts';
import { isSame, NO_RANK, type Kind, type Position, type RunMessage } from './wire/head.ts';
import { chained, unpackClosed, unpackRanks, type RoundRecord } from './wire/record.ts';
import { unpackJson } from './wire/json.ts';
import { unpackRunState } from './wire/state.ts';
import type { Change, Terms } from './wire/terms.ts';

/** Milliseconds between two questions. */
const ASK_EVERY = 500;

/** Milliseconds after which a message that was not heard is sent again. */
const AGAIN_AFTER = 500;

/** How long a worker waits for what it missed after the run has ended, in milliseconds. */
const LAST_WORDS = 8000;

/** A round that is closed, with all that a worker takes from it. */
export interface ReceivedRound {
  readonly record: RoundRecord;
  /** The answer, or the messages of a `gather` round. */
  readonly inbox: readonly Uint8Array[];
  /** Whether this worker's message is among those of the record. */
  readonly isUsed: boolean;
  /** The chain after it. */
  readonly chain: number;
}

/** The run's model at the start of a step. */
export interface ReceivedState {
  readonly position: Position;
  readonly common: Uint8Array;
  readonly model: Uint8Array;
  /** Whether this worker's last message was used, though it has not seen the aggregate. */
  readonly isUsed: boolean;
  readonly terms: Terms;
}

/** A message of a round that is not closed yet, as far as this worker knows. */
interface Outgoing {
  readonly topic: string;
  readonly message: RunMessage;
  readonly crc: number;
  at: number;
}

export class Dialogue {
  readonly #attendance: Attendance;
  readonly #setup: Setup;
  readonly #onNote: (text: string) => void;
  readonly #inbox = new Inbox();
  #position: Position;
  #run: { readonly key: number } | undefined;
  readonly place: Place = new Place();
  /** The last message that was sent in the step under way. */
  #outgoing: Outgoing | undefined;
  #state: { readonly position: Position; readonly bytes: Uint8Array } | undefined;
  /** Once the run has ended: its history, and when this worker heard of it. */
  #ended: { readonly chain: number; readonly at: number } | undefined;
  #hasDiverged = false;
  #wasSeated = false;
  #asked = -Infinity;
  /** Whether the worker waits for what the server says. */
  isWaiting = false;

  /** `chain`: that of the initial model. */
  constructor(attendance: Attendance, setup: Setup, chain: number, onNote: (text: string) => void) {
    this.#attendance = attendance;
    this.#setup = setup;
    this.#onNote = onNote;
    this.#position = { step: 0, round: 0, chain };
  }

  get position(): Position {
    return this.#position;
  }

  /** Whether the model is not the run's: it has to be loaded. */
  get hasDiverged(): boolean {
    return this.#hasDiverged;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether a state has come that is to be loaded. */
  get hasState(): boolean {
    return this.#state !== undefined;
  }

  /** The topics that this worker hears. */
  get filters(): readonly string[] {
    const { topics, name } = this.#attendance;
    return [topics.server, topics.down, topics.allPeers, topics.to(name), topics.here(name)];
  }

  // What comes

  receive(topic: string, payload: Uint8Array): void {
    const kind = this.#attendance.topics.read(topic)?.kind ?? '';
    if (kind === 'server') this.#described(payload);
    else this.#part(topic, kind, payload);
  }

  /** What the run is; an empty message where its server has gone: it is waited for. */
  #described(payload: Uint8Array): void {
    if (payload.length === 0) return;
    const description = unpackJson<Description>(payload);
    const { key = 0, ended, chain } = description;
    if (this.#run?.key !== key) {
      this.#compare(description);
      this.#inbox.clear();
      // a seat of this run comes when its server has seen this worker
      this.place.begin(firstTermsOf(description));
    }
    this.#run = { key };
    if (ended === true) this.#ended ??= { chain: chain ?? 0, at: this.#attendance.clock.now() };
    else this.#ended = undefined;
    if (this.place.rank === undefined) this.#attendance.appear();
  }

  /** What the run and this worker must have in common. */
  #compare(description: Partial<Description>): void {
    const { key = 0 } = description;
    const refusal = refusalOf(description, this.#setup);
    if (refusal !== undefined) {
      this.#tell(key, refusal.message);
      throw refusal;
    }
    const other = otherModelOf(description, this.#setup);
    if (other !== undefined && this.#run === undefined) this.#tell(key, other);
  }

  #part(topic: string, kind: string, payload: Uint8Array): void {
    const assembled = this.#attendance.post.receive(topic, payload);
    if (assembled.kind !== 'whole') return;
    const { message, crc } = assembled;
    if (kind === 'to' && message.kind === 'note')
      return this.#onNote(new TextDecoder().decode(message.bytes));
    // before the description there is no telling; the heartbeat brings back what is missed by that
    if (this.#run === undefined || message.run !== this.#run.key) return this.askWhatItIs();
    const isBehind = message.step < this.#position.step;
    if (message.kind === 'gather' && (kind === 'peer' || kind === 'to') && !isBehind)
      this.#inbox.gather(message, crc);
    if (kind !== 'down' && kind !== 'to') return;
    if (message.kind === 'closed') this.#hold(message);
    if (message.kind === 'heartbeat') this.#heard(message);
    if (message.kind === 'state') this.#state = { position: message, bytes: message.bytes };
    if (message.kind === 'seat') this.#sit(message);
  }

  #sit(message: RunMessage): void {
    const seat = unpackJson<{ mark: string; rank: number; heard: boolean }>(message.bytes);
    const { mark: incarnation, rank, heard } = seat;
    // this worker's seat is not the one that it knows
    if (incarnation === undefined) return this.#attendance.appear();
    if (incarnation !== this.#attendance.incarnation || rank === undefined) return;
    this.place.sit(rank, message.step, this.#position.step);
    this.#wasSeated = true;
    if (!this.#isHere(message)) this.ask();
    else if (heard === false) this.#sendAgain();
  }

  #isHere(position: Position): boolean {
    return isSame(position, this.#position);
  }

  #hold(message: RunMessage): void {
    if (message.step < this.#position.step) return;
    this.#inbox.hold(message);
    if (this.isWaiting && !this.isRoundClosed) this.ask();
  }

  /** A heartbeat: where the run is. Only one who waits has to do something about it. */
  #heard(message: RunMessage): void {
    const { rank, workers } = this.place;
    if (rank === undefined) return this.#attendance.appear();
    if (!this.isWaiting) return;
    if (!this.#isHere(message) || this.#hasDiverged) return this.ask();
    if (!unpackRanks(message.bytes, workers).includes(rank)) this.#sendAgain();
  }

  // What is sent

  #message(kind: Kind, bytes: Uint8Array): RunMessage {
    return { kind, rank: this.place.rank ?? NO_RANK, run: this.#run?.key ?? 0, ...this.#position, bytes };
  }

  /** Sends a message of the round at this position. */
  speak({ route, bytes }: Message): void {
    const { topics, name } = this.#attendance;
    const message = this.#message(route, bytes);
    const crc = crc32(bytes);
    if (route === 'gather') this.#inbox.gather(message, crc);
    this.#sendOut(route === 'gather' ? topics.peer(name) : topics.up(name), message, crc);
  }

  /** Says that this worker leaves the step out. */
  pass(): void {
    const { topics, name } = this.#attendance;
    this.#sendOut(topics.up(name), this.#message('pass', new Uint8Array(0)), 0);
  }

  #sendOut(topic: string, message: RunMessage, crc: number): void {
    this.#outgoing = { topic, message, crc, at: this.#attendance.clock.now() };
    void this.#attendance.post.send(topic, message, crc);
  }

  #sendAgain(): void {
    const out = this.#outgoing;
    const now = this.#attendance.clock.now();
    if (out === undefined || !this.#isHere(out.message) || now < out.at + AGAIN_AFTER) return;
    const message = { ...out.message, rank: this.place.rank ?? NO_RANK };
    this.#outgoing = { ...out, message, at: now };
    void this.#attendance.post.send(out.topic, message, out.crc);
  }

  /** Has the transport say again what the run is: that is kept for who subscribes. */
  askWhatItIs(): void {
    const now = this.#attendance.clock.now();
    if (now < this.#asked + ASK_EVERY) return;
    this.#asked = now;
    this.#attendance.post.link.subscribe([this.#attendance.topics.server]).catch((error: unknown) => {
      if (error instanceof LinkError) this.#attendance.fail(error);
    });
  }

  /** Asks how to go on from here; with a byte where the model has to be loaded, wherever this worker is. */
  ask(): void {
    const now = this.#attendance.clock.now();
    if (now < this.#asked + ASK_EVERY || this.#attendance.isDown) return;
    this.#asked = now;
    const { topics, name, post } = this.#attendance;
    void post.send(topics.up(name), this.#message('ask', new Uint8Array(this.#hasDiverged ? 1 : 0)));
  }

  /** Asks again in a while, where something is missing once the run has ended. */
  askLater(): void {
    this.ask();
    this.#attendance.clock.after(ASK_EVERY, () => this.#attendance.change());
  }

  /** Tells the server, and whoever looks here, of something that this worker has found. */
  tell(text: string): void {
    this.#tell(this.#run?.key ?? 0, text);
  }

  #tell(run: number, text: string): void {
    this.#onNote(text);
    const { topics, name, post } = this.#attendance;
    const message = { ...this.#message('note', new TextEncoder().encode(text)), rank: NO_RANK, run };
    void post.send(topics.up(name), message);
  }

  /** The model is not the run's: asks for that one. */
  diverged(text: string): void {
    this.#hasDiverged = true;
    this.#asked = -Infinity;
    this.tell(text);
    this.ask();
  }

  // Where the worker is

  /** Whether the round at this position is closed. */
  get isRoundClosed(): boolean {
    return this.#inbox.closedAt(this.#position) !== undefined;
  }

  /** Whether all rounds of the step at this position are closed. */
  get isStepClosed(): boolean {
    return this.#inbox.isStepClosed(this.#position);
  }

  /** A step begins: what was sent in the last one is not waited for. */
  beginStep(): void {
    this.#outgoing = undefined;
  }

  /** The round at this position, where it is closed and all of it is here. */
  closedRound(): ReceivedRound | undefined {
    const bytes = this.#inbox.closedAt(this.#position);
    if (bytes === undefined) return undefined;
    const { record, answer } = unpackClosed(bytes);
    const inbox = record.route === 'gather' ? this.#inbox.gatheredOf(record, this.#position) : [answer];
    if (inbox === undefined) return undefined;
    return { record, inbox, isUsed: this.#isUsedIn(record), chain: chained(this.#position.chain, bytes) };
  }

  #isUsedIn({ from, crcs }: RoundRecord): boolean {
    const own = this.#outgoing;
    // the rank that it was sent at
    const index = from.indexOf(own?.message.rank ?? NO_RANK);
    // one of its rank may be that of an earlier incarnation
    return (
      index >= 0 &&
      own !== undefined &&
      own.message.kind !== 'pass' &&
      this.#isHere(own.message) &&
      crcs[index] === own.crc
    );
  }

  /** The worker has taken the round at this position. */
  goOn(position: Position, change?: Change): void {
    this.#inbox.forget(this.#position);
    if (position.step !== this.#position.step) {
      this.#outgoing = undefined;
      this.place.goOn(position.step, change);
    }
    this.#position = position;
  }

  /** The state that the server has sent, once; the worker goes on from it. */
  takeState(): ReceivedState | undefined {
    const state = this.#state;
    this.#state = undefined;
    if (state === undefined) return undefined;
    const { common, model, used, terms = this.place.terms } = unpackRunState(state.bytes);
    // a server of one release before says no terms: there they never change
    if (terms === undefined) return undefined;
    const own = this.#outgoing;
    const isUsed =
      own !== undefined &&
      used?.step === own.message.step &&
      used.round === own.message.round &&
      used.crc === own.crc;
    const { step, round, chain } = state.position;
    this.place.goOnFrom(step, terms);
    return { position: { step, round, chain }, common, model, isUsed, terms };
  }

  /** The worker has loaded a state. */
  goOnFrom(position: Position): void {
    this.#outgoing = undefined;
    this.#position = position;
    this.#inbox.forgetBefore(position.step);
    this.#asked = -Infinity;
    this.#hasDiverged = false;
  }

  /** Whether the run has ended, and this worker has all of it, or nobody tells it what it misses. */
  get isOver(): boolean {
    if (this.#ended === undefined) return false;
    const { chain, at } = this.#ended;
    const hasAll = chain === this.#position.chain && !this.#hasDiverged;
    return hasAll || !this.#wasSeated || this.#attendance.clock.now() >= at + LAST_WORDS;
  }

  /** What this worker waits for, in words. */
  get awaited(): string {
    const { run } = this.#setup;
    const { name, clock, lastWord } = this.#attendance;
    if (this.#run === undefined)
      return `a server of the run ${run}: none has said what the run is, or the broker's rules keep it from ${name}`;
    if (this.place.rank === undefined)
      return `a seat: the server of the run ${run} has not answered, or the broker's rules keep that from ${name}`;
    const { step } = this.#position;
    const heard = `the last word from the broker came ${secondsOf(clock.now() - lastWord)} ago`;
    if (this.#hasDiverged) return `the run's model in step ${step}; ${heard}`;
    return `the end of step ${step}, which is the server's to say; ${heard}`;
  }
}
