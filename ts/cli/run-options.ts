/** The options that `serve`, `join` and `plan` add to the command line. */
import { readFileSync } from 'node:fs';
import { mqttBroker, type ConnectionOptions } from '../mqtt/connection.ts';
import type { OpenLink } from '../runs/link.ts';
import { LEAST_PACKET } from '../mqtt/outbox.ts';
import { addressOf } from '../mqtt/refusals.ts';
import { integerOf, UsageError } from './usage.ts';

/** Their names; each takes a text. */
type Name =
  | 'broker'
  | 'run'
  | 'prefix'
  | 'task'
  | 'algorithm'
  | 'workers'
  | 'steps'
  | 'seed'
  | 'quorum'
  | 'deadline'
  | 'check-every'
  | 'state'
  | 'name'
  | 'listen'
  | 'web-port'
  | 'username'
  | 'password'
  | 'ca'
  | 'cert'
  | 'key'
  | 'packet-bytes'
  | 'params'
  | 'link'
  | 'bits-up'
  | 'bits-down'
  | 'compute'
  | 'server-link'
  | 'decode';

const text = { type: 'string' } as const;

export const RUN_OPTIONS: Readonly<Record<Name, { readonly type: 'string' }>> = {
  broker: text,
  run: text,
  prefix: text,
  task: text,
  algorithm: text,
  workers: text,
  steps: text,
  seed: text,
  quorum: text,
  deadline: text,
  'check-every': text,
  state: text,
  name: text,
  listen: text,
  'web-port': text,
  username: text,
  password: text,
  ca: text,
  cert: text,
  key: text,
  'packet-bytes': text,
  params: text,
  link: text,
  'bits-up': text,
  'bits-down': text,
  compute: text,
  'server-link': text,
  decode: text,
};

/** What was given of them. */
export type RunValues = { readonly [Option in Name]?: string } & {
  readonly json?: boolean;
  readonly backend?: string;
};

/**
 * How to reach the broker of `--broker`, with the user's name and password and the files for TLS. `say` hears why it cannot be
 * reached yet, and that it takes shorter packets alone.
 */
export function brokerOf(
  url: string,
  values: RunValues,
  say: (text: string) => void = (text) => console.error(`fewbits: ${text}`),
): OpenLink {
  const { username, password, ca, cert, key } = values;
  if (!/^(mqtts?|wss?):\/\//.test(url))
    throw new UsageError(`--broker expected mqtt://, mqtts://, ws:// or wss://, got ${JSON.stringify(url)}`);
  const file = (path: string | undefined): Buffer | undefined =>
    path === undefined ? undefined : readFileSync(path);
  const options: ConnectionOptions['options'] = {
    ...(username !== undefined && { username }),
    // on the command line a password is seen by everyone on the machine
    ...((password ?? process.env.FEWBITS_PASSWORD) !== undefined && {
      password: password ?? process.env.FEWBITS_PASSWORD,
    }),
    ...(ca !== undefined && { ca: file(ca) }),
    ...(cert !== undefined && { cert: file(cert) }),
    ...(key !== undefined && { key: file(key) }),
  };
  const given = values['packet-bytes'];
  return mqttBroker({
    url,
    options,
    ...(given !== undefined && { packetBytes: integerOf('packet-bytes', given, LEAST_PACKET, 2 ** 28 - 1) }),
    onRetry: ({ message }) => say(`${addressOf(url)} cannot be reached yet, trying again: ${message}`),
    onPacketBytes: (bytes) =>
      say(`the broker refuses longer packets: ${bytes} bytes from now on (--packet-bytes ${bytes})`),
  });
}
