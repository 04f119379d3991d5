/** The room: a WebSocket server that gives seats and carries signals. No packet passes it. It serves the page, too. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { WebSocketServer, type WebSocket } from 'ws';

import { openPage } from '../shared/page.ts';
import { openQueue } from '../shared/queue.ts';
import type { FromRoom, Run, ToRoom } from './peer.ts';

export interface RoomOptions extends Run {
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  readonly steps: number;
}

export type PeerReport = Extract<ToRoom, { kind: 'report' }>;

export interface Room {
  /** host:port, for ws:// and for the page at http:// */
  readonly address: string;
  /** Resolves when all peers have reported. */
  readonly done: Promise<readonly PeerReport[]>;
  close(): void;
}

/** No signal is longer. */
const LONGEST = 2 ** 16;

export async function openRoom({ host, port, workers, steps, ...run }: RoomOptions): Promise<Room> {
  const http = createServer(await openPage(new URL('.', import.meta.url)));
  const sockets = new WebSocketServer({ server: http, maxPayload: LONGEST });
  // those of the http server, which listening below rejects with
  sockets.on('error', () => {});
  const seats: WebSocket[] = [];
  const reports = openQueue<{ rank: number; report: PeerReport }>();
  let ready = 0;
  const say = (to: WebSocket, words: FromRoom): void => to.send(JSON.stringify(words));

  function take(rank: number, words: ToRoom): void {
    if (words.kind === 'signal' && seats[words.to] !== undefined)
      say(seats[words.to], { kind: 'signal', from: rank, signal: words.signal });
    if (words.kind === 'report') reports.push({ rank, report: words });
    if (words.kind === 'ready' && ++ready === workers) for (const seat of seats) say(seat, { kind: 'go' });
  }

  sockets.on('connection', (socket) => {
    const rank = seats.length;
    if (rank === workers) return socket.close(1013, 'all seats are taken');
    seats.push(socket);
    socket.on('message', (data) => {
      try {
        take(rank, JSON.parse((data as Buffer).toString()) as ToRoom);
      } catch {
        socket.close(1008, 'JSON is expected');
      }
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => reports.fail(new Error(`peer ${rank} has gone before the end`)));
    say(socket, { kind: 'seat', rank, workers, steps, ...run });
  });

  async function allReports(): Promise<PeerReport[]> {
    const all: PeerReport[] = [];
    for (let missing = workers; missing > 0; missing--) {
      const { rank, report } = await reports.next();
      all[rank] = report;
    }
    for (const seat of seats) say(seat, { kind: 'end' });
    return all;
  }

  await new Promise<void>((resolve, reject) => {
    http.once('error', reject).listen(port, host, resolve);
  });
  const done = allReports();
  done.catch(() => {});
  return {
    address: `${host}:${(http.address() as AddressInfo).port}`,
    done,
    close() {
      for (const seat of seats) seat.close(1000, 'the run has ended');
      sockets.close();
      http.close();
      http.closeAllConnections();
    },
  };
}
