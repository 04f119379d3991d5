/** A client of split learning: sends the features of a batch, and waits for the gradient at the cut, sending again what was lost. */
import type { SplitSide, SplitSystem } from '../../algorithms/split-learning.ts';
import { requireNumber } from '../../arguments.ts';
import type { Device } from '../../device.ts';
import type { RunMessage } from '../wire/head.ts';
import { wallClock, type Clock, type Link, type OpenLink, type Traffic } from '../link.ts';
import { drawToken, Post } from '../post.ts';
import { packList, unpackJson } from '../wire/state.ts';
import type { Description } from '../description.ts';
import { topicsOf, type Topics } from '../topics.ts';
import { DEADLINE, secondsOf, Waits } from '../waits.ts';

export interface SplitJoinOptions {
  /** How to reach the broker: `mqttBroker({ url })`. */
  readonly broker: OpenLink;
  readonly run: string;
  readonly prefix?: string;
  /** This client's name, the same when it comes back; drawn if left out. */
  readonly name?: string;
  readonly device: Device;
  /** As the server's. */
  readonly system: SplitSystem;
  /** What the server says to this client, and what this client has been waiting for. */
  readonly onNote?: (text: string) => void;
  /** Milliseconds of waiting after which `onNote` hears what for, each time anew; 30,000 if left out. */
  readonly deadline?: number;
  readonly clock?: Clock;
}

export interface SplitClient {
  readonly name: string;
  /** 0 for the first client; keyed into the draws of random compressors. */
  readonly rank: number;
  readonly traffic: Traffic;
  /**
   * One batch: features, and what goes with them (labels, say). What the server's gradient at the cut is, as this side sees
   * it, or undefined where the run has ended. One batch at a time.
   * @throws NonFiniteError where the features hold NaN or infinity
   */
  exchange(features: Float32Array, note?: Uint8Array): Promise<Float32Array | undefined>;
  /** Leaves the run. */
  stop(): Promise<void>;
}

/** Milliseconds after which a batch without an answer is sent again. */
const AGAIN_AFTER = 2000;

/** How long an answer is waited for after the run has ended, in milliseconds. */
const LAST_WORDS = 8000;

/**
 * Joins split learning, once the server has a seat.
 * @throws TypeError or RangeError where an option is wrong
 * @throws BrokerError where the broker refuses the connection or what is sent; another Error where it cannot be reached
 */
export async function joinSplit(options: SplitJoinOptions): Promise<SplitClient> {
  const name = options.name ?? drawToken();
  const topics = topicsOf(options.run, options.prefix);
  const { deadline = DEADLINE } = options;
  requireNumber('deadline', deadline, 'a number above 0', (value) => value > 0);
  const client = new Client(options, name, topics, await options.broker(topics.here(name)));
  try {
    await client.begin();
  } catch (error) {
    await client.stop();
    throw error;
  }
  return client;
}

class Client implements SplitClient {
  readonly name: string;
  readonly #options: SplitJoinOptions;
  readonly #topics: Topics;
  readonly #post: Post;
  readonly #clock: Clock;
  readonly #mark = drawToken();
  readonly #waits: Waits;
  #side: SplitSide | undefined;
  #rank = -1;
  #key: number | undefined;
  /** The number of the next batch. */
  #next = 0;
  #answer: { readonly step: number; readonly bytes: Uint8Array } | undefined;
  #endedAt = Infinity;
  #stopping = false;
  #isDown = false;
  #failure: Error | undefined;
  #changed: () => void = () => {};

  constructor(options: SplitJoinOptions, name: string, topics: Topics, link: Link) {
    this.#options = options;
    this.name = name;
    this.#topics = topics;
    this.#post = new Post(link, (error) => this.#fail(error));
    this.#clock = options.clock ?? wallClock;
    this.#waits = new Waits(options.deadline ?? DEADLINE);
  }

  get rank(): number {
    return this.#rank;
  }

  get traffic(): Traffic {
    return { ...this.#post.link.traffic };
  }

  async begin(): Promise<void> {
    const { link } = this.#post;
    link.listen({
      message: (topic, payload) => this.#receive(topic, payload),
      up: () => {
        this.#isDown = false;
        this.#appear();
      },
      down: () => {
        this.#isDown = true;
      },
      failed: (error) => this.#fail(error),
    });
    await link.subscribe([this.#topics.server, this.#topics.to(this.name)]);
    this.#appear();
    await this.#until(
      'a seat',
      () => this.#side ?? (this.#endedAt < Infinity ? null : undefined),
      () => this.#appear(),
    );
  }

  #appear(): void {
    if (this.#stopping) return;
    void this.#post.retain(this.#topics.here(this.name), new TextEncoder().encode(this.#mark));
  }

  /** This client cannot go on. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#changed();
  }

  async exchange(
    features: Float32Array,
    note: Uint8Array = new Uint8Array(0),
  ): Promise<Float32Array | undefined> {
    const side = this.#side;
    if (this.#endedAt < Infinity || side === undefined) return undefined;
    const bytes = packList([note, await side.send(features)]);
    const step = this.#next;
    const send = (): void => {
      const [run, rank] = [this.#key ?? 0, this.#rank];
      const message: RunMessage = { kind: 'features', rank, run, step, round: 0, chain: 0, bytes };
      void this.#post.send(this.#topics.up(this.name), message);
    };
    send();
    const answer = await this.#until(
      `the gradient at the cut of batch ${step}`,
      () => (this.#answer?.step === step ? this.#answer.bytes : this.#isOver() ? null : undefined),
      () => {
        this.#appear();
        send();
      },
    );
    this.#next = Math.max(this.#next, step + 1);
    // an empty answer: the run ended before this batch
    return answer === null || answer.length === 0 ? undefined : side.receive(answer);
  }

  /** Whether the run has ended, and its server has had the time to say what was lost. */
  #isOver(): boolean {
    return this.#clock.now() >= this.#endedAt + LAST_WORDS;
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#changed();
    if (this.#failure === undefined) void this.#post.retain(this.#topics.here(this.name), new Uint8Array(0));
    await this.#post.link.close();
  }

  #receive(topic: string, payload: Uint8Array): void {
    try {
      if (topic === this.#topics.server) this.#described(payload);
      else this.#part(topic, payload);
    } catch (error) {
      this.#fail(error);
    }
    this.#changed();
  }

  #described(payload: Uint8Array): void {
    if (payload.length === 0) return;
    const { key, system, ended } = unpackJson<Description>(payload);
    if (system !== this.#options.system.name)
      throw new Error(`the run ${this.#options.run} is ${system}, this client ${this.#options.system.name}`);
    this.#key = key;
    if (ended === true) this.#endedAt = Math.min(this.#endedAt, this.#clock.now());
    // a server that has come back asks for nobody: it waits to see who is here
    else this.#appear();
  }

  #part(topic: string, payload: Uint8Array): void {
    const taken = this.#post.receive(topic, payload);
    if (taken.kind !== 'whole') return;
    const { kind, bytes, step, run } = taken.message;
    if (run !== this.#key) return;
    if (kind === 'note') this.#options.onNote?.(new TextDecoder().decode(bytes));
    if (kind === 'cut') this.#answer = { step, bytes };
    if (kind === 'seat') {
      const { mark, rank, next } = unpackJson<{ mark: string; rank: number; next: number }>(bytes);
      if (mark !== this.#mark || rank === undefined) return;
      if (this.#side === undefined) this.#next = next ?? 0;
      if (this.#rank !== rank) {
        this.#rank = rank;
        this.#side = this.#options.system.client(this.#options.device, { rank });
      }
    }
  }

  /** Waits for something, `what` in words, and does `again` now and then while it does not come. */
  async #until<T>(what: string, probe: () => T | undefined, again: () => void): Promise<T> {
    let since = this.#clock.now();
    this.#waits.at(since);
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#stopping) throw new Error('this client was stopped');
      const found = probe();
      if (found !== undefined) return found;
      if (this.#clock.now() >= since + AGAIN_AFTER) {
        since = this.#clock.now();
        if (!this.#isDown) again();
      }
      const waited = this.#waits.due(this.#clock.now());
      if (waited !== undefined)
        this.#options.onNote?.(
          `has waited ${secondsOf(waited)} for ${this.#isDown ? 'the broker, which cannot be reached' : `${what} from the server of the run ${this.#options.run}`}`,
        );
      let off: () => void = () => {};
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
        off = this.#clock.after(Math.min(AGAIN_AFTER, this.#options.deadline ?? DEADLINE), resolve);
      });
      off();
    }
  }
}
