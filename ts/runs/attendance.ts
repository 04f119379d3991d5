/**
 * What every worker of a run does, whatever it computes: says that it is here, hears what comes, wakes whoever waits
 * for that, and leaves.
 */
import { requireNumber } from '../arguments.ts';
import { wallClock, type Clock, type OpenLink, type Traffic } from './link.ts';
import { drawToken, Post } from './post.ts';
import { openLink } from './retained.ts';
import { topicsOf, type Topics } from './topics.ts';
import { DEADLINE, secondsOf, Waits } from './waits.ts';

export interface AttendanceOptions {
  readonly broker: OpenLink;
  readonly run: string;
  readonly prefix?: string;
  readonly name?: string;
  readonly onNote?: (text: string) => void;
  readonly deadline?: number;
  readonly clock?: Clock;
}

export class Attendance {
  readonly name: string;
  readonly topics: Topics;
  readonly clock: Clock;
  /** Milliseconds of waiting after which it is told what for. */
  readonly deadline: number;
  readonly waits: Waits;
  /** Drawn when this worker started: tells it from an earlier one of its name. */
  readonly incarnation: string = drawToken();
  /** Why this worker cannot go on. */
  failure: Error | undefined;
  /** Called once this worker is to leave. */
  onLeaving: () => void = () => {};
  readonly #options: AttendanceOptions;
  #post: Post | undefined;
  #isDown = false;
  #isStopping = false;
  #isSuperseded = false;
  #lastWord = 0;
  #changed: () => void = () => {};

  /** @throws TypeError or RangeError where an option is wrong */
  constructor(options: AttendanceOptions) {
    this.#options = options;
    this.name = options.name ?? drawToken();
    this.topics = topicsOf(options.run, options.prefix);
    this.topics.here(this.name);
    this.clock = options.clock ?? wallClock;
    const { deadline = DEADLINE } = options;
    this.deadline = requireNumber('deadline', deadline, 'a number above 0', (value) => value > 0);
    this.waits = new Waits(deadline);
  }

  /** Whether the link is broken. */
  get isDown(): boolean {
    return this.#isDown;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Whether this worker is to leave. */
  get isLeaving(): boolean {
    return this.#isStopping || this.failure !== undefined;
  }

  /** When something came last, on the clock. */
  get lastWord(): number {
    return this.#lastWord;
  }

  get traffic(): Traffic {
    return { ...this.post.link.traffic };
  }

  get post(): Post {
    if (this.#post === undefined) throw new Error('this worker is not connected');
    return this.#post;
  }

  /** @throws LinkError where the transport refuses the connection; another Error where it cannot be reached */
  async connect(): Promise<void> {
    const link = await openLink(this.#options.broker, this.topics.here(this.name), this.clock);
    this.#post = new Post(link, (error) => this.fail(error));
  }

  /**
   * Hears what comes on topics; an error of `receive` ends this worker. Then says that it is here.
   * @throws LinkError where the transport refuses a subscription
   */
  async begin(
    filters: readonly string[],
    receive: (topic: string, payload: Uint8Array) => void,
  ): Promise<void> {
    const { link } = this.post;
    link.listen({
      message: (topic, payload, retained) => {
        this.#lastWord = this.clock.now();
        try {
          if (topic === this.topics.here(this.name)) this.#own(new TextDecoder().decode(payload), retained);
          else receive(topic, payload);
        } catch (error) {
          this.fail(error);
        }
        this.change();
      },
      up: () => {
        this.#isDown = false;
        this.appear();
      },
      down: () => {
        this.#isDown = true;
      },
      failed: (error) => this.fail(error),
    });
    await link.subscribe(filters);
    this.appear();
  }

  /** Says, retained, that this worker is here. */
  appear(): void {
    if (this.isLeaving) return;
    void this.post.retain(this.topics.here(this.name), new TextEncoder().encode(this.incarnation));
  }

  /** The will of an earlier incarnation comes late: say again that this one is here. Another one has taken the name. */
  #own(incarnation: string, retained: boolean): void {
    if (incarnation === '') this.appear();
    else if (incarnation !== this.incarnation && !retained) {
      this.#isSuperseded = true;
      this.fail(new Error(`another worker has taken the name ${this.name}`));
    }
  }

  /** Wakes whoever waits for a change. */
  change(): void {
    this.#changed();
  }

  /** Resolves with the next change; one waits at a time. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  /** Tells what has been waited for, in words, where that lasts. */
  tellWait(what: () => string): void {
    const waited = this.waits.due(this.clock.now());
    if (waited === undefined) return;
    const words = this.#isDown ? 'the broker, which cannot be reached' : what();
    this.#options.onNote?.(`has waited ${secondsOf(waited)} for ${words}`);
  }

  /** This worker cannot go on. */
  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error));
    this.onLeaving();
    this.change();
  }

  /** This worker is to leave. */
  stop(): void {
    this.#isStopping = true;
    this.onLeaving();
    this.change();
  }

  /** Says that this worker is gone, and closes the link. */
  async leave(): Promise<void> {
    this.#isStopping = true;
    // the name may be another worker's by now
    if (!this.#isSuperseded) void this.post.retain(this.topics.here(this.name), new Uint8Array(0));
    await this.post.link.close();
  }
}
