/**
 * The systems that are compared. Each is a pair of state machines, one at every worker and one at the server,
 * that take numbers and bytes and give bytes and numbers; the training loop carries the bytes and counts them.
 */
import { inspect, scaledSign, topK } from 'fewbits';
import type { Compressor, Device } from 'fewbits';

/** What a worker sends up in one step. */
export interface Upload {
  /** All that goes over the wire. */
  readonly bytes: Uint8Array;
  /** Share of the elements that were sent, 0 to 1; only where a system leaves some out. */
  readonly density?: number;
}

/** One worker's side; it keeps what only this worker knows. */
export interface WorkerState {
  /** Turns this step's gradient into what is sent to the server. */
  send(gradient: Float32Array): Promise<Upload>;
  /** Turns the server's answer into the direction of the update, good until the next call. */
  receive(bytes: Uint8Array): Promise<Float32Array>;
}

/** The server's side. */
export interface ServerState {
  /** Turns one message a worker, in rank order, into the answer that every worker gets. */
  answer(messages: readonly Uint8Array[]): Promise<Uint8Array>;
}

/** A system by name. */
export interface Algorithm {
  readonly name: string;
  /** What travels in which direction, in a line. */
  readonly description: string;
  /** Rate of the momentum step that every worker takes along the direction it received. */
  readonly learningRate: number;
  /** State of one worker for gradients of `n` elements. */
  worker(device: Device, n: number): WorkerState;
  /** State of the server of `workers` workers. */
  server(device: Device, n: number, workers: number): ServerState;
}

/** The share that top-k keeps, in both directions. */
const KEPT = 0.01;

/** All systems, in the order in which they run and are shown. */
export const algorithms: readonly Algorithm[] = [
  {
    name: 'dense',
    description: 'float32 gradients up, their float32 mean down',
    learningRate: 0.05,
    worker: denseWorker,
    server: denseServer,
  },
  {
    name: 'top-k',
    description: `the largest ${KEPT * 100} % up and down, error feedback on both sides`,
    learningRate: 0.05,
    ...errorFeedback(topK({ ratio: KEPT }), { sparse: true }),
  },
  {
    name: 'scaled-sign',
    description: 'one bit an element up and down, error feedback on both sides',
    learningRate: 0.015,
    ...errorFeedback(scaledSign(), { sparse: false }),
  },
];

/** The numbers as they are: what travels is the vectors' own memory. */
function denseWorker(): WorkerState {
  return {
    send: async (gradient) => ({ bytes: asBytes(gradient) }),
    receive: async (bytes) => asFloats(bytes),
  };
}

function denseServer(_device: Device, n: number, workers: number): ServerState {
  const mean = new Float32Array(n);
  return {
    async answer(messages) {
      mean.fill(0);
      for (const message of messages) addScaled(mean, asFloats(message), 1 / workers);
      return asBytes(mean);
    },
  };
}

/**
 * Error feedback on both sides, as in DoubleSqueeze (arXiv 1905.05957): whoever compresses keeps what the packet
 * lost, and adds it to what is compressed next.
 *
 * 1. worker r: e_r += g_r; sends p_r = C(e_r); e_r -= p_r.
 * 2. server: E += mean of the p_r; sends q = C(E); E -= q.
 * 3. worker r: q is the direction of the update.
 */
function errorFeedback(
  compressor: Compressor,
  { sparse }: { sparse: boolean },
): Pick<Algorithm, 'worker' | 'server'> {
  return {
    worker(device, n) {
      const residual = new Float32Array(n);
      const direction = new Float32Array(n);
      return {
        async send(gradient) {
          addScaled(residual, gradient, 1);
          const bytes = await squeeze(device, compressor, residual);
          return sparse ? { bytes, density: keptShare(bytes) } : { bytes };
        },
        receive: (packet) => device.decompress(packet, { into: direction }),
      };
    },
    server(device, n, workers) {
      const residual = new Float32Array(n);
      return {
        async answer(packets) {
          for (const packet of packets) {
            await device.decompress(packet, { into: residual, accumulate: 1 / workers });
          }
          return squeeze(device, compressor, residual);
        },
      };
    },
  };
}

/** Compresses `vector` and leaves in it what the packet lost: vector -= C(vector), as the receiver decodes it. */
async function squeeze(device: Device, compressor: Compressor, vector: Float32Array): Promise<Uint8Array> {
  const packet = await device.compress(compressor, vector);
  await device.decompress(packet, { into: vector, accumulate: -1 });
  return packet;
}

/** Share of the elements that a top-k packet carries, as the packet itself says. */
function keptShare(packet: Uint8Array): number {
  const { n, parameters } = inspect(packet);
  return Number(parameters.k) / n;
}

/** target += scale * source. */
function addScaled(target: Float32Array, source: Float32Array, scale: number): void {
  for (let i = 0; i < target.length; i++) target[i] += scale * source[i];
}

/** The memory of `floats`, not a copy. */
function asBytes(floats: Float32Array): Uint8Array {
  return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
}

/** The memory of `bytes`, not a copy. */
function asFloats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
}
