/**
 * A broker and a clock in one process: topics, filters, retained messages and last wills as MQTT has them, and a
 * network that loses, doubles and delays messages by a seeded draw. Time passes only when nothing else is left to do,
 * so that minutes take milliseconds and a run is the same each time.
 */
import type { Clock, Link, Listener, OpenLink } from '../../ts/runs/link.ts';
import { wireBytes } from '../../ts/mqtt/connection.ts';

/** What the network does to each delivery: the share that is lost or doubled, and milliseconds of delay at most. */
export interface Faults {
  readonly lost: number;
  readonly doubled: number;
  readonly delay: number;
}

export const SOUND: Faults = { lost: 0, doubled: 0, delay: 0 };

interface Client {
  readonly will: string;
  readonly filters: Set<string>;
  listener: Listener | undefined;
  connected: boolean;
}

/** A part on its way to one client. */
export interface Delivery {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export class Network {
  faults: Faults = SOUND;
  /** Sees, and may take away, what is about to be delivered: true lets it pass. */
  filter: (delivery: Delivery) => boolean = () => true;
  readonly #clients = new Set<Client>();
  readonly #retained = new Map<string, Uint8Array>();
  readonly #timers: { at: number; order: number; call: () => void }[] = [];
  #now = 0;
  #order = 0;
  #seed: number;
  /** The longest packet. */
  packetBytes = 4096;
  /** Whether the transport keeps retained messages and sends last wills. */
  keeps = true;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  readonly clock: Clock = {
    now: () => this.#now,
    after: (milliseconds, call) => {
      const timer = { at: this.#now + milliseconds, order: this.#order++, call };
      this.#timers.push(timer);
      return () => {
        const place = this.#timers.indexOf(timer);
        if (place >= 0) this.#timers.splice(place, 1);
      };
    },
  };

  #draw(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  /** A link; `cut` breaks it as SIGKILL does, with its last will. */
  open(seen: (cut: () => void) => void = () => {}): OpenLink {
    return async (will) => {
      const client: Client = { will, filters: new Set(), listener: undefined, connected: true };
      this.#clients.add(client);
      const traffic = { messagesUp: 0, bytesUp: 0, messagesDown: 0, bytesDown: 0 };
      seen(() => this.#cut(client));
      const link: Link = {
        keeps: this.keeps,
        traffic,
        room: (topic) => this.packetBytes - 10 - topic.length,
        publish: async (topic, payload, retain = false) => {
          if (!client.connected) return;
          traffic.messagesUp++;
          traffic.bytesUp += wireBytes(topic, payload, true);
          this.publish(topic, payload, retain, client);
        },
        subscribe: async (filters) => {
          for (const filter of filters) client.filters.add(filter);
          for (const [topic, payload] of this.#retained)
            if (filters.some((filter) => matches(filter, topic))) this.#pass(client, topic, payload, true);
        },
        listen: (listener) => {
          client.listener = listener;
        },
        close: async () => {
          client.connected = false;
          this.#clients.delete(client);
        },
      };
      return link;
    };
  }

  #cut(client: Client): void {
    client.connected = false;
    this.#clients.delete(client);
    if (this.keeps) this.publish(client.will, new Uint8Array(0), true);
  }

  /** Publishes, as a client or as somebody else. */
  publish(topic: string, payload: Uint8Array, retain = false, by?: Client): void {
    if (payload.length + topic.length + 10 > this.packetBytes) throw new Error('a packet that is too long');
    if (retain && !this.keeps) throw new Error('this transport retains nothing');
    if (retain) {
      if (payload.length === 0) this.#retained.delete(topic);
      else this.#retained.set(topic, payload.slice());
    }
    for (const client of this.#clients)
      if (client !== by && [...client.filters].some((filter) => matches(filter, topic)))
        this.#pass(client, topic, payload.slice(), false);
  }

  /** The broker ends and comes back without what it knew; clients connect and subscribe again. */
  restart(downtime: number): void {
    this.#retained.clear();
    this.#down = true;
    this.clock.after(downtime, () => {
      this.#down = false;
      for (const client of this.#clients) client.listener?.up();
    });
  }
  #down = false;

  #pass(client: Client, topic: string, payload: Uint8Array, retained: boolean): void {
    const { lost, doubled, delay } = this.faults;
    if (this.#down || !this.filter({ topic, payload }) || this.#draw() < lost) return;
    const times = this.#draw() < doubled ? 2 : 1;
    for (let i = 0; i < times; i++)
      this.clock.after(delay * this.#draw(), () => {
        if (client.connected) void client.listener?.message(topic, payload, retained);
      });
  }

  /** Lets time pass until `done` has settled, or `seconds` are over. */
  async run<T>(done: Promise<T>, seconds = 3600): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    done.then(mark, mark);
    const end = this.#now + seconds * 1000;
    for (;;) {
      // everything that needs no time: promises, and the compressors
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      if (settled) return done;
      this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
      const timer = this.#timers.shift();
      if (timer === undefined) throw new Error(`nothing is left to happen at ${this.#now} ms`);
      if (timer.at > end) throw new Error(`not done after ${seconds} s of the network's time`);
      this.#now = Math.max(this.#now, timer.at);
      timer.call();
      while (this.#timers.length > 0 && Math.min(...this.#timers.map(({ at }) => at)) <= this.#now) {
        this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
        this.#timers.shift()?.call();
      }
    }
  }

  /** A pause in the network's time. */
  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(milliseconds, resolve);
    });
  }
}

/** Whether a topic is one of a filter, whose last or middle levels may be +. */
function matches(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split('/'), topic.split('/')];
  return wanted.length === levels.length && wanted.every((level, i) => level === '+' || level === levels[i]);
}
