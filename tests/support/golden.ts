/**
 * The golden packets: tests/vectors has a file COMPRESSOR.vVERSION.jsonl a compressor, a JSON object a line and packet,
 * its bytes and its vector's as base64. ts/verify/golden.ts has how they are made, `npm run test:vectors` writes
 * them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GoldenInput } from '../../ts/verify/golden.ts';

/** One golden packet: how it was made, what `inspect` says of it, its CRC, and the vector that it decodes to. */
export interface Golden extends GoldenInput {
  readonly name: string;
  readonly parameters: Readonly<Record<string, number | string>>;
  /** The packet's length. */
  readonly bytes: number;
  /** The last word of the packet, in hexadecimal. */
  readonly crc: string;
  readonly packet: Uint8Array;
  /** n elements; in the file little-endian. */
  readonly vector: Float32Array;
}

export const FOLDER: string = fileURLToPath(new URL('../vectors', import.meta.url));

/** The file of a compressor's packets; byte 4 of a packet is the version of its format. */
export const fileOf = (compressor: string, packet: Uint8Array): string => `${compressor}.v${packet[4]}.jsonl`;

/** The files of golden packets, sorted. */
export const goldenFiles = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();

/** A golden packet as its line of the file. */
export function lineOf({ packet, vector, ...rest }: Golden): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return JSON.stringify({ ...rest, packet: base64(packet), vector: base64(new Uint8Array(vector.buffer)) });
}

function readLine(line: string): Golden {
  const { packet, vector, ...rest } = JSON.parse(line) as Golden & { packet: string; vector: string };
  const bytes = (base64: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(base64, 'base64'));
  return { ...rest, packet: bytes(packet), vector: new Float32Array(bytes(vector).buffer) };
}

/** The golden packets of one file. */
export const goldensIn = (file: string): Golden[] =>
  readFileSync(`${FOLDER}/${file}`, 'utf8').trimEnd().split('\n').map(readLine);

/**
 * All golden packets, in the order of files and lines. Packets and vectors are shared: tests leave them as they are.
 */
export const goldens: readonly Golden[] = goldenFiles().flatMap(goldensIn);
