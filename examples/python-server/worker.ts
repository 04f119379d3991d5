/** A worker that trains with DoubleSqueeze and exchanges packets by HTTP POST with the server in Python, server.py. */
import { topK, type Device } from 'fewbits';
import { doubleSqueeze } from 'fewbits/algorithms';
import type { Task } from 'fewbits/mqtt';

import { trainOver, type Place } from '../shared/training.ts';

/** Bytes of packets that this worker sent (up) and received (down). */
export interface Traffic {
  up: number;
  down: number;
}

/** Trains over the server at `url`; the task brings the model and its gradients. */
export async function work(
  device: Device,
  task: Task,
  url: string,
  place: Place,
  ratio: number,
): Promise<Traffic> {
  const traffic: Traffic = { up: 0, down: 0 };
  const system = doubleSqueeze(topK({ ratio }));
  await trainOver(device, { ...task, system }, place, async ({ bytes }) => {
    const response = await fetch(`${url}/${place.rank}`, { method: 'POST', body: new Uint8Array(bytes) });
    if (!response.ok) throw new Error(`the server refuses: ${response.status} ${response.statusText}`);
    const answer = new Uint8Array(await response.arrayBuffer());
    traffic.up += bytes.length;
    traffic.down += answer.length;
    return [answer];
  });
  return traffic;
}
