/** `npm run example:federated -- [ROUNDS [PORT]]`: serves the page, and the rounds over WebSockets. */
import { WebSocketServer, type WebSocket } from 'ws';

import { openDevice, StartError } from 'fewbits';
import * as federated from 'fewbits/federated';

import { openRandom } from '../mnist/random.ts';
import { servePage } from '../shared/vite-page.ts';
import { down, layout, n, up } from './ends.ts';

const [rounds = 50, port = 8767] = process.argv.slice(2).map(Number);
const DEADLINE = 3000;

const random = openRandom(1, 1);
const model = Float32Array.from({ length: n }, () => 0.05 * random.normal());
const device = await openDevice();
const server = federated.server({ device, layout, up, down, model, mostWeight: 10_000 });
const members = new Map<string, WebSocket>();
let closing = false;
let deadline: ReturnType<typeof setTimeout> | undefined;

/** Closes the round where all who are here have sent; `late`, where some have, and the time of the others is up. */
async function close(late = false): Promise<void> {
  const from = server.contributions;
  if (closing || from.length === 0) return;
  deadline ??= setTimeout(() => void close(true), DEADLINE);
  if (!late && [...members.keys()].some((id) => !from.includes(id))) return;
  clearTimeout(deadline);
  deadline = undefined;
  closing = true;
  const answer = await server.close({ from }).finally(() => (closing = false));
  const { round, digest } = server.at;
  console.log(`round ${round} starts from ${digest}, by ${from.join(', ')}; ${answer.length} bytes down`);
  for (const socket of members.values()) socket.send(answer);
  if (round >= rounds) process.exit();
}

async function received(id: string, socket: WebSocket, message: Uint8Array): Promise<void> {
  const isUpdate = message[9] === 3;
  try {
    if (isUpdate) await server.take(id, message);
    else {
      socket.send(await server.join(id, message));
      members.set(id, socket);
    }
    await close();
  } catch (error) {
    // one that is behind gets the start of this round
    if (error instanceof StartError) socket.send(await server.join(id));
    else socket.close(1008, String(error).slice(0, 100));
  }
}

const site = await servePage(new URL('.', import.meta.url), port);
const sockets = new WebSocketServer({ server: site.server, maxPayload: 2 ** 20 });
sockets.on('connection', (socket, { url = '' }) => {
  const id = new URL(url, 'ws://x').searchParams.get('id') ?? '';
  socket.on('message', (data) => void received(id, socket, data as Buffer));
  socket.on('close', () => {
    // what it has sent stays, and counts
    if (members.get(id) === socket) members.delete(id);
    void close();
  });
});
console.log(`${site.address}?id=alice&samples=600\n${site.address}?id=bob&first=600&samples=200`);
