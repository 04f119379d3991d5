/** The broker inside `fewbits serve`, where --broker names none. */
import { openBroker, type Broker } from '../mqtt/broker.ts';
import type { ValuesOf } from './command.ts';
import { integerOf, UsageError } from './usage.ts';

/** Where it listens. */
export const OF_OWN_BROKER = {
  listen: { type: 'string', value: 'HOST:PORT', about: 'of the broker inside (127.0.0.1, any port)' },
  'web-port': { type: 'string', value: 'PORT', about: 'of the broker inside, for browsers' },
} as const;

/**
 * Starts it.
 * @throws UsageError where an option makes no sense; Error that names the option where the broker cannot listen
 */
export async function ownBroker(values: ValuesOf<typeof OF_OWN_BROKER>): Promise<Broker> {
  const { listen = '127.0.0.1:0', 'web-port': webPort } = values;
  const [, host, port] = /^(.+):(\d+)$/.exec(listen) ?? [];
  if (host === undefined) throw new UsageError(`--listen expected HOST:PORT, got ${JSON.stringify(listen)}`);
  const webSocketPort = webPort === undefined ? undefined : integerOf('web-port', webPort, 0, 65_535);
  const own = { host, port: integerOf('listen', port, 0, 65_535), webSocketPort };
  if (own.port === webSocketPort && own.port > 0)
    throw new UsageError(`--web-port expected another port than that of --listen, got ${own.port}`);
  try {
    return await openBroker(own);
  } catch (error) {
    const { message, cause } = error as Error;
    const { port: refused, syscall } = (cause ?? {}) as { port?: number; syscall?: string };
    const isWeb = webSocketPort !== undefined && webSocketPort > 0 && refused === webSocketPort;
    const option = isWeb ? `--web-port ${webSocketPort}` : `--listen ${listen}`;
    throw syscall === undefined ? error : new Error(`${option}: ${message}`, { cause: error });
  }
}
