/** The server over WebSockets: seats for its workers, and rounds that close when all have sent. */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { WebSocketServer, type WebSocket } from 'ws';

import type { Device } from 'fewbits';
import { deliver } from 'fewbits/algorithms';
import type { Message, System } from 'fewbits/algorithms';

import { openQueue } from '../shared/queue.ts';
import type { Report, Traffic } from '../shared/summary.ts';
import { unframed } from './frames.ts';
import type { Welcome } from './worker.ts';

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly system: System;
  /** Numbers that are trained. */
  readonly n: number;
  /** What workers are told. */
  readonly run: Omit<Welcome, 'rank'>;
  readonly onRound: (round: number) => void;
}

/** A server that is listening. */
export interface Serving {
  readonly url: string;
  /** Resolves when all workers have reported. */
  readonly done: Promise<{
    readonly reports: readonly Report[];
    readonly traffic: Pick<Traffic, 'up' | 'down'>;
  }>;
  close(): void;
}

/** Longer than any message of the systems for this model: 4 bytes a number, twice for a model with its velocity. */
const longest = (n: number): number => 8 * n + 4096;

/** Starts to serve a run. */
export async function serve(device: Device, options: ServeOptions): Promise<Serving> {
  const { host, port, system, n, run, onRound } = options;
  const http = createServer((_, response) => response.writeHead(426).end('a WebSocket is expected\n'));
  const sockets = new WebSocketServer({ server: http, maxPayload: longest(n) });
  // those of the http server, which listening below rejects with
  sockets.on('error', () => {});
  const workers: WebSocket[] = [];
  const connections: Socket[] = [];
  /** What came, and from whom. */
  const inbox = openQueue<{ rank: number; data: Buffer; isBinary: boolean }>();
  sockets.on('connection', (worker, request) => {
    const rank = workers.length;
    if (rank === run.workers) return worker.close(1013, 'all seats are taken');
    workers.push(worker);
    connections.push(request.socket);
    worker.on('message', (data, isBinary) => inbox.push({ rank, data: data as Buffer, isBinary }));
    worker.on('error', (error) => inbox.fail(new Error(`worker ${rank}: ${error.message}`)));
    worker.on('close', () => inbox.fail(new Error(`worker ${rank} has gone before the end`)));
    const welcome: Welcome = { ...run, rank };
    worker.send(JSON.stringify(welcome));
  });
  const machine = system.server?.(device, { n, workers: run.workers });

  /** One message of each worker, by rank. */
  async function round(): Promise<{ data: Buffer; isBinary: boolean }[]> {
    const came: { data: Buffer; isBinary: boolean }[] = [];
    for (let missing = run.workers; missing > 0; missing--) {
      const { rank, data, isBinary } = await inbox.next();
      if (came[rank] !== undefined) throw new Error(`worker ${rank} has sent twice in a round`);
      came[rank] = { data, isBinary };
    }
    return came;
  }

  /** What a round leaves for every worker. */
  async function answerTo(messages: readonly Message[]): Promise<Uint8Array> {
    if (messages[0].route === 'gather')
      throw new Error(`${system.name} gathers, and only answers travel here`);
    const [answer] = await deliver(messages, machine);
    return answer;
  }

  async function rounds(): Promise<Report[]> {
    for (let number = 1; ; number++) {
      const came = await round();
      // text: the workers are done
      if (!came[0].isBinary) return came.map(({ data }) => JSON.parse(data.toString()) as Report);
      const answer = await answerTo(came.map(({ data }) => unframed(data)));
      for (const worker of workers) worker.send(answer);
      onRound(number);
    }
  }

  await new Promise<void>((resolve, reject) => {
    http.once('error', reject).listen(port, host, resolve);
  });
  const close = (): void => {
    for (const worker of workers) worker.close(1000, 'the run has ended');
    sockets.close();
    http.close();
  };
  return {
    url: `ws://${host}:${(http.address() as AddressInfo).port}`,
    done: rounds()
      .finally(() => machine?.free())
      .then((reports) => {
        const traffic = {
          up: connections.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
          down: connections.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
        };
        for (const worker of workers) worker.send('thank you');
        return { reports, traffic };
      }),
    close,
  };
}
