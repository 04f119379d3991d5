/**
 * Sums with what packets stand for, written from docs/same-bytes.md: which elements a packet carries, and what becomes
 * of each, a float32 at a time.
 */
import { crc, decodePacket } from './packet.ts';

/** Packets of these compressors are a list of elements: topK, threshold, randomK, randomizedTopK, blockTopK. */
const LISTS = [1, 3, 4, 6, 13];

/** A one in each format of the values, by its number: float32, bfloat16, float16. */
const ONES = [
  { bits: 0x3f800000, bytes: 4 },
  { bits: 0x3f80, bytes: 2 },
  { bits: 0x3c00, bytes: 2 },
];

/**
 * Whether a packet carries each element of its vector: those of a list, and all of other packets. The values of the
 * list become ones, so that what is not zero was carried.
 */
export function carriedBy(packet: Uint8Array): boolean[] {
  const bytes = packet.slice();
  const view = new DataView(bytes.buffer);
  const n = view.getUint32(8, true);
  if (!LISTS.includes(bytes[5])) return new Array<boolean>(n).fill(true);
  const kept = view.getUint32(16, true);
  const blocks = bytes[5] === 13;
  const format = view.getUint32(blocks ? 44 : 32, true);
  // values of few bits: of blocks as many as they say, else 1 by format 3 and 2 by format 4
  const bits = blocks ? view.getUint32(40, true) : Math.max(0, format - 2);
  const segments = blocks ? Math.ceil(n / view.getUint32(32, true)) : Math.min(1, kept);
  // their levels become ones, which stand before the codes
  const one = ONES[bits > 0 ? 1 : format];
  const k = bits > 0 ? segments * bits : kept;
  const end = bytes.length - 4;
  const first = end - Math.ceil((kept * bits) / 32) * 4 - Math.ceil((k * one.bytes) / 4) * 4;
  for (let j = 0; j < k; j++) {
    if (one.bytes === 4) view.setUint32(first + 4 * j, one.bits, true);
    else view.setUint16(first + 2 * j, one.bits, true);
  }
  view.setUint32(end, crc(bytes.subarray(0, end)), true);
  return Array.from(decodePacket(bytes, n), (word) => word !== 0);
}

const LEAST = 2 ** -102;

/** +0 for what is tiny, NaN and all else as it is. */
const flushed = (value: number): number => (Math.abs(value) < LEAST ? 0 : value);

/** The product, rounded to float32, of what is not tiny; +0 where it is tiny. */
const product = (a: number, b: number): number => flushed(Math.fround(flushed(a) * b));

/** a + scale * b as float32, rounded twice. */
export function added(a: number, b: number, scale: number): number {
  return Math.fround(flushed(a) + product(b, Math.fround(scale)));
}

/** x + decay * error. */
export function compensated(x: Float32Array, error: Float32Array, decay: number): Float32Array {
  return x.map((value, i) => added(value, error[i], decay));
}

/** y += scale * what a packet stands for, `decoded`; elements that it does not carry keep every bit. */
export function addDecoded(y: Float32Array, packet: Uint8Array, decoded: Float32Array, scale: number): void {
  for (const [i, carried] of carriedBy(packet).entries()) if (carried) y[i] = added(y[i], decoded[i], scale);
}
