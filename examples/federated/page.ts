/** A page that is a member: `?id=alice&first=0&samples=600`. What it has not sent yet outlives the page. */
import * as tf from '@tensorflow/tfjs-core';
import { openDevice } from 'fewbits';
import * as tfjs from 'fewbits/tfjs';

import { down, up } from './ends.ts';
import { openNet } from './net.ts';

const given = new URLSearchParams(location.search);
const id = given.get('id') ?? 'alice';
const samples = Number(given.get('samples') ?? 600);
const state = document.querySelector('#state') as HTMLElement;
const say = (text: string): void => void (state.textContent = text);

const { variables, loss, accuracy } = await openNet(Number(given.get('first') ?? 0), samples);
const optimizer = tf.train.adam(0.003);
const device = await openDevice();
const member = tfjs.federate(optimizer, { device, up, down, id, variables });
const store = await caches.open('fewbits');
const kept = await store.match(`/${id}`);
if (kept !== undefined) await member.load(new Uint8Array(await kept.arrayBuffer()));

/** A round: the welcome or the answer that it begins with, ten steps, and what they have changed. */
async function round(message: Uint8Array, socket: WebSocket): Promise<void> {
  const isWelcome = message[9] === 2;
  if (isWelcome) await member.start(message);
  else await member.apply(message);
  say(`${id}: round ${member.at?.round} from ${member.at?.digest}, test accuracy ${await accuracy()}`);
  for (let step = 0; step < 10; step++) {
    optimizer.minimize(loss);
    await new Promise((resolve) => setTimeout(resolve));
  }
  const update = await member.update({ weight: samples });
  await store.put(`/${id}`, new Response(await member.save()));
  if (socket.readyState === WebSocket.OPEN) socket.send(update);
}

function connect(): void {
  const socket = new WebSocket(`ws://${location.host}/?id=${encodeURIComponent(id)}`);
  socket.binaryType = 'arraybuffer';
  let last = Promise.resolve();
  socket.onopen = () => socket.send(member.hello());
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    last = last.then(() => round(new Uint8Array(data), socket)).catch((error: unknown) => say(String(error)));
  };
  socket.onclose = () => setTimeout(connect, 1000);
}
connect();
