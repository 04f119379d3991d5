/**
 * A link over mqtt.js: MQTT 5, or 3.1.1 where the broker has no other. Quality of service 1, so many messages in flight at a
 * time; what is received is acknowledged when it has been dealt with, so that a broker holds back what cannot be taken yet.
 */
import type {
  connect as Connect,
  IClientOptions,
  IClientPublishOptions,
  IConnackPacket,
  MqttClient,
} from 'mqtt';
import { requireInteger } from '../arguments.ts';
import type { Link, Listener, OpenLink, Traffic } from './link.ts';

/** How to reach a broker. */
export interface ConnectionOptions {
  /** mqtt://, mqtts://, ws:// or wss:// */
  readonly url: string;
  /** What mqtt.js takes beside the address: username, password, ca, cert, key, servername, keepalive and so on. */
  readonly options?: IClientOptions;
  /** The longest MQTT packet, where the broker does not say less; 262,144 if left out. */
  readonly packetBytes?: number;
  /** Messages that may wait for the broker's acknowledgement at a time; 16 if left out, fewer where the broker says so. */
  readonly inFlight?: number;
  /** Milliseconds after which a broker that cannot be reached is given up at the start; 30,000 if left out. */
  readonly timeout?: number;
  /** Hears why the broker cannot be reached yet, each reason once; it is tried again until the time is up. */
  readonly onRetry?: (reason: Error) => void;
}

const PACKET_BYTES = 262_144;
const IN_FLIGHT = 16;
const TIMEOUT = 30_000;

/** How long close waits for what is under way, in milliseconds. */
const CLOSING = 5000;

/** Milliseconds before a broken connection is tried again. */
const AGAIN_AFTER = 250;

/** CONNACK codes of a refused protocol version, in 3.1.1 and in 5; and those that no second attempt changes. */
const OTHER_VERSION: ReadonlySet<unknown> = new Set([1, 132]);
const FINAL: ReadonlySet<unknown> = new Set([2, 4, 5, 133, 134, 135, 138, 140]);

/** Bytes of a PUBLISH around its payload at most: fixed header, length of the topic, identifier, properties. */
const AROUND = 5 + 2 + 2 + 1;

/** mqtt.js, or where it cannot be imported a sentence on how to get it. */
async function importMqtt(): Promise<{ readonly connect: typeof Connect }> {
  try {
    const module = await import('mqtt');
    // the build for browsers has a default export alone
    return typeof module.connect === 'function' ? module : module.default;
  } catch (error) {
    throw new Error('fewbits/mqtt needs the package mqtt: npm install mqtt', { cause: error });
  }
}

/**
 * How to open links to a broker, for the roles of `fewbits/mqtt`.
 * @throws RangeError where packetBytes or inFlight are out of range
 * @example
 * const broker = mqttBroker({ url: 'mqtts://broker.example', options: { username: 'lab', password: 'secret' } });
 */
export function mqttBroker(given: ConnectionOptions): OpenLink {
  requireInteger('packetBytes', given.packetBytes ?? PACKET_BYTES, 1024, 268_435_455);
  requireInteger('inFlight', given.inFlight ?? IN_FLIGHT, 1, 65_535);
  return async (will) => {
    const { connect } = await importMqtt();
    const options: IClientOptions = {
      protocolVersion: 5,
      clean: true,
      keepalive: 15,
      reconnectPeriod: AGAIN_AFTER,
      ...given.options,
      will: { topic: will, payload: '', qos: 1, retain: true },
    };
    const open = (protocolVersion: IClientOptions['protocolVersion']): Promise<Connected> =>
      connected(connect(given.url, { ...options, protocolVersion }), given);
    try {
      return linkOver(await open(options.protocolVersion), given);
    } catch (error) {
      if (given.options?.protocolVersion !== undefined || !OTHER_VERSION.has(codeOf(error))) throw error;
      return linkOver(await open(4), given);
    }
  };
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

/** A client, and what the broker said to it first. */
interface Connected {
  readonly client: MqttClient;
  readonly connack: IConnackPacket;
}

/** The client, once it is connected; it tries again until the time is up, but not where the broker has refused it. */
async function connected(
  client: MqttClient,
  { timeout = TIMEOUT, onRetry }: ConnectionOptions,
): Promise<Connected> {
  let last: Error | undefined;
  let heard: ((error: Error) => void) | undefined;
  try {
    const connack = await new Promise<IConnackPacket>((resolve, reject) => {
      const timer = setTimeout(() => reject(last ?? new Error('the broker does not answer')), timeout);
      client.once('connect', (packet) => {
        clearTimeout(timer);
        resolve(packet);
      });
      heard = (error) => {
        const known = last?.message === error.message;
        last = error;
        if (OTHER_VERSION.has(codeOf(error)) || FINAL.has(codeOf(error))) {
          clearTimeout(timer);
          reject(error);
        } else if (!known) onRetry?.(error);
      };
      client.on('error', heard);
    });
    // what breaks it from here on is not the start's
    if (heard !== undefined) client.off('error', heard);
    return { client, connack };
  } catch (error) {
    client.end(true);
    throw error;
  }
}

/** A link over a client that is connected. */
function linkOver({ client, connack }: Connected, given: ConnectionOptions): Link {
  const v5 = client.options.protocolVersion === 5;
  const said = v5 ? (connack.properties ?? {}) : {};
  const packet = Math.min(given.packetBytes ?? PACKET_BYTES, said.maximumPacketSize ?? Infinity);
  const inFlight = Math.min(given.inFlight ?? IN_FLIGHT, said.receiveMaximum ?? Infinity);
  const traffic: Traffic = { messagesUp: 0, bytesUp: 0, messagesDown: 0, bytesDown: 0 };
  const gate = gateOf(inFlight);
  const early: Parameters<Listener['message']>[] = [];
  let listener: Listener | undefined;

  client.handleMessage = (message, done) => {
    const payload = message.payload as Uint8Array;
    const topic = message.topic.toString();
    traffic.messagesDown++;
    traffic.bytesDown += wireBytes(topic, payload, v5);
    if (listener === undefined) {
      early.push([topic, payload, message.retain]);
      return done();
    }
    Promise.resolve(listener.message(topic, payload, message.retain)).then(
      () => done(),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  };
  sendAtOnce(client);
  client.on('connect', () => {
    sendAtOnce(client);
    listener?.up();
  });
  // a connection that breaks is tried again; mqtt.js says why it broke, which is nothing that the roles could act on
  client.on('error', () => {});

  return {
    traffic,
    room: (topic) => packet - AROUND - new TextEncoder().encode(topic).length,
    async publish(topic, payload, retain = false) {
      const options: IClientPublishOptions = { qos: 1, retain };
      traffic.messagesUp++;
      traffic.bytesUp += wireBytes(topic, payload, v5);
      await gate(async () => {
        // mqtt.js takes Buffers where there are some; this is a view, not a copy
        const bytes =
          typeof Buffer === 'undefined'
            ? (payload as Buffer)
            : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
        await client.publishAsync(topic, bytes, options);
      });
    },
    async subscribe(filters) {
      await client.subscribeAsync([...filters], v5 ? { qos: 1, nl: true } : { qos: 1 });
    },
    listen(given) {
      listener = given;
      for (const one of early.splice(0)) void given.message(...one);
    },
    async close() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSING);
      });
      await Promise.race([client.endAsync(), late]);
      // a timer that is left would keep the process
      clearTimeout(timer);
      client.end(true);
    },
  };
}

/**
 * mqtt.js writes a message in pieces; Nagle's algorithm would hold the last one back until the broker has acknowledged those
 * before it, which it delays by up to 40 ms.
 */
function sendAtOnce({ stream }: MqttClient): void {
  const socket = stream as { setNoDelay?: (on: boolean) => void };
  socket.setNoDelay?.(true);
}

/** Lets so many pass at a time, in the order in which they came. */
function gateOf(width: number): (work: () => Promise<void>) => Promise<void> {
  const waiting: (() => void)[] = [];
  let free = width;
  return async (work) => {
    if (free > 0) free--;
    else
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    try {
      await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** Bytes of a PUBLISH with quality of service 1. */
export function wireBytes(topic: string, payload: Uint8Array, v5: boolean): number {
  const rest = 2 + new TextEncoder().encode(topic).length + 2 + (v5 ? 1 : 0) + payload.length;
  return 1 + (rest < 128 ? 1 : rest < 16_384 ? 2 : rest < 2_097_152 ? 3 : 4) + rest;
}
