/** A page that is a peer of the room which serves it. */
import { openDevice } from 'fewbits';

import { openDigits } from '../mnist/digits.ts';
import { join } from './peer.ts';

const state = document.querySelector('#state') as HTMLElement;
const say = (text: string): void => void (state.textContent = text);

/** One of the files with the digits, from the page's own server. */
async function readFile(name: string): Promise<Uint8Array> {
  const response = await fetch(`mnist/${name}`);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function takePart(): Promise<void> {
  say('Asking for a seat ...');
  const device = await openDevice();
  await join({
    room: new WebSocket(`ws://${location.host}`),
    device,
    openTask: (options) => openDigits(options, readFile),
    RTCPeerConnection,
    onState: say,
  });
  device.close();
}

takePart().catch((error: unknown) => say(error instanceof Error ? error.message : String(error)));
