/**
 * The server of split learning: takes the features of clients' batches in the order in which they come, finishes each,
 * and sends the gradient at the cut back. A batch counts once, however often it comes: the last answer to each client
 * is kept and sent again, over a restart too.
 */
import { requireInteger } from '../../arguments.ts';
import { descend } from '../../algorithms/steps.ts';
import type { SplitSide, SplitSystem } from '../../algorithms/split-learning.ts';
import type { Model } from '../../algorithms/system.ts';
import type { Device } from '../../device.ts';
import { PacketError } from '../../errors.ts';
import { Host, type Sender, type Service } from '../host.ts';
import type { Clock, OpenLink } from '../link.ts';
import type { Store } from '../store.ts';
import type { Kind, Position, RunMessage } from '../wire/head.ts';
import { unpackList } from '../wire/state.ts';
import {
  packSplitCheckpoint,
  unpackSplitCheckpoint,
  type LastBatch,
  type SavedClient,
} from './checkpoint.ts';

/** A client's batch. */
export interface SplitBatch {
  readonly name: string;
  readonly rank: number;
  /** 0 for the client's first one. */
  readonly step: number;
  /** What the server's side rebuilt of the features. */
  readonly features: Float32Array;
  /** What the client sent with them: labels, for example. */
  readonly note: Uint8Array;
}

/** The answer to a batch. */
export interface SplitFinished {
  /** The gradient at the cut: as many numbers as there were features. */
  readonly atCut: Float32Array;
  /** The gradient of the server's half, along which it descends. */
  readonly gradient: Float32Array;
}

export interface SplitServeOptions {
  /** How to open a link: `mqttBroker({ url })`. */
  readonly broker: OpenLink;
  readonly run: string;
  readonly prefix?: string;
  readonly device: Device;
  readonly system: SplitSystem;
  /** The server's half of the network; trained in place. */
  readonly model: Model;
  /** The most clients at a time: the seats of the run, each with a rank. */
  readonly clients: number;
  /** Batches of all clients together after which the run ends; without end if left out. */
  readonly batches?: number;
  readonly about?: unknown;
  readonly store?: Store;
  /** The forward and the backward pass of the server's half. */
  readonly finish: (model: Model, batch: SplitBatch) => Promise<SplitFinished>;
  /** Called after each batch. */
  readonly onBatch?: (
    batch: SplitBatch & { readonly bytesUp: number; readonly bytesDown: number },
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
interface ClientSide {
  readonly side: SplitSide;
  last: LastBatch | undefined;
}

/**
 * Serves split learning until its batches are done.
 * @throws TypeError or RangeError where an option is wrong; PacketError where the stored state is not one of this run
 * @throws LinkError where the transport refuses the connection or a subscription; another Error where it cannot be
 * reached
 */
export async function serveSplit(options: SplitServeOptions): Promise<SplitServer> {
  const server = new BatchServer(options);
  await server.restore();
  await server.begin();
  return server;
}

/** Split learning has no rounds: the host's own messages are of this position. */
const START: Position = { step: 0, round: 0, chain: 0 };

class BatchServer implements SplitServer, Service {
  readonly position: Position = START;
  readonly #options: SplitServeOptions;
  readonly #host: Host;
  readonly #clients = new Map<string, ClientSide>();
  #batches = 0;

  constructor(options: SplitServeOptions) {
    requireInteger('clients', options.clients, 1, 0xfffe);
    if (options.batches !== undefined) requireInteger('batches', options.batches, 1, 2 ** 32 - 1);
    this.#options = options;
    // one batch at a time: the transport holds the next ones back
    this.#host = new Host({ ...options, seats: options.clients, queued: 0 }, this);
  }

  get done(): Promise<void> {
    return this.#host.done;
  }

  get batches(): number {
    return this.#batches;
  }

  async restore(): Promise<void> {
    const stored = await this.#options.store?.read();
    if (stored === undefined) return;
    const { model, system } = this.#options;
    const { key, batches, seats, clients } = unpackSplitCheckpoint(stored, system.name, model);
    this.#host.members.load(seats);
    this.#host.key = key;
    this.#batches = batches;
    for (const { name, side, last } of clients) {
      const known = this.#known(name);
      await known.side.load(side);
      known.last = last;
    }
  }

  async begin(): Promise<void> {
    await this.#host.connect();
    try {
      await this.#host.subscribe();
    } catch (error) {
      await this.#host.close();
      throw error;
    }
    if (this.#isDone) this.#host.end();
    else this.#host.announce();
  }

  async stop(): Promise<void> {
    return this.#host.stop(() => this.#save());
  }

  // What the host asks for

  connected(): void {
    this.#host.announce();
  }

  describe(): ReturnType<Service['describe']> {
    const { system, model, clients, about = null } = this.#options;
    return { system: system.name, n: model.parameters.length, workers: clients, chain: 0, about };
  }

  seat(name: string): object {
    const { last } = this.#known(name);
    return { next: last === undefined ? 0 : last.step + 1 };
  }

  #known(name: string): ClientSide {
    const { device, system } = this.#options;
    const rank = this.#host.members.rankOf(name);
    if (rank === undefined) throw new Error(`${name} has no seat`);
    const known = this.#clients.get(name) ?? { side: system.server(device, { rank }), last: undefined };
    this.#clients.set(name, known);
    return known;
  }

  #send(name: string, kind: Kind, bytes: Uint8Array, step: number): void {
    this.#host.send(this.#host.topics.to(name), this.#host.message(kind, bytes, { ...START, step }));
  }

  async deliver({ kind: topic, name }: Sender, message: RunMessage, crc: number): Promise<void> {
    if (topic !== 'up') return;
    const refuse = (reason: string): void => this.#host.refuse(name, reason);
    const rank = this.#host.members.rankOf(name);
    if (rank === undefined || rank !== message.rank)
      return refuse(`a message of rank ${message.rank}, whose seat is ${rank ?? 'none'}`);
    if (message.kind !== 'features') return refuse(`a message of kind ${message.kind}`);
    const { step } = message;
    const { last } = this.#known(name);
    if (last !== undefined && step <= last.step) {
      if (step === last.step && crc === last.crc) this.#send(name, 'cut', last.answer, step);
      else if (step === last.step) refuse(`another batch ${step}`);
      return;
    }
    if (this.#host.isEnded) return this.#send(name, 'cut', new Uint8Array(0), step);
    await this.#batch(name, rank, message, crc);
  }

  /** Finishes a batch that is new, and answers it. */
  async #batch(name: string, rank: number, { step, bytes }: RunMessage, crc: number): Promise<void> {
    const { model, finish, onBatch } = this.#options;
    const known = this.#known(name);
    let features: Float32Array;
    let note: Uint8Array;
    let packet: Uint8Array;
    try {
      [note, packet] = unpackList(bytes);
      features = await known.side.receive(packet);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      return this.#host.refuse(name, error.message);
    }
    const batch: SplitBatch = { name, rank, step, features, note };
    const { atCut, gradient } = await finish(model, batch);
    const answer = await known.side.send(atCut);
    descend(model, gradient);
    known.last = { step, crc, answer };
    this.#batches++;
    // before the client hears of it, so that no batch is done twice
    await this.#save();
    this.#send(name, 'cut', answer, step);
    await onBatch?.({ ...batch, bytesUp: packet.length, bytesDown: answer.length });
    if (this.#isDone) this.#host.end();
  }

  get #isDone(): boolean {
    return this.#batches >= (this.#options.batches ?? Infinity);
  }

  async #save(): Promise<void> {
    const { store, model, system } = this.#options;
    if (store === undefined) return;
    // in the queue, so that no batch goes on meanwhile; the rest of the state in one turn after this
    const clients: SavedClient[] = [];
    for (const [name, { side, last }] of this.#clients) clients.push({ name, side: await side.save(), last });
    await store.write(
      packSplitCheckpoint(
        {
          system: system.name,
          key: this.#host.key,
          batches: this.#batches,
          seats: this.#host.members.save(),
          clients,
        },
        model,
      ),
    );
  }
}
