/**
 * Retained messages and last wills by messages, for links whose transport has neither. Whoever retains a message
 * repeats it: a heartbeat for those who know it, and for those who have come since the message itself. Where it is not
 * repeated for some seconds its owner is taken to be gone, and the others are given what its last will would be: that
 * message, empty.
 *
 *   keep/TOPIC   a message on TOPIC that is retained from now on; an empty one takes it back
 *   again/TOPIC  the same, repeated
 *   who/TOPIC    empty: somebody has subscribed to TOPIC, and whoever retains a message there repeats it at once
 */
import { shown } from '../arguments.ts';
import type { Clock, Link, Listener, OpenLink, Traffic } from './link.ts';

/** Milliseconds from one repetition to the next. */
const REPEAT_EVERY = 1000;

/** Milliseconds without a repetition after which a message's owner is gone. */
const GONE_AFTER = 5000;

/**
 * A link that keeps messages: the transport's own, or one that does it by messages.
 * @throws TypeError where the link does not say which
 */
export async function openLink(open: OpenLink, will: string, clock: Clock): Promise<Link> {
  const link = await open(will);
  if (typeof link.keeps !== 'boolean') {
    await link.close();
    throw new TypeError(`"keeps" of a link expected true or false, got ${shown(link.keeps)}`);
  }
  return link.keeps ? link : new RetainingLink(link, clock);
}

/** A message that another machine retains. */
interface RetainedMessage {
  readonly payload: Uint8Array;
  /** When it was repeated last. */
  heardAt: number;
}

const isSameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, i) => byte === other[i]);

/** Whether a filter names one topic. */
const isTopic = (filter: string): boolean => !filter.includes('+');

class RetainingLink implements Link {
  readonly keeps = true;
  readonly #link: Link;
  readonly #clock: Clock;
  /** What this machine retains, by topic. */
  readonly #own = new Map<string, Uint8Array>();
  /** What others retain, by topic. */
  readonly #known = new Map<string, RetainedMessage>();
  #listener: Listener | undefined;
  #callOff: () => void = () => {};

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    this.#tick();
  }

  get traffic(): Traffic {
    return this.#link.traffic;
  }

  room(topic: string): number {
    return this.#link.room(topic);
  }

  async publish(topic: string, payload: Uint8Array, retain = false): Promise<void> {
    if (!retain) return this.#link.publish(topic, payload);
    const isNew = !this.#own.has(topic);
    if (payload.length === 0) this.#own.delete(topic);
    else this.#own.set(topic, payload);
    await this.#link.publish(`keep/${topic}`, payload);
    if (isNew && payload.length > 0) await this.#link.subscribe([`who/${topic}`]);
  }

  /** Who subscribes anew hears anew what is retained. */
  async subscribe(filters: readonly string[]): Promise<void> {
    for (const filter of filters.filter(isTopic)) this.#known.delete(filter);
    await this.#link.subscribe(filters.flatMap((filter) => [filter, `keep/${filter}`, `again/${filter}`]));
    for (const topic of filters.filter(isTopic)) await this.#link.publish(`who/${topic}`, new Uint8Array(0));
  }

  listen(listener: Listener): void {
    this.#listener = listener;
    this.#link.listen({
      ...(listener.down && { down: () => listener.down?.() }),
      ...(listener.failed && { failed: (error) => listener.failed?.(error) }),
      message: (topic, payload, retained) => this.#receive(topic, payload, retained),
      up: () => {
        // nobody could be heard meanwhile
        for (const known of this.#known.values()) known.heardAt = this.#clock.now();
        listener.up();
      },
    });
  }

  async close(): Promise<void> {
    this.#callOff();
    this.#own.clear();
    await this.#link.close();
  }

  #receive(topic: string, payload: Uint8Array, retained: boolean): void | Promise<void> {
    const [, kind, of] = /^(keep|again|who)\/(.*)$/.exec(topic) ?? [];
    if (kind === 'keep') return this.#keep(of, payload);
    if (kind === 'again') return this.#heard(of, payload);
    if (kind === 'who') return this.#repeat(of);
    return this.#listener?.message(topic, payload, retained);
  }

  #keep(topic: string, payload: Uint8Array): void | Promise<void> {
    if (payload.length === 0) this.#known.delete(topic);
    else this.#known.set(topic, { payload, heardAt: this.#clock.now() });
    return this.#listener?.message(topic, payload, false);
  }

  #heard(topic: string, payload: Uint8Array): void | Promise<void> {
    const known = this.#known.get(topic);
    if (known !== undefined && isSameBytes(known.payload, payload)) {
      known.heardAt = this.#clock.now();
      return;
    }
    this.#known.set(topic, { payload, heardAt: this.#clock.now() });
    return this.#listener?.message(topic, payload, true);
  }

  #repeat(topic: string): void {
    const payload = this.#own.get(topic);
    // where the link is broken the next repetition tells
    if (payload !== undefined) this.#link.publish(`again/${topic}`, payload).catch(() => {});
  }

  /** Repeats what this machine retains, and tells of who is gone. */
  #tick(): void {
    this.#callOff = this.#clock.after(REPEAT_EVERY, () => {
      for (const topic of this.#own.keys()) this.#repeat(topic);
      const now = this.#clock.now();
      for (const [topic, { heardAt }] of [...this.#known])
        if (now >= heardAt + GONE_AFTER) {
          this.#known.delete(topic);
          void this.#listener?.message(topic, new Uint8Array(0), false);
        }
      this.#tick();
    });
  }
}
