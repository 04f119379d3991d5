/** A page that is a peer of the room which serves it. */
import { openDevice } from 'fewbits';

import { openDigits } from '../mnist/digits.ts';
import { fetchDigits } from '../shared/fetch-digits.ts';
import { join } from './peer.ts';

const state = document.querySelector('#state') as HTMLElement;
const say = (text: string): void => void (state.textContent = text);

async function takePart(): Promise<void> {
  say('Asking for a seat ...');
  const device = await openDevice();
  await join({
    room: new WebSocket(`ws://${location.host}`),
    device,
    openTask: (options) => openDigits(options, fetchDigits),
    RTCPeerConnection,
    onState: say,
  });
  device.close();
}

takePart().catch((error: unknown) => say(error instanceof Error ? error.message : String(error)));
