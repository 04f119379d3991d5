/**
 * What a compressor is, and what reads its packets back.
 *
 * A compressor is a plain immutable value: a name, its options, and the steps that turn a vector on a backend into the
 * parts of a packet. A codec is the reverse, found by the number in the packet. Both are written over kernels and never
 * see which backend runs them.
 */
import { shown } from '../arguments.ts';
import type { Tail } from '../backends/backend.ts';
import type { Parts, Packet, RoomFor, Section } from '../packet/packet.ts';
import type { Scope, Steps, Vector } from '../kernels/scope.ts';
import type { Decoded } from './decoded.ts';

/** What random compressors key their draws by, beside their own seed. */
export interface Draw {
  /** The step of the training run. */
  readonly step: number;
  /** The user of the step: for example a worker's rank. */
  readonly stream: number;
}

/** Parameters of a packet by name, as `inspect` shows them. */
export type PacketParameters = Readonly<Record<string, number | string>>;

/** Finds the codec that reads a packet. @throws PacketError where there is none */
export type CodecOf = (packet: Packet) => Codec;

/** The parts of a packet, and what they decode to where that is at hand; `decode` finds it else. */
export interface Encoded extends Parts {
  /** `packet` is the packet that these have become. */
  sent?(packet: Packet, codecOf: CodecOf): Decoded;
  /**
   * Where the sections' words are still to be copied from, to `room`: finite float32, which is looked at on the way, of
   * a vector on a backend that can `shorten`.
   */
  readonly tail?: Tail;
}

/** A run of elements of a vector, and what compresses it. */
export interface CompressorPart {
  /** The tensors that it is, where that is known. */
  readonly names: readonly string[];
  /** Its first element in the vector. */
  readonly first: number;
  /** Its elements. */
  readonly n: number;
  readonly compressor: Compressor;
}

export interface Compressor {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Of a plan: the parts that it cuts the vector into, each with a compressor of its own. */
  readonly parts?: readonly CompressorPart[];
  /**
   * What every packet of a vector of n elements has for parameters: those that follow from the options and n. What
   * depends on the vector, the step or the stream is left out. A compressor of your own need not have it; then
   * receivers compare nothing but n.
   * @throws RangeError where the compressor does not fit n elements, k > n for example
   */
  parameters?(n: number): PacketParameters;
  /**
   * The parts of the packet for `x`, in steps: a generator that yields what it has to read, `scope.read(...)`, and goes
   * on with the words, so that it runs with or without waiting. Sections that are made in memory of `makeRoom`, which
   * then is `room` of the parts, need not be copied.
   * @throws NonFiniteError where x holds NaN or infinity
   */
  encode(scope: Scope, x: Vector, draw: Draw, makeRoom?: RoomFor): Steps<Encoded>;
}

/** What a packet says about itself, without the vector. */
export interface Description {
  /** The parameters by name. */
  readonly parameters: PacketParameters;
  /** The parts of its body in their order. */
  readonly sections: readonly Section[];
  /** Of a plan: its parts, each as a packet of its own. */
  readonly parts?: readonly PacketPart[];
}

/** A part of a packet that stands for a run of elements. */
export interface PacketPart {
  /** Its first element in the vector. */
  readonly first: number;
  /** The part as a packet by itself: its offsets count as if a frame and nothing else stood before it. */
  readonly packet: Packet;
  /** Where its parameters start in the packet that it is a part of, in bytes. */
  readonly offset: number;
  /** What it takes there, its row in the table of parts included. */
  readonly bytes: number;
}

export interface Codec {
  /** The number of the compressor in packets. */
  readonly id: number;
  readonly name: string;
  /** @throws PacketError where parameters or lengths do not make sense */
  describe(packet: Packet): Description;
  /**
   * What the packet stands for. The packet was described before, so its lengths hold.
   * @throws PacketError where the contents do not make sense
   */
  decode(scope: Scope, packet: Packet): Decoded;
}

/** An immutable compressor. */
export function defineCompressor(
  name: string,
  options: object,
  parameters: (n: number) => PacketParameters,
  encode: Compressor['encode'],
): Compressor {
  return Object.freeze({ name, options: Object.freeze({ ...options }), parameters, encode });
}

/** Whether `value` is a compressor; a system has none of its steps. */
export function isCompressor(value: unknown): value is Compressor {
  if (typeof value !== 'object' || value === null) return false;
  const { name, encode } = value as Partial<Compressor>;
  return typeof name === 'string' && typeof encode === 'function';
}

/** @throws TypeError unless `value` is a compressor */
export function requireCompressor(name: string, value: unknown): Compressor {
  if (isCompressor(value)) return value;
  const { name: system, worker } = (value ?? {}) as { name?: unknown; worker?: unknown };
  const got =
    typeof worker === 'function' && typeof system === 'string' ? `the system ${system}` : shown(value);
  throw new TypeError(`"${name}" expected a compressor, such as topK({ ratio: 0.01 }), got ${got}`);
}
