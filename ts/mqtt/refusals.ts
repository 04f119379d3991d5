/**
 * What a broker refuses, as errors. Reason codes are those of MQTT 5, section 2.4, and of the CONNACK of MQTT 3.1.1,
 * section 3.2.2.3; a broker of 3.1.1 has none for a PUBACK, so that it drops without a word what it does not allow.
 */

import { LinkError } from '../runs/link.ts';

/** What was asked of the broker. */
export type Asked = 'connect' | 'publish' | 'subscribe';

/** The broker refused a connection, a message or a subscription. */
export class BrokerError extends LinkError {
  override readonly name = 'BrokerError';
  readonly code = 'FEWBITS_BROKER';
  readonly asked: Asked;
  /** The topic or filter; the broker's address of a connection. */
  readonly topic: string;
  /** Why, in words. */
  readonly reason: string;
  /** The reason code of MQTT, where the broker gave one. */
  readonly reasonCode: number | undefined;
  /** What helps. */
  readonly remedy: string;
  constructor(asked: Asked, topic: string, reason: string, reasonCode: number | undefined, remedy: string) {
    const code = reasonCode === undefined ? '' : ` (reason 0x${reasonCode.toString(16).padStart(2, '0')})`;
    super(
      `the broker refuses ${WHAT[asked]} ${topic}: ${reason}${code}; ${remedy}`,
      reasonCode === TOO_LARGE,
    );
    this.asked = asked;
    this.topic = topic;
    this.reason = reason;
    this.reasonCode = reasonCode;
    this.remedy = remedy;
  }
}

const WHAT: Readonly<Record<Asked, string>> = {
  connect: 'the connection to',
  publish: 'a message on',
  subscribe: 'the subscription to',
};

export const NOT_AUTHORIZED = 0x87;
export const TOO_LARGE = 0x95;

/** Reason codes in words: the field's, shorter. */
const WORDS: Readonly<Record<number, string>> = {
  1: 'it does not speak this version of MQTT',
  2: 'it does not take this client identifier',
  3: 'it is not available',
  4: 'wrong user name or password',
  5: 'not authorized',
  0x80: 'it does not say why',
  0x81: 'malformed packet',
  0x82: 'protocol error',
  0x83: 'a reason of its own',
  0x84: 'it does not speak this version of MQTT',
  0x85: 'it does not take this client identifier',
  0x86: 'wrong user name or password',
  [NOT_AUTHORIZED]: 'not authorized',
  0x88: 'it is not available',
  0x89: 'it is busy',
  0x8a: 'banned',
  0x8b: 'it is shutting down',
  0x8c: 'it does not take this way of authentication',
  0x8e: 'another client has this identifier',
  0x8f: 'it does not take this filter',
  0x90: 'it does not take this topic',
  0x91: 'the packet identifier is in use',
  [TOO_LARGE]: 'packet too large',
  0x96: 'too many messages a second',
  0x97: 'a quota is used up',
  0x98: 'an administrator has closed the connection',
  0x99: 'it does not take this payload',
  0x9a: 'it retains no messages',
  0x9b: 'it does not offer quality of service 1',
  0x9c: 'another server is to be used',
  0x9d: 'the server has moved',
  0x9e: 'it offers no shared subscriptions',
  0x9f: 'too many connections a second',
  0xa0: 'the connection has lasted as long as it may',
  0xa1: 'it offers no subscription identifiers',
  0xa2: 'it offers no filters with +',
};

/** Refusals that pass: the broker is busy, or too much came at a time. */
const PASSING: ReadonlySet<unknown> = new Set([0x88, 0x89, 0x96, 0x97, 0x9f]);

/** CONNACK codes, and reasons of a DISCONNECT, that no second attempt changes. */
const FINAL: ReadonlySet<unknown> = new Set([
  2,
  4,
  5,
  0x85,
  0x86,
  NOT_AUTHORIZED,
  0x8a,
  0x8c,
  0x9a,
  0x9b,
  0xa2,
]);

/** CONNACK codes of a refused protocol version, in 3.1.1 and in 5. */
const OTHER_VERSION: ReadonlySet<unknown> = new Set([1, 0x84]);

export const passes = (code: unknown): boolean => PASSING.has(code);
export const isFinal = (code: unknown): boolean => FINAL.has(code);
export const isOtherVersion = (code: unknown): boolean => OTHER_VERSION.has(code);

/** A broker's address without the name and the password that it may have. */
export function addressOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

const wordsOf = (code: number): string => WORDS[code] ?? 'a reason that this version does not know';

const ACCESS =
  "the broker's rules do not allow it to this user: with the rules of docs/distributed.md a worker's name (--name) is its user name (--username), and the run's name (--run) the one in the rules";

/** A connection that was refused. */
export function refusedConnection(url: string, code: number): BrokerError {
  const wrong = [4, 5, 0x86, NOT_AUTHORIZED, 0x8c].includes(code);
  const remedy = wrong
    ? 'check --username and --password or FEWBITS_PASSWORD, or the client certificate (--cert, --key)'
    : isOtherVersion(code)
      ? 'it must speak MQTT 5 or 3.1.1'
      : "see the broker's log";
  return new BrokerError('connect', addressOf(url), wordsOf(code), code, remedy);
}

/** A message that was refused; `bytes` of its payload. */
export function refusedMessage(topic: string, code: number, bytes: number): BrokerError {
  if (code === TOO_LARGE) return tooLarge(topic, bytes);
  const remedy =
    code === NOT_AUTHORIZED
      ? ACCESS
      : passes(code)
        ? 'try again later'
        : "see the broker's log and its settings";
  return new BrokerError('publish', topic, wordsOf(code), code, remedy);
}

/** A message that is larger than the broker takes and is not sent in smaller parts. */
export function tooLarge(topic: string, bytes: number): BrokerError {
  return new BrokerError(
    'publish',
    topic,
    `its ${bytes} bytes are more than the broker takes`,
    TOO_LARGE,
    "raise the broker's limit (message_size_limit or max_packet_size of Mosquitto), or send less: what the run tells of itself (about) goes in one message, everything else in parts of --packet-bytes",
  );
}

/** A message at which the broker closes the connection, however often it is sent. */
export function closingAt(topic: string, bytes: number): BrokerError {
  return new BrokerError(
    'publish',
    topic,
    `it closes the connection whenever this message of ${bytes} bytes comes`,
    undefined,
    `it takes smaller packets alone (--packet-bytes), or ${ACCESS}`,
  );
}

/** A subscription that was refused. */
export function refusedSubscription(filter: string, code: number): BrokerError {
  const remedy = code === NOT_AUTHORIZED || code === 0x80 ? ACCESS : "see the broker's log and its settings";
  return new BrokerError('subscribe', filter, wordsOf(code), code, remedy);
}

/** Of what a broker offers in its CONNACK: what a run cannot do without. */
export function lacking(
  url: string,
  offered: { maximumQoS?: number; retainAvailable?: boolean; wildcardSubscriptionAvailable?: boolean },
): BrokerError | undefined {
  const code =
    offered.retainAvailable === false
      ? 0x9a
      : offered.maximumQoS === 0
        ? 0x9b
        : offered.wildcardSubscriptionAvailable === false
          ? 0xa2
          : undefined;
  return code === undefined
    ? undefined
    : new BrokerError(
        'connect',
        addressOf(url),
        wordsOf(code),
        code,
        'a run needs it: turn it on at the broker',
      );
}
