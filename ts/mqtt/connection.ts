/**
 * A link over mqtt.js: MQTT 5, or 3.1.1 where the broker has no other. Quality of service 1, so many messages in flight
 * at a time; what is received is acknowledged when it has been dealt with, so that a broker holds back what cannot be
 * taken yet.
 */
import type {
  connect as Connect,
  IClientOptions,
  IClientPublishOptions,
  IConnackPacket,
  MqttClient,
} from 'mqtt';
import { requireInteger } from '../arguments.ts';
import { wallClock, within, type Link, type Listener, type OpenLink, type Traffic } from '../runs/link.ts';
import { Broken, LEAST_PACKET, Outbox } from './outbox.ts';
import {
  BrokerError,
  isFinal,
  isOtherVersion,
  lacking,
  NOT_AUTHORIZED,
  refusedConnection,
  refusedSubscription,
  TOO_LARGE,
} from './refusals.ts';

/**
 * What mqtt.js takes beside the address (its `IClientOptions`). Of the package's own types, so that these declarations
 * compile where mqtt.js is not installed or its declarations ask for more than a project has.
 */
export interface MqttOptions {
  readonly username?: string;
  readonly password?: string | Uint8Array;
  readonly clientId?: string;
  readonly protocolVersion?: 3 | 4 | 5;
  /** Seconds between signs of life. */
  readonly keepalive?: number;
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
  readonly [option: string]: unknown;
}

/** How to reach a broker. */
export interface ConnectionOptions {
  /** mqtt://, mqtts://, ws:// or wss:// */
  readonly url: string;
  /** What mqtt.js takes beside the address: username, password, ca, cert, key, servername, keepalive and so on. */
  readonly options?: MqttOptions;
  /**
   * The longest MQTT packet, where the broker does not say less; 131,072 if left out, which the usual limits of brokers
   * take. It is halved for as long as the broker refuses packets as too large.
   */
  readonly packetBytes?: number;
  /**
   * Messages that may wait for the broker's acknowledgement at a time; 16 if left out, fewer where the broker says so.
   */
  readonly inFlight?: number;
  /** Milliseconds after which a broker that cannot be reached is given up at the start; 30,000 if left out. */
  readonly timeout?: number;
  /** Hears why the broker cannot be reached yet, each reason once; it is tried again until the time is up. */
  readonly onRetry?: (reason: Error) => void;
  /** Hears how long packets are from now on, where the broker has refused longer ones. */
  readonly onPacketBytes?: (bytes: number) => void;
}

const PACKET_BYTES = 131_072;
const IN_FLIGHT = 16;
const TIMEOUT = 30_000;

/** How long close waits for what is under way, in milliseconds. */
const CLOSING = 3000;

/** Milliseconds before a broken connection is tried again. */
const AGAIN_AFTER = 250;

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
  requireInteger('packetBytes', given.packetBytes ?? PACKET_BYTES, LEAST_PACKET, 268_435_455);
  requireInteger('inFlight', given.inFlight ?? IN_FLIGHT, 1, 65_535);
  return async (will) => {
    const { connect } = await importMqtt();
    const options: IClientOptions = {
      protocolVersion: 5,
      clean: true,
      keepalive: 15,
      reconnectPeriod: AGAIN_AFTER,
      ...(given.options as IClientOptions | undefined),
      // done here, so that what the broker refuses the second time is heard
      resubscribe: false,
      will: { topic: will, payload: '', qos: 1, retain: true },
    };
    const open = (protocolVersion: IClientOptions['protocolVersion']): Promise<Connected> =>
      connected(connect(given.url, { ...options, protocolVersion }), given);
    try {
      return linkOver(await open(options.protocolVersion), given);
    } catch (error) {
      const isOther = error instanceof BrokerError && isOtherVersion(error.reasonCode);
      if (given.options?.protocolVersion !== undefined || !isOther) throw error;
      return linkOver(await open(4), given);
    }
  };
}

/** The reason that a broker gave with what mqtt.js rejects. */
function reasonOf(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** A client, and what the broker said to it first. */
interface Connected {
  readonly client: MqttClient;
  readonly connack: IConnackPacket;
}

/** The client, once it is connected; it tries again until the time is up, but not where the broker has refused it. */
async function connected(
  client: MqttClient,
  { url, timeout = TIMEOUT, onRetry }: ConnectionOptions,
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
        const reason = reasonOf(error);
        if (reason !== undefined && (isOtherVersion(reason) || isFinal(reason))) {
          clearTimeout(timer);
          reject(refusedConnection(url, reason));
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
  const lacks = lacking(given.url, said);
  if (lacks !== undefined) {
    client.end(true);
    throw lacks;
  }
  const traffic: Traffic = { messagesUp: 0, bytesUp: 0, messagesDown: 0, bytesDown: 0 };
  const early: Parameters<Listener['message']>[] = [];
  const filters = new Set<string>();
  let listener: Listener | undefined;
  let isClosing = false;
  /** What the broker said when it broke the connection. */
  let parting: number | undefined;
  let failure: BrokerError | undefined;

  const outbox = new Outbox({
    packetBytes: Math.min(given.packetBytes ?? PACKET_BYTES, said.maximumPacketSize ?? Infinity),
    inFlight: Math.min(given.inFlight ?? IN_FLIGHT, said.receiveMaximum ?? Infinity),
    async send(topic, payload, retain) {
      if (!client.connected) throw new Broken();
      traffic.messagesUp++;
      traffic.bytesUp += wireBytes(topic, payload, v5);
      // mqtt.js takes Buffers where there are some; this is a view, not a copy
      const bytes =
        typeof Buffer === 'undefined'
          ? (payload as Buffer)
          : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
      const options: IClientPublishOptions = { qos: 1, retain };
      await client.publishAsync(topic, bytes, options);
    },
    onPacketBytes: given.onPacketBytes,
  });
  const fail = (error: BrokerError): void => {
    failure ??= error;
    listener?.failed?.(failure);
  };

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
    parting = undefined;
    outbox.up();
    subscribe([...filters]).catch((error: unknown) => {
      if (error instanceof BrokerError) fail(error);
    });
    listener?.up();
  });
  client.on('disconnect', ({ reasonCode }) => {
    parting = reasonCode;
  });
  client.on('close', () => {
    outbox.down(parting === TOO_LARGE);
    // the outbox sends them again: what broke the connection must not break the next one before anything else is done
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
    if (isClosing) return;
    if (parting === NOT_AUTHORIZED) fail(refusedConnection(given.url, parting));
    else listener?.down?.();
  });
  // a connection that breaks is tried again; one that is refused for good is not
  client.on('error', (error) => {
    const reason = reasonOf(error);
    if (client.connected) {
      // mqtt.js hears nothing more after what it does not understand: Mosquitto's PUBACK of a packet that is too large
      // has a reason code that MQTT 5 gives to other packets alone
      if (/puback reason code/i.test(error.message)) parting = TOO_LARGE;
      client.stream.destroy();
    }
    if (reason !== undefined && isFinal(reason) && !client.connected)
      fail(refusedConnection(given.url, reason));
  });

  /** Subscribes; after a break of the connection this is done again. */
  async function subscribe(wanted: readonly string[]): Promise<void> {
    if (wanted.length === 0) return;
    // one packet each, so that a refusal names its filter
    await Promise.all(
      wanted.map(async (filter) => {
        try {
          await client.subscribeAsync(filter, v5 ? { qos: 1, nl: true } : { qos: 1 });
        } catch (error) {
          const reason = reasonOf(error);
          if (reason !== undefined && reason >= 0x80) throw refusedSubscription(filter, reason);
          if (isClosing) throw error;
          // the connection broke: the next one subscribes
        }
      }),
    );
  }

  return {
    keeps: true,
    // mqtt.js makes a payload of its own of what came in several pieces, and drops it; else it is a part of a piece
    handsOver: true,
    traffic,
    room: (topic) => outbox.room(topic),
    publish: (topic, payload, retain = false) => outbox.publish(topic, payload, retain),
    async subscribe(wanted) {
      for (const filter of wanted) filters.add(filter);
      if (client.connected) await subscribe(wanted);
    },
    listen(given) {
      listener = given;
      for (const one of early.splice(0)) void given.message(...one);
      if (failure !== undefined) given.failed?.(failure);
    },
    async close() {
      if (isClosing) return;
      isClosing = true;
      if (client.connected && failure === undefined) {
        await within(wallClock, CLOSING, outbox.idle());
        outbox.close();
        await within(wallClock, CLOSING, client.endAsync());
      }
      outbox.close();
      client.end(true);
    },
  };
}

/**
 * mqtt.js writes a message in pieces; Nagle's algorithm would hold the last one back until the broker has acknowledged
 * those before it, which it delays by up to 40 ms.
 */
function sendAtOnce({ stream }: MqttClient): void {
  const socket = stream as { setNoDelay?: (on: boolean) => void };
  socket.setNoDelay?.(true);
}

/** Bytes of a PUBLISH with quality of service 1. */
export function wireBytes(topic: string, payload: Uint8Array, v5: boolean): number {
  const rest = 2 + new TextEncoder().encode(topic).length + 2 + (v5 ? 1 : 0) + payload.length;
  return 1 + (rest < 128 ? 1 : rest < 16_384 ? 2 : rest < 2_097_152 ? 3 : 4) + rest;
}
