/**
 * Everyone's messages of a round, over data channels to all peers: cut to what a channel takes, joined in whatever
 * order.
 */
import { openJoiner, splitMessage } from 'fewbits/messages';

/** What went through the channels, as bytes and messages of data channels. */
export interface MeshTraffic {
  up: number;
  down: number;
  /** Messages sent, and the longest of them. */
  messages: number;
  longest: number;
  /** Packets sent. */
  packets: number;
}

export interface Mesh {
  readonly traffic: MeshTraffic;
  /** A channel to the peer of that rank, before anything has come on it. */
  add(rank: number, channel: RTCDataChannel): void;
  /** Sends `bytes` to all peers, and gives what all had to say in this round, by rank, the own too. */
  gather(bytes: Uint8Array): Promise<Uint8Array[]>;
}

export interface MeshOptions {
  readonly rank: number;
  readonly workers: number;
  /** The most bytes of a data channel's message. */
  readonly limit: number;
  /** The most bytes of a packet. */
  readonly longest: number;
}

/** Bytes that may wait in a channel before more is sent, and how few there are when sending goes on. */
const HIGH_WATER = 256 * 1024;
const LOW_WATER = 64 * 1024;

export function openMesh({ rank, workers, limit, longest }: MeshOptions): Mesh {
  const channels = new Map<number, RTCDataChannel>();
  const joiner = openJoiner({ longest });
  const traffic: MeshTraffic = { up: 0, down: 0, messages: 0, longest: 0, packets: 0 };
  /** By round, what has come, by rank. A peer is at most one round ahead: it needs this peer's message to go on. */
  const came = new Map<number, Map<number, Uint8Array>>();
  let round = 0;
  let failure: Error | undefined;
  let wake = (): void => {};

  const fail = (error: unknown): void => {
    failure ??= error instanceof Error ? error : new Error(String(error));
    wake();
  };

  function put(of: number, from: number, bytes: Uint8Array): void {
    if (of !== round && of !== round + 1)
      throw new Error(`peer ${from} is in round ${of}, this one in round ${round}`);
    const messages = came.get(of) ?? new Map<number, Uint8Array>();
    came.set(of, messages.set(from, bytes));
    wake();
  }

  async function send(channel: RTCDataChannel, messages: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    for (const message of messages) {
      if (channel.bufferedAmount > HIGH_WATER) await drained(channel);
      channel.send(message);
      traffic.up += message.length;
      traffic.messages++;
      traffic.longest = Math.max(traffic.longest, message.length);
    }
    traffic.packets++;
  }

  return {
    traffic,
    add(from, channel) {
      channels.set(from, channel);
      channel.bufferedAmountLowThreshold = LOW_WATER;
      channel.addEventListener('message', ({ data }) => {
        const message = new Uint8Array(data as ArrayBuffer);
        traffic.down += message.length;
        try {
          const whole = joiner.take(message, String(from));
          // the round is the number of the whole: channels are unordered, so that its message may come before the
          // last's
          if (whole !== undefined) put(whole.id, from, whole.bytes);
        } catch (error) {
          fail(error);
        }
      });
      channel.addEventListener('close', () => fail(new Error(`peer ${from} has gone`)));
    },
    async gather(bytes) {
      put(round, rank, bytes);
      const messages = splitMessage(bytes, { limit, id: round });
      await Promise.all([...channels.values()].map((channel) => send(channel, messages)));
      for (;;) {
        const messages = came.get(round);
        if (messages?.size === workers) {
          came.delete(round++);
          return Array.from({ length: workers }, (_, from) => messages.get(from) as Uint8Array);
        }
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/** Until little waits in a channel, or it is closed. */
function drained(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      channel.removeEventListener('bufferedamountlow', done);
      channel.removeEventListener('close', done);
      resolve();
    };
    channel.addEventListener('bufferedamountlow', done);
    channel.addEventListener('close', done);
  });
}
