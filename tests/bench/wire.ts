/**
 * What people send float32 with where they do not compress gradients: MessagePack, gzip and zstd, as bytes and back,
 * beside packets. MessagePack holds the array's bytes as they are; zlib is the runtime's own, zstd where it has that.
 */
import * as zlib from 'node:zlib';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { float32, scaledSign, topK } from '../../ts/index.ts';
import { floorsOf, type Group, type Participant } from './bench.ts';
import { ours } from './rows.ts';

/** A way to bytes and back. */
export interface ByteCodec {
  readonly name: string;
  readonly encode: (x: Float32Array) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

/** Packets that stand beside them. */
const PACKETS: Readonly<Record<string, Compressor>> = {
  'float32()': float32(),
  'topK 1 %': topK({ ratio: 0.01 }),
  scaledSign: scaledSign(),
};

const bytesOf = (x: Float32Array): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

/** What zlib has in newer releases of Node. */
interface Zstd {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array;
  readonly zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array;
}

/** What is used here of @msgpack/msgpack. */
export interface MessagePack {
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

/** Those of the runtime. */
export function runtimeCodecs(): ByteCodec[] {
  const { zstdCompressSync, zstdDecompressSync } = zlib as Zstd;
  const found: ByteCodec[] = [1, 6].map((level) => ({
    name: `gzip, level ${level}`,
    encode: (x) => zlib.gzipSync(bytesOf(x), { level }),
    decode: (bytes) => zlib.gunzipSync(bytes),
  }));
  if (zstdCompressSync !== undefined && zstdDecompressSync !== undefined)
    found.push({
      name: 'zstd',
      encode: (x) => zstdCompressSync(bytesOf(x)),
      decode: (bytes) => zstdDecompressSync(bytes),
    });
  return found;
}

/** MessagePack: the bytes of the array as binary, read back as an array. */
export function messagePackCodec({ encode, decode }: MessagePack): ByteCodec {
  return {
    name: 'MessagePack',
    encode: (x) => encode(bytesOf(x)),
    decode: (bytes) => new Float32Array((decode(bytes) as Uint8Array).slice().buffer),
  };
}

/** Floats beyond which zlib takes minutes for what it finds out of far fewer. */
const MOST = 2 ** 20;

function wireGroup(way: 'to bytes' | 'from bytes'): Group {
  return {
    group: 'wire',
    task: `float32 ${way}`,
    everyData: false,
    async prepare(bench) {
      const { x } = bench.input;
      const own: Participant[] = [];
      for (const { name, device } of bench.backends)
        for (const [what, compressor] of Object.entries(PACKETS)) {
          const packet = await device.compress(compressor, x);
          const into = new Float32Array(x.length);
          own.push({
            kind: way === 'to bytes' ? 'compress' : 'decompress',
            candidate: `${ours(name)}, ${what}`,
            backend: name,
            bytes: packet.length,
            run:
              way === 'to bytes'
                ? () => device.compress(compressor, x)
                : () => device.decompress(packet, { into }),
          });
        }
      for (const { name, encode, decode } of x.length > MOST ? [] : bench.codecs) {
        const bytes = encode(x);
        const run = way === 'to bytes' ? () => encode(x) : () => decode(bytes);
        own.push({ kind: 'peer', candidate: name, bytes: bytes.length, run });
      }
      return [...own, ...floorsOf(bench)];
    },
  };
}

export const WIRE: readonly Group[] = [wireGroup('to bytes'), wireGroup('from bytes')];
