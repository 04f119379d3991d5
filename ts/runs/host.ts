/**
 * What every server of a run does, whatever it computes: one queue of work, the description of the run, presence and
 * seats, notes to workers, and the way out. Everything happens in the queue, one thing after the other; nothing in it
 * waits for the transport.
 */
import { crc32 } from '../packet/crc32.ts';
import type { Description } from './description.ts';
import { wallClock, within, type Clock, type OpenLink, type Traffic } from './link.ts';
import { Membership } from './membership.ts';
import type { Range } from './wire/terms.ts';
import { drawToken, Post } from './post.ts';
import { openLink } from './retained.ts';
import { topicsOf, type Topics } from './topics.ts';
import { NO_RANK, type Kind, type Position, type RunMessage } from './wire/head.ts';
import { packJson, unpackJson } from './wire/json.ts';

/** How long a server stays after the end for those who have not heard of it, in milliseconds. */
const LINGER = 10_000;

/** Milliseconds from one look at who is still here to the next. */
const LOOK_EVERY = 20;

/** How long a server that leaves waits for the transport to take what it has sent, in milliseconds. */
const LEAVING = 3000;

export interface HostOptions {
  readonly broker: OpenLink;
  readonly run: string;
  readonly prefix?: string;
  /** The most workers at a time; or the least and the most seats. */
  readonly seats: number | Range;
  /** Seats at first; the least if left out. */
  readonly first?: number;
  /** Messages that may wait in the queue before the transport is held back. */
  readonly queued: number;
  readonly onMember?: (member: {
    readonly name: string;
    readonly rank: number;
    readonly here: boolean;
  }) => void;
  readonly onRefused?: (refusal: { readonly name: string; readonly reason: string }) => void;
  readonly clock?: Clock;
}

/** Whose message it is, by its topic. */
export interface Sender {
  readonly kind: string;
  readonly name: string;
}

/** What a server computes; the host calls all of it in the queue, but for `disconnected`. */
export interface Service {
  /** Where the run is. */
  readonly position: Position;
  /** What the run is, without what the host knows. */
  describe(): Omit<Description, 'format' | 'mark' | 'key' | 'ended'>;
  /** What goes with the seat of a worker; `isFresh` where this is a new incarnation. */
  seat(name: string, rank: number, isFresh: boolean): object;
  /** Takes a whole message of this run. */
  deliver(sender: Sender, message: RunMessage, crc: number): void | Promise<void>;
  /** The link is there again. */
  connected(): void;
  /** The link broke. */
  disconnected?(): void;
  /** After each work in the queue. */
  settle?(): Promise<void>;
  /** When `awake` is to be called, on the host's clock; undefined for never. */
  wakeAt?(): number | undefined;
  awake?(): void;
}

export class Host {
  /** Resolves when the host has left; rejects where it cannot go on. */
  readonly done: Promise<void>;
  readonly clock: Clock;
  readonly topics: Topics;
  readonly members: Membership;
  /** The run's id: a u32 in each of its messages. */
  key: number;
  readonly #options: HostOptions;
  readonly #service: Service;
  readonly #incarnation = drawToken();
  /** Incarnations of those who found no seat, by name. */
  readonly #waiting = new Map<string, string>();
  #post: Post | undefined;
  #queue: Promise<void> = Promise.resolve();
  #sent: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #callOff: () => void = () => {};
  #isDown = false;
  #isEnded = false;
  #isStopped = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  /** @throws TypeError or RangeError where an option is wrong */
  constructor(options: HostOptions, service: Service) {
    this.#options = options;
    this.#service = service;
    this.members = new Membership(options.seats, options.first);
    this.topics = topicsOf(options.run, options.prefix);
    this.clock = options.clock ?? wallClock;
    this.key = crc32(packJson([options.run, drawToken()]));
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // whoever waits for `done` is told; who does not is not to be ended by it
    this.done.catch(() => {});
  }

  /** Whether the link is broken. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Whether the run has ended. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the host has left, or cannot go on. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The link's messages and bytes so far. */
  get traffic(): Traffic {
    return { ...this.#opened.link.traffic };
  }

  get #opened(): Post {
    if (this.#post === undefined) throw new Error('the host is not connected');
    return this.#post;
  }

  /** @throws LinkError where the transport refuses the connection; another Error where it cannot be reached */
  async connect(): Promise<void> {
    const link = await openLink(this.#options.broker, this.topics.server, this.clock);
    this.#post = new Post(link, (error) => this.fail(error));
  }

  /**
   * Hears the workers, and whatever else `filters` name. Resolves when the subscriptions are there.
   * @throws LinkError where the transport refuses one
   */
  subscribe(filters: readonly string[] = []): Promise<void> {
    const { link } = this.#opened;
    link.listen({
      message: (topic, payload, retained) => this.#receive(topic, payload, retained),
      up: () => {
        this.#isDown = false;
        void this.do(() => this.#service.connected());
      },
      down: () => {
        // each attempt that fails breaks the connection anew; the wait goes on
        if (!this.#isDown) this.#service.disconnected?.();
        this.#isDown = true;
      },
      failed: (error) => this.fail(error),
    });
    const { server, allHere, allUp } = this.topics;
    return link.subscribe([server, allHere, allUp, ...filters]);
  }

  // Time and order

  /** Does one thing after the other; an error ends the run. */
  do(work: () => void | Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#isStopped) return;
      try {
        await work();
        await this.#service.settle?.();
        this.#wake();
      } catch (error) {
        this.#isStopped = true;
        this.#callOff();
        await this.#post?.link.close();
        this.#reject(error);
      }
    });
    return this.#queue;
  }

  /** Ends the run with an error, behind what is in the queue. */
  fail(error: unknown): void {
    void this.do(() => {
      throw error;
    });
  }

  /** Comes back when the service asks for it. */
  #wake(): void {
    this.#callOff();
    const at = this.#service.wakeAt?.();
    if (this.#isStopped || this.#post === undefined || at === undefined) return;
    this.#callOff = this.clock.after(Math.max(1, at - this.clock.now()), () => {
      void this.do(() => this.#service.awake?.());
    });
  }

  // What is sent

  /** A message of the server's. */
  message(
    kind: Kind,
    bytes: Uint8Array,
    position: Position = this.#service.position,
    rank: number = NO_RANK,
  ): RunMessage {
    const { step, round, chain } = position;
    return { kind, rank, run: this.key, step, round, chain, bytes };
  }

  /** Sends without waiting: what cannot be sent now is sent when the link is there again. */
  send(topic: string, message: RunMessage): void {
    this.#sent = Promise.allSettled([this.#sent, this.#opened.send(topic, message)]);
  }

  /** Says, retained, what the run is. */
  announce(): void {
    const description: Description = {
      format: 1,
      mark: this.#incarnation,
      key: this.key,
      ...this.#service.describe(),
      ended: this.#isEnded,
    };
    this.#retain(packJson(description));
  }

  #retain(payload: Uint8Array): void {
    this.#sent = Promise.allSettled([this.#sent, this.#opened.retain(this.topics.server, payload)]);
  }

  /** Tells a worker something, as text for people. */
  note(name: string, text: string): void {
    this.send(this.topics.to(name), this.message('note', new TextEncoder().encode(text)));
  }

  /** Tells a worker, and whoever looks here, that something of it was refused. */
  refuse(name: string, reason: string): void {
    this.#options.onRefused?.({ name, reason });
    this.note(name, reason);
  }

  // What comes

  /** Puts a message into the queue; where that is long, resolves when the message has been dealt with. */
  async #receive(topic: string, payload: Uint8Array, retained: boolean): Promise<void> {
    this.#queued++;
    const done = this.do(async () => {
      this.#queued--;
      const sender = this.topics.read(topic);
      if (sender?.kind === 'here') this.#presence(sender.name, new TextDecoder().decode(payload));
      else if (sender?.kind === 'server' && !retained) this.#rival(payload);
      else if (sender?.kind === 'up' || sender?.kind === 'peer') await this.#part(topic, sender, payload);
    });
    if (this.#queued > this.#options.queued) await done;
  }

  /** Another server of this run: the later one goes on. */
  #rival(payload: Uint8Array): void {
    if (payload.length === 0) return;
    let incarnation: unknown;
    try {
      ({ mark: incarnation } = unpackJson<Description>(payload));
    } catch {
      return;
    }
    if (incarnation !== this.#incarnation)
      throw new Error(`another server has taken over the run ${this.#options.run}`);
  }

  async #part(topic: string, sender: Sender, payload: Uint8Array): Promise<void> {
    const assembled = this.#opened.receive(topic, payload);
    if (assembled.kind === 'refused') return this.refuse(sender.name, assembled.reason);
    if (assembled.kind !== 'whole') return;
    const { message, crc } = assembled;
    if (message.run !== this.key) return this.refuse(sender.name, 'a message of another run');
    await this.#service.deliver(sender, message, crc);
  }

  /** A worker is here, or, where its incarnation is empty, has left. */
  #presence(name: string, incarnation: string): void {
    if (incarnation === '') return this.#departed(name);
    const arrival = this.members.arrive(name, incarnation, this.#service.position.round > 0);
    if (arrival.kind === 'full') {
      this.#waiting.set(name, incarnation);
      const { seats, canGrow } = this.members;
      const next = canGrow ? 'one when this step ends' : 'the next one that is free';
      this.note(name, `all ${seats} seats are taken; you get ${next}`);
      return;
    }
    const { rank, fresh } = arrival;
    this.#waiting.delete(name);
    const more = this.#service.seat(name, rank, fresh);
    if (fresh) {
      this.#opened.forget(this.topics.up(name));
      this.#opened.forget(this.topics.peer(name));
      this.#options.onMember?.({ name, rank, here: true });
    }
    this.send(this.topics.to(name), this.message('seat', packJson({ mark: incarnation, rank, ...more })));
  }

  #departed(name: string): void {
    this.#waiting.delete(name);
    const rank = this.members.leave(name, this.clock.now());
    if (rank === undefined) return;
    this.#options.onMember?.({ name, rank, here: false });
    // its seat may be what another one waits for
    const [next] = this.#waiting;
    if (next !== undefined) this.#presence(...next);
  }

  /** Has a worker that takes itself to have another seat say that it is here, and so be told which one it has. */
  askPresence(name: string): void {
    if (!this.#waiting.has(name)) this.send(this.topics.to(name), this.message('seat', packJson({})));
  }

  /** How many have found no seat. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Gives seats to those who have found none, as far as there are some now. */
  seatWaiting(): void {
    for (const [name, incarnation] of [...this.#waiting]) {
      if (!this.members.hasFree) return;
      this.#presence(name, incarnation);
    }
  }

  // The end

  /** The run has ended: says so, and leaves when all workers have, or some seconds later. */
  end(): void {
    this.#isEnded = true;
    this.announce();
    const until = this.clock.now() + LINGER;
    const look = (): void => {
      if (this.members.present.length === 0 || this.clock.now() >= until) void this.do(() => this.#leave());
      else this.clock.after(LOOK_EVERY, look);
    };
    look();
  }

  /** Leaves, once `save` has resolved, which is asked for unless the run has ended. */
  async stop(save: () => Promise<void>): Promise<void> {
    if (!this.#isStopped)
      await this.do(async () => {
        if (!this.#isEnded) await save();
        await this.#leave();
      });
    return this.done;
  }

  async #leave(): Promise<void> {
    this.#isStopped = true;
    this.#callOff();
    // what has ended stays said, so that nobody waits for it
    if (!this.#isEnded) this.#retain(new Uint8Array(0));
    // a transport that is gone takes nothing; its own last will has said that the server is gone
    if (!this.#isDown) await within(this.clock, LEAVING, this.#sent);
    await this.close();
    this.#resolve();
  }

  /** Closes the link. */
  async close(): Promise<void> {
    await this.#post?.link.close();
  }
}
