/**
 * Kept values as codes of one or two bits: a sign, and which of two levels is the magnitude (kernels/levels.ts). What
 * blockTopK shares with the lists of topK, threshold and randomizedTopK, which are one segment.
 *
 * Sections: levels, one bfloat16 a segment for codes of one bit, the low and the high one for two; codes.
 */
import { PacketError } from '../errors.ts';
import { MAGNITUDE } from '../kernels/float-bits.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import { packedWords } from '../kernels/pack.ts';
import { requireZeroTail } from '../packet/packet.ts';
import { decodeValues, valueWords } from '../packet/values.ts';

/** How values are cut into segments, and the bits of a code. */
export interface Segments {
  /** All values. */
  readonly count: number;
  /** Those of a segment, 1 at least; the last may have fewer. */
  readonly segment: number;
  readonly bits: number;
}

/** The sections of codes. */
export function codeSections({
  count,
  segment,
  bits,
}: Segments): { name: 'levels' | 'codes'; words: number }[] {
  const levels = ceilDiv(count, segment) * bits;
  return [
    { name: 'levels', words: valueWords(levels, 'bfloat16') },
    { name: 'codes', words: packedWords(count, bits) },
  ];
}

/** The section `levels` for a word of levels a segment, as kernels give them; of one bit one level each. */
export function levelSection(levels: Uint32Array, bits: number): Uint32Array {
  if (bits === 2) return levels;
  const section = new Uint32Array(ceilDiv(levels.length, 2));
  new Uint16Array(section.buffer).set(levels);
  return section;
}

/**
 * What codes stand for, as float32 words: levels with their signs; zeros are +0.
 * @throws PacketError unless levels are finite and not negative, no low one above the high one, and what lies behind
 *   the last code is zero; the sections end at byte `end`
 */
export function valuesOfCodes(
  { levels, codes }: { readonly levels: Uint32Array; readonly codes: Uint32Array },
  { count, segment, bits }: Segments,
  end: number,
): Uint32Array {
  const codesAt = end - codes.length * 4;
  const offset = codesAt - levels.length * 4;
  const each = decodeValues(levels, ceilDiv(count, segment) * bits, 'bfloat16', offset);
  const negative = each.findIndex((level) => level > MAGNITUDE);
  if (negative >= 0) throw new PacketError(`level ${negative} is negative`, offset + negative * 2);
  for (let j = 1; bits === 2 && j < each.length; j += 2)
    if (each[j - 1] > each[j])
      throw new PacketError(`the low level of pair ${j >> 1} is above its high one`, offset + j * 2 - 2);
  requireZeroTail(codes, count * bits, codesAt);
  const values = new Uint32Array(count);
  for (let j = 0, first = 0; first < count; j += bits, first += segment) {
    // by code: low, -low, high, -high
    const table = [0, 1, 2, 3].map((code) => signed(each[j + (bits === 2 ? code >> 1 : 0)], code & 1));
    const end = Math.min(first + segment, count);
    if (bits === 1) for (let m = first; m < end; m++) values[m] = table[(codes[m >>> 5] >>> (m & 31)) & 1];
    else for (let m = first; m < end; m++) values[m] = table[(codes[m >>> 4] >>> ((m & 15) * 2)) & 3];
  }
  return values;
}

function signed(level: number, negative: number): number {
  return level === 0 ? 0 : (level | (negative << 31)) >>> 0;
}
