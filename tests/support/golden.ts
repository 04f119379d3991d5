/** Golden packets (tests/vectors): how the entry of index.json says that one is made. */
import { writeIndexList } from '../../ts/compressors/index-list.ts';
import type { Compressor, Draw } from '../../ts/compressors/compressor.ts';
import type { Device } from '../../ts/device.ts';
import * as fewbits from '../../ts/index.ts';
import { writePacket } from '../../ts/packet/packet.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { pack } from '../reference/pack.ts';
import { input, type InputKind } from './inputs.ts';

/** One golden packet: how it was made, what `inspect` says of it, and its CRC. */
export interface Golden {
  readonly name: string;
  /** The compressor's name, which is also that of its factory in ts/index.ts; or `indexList`. */
  readonly compressor: string;
  /** The factory's; those of `indexList` are `ListOptions`. */
  readonly options: Record<string, unknown>;
  readonly n: number;
  /** The arguments of tests/support/inputs.ts, `input(kind, n, seed)`. */
  readonly input: { readonly kind: InputKind; readonly seed: number };
  /** What random compressors are keyed by beside their own seed. */
  readonly draw: Draw;
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly bytes: number;
  /** The last word of the packet, in hexadecimal. */
  readonly crc: string;
}

/** A list of the elements whose magnitude is t or more, with a tag: it is made by no compressor, but stands among them. */
export interface ListOptions {
  readonly t: number;
  readonly tag: number;
}

const factories = fewbits as unknown as Record<string, (options: Golden['options']) => Compressor>;

export function makeGolden(
  device: Device,
  {
    compressor,
    options,
    n,
    input: { kind, seed },
    draw,
  }: Omit<Golden, 'name' | 'parameters' | 'bytes' | 'crc'>,
): Promise<Uint8Array> {
  const x = input(kind, n, seed);
  if (compressor === 'maskEncoded' && options.ratio === 1)
    return Promise.resolve(allKept(x, options.bits as number));
  if (compressor !== 'indexList') return device.compress(factories[compressor](options), x, draw);
  const { t, tag } = options as unknown as ListOptions;
  const places = Uint32Array.from(x.keys()).filter((i) => Math.abs(x[i]) >= t);
  return Promise.resolve(writeIndexList(places, n, tag));
}

/** The mask-encoded packet that keeps every element: the format has it, though no compressor makes it of many elements. */
export function allKept(x: Float32Array, bits: number): Uint8Array<ArrayBuffer> {
  const signed = x.some((value) => value < 0) ? 1 : 0;
  const masks = pack(new Uint32Array(x.length).fill(2 ** bits - 1), bits);
  return writePacket({
    id: 7,
    n: x.length,
    parameters: [x.length, bits, signed],
    sections: [wordsOf(x), masks],
  });
}
