/**
 * The server of split learning: takes the features of clients' batches in the order in which they come, finishes each, and
 * sends the gradient at the cut back. A batch counts once, however often it comes: the last answer to each client is kept and
 * sent again, over a restart too.
 */
import { requireInteger } from '../../arguments.ts';
import { descend } from '../../algorithms/steps.ts';
import type { SplitSide, SplitSystem } from '../../algorithms/split-learning.ts';
import type { Model } from '../../algorithms/system.ts';
import type { Device } from '../../device.ts';
import { PacketError } from '../../errors.ts';
import { crc32 } from '../../packet/crc32.ts';
import { NO_RANK, type Kind, type Message } from '../wire/head.ts';
import { wallClock, within, LEAVING, type Clock, type Link, type OpenLink } from '../link.ts';
import { Membership, type SavedSeat } from '../membership.ts';
import { drawMark, Post } from '../post.ts';
import { packJson, packList, packModel, unpackJson, unpackList, unpackModel } from '../wire/state.ts';
import type { Description } from '../description.ts';
import type { Store } from '../server.ts';
import { topicsOf, type Topics } from '../topics.ts';

/** A client's batch. */
export interface Batch {
  readonly name: string;
  readonly rank: number;
  /** 0 for the client's first one. */
  readonly step: number;
  /** What the server's side rebuilt of the features. */
  readonly features: Float32Array;
  /** What the client sent with them: labels, say. */
  readonly note: Uint8Array;
}

/** What comes of a batch. */
export interface Finished {
  /** The gradient at the cut: as many numbers as there were features. */
  readonly atCut: Float32Array;
  /** The gradient of the server's half, along which it descends. */
  readonly gradient: Float32Array;
}

export interface SplitServeOptions {
  /** How to reach the broker: `mqttBroker({ url })`. */
  readonly broker: OpenLink;
  readonly run: string;
  readonly prefix?: string;
  readonly device: Device;
  readonly system: SplitSystem;
  /** The server's half of the network; trained in place. */
  readonly model: Model;
  /** Seats: the most clients at a time. */
  readonly clients: number;
  /** Batches of all clients together after which the run ends; without end if left out. */
  readonly batches?: number;
  readonly about?: unknown;
  readonly store?: Store;
  /** The forward and the backward pass of the server's half. */
  readonly finish: (model: Model, batch: Batch) => Promise<Finished>;
  /** Called after each batch. */
  readonly onBatch?: (
    batch: Batch & { readonly bytesUp: number; readonly bytesDown: number },
  ) => void | Promise<void>;
  readonly onRefused?: (refusal: { readonly name: string; readonly reason: string }) => void;
  readonly clock?: Clock;
}

export interface SplitServer {
  /** Resolves when all batches are done or it was stopped. */
  readonly done: Promise<void>;
  /** Batches done. */
  readonly batches: number;
  stop(): Promise<void>;
}

/** What is known of a client. */
interface Known {
  readonly side: SplitSide;
  /** Its last batch: number, CRC-32, and the answer. */
  last: { readonly step: number; readonly crc: number; readonly answer: Uint8Array } | undefined;
}

/** How long a server stays after the last batch, in milliseconds. */
const LINGER = 10_000;

/**
 * Serves split learning until its batches are done.
 * @throws TypeError or RangeError where an option is wrong; PacketError where the stored state is not one of this run
 * @throws BrokerError where the broker refuses the connection or a subscription; another Error where it cannot be reached
 */
export async function serveSplit(options: SplitServeOptions): Promise<SplitServer> {
  const topics = topicsOf(options.run, options.prefix);
  const serving = new Serving(options, topics);
  await serving.restore();
  await serving.begin(await options.broker(topics.server));
  return serving;
}

class Serving implements SplitServer {
  readonly done: Promise<void>;
  readonly #options: SplitServeOptions;
  readonly #topics: Topics;
  readonly #clock: Clock;
  readonly #members: Membership;
  readonly #clients = new Map<string, Known>();
  /** Marks of those who found no seat. */
  readonly #waiting = new Map<string, string>();
  readonly #mark = drawMark();
  #key = crc32(packJson(drawMark()));
  #post!: Post;
  #batches = 0;
  #queue: Promise<void> = Promise.resolve();
  #sent: Promise<unknown> = Promise.resolve();
  #isDown = false;
  #ended = false;
  #stopped = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(options: SplitServeOptions, topics: Topics) {
    this.#members = new Membership(requireInteger('clients', options.clients, 1, 0xfffe));
    if (options.batches !== undefined) requireInteger('batches', options.batches, 1, 2 ** 32 - 1);
    this.#options = options;
    this.#topics = topics;
    this.#clock = options.clock ?? wallClock;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => {});
  }

  get batches(): number {
    return this.#batches;
  }

  async restore(): Promise<void> {
    const stored = await this.#options.store?.read();
    if (stored === undefined) return;
    const [head, model, ...rest] = unpackList(stored);
    const { key = 0, batches = 0, seats = [], clients = [], system } = unpackJson<Saved>(head);
    if (system !== this.#options.system.name)
      throw new PacketError(`a state of ${system}, expected ${this.#options.system.name}`, 0);
    unpackModel(model, this.#options.model);
    this.#members.load(seats);
    this.#key = key;
    this.#batches = batches;
    for (const [i, { name, last }] of clients.entries()) {
      const known = this.#known(name);
      known.side.load(rest[2 * i]);
      if (last !== null) known.last = { ...last, answer: rest[2 * i + 1] };
    }
  }

  async begin(link: Link): Promise<void> {
    const fail = (error: Error): void =>
      void this.#do(() => {
        throw error;
      });
    const post = new Post(link, fail);
    this.#post = post;
    const { server, allHere, allUp } = this.#topics;
    post.link.listen({
      message: (topic, payload) => this.#take(topic, payload),
      up: () => {
        this.#isDown = false;
        this.#describe();
      },
      down: () => {
        this.#isDown = true;
      },
      failed: fail,
    });
    try {
      await post.link.subscribe([server, allHere, allUp]);
    } catch (error) {
      await post.link.close();
      throw error;
    }
    if (this.#batches >= (this.#options.batches ?? Infinity)) this.#end();
    else this.#describe();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return this.done;
    await this.#do(async () => {
      await this.#save();
      await this.#leave();
    });
    return this.done;
  }

  #do(work: () => void | Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#stopped) return;
      try {
        await work();
      } catch (error) {
        this.#stopped = true;
        await this.#post.link.close();
        this.#reject(error);
      }
    });
    return this.#queue;
  }

  #retain(payload: Uint8Array): void {
    this.#sent = Promise.allSettled([this.#sent, this.#post.retain(this.#topics.server, payload)]);
  }

  #describe(): void {
    const { system, model, clients, about = null } = this.#options;
    const description: Description = {
      format: 1,
      mark: this.#mark,
      key: this.#key,
      system: system.name,
      n: model.parameters.length,
      workers: clients,
      ended: this.#ended,
      chain: 0,
      about,
    };
    this.#retain(packJson(description));
  }

  #send(name: string, kind: Kind, bytes: Uint8Array, step = 0): void {
    const message: Message = { kind, rank: NO_RANK, run: this.#key, step, turn: 0, chain: 0, bytes };
    this.#sent = Promise.allSettled([this.#sent, this.#post.send(this.#topics.to(name), message)]);
  }

  #refuse(name: string, reason: string): void {
    this.#options.onRefused?.({ name, reason });
    this.#send(name, 'note', new TextEncoder().encode(reason));
  }

  #take(topic: string, payload: Uint8Array): Promise<void> {
    // one batch at a time: the broker holds the next ones back
    return this.#do(async () => {
      const place = this.#topics.read(topic);
      if (place?.kind === 'here') this.#presence(place.name, new TextDecoder().decode(payload));
      if (place?.kind !== 'up') return;
      const taken = this.#post.take(topic, payload);
      if (taken.kind === 'refused') return this.#refuse(place.name, taken.reason);
      if (taken.kind === 'whole') await this.#batch(place.name, taken.message, taken.crc);
    });
  }

  #presence(name: string, mark: string): void {
    this.#waiting.delete(name);
    if (mark === '') {
      this.#members.leave(name, this.#clock.now());
      // its seat may be what another one waits for
      const [next] = this.#waiting;
      if (next !== undefined) this.#presence(...next);
      return;
    }
    const arrival = this.#members.arrive(name, mark);
    if (arrival.kind === 'full') {
      this.#waiting.set(name, mark);
      const text = `all ${this.#options.clients} seats are taken; you get the next one that is free`;
      return this.#send(name, 'note', new TextEncoder().encode(text));
    }
    const { last } = this.#known(name);
    const next = last === undefined ? 0 : last.step + 1;
    this.#send(name, 'seat', packJson({ mark, rank: arrival.rank, next }));
  }

  #known(name: string): Known {
    const { device, system } = this.#options;
    const rank = this.#members.rankOf(name);
    if (rank === undefined) throw new Error(`${name} has no seat`);
    const known = this.#clients.get(name) ?? { side: system.server(device, { rank }), last: undefined };
    this.#clients.set(name, known);
    return known;
  }

  async #batch(name: string, message: Message, crc: number): Promise<void> {
    if (message.run !== this.#key) return this.#refuse(name, 'a message of another run');
    const rank = this.#members.rankOf(name);
    if (rank === undefined || rank !== message.rank)
      return this.#refuse(name, `a message of rank ${message.rank}, whose seat is ${rank ?? 'none'}`);
    if (message.kind !== 'features') return this.#refuse(name, `a message of kind ${message.kind}`);
    const { step } = message;
    const known = this.#known(name);
    const { last, side } = known;
    if (last !== undefined && step <= last.step) {
      if (step === last.step && crc === last.crc) this.#send(name, 'cut', last.answer, step);
      else if (step === last.step) this.#refuse(name, `another batch ${step}`);
      return;
    }
    if (this.#ended) return this.#send(name, 'cut', new Uint8Array(0), step);
    const { model, finish, onBatch } = this.#options;
    let features: Float32Array;
    let note: Uint8Array;
    let packet: Uint8Array;
    try {
      [note, packet] = unpackList(message.bytes);
      features = await side.receive(packet);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      return this.#refuse(name, error.message);
    }
    const batch: Batch = { name, rank, step, features, note };
    const { atCut, gradient } = await finish(model, batch);
    const answer = await side.send(atCut);
    descend(model, gradient);
    known.last = { step, crc, answer };
    this.#batches++;
    // before the client hears of it, so that no batch is done twice
    await this.#save();
    this.#send(name, 'cut', answer, step);
    await onBatch?.({ ...batch, bytesUp: packet.length, bytesDown: answer.length });
    if (this.#batches >= (this.#options.batches ?? Infinity)) this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#describe();
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
    if (!this.#ended) this.#retain(new Uint8Array(0));
    if (!this.#isDown) await within(this.#clock, LEAVING, this.#sent);
    await this.#post.link.close();
    this.#resolve();
  }

  async #save(): Promise<void> {
    const { store, model, system } = this.#options;
    if (store === undefined) return;
    const clients = [...this.#clients];
    const saved: Saved = {
      system: system.name,
      key: this.#key,
      batches: this.#batches,
      seats: this.#members.save(),
      clients: clients.map(([name, { last }]) => ({
        name,
        last: last === undefined ? null : { step: last.step, crc: last.crc },
      })),
    };
    await store.write(
      packList([
        packJson(saved),
        packModel(model),
        ...clients.flatMap(([, { side, last }]) => [side.save(), last?.answer ?? new Uint8Array(0)]),
      ]),
    );
  }
}

/** The JSON of a saved state. */
interface Saved {
  readonly system: string;
  readonly key: number;
  readonly batches: number;
  readonly seats: readonly (SavedSeat | null)[];
  readonly clients: readonly {
    readonly name: string;
    readonly last: { readonly step: number; readonly crc: number } | null;
  }[];
}
