/** A device inside of a worker: the packet that this thread makes, handed over without a copy. */
import { openDevice, topK } from 'fewbits';

/** `worker` runs in-worker.mjs; a Web Worker, or one of Node. */
export async function checkWorker(worker) {
  const x = Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i));
  const messages = [];
  await new Promise((resolve, reject) => {
    const take = (message) => {
      messages.push(message);
      if (message.error !== undefined) reject(new Error(`the worker says: ${message.error}`));
      if (messages.length === 2) resolve();
    };
    if (worker.on) worker.on('message', take).on('error', reject);
    else {
      worker.onmessage = ({ data }) => take(data);
      worker.onerror = ({ message }) => reject(new Error(`the worker does not run: ${message}`));
    }
    worker.postMessage(x);
  }).finally(() => worker.terminate());
  const [packet, { left }] = messages;
  const device = await openDevice({ backend: 'wasm' });
  const expected = await device.compress(topK({ ratio: 0.01 }), x);
  device.close();
  if (packet.join() !== expected.join()) throw new Error('a worker makes another packet');
  if (left !== 0) throw new Error(`a worker has ${left} bytes of the packet left: it was copied`);
  return 'a worker';
}
