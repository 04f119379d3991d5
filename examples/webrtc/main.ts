/** `npm run example:webrtc`: peers over WebRTC's data channels. `-- --help` lists what else it does. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { WebSocket as WsWebSocket } from 'ws';

import { openDevice } from 'fewbits';

import { algorithms } from '../mnist/algorithms.ts';
import { openDigits } from '../mnist/digits.ts';
import { readMnistFile } from '../mnist/files.ts';
import { openModel } from '../mnist/model.ts';
import { integerOf, runProgram, startCrew, UsageError } from '../shared/command.ts';
import { summaryOf } from '../shared/summary.ts';
import { join } from './peer.ts';
import { openRoom } from './room.ts';

const HELP = `npm run example:webrtc -- [room | peer] [options]

MNIST digits, trained among peers that are processes or pages and send each other packets over WebRTC's
data channels. Without a word it starts a room and all peers on this machine.

  room               the room alone: it gives seats and carries what peers need to connect, and it serves the
                     page that is a peer, at http://HOST:PORT/
    --host HOST      where it listens (default: 127.0.0.1)
    --port PORT      (default: 8766; without a word, any free one)
  peer               one peer in Node
    --url URL        the room's (default: ws://127.0.0.1:8766)
    --stun URL       stun:HOST:PORT, for peers that are not in one network

  --workers N        how many peers a run has (default: 3)
  --steps N          (default: 100)
  --algorithm NAME   any of npm start -- --help that has no server (default: ex-dyna-5)
  --limit BYTES      of a data channel's message (default: 16384)
  --seed N           of weights and batches (default: 1)
  --help             print this
`;

const PORT = 8766;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string' },
      url: { type: 'string', default: `ws://127.0.0.1:${PORT}` },
      stun: { type: 'string' },
      workers: { type: 'string', default: '3' },
      steps: { type: 'string', default: '100' },
      algorithm: { type: 'string', default: 'ex-dyna-5' },
      limit: { type: 'string', default: '16384' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const [role = 'all', ...rest] = positionals;
  if (!['all', 'room', 'peer'].includes(role) || rest.length > 0)
    throw new UsageError(`expected room or peer, got ${positionals.join(' ')}`);
  if (role === 'peer') return runPeer(values.url, values.stun);
  const named = algorithms.find(({ name }) => name === values.algorithm);
  if (named === undefined || named.system.server !== undefined) {
    const names = algorithms.filter(({ system }) => system.server === undefined).map(({ name }) => name);
    throw new UsageError(
      `--algorithm expected one of ${names.join(', ')}; got ${JSON.stringify(values.algorithm)}`,
    );
  }
  const workers = integerOf('--workers', values.workers, 2, 16);
  const steps = integerOf('--steps', values.steps, 1, 1e6);
  const room = await openRoom({
    host: values.host,
    port: integerOf('--port', values.port ?? String(role === 'all' ? 0 : PORT), 0, 65_535),
    workers,
    steps,
    algorithm: named.name,
    limit: integerOf('--limit', values.limit, 100, 262_144),
    seed: integerOf('--seed', values.seed, 0, 2 ** 32 - 1),
  });
  console.log(`ws://${room.address}: ${named.description}; ${workers} peers, ${steps} steps`);
  if (role === 'room') console.log(`a page that is a peer: http://${room.address}/`);
  const crew =
    role === 'all'
      ? startCrew(workers, fileURLToPath(import.meta.url), () => ['peer', '--url', `ws://${room.address}`])
      : undefined;
  try {
    const reports = await Promise.race([room.done, ...(crew ? [crew.failed] : [])]);
    const sumOf = (field: 'up' | 'down' | 'packets' | 'messages'): number =>
      reports.reduce((sum, { traffic }) => sum + traffic[field], 0);
    const dense = 8 * (await openModel()).size * workers * steps;
    const traffic = { countedBy: 'the data channels', up: sumOf('up'), down: sumOf('down'), dense };
    process.stdout.write(summaryOf(reports, traffic));
    const longest = Math.max(...reports.map(({ traffic }) => traffic.longest));
    console.log(`${sumOf('packets')} packets in ${sumOf('messages')} messages of at most ${longest} bytes`);
  } catch (error) {
    crew?.stop();
    throw error;
  } finally {
    room.close();
  }
}

async function runPeer(url: string, stun: string | undefined): Promise<void> {
  if (!/^wss?:\/\/./.test(url)) throw new UsageError(`--url expected ws://... or wss://..., got ${url}`);
  if (stun !== undefined && !/^stuns?:./.test(stun))
    throw new UsageError(`--stun expected stun:HOST:PORT, got ${stun}`);
  const { RTCPeerConnection } = await import('node-datachannel/polyfill');
  // Node has its own WebSocket from version 22 on; ws has the same API
  const Socket = globalThis.WebSocket ?? (WsWebSocket as unknown as typeof WebSocket);
  const device = await openDevice();
  try {
    await join({
      room: new Socket(url),
      device,
      openTask: (options) => openDigits(options, readMnistFile),
      RTCPeerConnection: RTCPeerConnection as unknown as typeof globalThis.RTCPeerConnection,
      iceServers: stun === undefined ? [] : [{ urls: stun }],
    });
  } finally {
    device.close();
  }
}

await runProgram('npm run example:webrtc', main);
