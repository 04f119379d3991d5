/** What pages do with packets and messages: each takes bytes in memory that is not shared alone, in a strict compiler. */
import { openDevice, topK } from 'fewbits';
import { foSgd } from 'fewbits/algorithms';
import { openJoiner, splitMessage } from 'fewbits/messages';

declare const socket: WebSocket;
declare const channel: RTCDataChannel;
const device = await openDevice();
const worker = foSgd({ seed: 1 }).worker(device, { n: 4, workers: 1, rank: 0 });
socket.send((await worker.send(new Float32Array(4))).bytes);
socket.send(await device.compress(topK({ k: 1 }), new Float32Array(4)));
for (const piece of splitMessage(await worker.save())) {
  channel.send(piece);
  postMessage(piece, '*', [piece.buffer as ArrayBuffer]);
  const joined = openJoiner().take(piece);
  if (joined !== undefined) await fetch('/state', { method: 'POST', body: joined.bytes });
}
new Blob([worker.share()]);
