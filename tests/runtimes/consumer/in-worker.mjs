/** A worker, of any runtime, with a device of its own: compresses what it is sent, and hands the packet over. */
import { openDevice, topK } from 'fewbits';

const port = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.parentPort ?? globalThis;

async function compress(x) {
  const device = await openDevice({ backend: 'wasm' });
  const packet = await device.compress(topK({ ratio: 0.01 }), x);
  device.close();
  port.postMessage(packet, [packet.buffer]);
  // what was handed over without a copy is not here any more
  port.postMessage({ left: packet.byteLength });
}

const receive = (x) => compress(x).catch((error) => port.postMessage({ error: String(error) }));
if (port.on) port.on('message', receive);
else port.onmessage = ({ data }) => receive(data);
