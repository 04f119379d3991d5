/**
 * A client of split learning: sends the features of a batch, and waits for the gradient at the cut, sending again what
 * was lost.
 */
import type { SplitSide, SplitSystem } from '../../algorithms/split-learning.ts';
import type { Device } from '../../device.ts';
import { Attendance } from '../attendance.ts';
import type { Description } from '../description.ts';
import type { Clock, OpenLink, Traffic } from '../link.ts';
import type { RunMessage } from '../wire/head.ts';
import { unpackJson } from '../wire/json.ts';
import { packList } from '../wire/state.ts';

export interface SplitJoinOptions {
  /** How to open a link: `mqttBroker({ url })`. */
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
   * Sends a batch's features and what goes with them (labels, for example); gives the gradient at the cut layer as
   * decoded here, or undefined where the run has ended. One batch at a time.
   * @throws NonFiniteError where the features hold NaN or infinity
   */
  exchange(features: Float32Array, note?: Uint8Array): Promise<Float32Array | undefined>;
  /** Leaves the run. */
  stop(): Promise<void>;
}

/** Milliseconds after which a batch without an answer is sent again. */
const RESEND_AFTER = 2000;

/** How long an answer is waited for after the run has ended, in milliseconds. */
const FINAL_WAIT = 8000;

/**
 * Joins split learning, once the server has a seat, a free rank, for this client.
 * @throws TypeError or RangeError where an option is wrong
 * @throws LinkError where the transport refuses the connection or what is sent; another Error where it cannot be
 * reached
 */
export async function joinSplit(options: SplitJoinOptions): Promise<SplitClient> {
  const attendance = new Attendance(options);
  await attendance.connect();
  const client = new BatchClient(options, attendance);
  try {
    await client.begin();
  } catch (error) {
    await client.stop();
    throw error;
  }
  return client;
}

class BatchClient implements SplitClient {
  readonly name: string;
  readonly #options: SplitJoinOptions;
  readonly #attendance: Attendance;
  #side: SplitSide | undefined;
  #rank = -1;
  #key: number | undefined;
  /** The number of the next batch. */
  #next = 0;
  #answer: { readonly step: number; readonly bytes: Uint8Array } | undefined;
  #endedAt = Infinity;

  constructor(options: SplitJoinOptions, attendance: Attendance) {
    this.#options = options;
    this.#attendance = attendance;
    this.name = attendance.name;
  }

  get rank(): number {
    return this.#rank;
  }

  get traffic(): Traffic {
    return this.#attendance.traffic;
  }

  async begin(): Promise<void> {
    const attendance = this.#attendance;
    const { topics } = attendance;
    await attendance.begin([topics.server, topics.to(this.name)], (topic, payload) => {
      if (topic === topics.server) this.#described(payload);
      else this.#part(topic, payload);
    });
    await this.#until(
      'a seat',
      () => this.#side ?? (this.#endedAt < Infinity ? null : undefined),
      () => attendance.appear(),
    );
  }

  async exchange(
    features: Float32Array,
    note: Uint8Array = new Uint8Array(0),
  ): Promise<Float32Array | undefined> {
    const side = this.#side;
    if (this.#endedAt < Infinity || side === undefined) return undefined;
    const bytes = packList([note, await side.send(features)]);
    const step = this.#next;
    const send = (): void => this.#send(step, bytes);
    send();
    const answer = await this.#until(
      `the gradient at the cut of batch ${step}`,
      () => (this.#answer?.step === step ? this.#answer.bytes : this.#isOver ? null : undefined),
      () => {
        this.#attendance.appear();
        send();
      },
    );
    this.#next = Math.max(this.#next, step + 1);
    // an empty answer: the run ended before this batch
    return answer === null || answer.length === 0 ? undefined : side.receive(answer);
  }

  #send(step: number, bytes: Uint8Array): void {
    const [run, rank] = [this.#key ?? 0, this.#rank];
    const message: RunMessage = { kind: 'features', rank, run, step, round: 0, chain: 0, bytes };
    void this.#attendance.post.send(this.#attendance.topics.up(this.name), message);
  }

  /** Whether the run has ended, and its server has had the time to say what was lost. */
  get #isOver(): boolean {
    return this.#attendance.clock.now() >= this.#endedAt + FINAL_WAIT;
  }

  async stop(): Promise<void> {
    if (this.#attendance.isStopping) return;
    this.#attendance.stop();
    await this.#attendance.leave();
  }

  #described(payload: Uint8Array): void {
    if (payload.length === 0) return;
    const { key, system, ended } = unpackJson<Description>(payload);
    if (system !== this.#options.system.name)
      throw new Error(`the run ${this.#options.run} is ${system}, this client ${this.#options.system.name}`);
    this.#key = key;
    if (ended === true) this.#endedAt = Math.min(this.#endedAt, this.#attendance.clock.now());
    // a server that has come back asks for nobody: it waits to see who is here
    else this.#attendance.appear();
  }

  #part(topic: string, payload: Uint8Array): void {
    const assembled = this.#attendance.post.receive(topic, payload);
    if (assembled.kind !== 'whole') return;
    const { kind, bytes, step, run } = assembled.message;
    if (run !== this.#key) return;
    if (kind === 'note') this.#options.onNote?.(new TextDecoder().decode(bytes));
    if (kind === 'cut') this.#answer = { step, bytes };
    if (kind === 'seat') this.#sit(bytes);
  }

  #sit(bytes: Uint8Array): void {
    const seat = unpackJson<{ mark: string; rank: number; next: number }>(bytes);
    const { mark: incarnation, rank, next } = seat;
    if (incarnation !== this.#attendance.incarnation || rank === undefined) return;
    if (this.#side === undefined) this.#next = next ?? 0;
    if (this.#rank === rank) return;
    this.#rank = rank;
    this.#side = this.#options.system.client(this.#options.device, { rank });
  }

  /** Waits for something, `what` in words, and does `again` now and then while it does not come. */
  async #until<T>(what: string, probe: () => T | undefined, again: () => void): Promise<T> {
    const attendance = this.#attendance;
    const { clock, waits } = attendance;
    let since = clock.now();
    waits.at(since);
    for (;;) {
      if (attendance.failure !== undefined) throw attendance.failure;
      if (attendance.isStopping) throw new Error('this client was stopped');
      const found = probe();
      if (found !== undefined) return found;
      if (clock.now() >= since + RESEND_AFTER) {
        since = clock.now();
        if (!attendance.isDown) again();
      }
      attendance.tellWait(() => `${what} from the server of the run ${this.#options.run}`);
      const callOff = clock.after(Math.min(RESEND_AFTER, attendance.deadline), () => attendance.change());
      await attendance.changed();
      callOff();
    }
  }
}
