/**
 * Split learning: a client runs the first layers and sends their output, the feature map, to a server, which finishes the
 * forward and the backward pass and sends the gradient at the cut back. What is compressed is the feature map of each
 * batch; there is no error feedback, since the next batch has other samples. MS of arXiv 2408.13787, and its baselines.
 *
 * One batch:
 * 1. client: sends C(features)
 * 2. server: what it decodes goes through the rest of the network; sends C'(gradient at the cut)
 * 3. client: what it decodes goes back through its layers
 */
import { float32 } from '../compressors/float32.ts';
import { maskEncoded, type MaskOptions } from '../compressors/mask-encoded.ts';
import { quantized } from '../compressors/quantized.ts';
import { randomizedTopK, type RandomizedOptions } from '../compressors/randomized-top-k.ts';
import { topK } from '../compressors/top-k.ts';
import type { Compressor } from '../compressors/compressor.ts';
import type { Count } from '../compressors/count.ts';
import type { Device } from '../device.ts';
import { stateful } from './state.ts';
import type { Stateful } from './system.ts';
import type { Vector } from './vectors.ts';

/** One side of the cut: what goes out is compressed, what comes in is rebuilt. */
export interface SplitSide extends Stateful {
  /**
   * The packet of a batch's features (client), or of the gradient at the cut (server), in memory or on the device's GPU.
   * @throws NonFiniteError where it holds NaN or infinity
   */
  send(vector: Vector): Promise<Uint8Array>;
  /**
   * What the other side sent, as this side sees it: a new array. `device.decompress` writes it elsewhere.
   * @throws PacketError where the bytes are no packet
   */
  receive(packet: Uint8Array): Promise<Float32Array>;
}

/** A way of split learning with its settings. */
export interface SplitSystem {
  readonly name: string;
  client(device: Device, client?: { readonly rank: number }): SplitSide;
  server(device: Device, client?: { readonly rank: number }): SplitSide;
}

function side(device: Device, compressor: Compressor, of: string, stream: number): SplitSide {
  let step = 0;
  return {
    async send(vector) {
      const packet = await device.compress(compressor, vector, { step, stream });
      step++;
      return packet;
    },
    receive: (packet) => device.decompress(packet),
    ...stateful(
      of,
      {},
      () => ({ step }),
      (saved) => ({ step } = saved),
    ),
  };
}

/**
 * Split learning with any compressors: `up` for features, `down` for gradients at the cut, float32 if left out. Draws are
 * keyed by the batch and the client's rank.
 *
 * @example
 * const client = splitLearning({ up: maskEncoded({ ratio: 0.01, bits: 2 }) }).client(device);
 */
export function splitLearning(
  { up, down = float32() }: { readonly up: Compressor; readonly down?: Compressor },
  name: string = up.name,
): SplitSystem {
  return {
    name,
    client: (device, { rank } = { rank: 0 }) => side(device, up, `${name}, client ${rank}`, 2 * rank),
    server: (device, { rank } = { rank: 0 }) =>
      side(device, down, `${name}, server of client ${rank}`, 2 * rank + 1),
  };
}

/** MS, mask-encoded sparsification of the features. Source: arXiv 2408.13787. */
export function splitMask(options: MaskOptions): SplitSystem {
  return splitLearning({ up: maskEncoded(options) }, 'MS');
}

/** SP, the baseline: top-k of the features alone. */
export function splitTopK(options: Count): SplitSystem {
  return splitLearning({ up: topK(options) }, 'SP');
}

/** QU, the baseline: uniform quantisation of the features. */
export function splitQuantized(options: { readonly bits: number }): SplitSystem {
  return splitLearning({ up: quantized(options) }, 'QU');
}

/** RT, the baseline: randomised top-k of the features. Source: arXiv 2305.18469. */
export function splitRandomized(options: Count & RandomizedOptions): SplitSystem {
  return splitLearning({ up: randomizedTopK(options) }, 'RT');
}
