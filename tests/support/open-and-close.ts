/**
 * Opens and closes devices in a process of its own, and prints, as JSON, how many threads and handles the process has
 * before and after: `open-and-close.ts OPTIONS TIMES N`.
 */
import { readdirSync } from 'node:fs';
import { openDevice, topK, type DeviceOptions } from '../../ts/index.ts';
import { input } from './inputs.ts';

const [options, times, n] = process.argv.slice(2).map((text) => JSON.parse(text) as unknown) as [
  DeviceOptions,
  number,
  number,
];
const x = input('normal', n);

async function openAndClose(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const device = await openDevice(options);
    await device.compress(topK({ ratio: 0.01 }), x);
    device.close();
  }
}

/** Threads, then files, sockets and pipes that are open. */
const held = (): number[] => ['task', 'fd'].map((kind) => readdirSync(`/proc/self/${kind}`).length);

await openAndClose(5);
await new Promise((resolve) => setTimeout(resolve, 500));
const before = held();
await openAndClose(times);
// threads end a moment after they were told to
for (let i = 0; i < 100 && held().some((count, kind) => count > before[kind]); i++)
  await new Promise((resolve) => setTimeout(resolve, 50));
console.log(JSON.stringify({ before, after: held() }));
