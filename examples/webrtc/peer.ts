/** A peer: a seat and signals by the room, everything else by data channels. The same in pages and in Node. */
import type { Device } from 'fewbits';
import { sumMessages } from 'fewbits/algorithms';
import type { Task, TaskOptions } from 'fewbits/mqtt';

import { openQueue } from '../shared/queue.ts';
import type { Report } from '../shared/summary.ts';
import { digestOf, trainOver, type Place } from '../shared/training.ts';
import { connect, type ConnectOptions, type Peer, type Signal } from './connect.ts';
import { openMesh, type MeshTraffic } from './mesh.ts';

/** What the room says. */
export type FromRoom =
  | ({ readonly kind: 'seat' } & Run & Place)
  /** All seats are taken, and who sits there is ready to be connected to. */
  | { readonly kind: 'go' }
  | { readonly kind: 'signal'; readonly from: number; readonly signal: Signal }
  /** All have reported. */
  | { readonly kind: 'end' };

/** What all peers of a run have in common. */
export interface Run {
  readonly algorithm: string;
  readonly seed: number;
  /** The most bytes of a data channel's message. */
  readonly limit: number;
}

/** What a peer says to the room. */
export type ToRoom =
  | { readonly kind: 'ready' }
  | { readonly kind: 'signal'; readonly to: number; readonly signal: Signal }
  | ({ readonly kind: 'report'; readonly traffic: MeshTraffic } & Report);

export interface JoinOptions extends Omit<ConnectOptions, 'signal'> {
  readonly room: WebSocket;
  readonly device: Device;
  readonly openTask: (options: TaskOptions) => Promise<Task>;
  readonly onState?: (text: string) => void;
}

/** Takes part in a run until it ends. */
export async function join(options: JoinOptions): Promise<void> {
  const { room, device, openTask, onState = () => {} } = options;
  const say = (words: ToRoom): void => room.send(JSON.stringify(words));
  const heard = openQueue<FromRoom>();
  const peers = new Map<number, Peer>();
  let begin = (): void => {};
  room.addEventListener('message', ({ data }) => {
    const words = JSON.parse(data as string) as FromRoom;
    // at once, since the first signals may be right behind
    if (words.kind === 'go') begin();
    if (words.kind === 'signal') peers.get(words.from)?.take(words.signal);
    else heard.push(words);
  });
  room.addEventListener('error', () => heard.fail(new Error(`no connection to ${room.url}`)));
  room.addEventListener('close', ({ reason }) =>
    heard.fail(new Error(`the room has closed the connection${reason && `: ${reason}`}`)),
  );
  try {
    const seat = await heard.next();
    if (seat.kind !== 'seat') throw new Error(`the room says ${seat.kind} before it has given a seat`);
    const { rank, workers, algorithm, seed, limit, steps } = seat;
    const task = await openTask({ algorithm, seed, role: 'worker' });
    const { parameters } = task.model;
    const mesh = openMesh({ rank, workers, limit, longest: 8 * parameters.length + 4096 });
    const signal = (to: number, one: Signal): void => say({ kind: 'signal', to, signal: one });
    begin = () => {
      for (let to = 0; to < workers; to++)
        if (to !== rank)
          peers.set(
            to,
            connect(rank, to, { ...options, signal }, (channel) => mesh.add(to, channel)),
          );
    };
    say({ kind: 'ready' });
    onState(`rank ${rank} of ${workers}: waiting for the others`);
    await heard.next();
    await Promise.all([...peers.values()].map(({ channel }) => channel));
    await trainOver(
      device,
      task,
      seat,
      async ({ route, bytes }) => {
        if (route === 'server') throw new Error('this system has a server: see npm run example:websocket');
        const messages = await mesh.gather(bytes);
        return route === 'sum' ? [sumMessages(messages)] : messages;
      },
      (step) => onState(`rank ${rank}: step ${step} of ${steps}`),
    );
    const accuracy = rank === 0 ? await task.evaluate?.(parameters) : undefined;
    say({ kind: 'report', accuracy, model: await digestOf(parameters), traffic: mesh.traffic });
    await heard.next();
    onState(`rank ${rank}: the run has ended after ${steps} steps`);
  } finally {
    for (const peer of peers.values()) peer.close();
    room.close();
  }
}
