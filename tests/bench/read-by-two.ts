/** What a second thread is worth on this machine: two of them read, each a half of a vector, in memory of its own. */
import { Worker } from 'node:worker_threads';
import { floorsModule, type FloorsExports } from './floors.ts';

/** Places of the numbers that both threads see. */
const CALLED = 0;
const DONE = 1;

/** What the other thread does: each time it is called, it reads its half. */
const OTHER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { module, pages, bytes, shared } = workerData;
  const numbers = new Int32Array(shared);
  const memory = new WebAssembly.Memory({ initial: pages });
  new Uint8Array(memory.buffer).fill(1);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  parentPort.postMessage('ready');
  for (let call = 0; ; call++) {
    Atomics.wait(numbers, ${CALLED}, call);
    exports.read(0, bytes);
    Atomics.store(numbers, ${DONE}, call + 1);
  }
`;

/** Reading of n elements by two threads, and the end of the other one. */
export async function openReadByTwo(n: number): Promise<{ read: () => void; close: () => void }> {
  const bytes = Math.ceil((n * 2) / 128) * 128;
  const pages = Math.ceil(bytes / 65536);
  const module = new WebAssembly.Module(floorsModule());
  const memory = new WebAssembly.Memory({ initial: pages });
  new Uint8Array(memory.buffer).fill(1);
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as FloorsExports;
  const numbers = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(OTHER, {
    eval: true,
    execArgv: [],
    workerData: { module, pages, bytes, shared: numbers.buffer },
  });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return {
    read() {
      const call = Atomics.add(numbers, CALLED, 1) + 1;
      Atomics.notify(numbers, CALLED);
      exports.read(0, bytes);
      while (Atomics.load(numbers, DONE) < call);
    },
    close: () => void worker.terminate(),
  };
}
