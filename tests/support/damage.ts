/**
 * Hostile packets: golden packets and lists of any coding, damaged, with their length and CRC made right again, so that
 * what they meet is every check behind those two.
 */
import { writeIndexList } from '../../ts/compressors/index-list.ts';
import { crc32c } from '../../ts/packet/crc32c.ts';
import { writePacket } from '../../ts/packet/packet.ts';
import { pack } from '../reference/pack.ts';
import { goldens } from './golden.ts';
import { words } from './inputs.ts';

const HEADER = 16;
const EXTREMES = [
  0, 1, 31, 32, 127, 128, 0x7f800000, 0x7fffffff, 0x80000000, 0xff800000, 0xfffffffe, 0xffffffff,
];

/** The packet with its length and its CRC made right. */
export function sealed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  view.setUint32(12, copy.length, true);
  view.setUint32(copy.length - 4, crc32c(copy.subarray(0, copy.length - 4)), true);
  return copy;
}

/**
 * Draws hostile packets by a seed. Of golden packets of `mostElements` or fewer, and of lists; one in `broken` keeps
 * the frame that no longer fits, none where it is left out.
 */
export function damager(
  seed: number,
  { mostElements = Infinity, broken = Infinity }: { mostElements?: number; broken?: number } = {},
): () => Uint8Array {
  const next = words(seed);
  const below = (n: number): number => next() % n;
  const packets = goldens.filter(({ n }) => n <= mostElements).map(({ packet }) => packet);
  const anyPacket = (): Uint8Array =>
    below(4) === 0 ? anyList(below, Math.min(mostElements, 2000)) : packets[below(packets.length)];
  /** The bit of a body, or of the parameters before it. */
  const bitOf = (bytes: Uint8Array): number => 8 * HEADER + below(8 * Math.max(1, bytes.length - HEADER - 4));

  /** Ways to damage bytes; each gives new bytes. */
  const damages: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
    // a few flipped bits
    (bytes) => {
      for (let flips = 1 + below(4); flips > 0; flips--) bytes[below(bytes.length)] ^= 1 << below(8);
      return bytes;
    },
    // a bit of the body that moves, so that as many are set as before
    (bytes) => {
      for (let tries = 0; tries < 50; tries++) {
        const [from, to] = [bitOf(bytes), bitOf(bytes)];
        if (((bytes[from >> 3] >> (from & 7)) & 1) === ((bytes[to >> 3] >> (to & 7)) & 1)) continue;
        bytes[from >> 3] ^= 1 << (from & 7);
        bytes[to >> 3] ^= 1 << (to & 7);
        break;
      }
      return bytes;
    },
    // the highest bit of a word, or the one above it: what ends a section, and what fills it up
    (bytes) => {
      const view = new DataView(bytes.buffer);
      const at = 4 * below(bytes.length >> 2);
      const word = view.getUint32(at, true);
      const top = 31 - Math.clz32(word);
      const bit = below(2) === 0 ? Math.max(top, 0) : Math.min(top + 1, 31);
      view.setUint32(at, word ^ (1 << bit), true);
      return bytes;
    },
    // a word of the header or the parameters at an extreme, or near to what it was
    (bytes) => {
      const at = 4 * below(Math.min(10, bytes.length >> 2));
      const view = new DataView(bytes.buffer);
      const value = below(2) ? EXTREMES[below(EXTREMES.length)] : view.getUint32(at, true) + below(5) - 2;
      view.setUint32(at, value, true);
      return bytes;
    },
    // a word anywhere at an extreme
    (bytes) => {
      const view = new DataView(bytes.buffer);
      view.setUint32(4 * below(bytes.length >> 2), EXTREMES[below(EXTREMES.length)], true);
      return bytes;
    },
    // cut, at a word or anywhere
    (bytes) => bytes.slice(0, below(2) ? 4 * below(bytes.length / 4 + 1) : below(bytes.length + 1)),
    // two words that change places
    (bytes) => {
      const view = new DataView(bytes.buffer);
      const [one, other] = [4 * below(bytes.length >> 2), 4 * below(bytes.length >> 2)];
      const word = view.getUint32(one, true);
      view.setUint32(one, view.getUint32(other, true), true);
      view.setUint32(other, word, true);
      return bytes;
    },
    // the head of one packet and the tail of another
    (bytes) => {
      const other = anyPacket();
      const tail = other.subarray(4 * below(other.length / 4));
      return new Uint8Array([...bytes.subarray(0, 4 * below(bytes.length / 4)), ...tail]);
    },
    // another compressor's number over the same body
    (bytes) => {
      bytes[5] = below(17);
      return bytes;
    },
    // words of noise
    (bytes) => {
      const view = new DataView(bytes.buffer);
      for (let changes = 1 + below(3); changes > 0; changes--)
        view.setUint32(4 * below(bytes.length >> 2), next(), true);
      return bytes;
    },
  ];

  return () => {
    let bytes = anyPacket().slice();
    for (let times = 1 + below(2); times > 0 && bytes.length >= 8; times--)
      bytes = damages[below(damages.length)](bytes).slice();
    if (bytes.length < HEADER + 4) return bytes;
    if (broken < Infinity && below(broken) === 0) return bytes;
    bytes.set([0x66, 0x65, 0x77, 0x62, 1]);
    return sealed(bytes);
  };
}

/**
 * A list that is sound, mostly: coded with other parameters than the encoder's, or with a defect where its parts end.
 */
function anyList(below: (n: number) => number, most: number): Uint8Array {
  const gaps = Array.from({ length: below(5) === 0 ? 120 + below(20) : below(40) }, () =>
    below(8) === 0 ? below(300) : below(6),
  );
  let last = -1;
  const indices = gaps.map((gap) => (last += gap + 1)).filter((index) => index < most);
  const n = Math.min(most, (indices.at(-1) ?? -1) + 1 + below(40));
  if (below(3) === 0) return writeIndexList(Uint32Array.from(indices), n, below(2 ** 31));
  const [heads, low, ones] = [[] as number[], [] as number[], [] as number[]];
  let before = -1;
  for (let first = 0; first < indices.length; first += 128) {
    const block = indices.slice(first, first + 128);
    const r = below(below(4) === 0 ? 32 : 7);
    const rests: number[] = [];
    const start = ones.length;
    for (const index of block) {
      const gap = index - before - 1;
      before = index;
      for (let quotient = Math.floor(gap / 2 ** r); quotient > 0; quotient--) ones.push(0);
      ones.push(1);
      for (let bit = 0; bit < r; bit++) rests.push(Math.floor(gap / 2 ** bit) % 2);
    }
    if (ones.length - start >= 2 ** 11) return writeIndexList(Uint32Array.from(indices), n, 0);
    heads.push(r + 32 * (ones.length - start));
    low.push(...pack(rests, 1));
  }
  // the last one at the end of a word: what lies behind it is another section, or nothing
  const ends = ones.length % 32 === 0 || below(2) === 0;
  if (ends && ones.length > 0 && below(2) === 0) ones[ones.length - 1] = 0;
  const bits = ones.length;
  const sections = [pack(heads, 16), Uint32Array.from(low), pack(ones, 1)];
  return writePacket({ id: 12, n, parameters: [indices.length, 0, low.length, bits, 0], sections });
}
