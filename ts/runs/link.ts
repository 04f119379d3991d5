/** What a run needs of its transport and of time: so little that a test can stand in for both. */

/** The transport refuses the connection, a message or a subscription; the role that asked for it cannot go on. */
export class LinkError extends Error {
  override readonly name: string = 'LinkError';
  /** Whether it is a message that is refused, for its length: in shorter parts it may be taken. */
  readonly isTooLarge: boolean;

  constructor(message: string, isTooLarge = false) {
    super(message);
    this.isTooLarge = isTooLarge;
  }
}

/**
 * A connection to the other machines of a run, by topics. Delivery is at least once while both sides are connected;
 * order is kept at best.
 */
export interface Link {
  /**
   * Whether the transport keeps retained messages for who subscribes, and sends the last will of who is gone. Where it
   * does not, machines repeat what they retain, and find out who is gone by that; `retain` is then never asked for. The
   * same for all machines of a run: the two ways do not hear each other.
   */
  readonly keeps: boolean;
  /**
   * Whether a payload that is all of its memory is the listener's once it is delivered: the transport neither changes
   * it nor uses it again. Left out where it may: then what is kept of it is copied.
   */
  readonly handsOver?: boolean;
  /** Bytes of the longest payload that a topic takes, as far as is known: less once a longer one was refused. */
  room(topic: string): number;
  /**
   * Resolves when the transport has it; retained where asked for. An empty retained payload takes back what was
   * retained.
   * @throws LinkError where the transport refuses it; another Error where the link was closed
   */
  publish(topic: string, payload: Uint8Array, retain?: boolean): Promise<void>;
  /**
   * Subscribes to topics or filters, again after each time the connection broke.
   * @throws LinkError where the transport refuses one
   */
  subscribe(filters: readonly string[]): Promise<void>;
  /**
   * Says who gets what comes: until `message` resolves nothing else is delivered. `up`: the connection is there again.
   */
  listen(listener: Listener): void;
  readonly traffic: Traffic;
  /** Disconnects, once what is under way has been taken or some seconds have passed. The last will is not sent. */
  close(): Promise<void>;
}

export interface Listener {
  /** `retained`: it was kept for who subscribes; it is not new. */
  message(topic: string, payload: Uint8Array, retained: boolean): void | Promise<void>;
  up(): void;
  /** The connection broke; it is tried again. */
  down?(): void;
  /** The transport does not let this machine go on, and no second attempt would change that. */
  failed?(error: LinkError): void;
}

/** Messages and bytes of one link, as its transport counts them: of MQTT with fixed header, topic and identifier. */
export interface Traffic {
  messagesUp: number;
  bytesUp: number;
  messagesDown: number;
  bytesDown: number;
}

/**
 * Opens a connection; where its transport keeps messages, with a last will that empties the retained message of a
 * topic.
 */
export type OpenLink = (will: string) => Promise<Link>;

/** Time, in milliseconds. */
export interface Clock {
  now(): number;
  /** Calls back once, unless it is called off. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** Waits, but not for longer than so many milliseconds. */
export async function within(clock: Clock, milliseconds: number, work: Promise<unknown>): Promise<void> {
  let callOff = (): void => {};
  const late = new Promise<void>((resolve) => {
    callOff = clock.after(milliseconds, resolve);
  });
  await Promise.race([work, late]);
  // a timer that is left would keep the process
  callOff();
}

/** The machine's own. */
export const wallClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
