/** What the roles need of a broker and of time: so little that a test can stand in for both. */

/** A connection to a broker. Delivery is at least once while both sides are connected; order is kept at best. */
export interface Link {
  /** Bytes of the longest payload that the broker takes on a topic. */
  room(topic: string): number;
  /** Resolves when the broker has it; retained where asked for. An empty retained payload takes back what was retained. */
  publish(topic: string, payload: Uint8Array, retain?: boolean): Promise<void>;
  /** Subscribes to topics or filters, again after each time the connection broke. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Says who gets what comes: until `message` resolves nothing else is delivered. `up`: the connection is there again. */
  listen(listener: Listener): void;
  readonly traffic: Traffic;
  /** Disconnects, once what is under way has been taken or some seconds have passed. The last will is not sent. */
  close(): Promise<void>;
}

export interface Listener {
  /** `retained`: the broker had kept it for who subscribes; it is not new. */
  message(topic: string, payload: Uint8Array, retained: boolean): void | Promise<void>;
  up(): void;
}

/** Messages and bytes on the wire as MQTT counts them: fixed header, topic, identifier, payload. */
export interface Traffic {
  messagesUp: number;
  bytesUp: number;
  messagesDown: number;
  bytesDown: number;
}

/** Opens a connection whose last will empties the retained message of a topic. */
export type OpenLink = (will: string) => Promise<Link>;

/** Time, in milliseconds. */
export interface Clock {
  now(): number;
  /** Calls back once, unless it is called off. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The machine's own. */
export const wallClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
