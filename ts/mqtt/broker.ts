/**
 * A broker in this process, for runs on one machine and for tests: aedes over TCP, and over WebSocket for browsers
 * where the package ws is there. Node alone; `fewbits/mqtt/broker`, apart from `fewbits/mqtt`, which browsers load.
 */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { requireInteger } from '../arguments.ts';

export interface BrokerOptions {
  /** Where to listen; 127.0.0.1, this machine alone, if left out. */
  readonly host?: string;
  /** 0, the default, for any free port. */
  readonly port?: number;
  /** Listens for WebSockets too; 0 for any free port, none if left out. */
  readonly webSocketPort?: number;
}

/** A broker that is listening. */
export interface Broker {
  /** mqtt://host:port */
  readonly url: string;
  /** ws://host:port, where it listens for WebSockets. */
  readonly webSocketUrl: string | undefined;
  /** Bytes that came in and went out by TCP since the start, on connections that are closed or open. */
  readonly bytes: { readonly received: number; readonly sent: number };
  close(): Promise<void>;
}

/** An optional package, or a sentence on how to get it. */
async function imported<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new Error(`a broker in this process needs the package ${name}: npm install ${name}`, {
      cause: error,
    });
  }
}

/**
 * Starts a broker.
 * @throws Error where aedes (or ws, for WebSockets) is not installed, or it cannot listen: the port is taken, for
 * example
 */
export async function openBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { host = '127.0.0.1', port = 0, webSocketPort } = options;
  requireInteger('port', port, 0, 65_535);
  if (webSocketPort !== undefined) requireInteger('webSocketPort', webSocketPort, 0, 65_535);
  const { Aedes } = await imported('aedes', () => import('aedes'));
  const ws = webSocketPort === undefined ? undefined : await imported('ws', () => import('ws'));
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const closed = { received: 0, sent: 0 };
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => {
      sockets.delete(socket);
      closed.received += socket.bytesRead;
      closed.sent += socket.bytesWritten;
    });
    aedes.handle(socket);
  });
  const http = ws === undefined ? undefined : createHttpServer();
  const close = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      aedes.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    http?.closeAllConnections();
    for (const server of http === undefined ? [tcp] : [tcp, http])
      await new Promise<void>((resolve) => {
        // one that does not listen calls back too
        server.close(() => resolve());
      });
  };
  if (ws !== undefined && http !== undefined) {
    const server = new ws.WebSocketServer({
      server: http,
      handleProtocols: (protocols) => (protocols.has('mqtt') ? 'mqtt' : false),
    });
    server.on('connection', (socket) => aedes.handle(ws.createWebSocketStream(socket)));
    // it repeats the errors of the HTTP server, which are heard where that begins to listen
    server.on('error', () => {});
  }
  try {
    await listening(tcp, port, host);
    if (http !== undefined) await listening(http, webSocketPort as number, host);
  } catch (error) {
    await close();
    throw error;
  }
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  return {
    url: `mqtt://${host}:${portOf(tcp)}`,
    webSocketUrl: http && `ws://${host}:${portOf(http)}`,
    get bytes() {
      let { received, sent } = closed;
      for (const { bytesRead, bytesWritten } of sockets) {
        received += bytesRead;
        sent += bytesWritten;
      }
      return { received, sent };
    },
    close,
  };
}

/** Why a server cannot listen, in words. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'it is not permitted',
  ENOTFOUND: 'there is no such host',
};

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = REASONS[error.code ?? ''] ?? error.message;
      reject(new Error(`cannot listen on ${host}:${port}: ${reason}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}
