/**
 * A worker over the standard WebSocket, a global in browsers, Node 22 and later, Deno and Bun: this file runs in all of
 * them.
 */
import type { Device } from 'fewbits';
import type { Task, TaskOptions } from 'fewbits/mqtt';

import { openQueue } from '../shared/queue.ts';
import type { Report } from '../shared/summary.ts';
import { digestOf, trainOver, type Place } from '../shared/training.ts';
import { framed } from './frames.ts';

/** The server's first message. */
export interface Welcome extends Place {
  readonly algorithm: string;
  readonly seed: number;
}

/** Works until the run ends. */
export async function work(
  socket: WebSocket,
  device: Device,
  openTask: (options: TaskOptions) => Promise<Task>,
): Promise<void> {
  const inbox = openQueue<string | ArrayBuffer>();
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => inbox.push(data as string | ArrayBuffer));
  socket.addEventListener('error', () => inbox.fail(new Error(`no connection to ${socket.url}`)));
  socket.addEventListener('close', ({ reason }) =>
    inbox.fail(new Error(`the server has closed the connection${reason && `: ${reason}`}`)),
  );
  try {
    const welcome = JSON.parse((await inbox.next()) as string) as Welcome;
    const { algorithm, seed, rank } = welcome;
    const task = await openTask({ algorithm, seed, role: 'worker' });
    await trainOver(device, task, welcome, async (message) => {
      socket.send(framed(message));
      return [new Uint8Array((await inbox.next()) as ArrayBuffer)];
    });
    const { parameters } = task.model;
    const accuracy = rank === 0 ? await task.evaluate?.(parameters) : undefined;
    const report: Report = { accuracy, model: await digestOf(parameters) };
    socket.send(JSON.stringify(report));
    await inbox.next(); // the server has them all
  } finally {
    socket.close();
  }
}
