/**
 * Split learning: a client runs the first layers and sends their output, the feature map, to a server, which finishes
 * the forward and the backward pass and sends the gradient at the cut back. What is compressed is the feature map of
 * each batch; there is no error feedback, since the next batch has other samples. MS of arXiv 2408.13787, and its
 * baselines.
 *
 * One batch:
 * 1. client: sends C(features)
 * 2. server: what it decodes goes through the rest of the network; sends C'(gradient at the cut)
 * 3. client: what it decodes goes back through its layers
 */
import { requireInteger, requireOptions, shown } from '../arguments.ts';
import { float32 } from '../compressors/float32.ts';
import { maskEncoded, MASK_OPTIONS, type MaskOptions } from '../compressors/mask-encoded.ts';
import { quantized, QUANTIZED_OPTIONS, type QuantizedOptions } from '../compressors/quantized.ts';
import { randomizedTopK, type RandomizedOptions } from '../compressors/randomized-top-k.ts';
import { topK } from '../compressors/top-k.ts';
import { requireCompressor, type Compressor } from '../compressors/compressor.ts';
import type { Count } from '../compressors/count.ts';
import type { Device } from '../device.ts';
import type { Bytes } from '../platform.ts';
import { requirePacketOf } from './admission.ts';
import { requireDevice } from './seat.ts';
import { numbered } from './state.ts';
import type { Stateful } from './system.ts';
import type { Vector } from './vectors.ts';

/** One side of the cut: what goes out is compressed, what comes in is rebuilt. */
export interface SplitSide extends Stateful {
  /**
   * The packet of a batch's features (client), or of the gradient at the cut (server), in memory or on the device's
   * GPU.
   * @throws NonFiniteError where it holds NaN or infinity
   */
  send(vector: Vector): Promise<Bytes>;
  /**
   * What the other side sent, as this side sees it: a new array. `device.decompress` writes it elsewhere.
   * @throws PacketError where the bytes are no packet, or one of another compressor or other parameters than the other
   *   side's
   */
  receive(packet: Uint8Array): Promise<Float32Array>;
}

/** A way of split learning with its settings. */
export interface SplitSystem {
  readonly name: string;
  client(device: Device, client?: { readonly rank: number }): SplitSide;
  server(device: Device, client?: { readonly rank: number }): SplitSide;
}

function side(
  device: Device,
  { out, back }: { readonly out: Compressor; readonly back: Compressor },
  of: string,
  stream: number,
): SplitSide {
  let step = 0;
  const state = numbered(
    () => of,
    () => ({ step }),
    (saved) => ({ step } = saved),
  );
  return {
    async send(vector) {
      const packet = await device.compress(out, vector, { step, stream });
      step++;
      return packet;
    },
    async receive(packet) {
      requirePacketOf(back, packet);
      return device.decompress(packet);
    },
    save: async () => state.save(),
    load: async (bytes) => state.load(bytes),
  };
}

/**
 * Split learning with any compressors: `up` for features, `down` for gradients at the cut, float32 if left out. Draws
 * are keyed by the batch and the client's rank.
 *
 * @param options `up` and `down`, compressors
 * @returns the system, which makes the side of the client and that of the server
 * @throws TypeError unless up and down are compressors
 * @example
 * const client = splitLearning({ up: maskEncoded({ ratio: 0.01, bits: 2 }) }).client(device);
 */
export function splitLearning(
  options: { readonly up: Compressor; readonly down?: Compressor },
  name?: string,
): SplitSystem {
  requireOptions('splitLearning', options, ['up', 'down']);
  const up = requireCompressor('up', options?.up);
  const down = options.down === undefined ? float32() : requireCompressor('down', options.down);
  const title = name === undefined ? up.name : name;
  if (typeof title !== 'string') throw new TypeError(`"name" expected a string, got ${shown(title)}`);
  return {
    name: title,
    client(device, client) {
      requireDevice(device);
      const rank = rankOf('client', client);
      return side(device, { out: up, back: down }, `${title}, client ${rank}`, 2 * rank);
    },
    server(device, client) {
      requireDevice(device);
      const rank = rankOf('server', client);
      return side(device, { out: down, back: up }, `${title}, server of client ${rank}`, 2 * rank + 1);
    },
  };
}

/** The rank of a client: 0 for the only one. Two streams of draws belong to each, so ranks have 31 bits. */
function rankOf(owner: string, client: { readonly rank: number } | undefined): number {
  requireOptions(owner, client, ['rank']);
  return client === undefined ? 0 : requireInteger('rank', client.rank, 0, 2 ** 31 - 1);
}

/**
 * MS, mask-encoded sparsification of the features. Source: arXiv 2408.13787.
 *
 * @param options those of `maskEncoded`
 * @returns the system, which makes the side of the client and that of the server
 * @throws RangeError where the options are not those of maskEncoded
 * @example
 * const client = splitMask({ ratio: 0.01, bits: 2 }).client(device);
 */
export function splitMask(options: MaskOptions): SplitSystem {
  requireOptions('splitMask', options, MASK_OPTIONS);
  return splitLearning({ up: maskEncoded(options) }, 'MS');
}

/**
 * SP, the baseline: top-k of the features alone.
 *
 * @param options those of `topK`
 * @returns the system, which makes the side of the client and that of the server
 * @throws RangeError where the options are not those of topK
 * @example
 * const client = splitTopK({ ratio: 0.01 }).client(device);
 */
export function splitTopK(options: Count): SplitSystem {
  requireOptions('splitTopK', options, ['k', 'ratio']);
  return splitLearning({ up: topK(options) }, 'SP');
}

/**
 * QU, the baseline: uniform quantisation of the features.
 *
 * @param options those of `quantized`
 * @returns the system, which makes the side of the client and that of the server
 * @throws RangeError where the options are not those of quantized
 * @example
 * const client = splitQuantized({ bits: 2 }).client(device);
 */
export function splitQuantized(options: QuantizedOptions): SplitSystem {
  requireOptions('splitQuantized', options, QUANTIZED_OPTIONS);
  return splitLearning({ up: quantized(options) }, 'QU');
}

/**
 * RT, the baseline: randomised top-k of the features. Source: arXiv 2305.18469.
 *
 * @param options those of `randomizedTopK`
 * @returns the system, which makes the side of the client and that of the server
 * @throws RangeError where the options are not those of randomizedTopK
 * @example
 * const client = splitRandomized({ ratio: 0.01, alpha: 0.1, seed: 7 }).client(device);
 */
export function splitRandomized(options: Count & RandomizedOptions): SplitSystem {
  requireOptions('splitRandomized', options, ['k', 'ratio', 'values', 'alpha', 'seed']);
  return splitLearning({ up: randomizedTopK(options) }, 'RT');
}
