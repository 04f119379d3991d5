/** A worker's message as one WebSocket frame: its route in a byte, and its bytes. */
import type { Message, Route } from 'fewbits/algorithms';

/** Routes that a server serves; what goes among peers is examples/webrtc's. */
const ROUTES: readonly Route[] = ['server', 'sum'];

/** @throws Error where the message goes among peers */
export function framed({ route, bytes }: Message): Uint8Array<ArrayBuffer> {
  const number = ROUTES.indexOf(route);
  if (number < 0) throw new Error('this system exchanges among peers: see npm run example:webrtc');
  const frame = new Uint8Array(1 + bytes.length);
  frame[0] = number;
  frame.set(bytes, 1);
  return frame;
}

/** @throws Error where a frame is none */
export function unframed(frame: Uint8Array): Message {
  if (!(frame[0] < ROUTES.length)) throw new Error('a frame without a route');
  // a copy, so that words begin at multiples of four; `slice` of a Node Buffer would be a view
  return { route: ROUTES[frame[0]], bytes: new Uint8Array(frame.subarray(1)) };
}
