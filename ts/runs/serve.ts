/** Serving a run: what users call. What a server does is in server.ts. */
import type { RunServer, ServeOptions } from './serve-options.ts';
import { RoundServer } from './server.ts';

/**
 * Serves a run until its steps are done. `done` rejects with a LinkError where the transport refuses what the server
 * sends; of MQTT that is a BrokerError.
 * @throws TypeError or RangeError where an option is wrong; PacketError where the stored state is not one of this run
 * @throws LinkError where the transport refuses the connection; another Error where it cannot be reached, or where the
 * state cannot be written
 */
export async function serveRun(options: ServeOptions): Promise<RunServer> {
  const server = new RoundServer(options);
  try {
    await server.restore();
    await server.begin();
  } catch (error) {
    server.free();
    throw error;
  }
  return server;
}
