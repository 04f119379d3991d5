/**
 * Values that a packet sends whole: as float32, or rounded to 16 bits, half to even, two to a word, the first in the
 * low half. What is too large for 16 bits becomes the largest finite number of its sign, so finite values stay finite.
 */
import { PacketError } from '../errors.ts';

export type ValueFormat = 'float32' | 'bfloat16' | 'float16';

/** Formats by their number in packets. */
export const VALUE_FORMATS: readonly ValueFormat[] = ['float32', 'bfloat16', 'float16'];

const MAGNITUDE = 0x7fffffff;

/** The number that the bits of a float16 (IEEE binary16) stand for. */
export function floatOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Bfloat16 words as float32: the high halves of their bits. */
export function floatsOfBrain(words: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(words, (bits) => bits << 16).buffer);
}

/** Drops the low `count` bits of a key, half to even. */
function rounded(key: number, count: number): number {
  const half = 2 ** (count - 1);
  return (key + half - 1 + ((key >>> count) & 1)) >>> count;
}

/** The bits of a finite float32 as bfloat16. */
function brainOf(bits: number): number {
  return ((bits >>> 31) << 15) | Math.min(rounded(bits & MAGNITUDE, 16), 0x7f7f);
}

/** Key of 2^-14, the least normal float16, and how far exponents of float32 lie above those of float16, as a key. */
const LEAST_NORMAL_HALF = 113 << 23;
const REBIAS = 112 << 23;

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** The bits of a finite float32 as float16. */
function halfOf(bits: number): number {
  word[0] = bits & MAGNITUDE;
  const magnitude =
    word[0] < LEAST_NORMAL_HALF
      ? real[0] * 2 ** 24 + 2 ** 52 - 2 ** 52 // in units of 2^-24, half to even
      : Math.min(rounded(word[0] - REBIAS, 13), 0x7bff);
  return ((bits >>> 31) << 15) | magnitude;
}

/** Words that `count` values take. */
export function valueWords(count: number, format: ValueFormat): number {
  return format === 'float32' ? count : Math.ceil(count / 2);
}

/** Words of finite float32 values in a format; the unused half of a last word is zero. */
export function encodeValues(values: Uint32Array, format: ValueFormat): Uint32Array {
  if (format === 'float32') return values;
  const halves = new Uint16Array(valueWords(values.length, format) * 2);
  const convert = format === 'bfloat16' ? brainOf : halfOf;
  for (let i = 0; i < values.length; i++) halves[i] = convert(values[i]);
  return new Uint32Array(halves.buffer);
}

/**
 * The reverse: `count` float32 words.
 * @throws PacketError where a value is NaN or infinite, or the unused half of the last word is not zero; `words` start
 * at byte `offset` of the packet
 */
export function decodeValues(
  words: Uint32Array,
  count: number,
  format: ValueFormat,
  offset: number,
  checker?: FiniteChecker,
): Uint32Array {
  const values = format === 'float32' ? words : widened(words, count, format, offset);
  const bad = firstNonFinite(values, checker);
  const bytes = format === 'float32' ? 4 : 2;
  if (bad >= 0) throw new PacketError(`value ${bad} is NaN or infinite`, offset + bad * bytes);
  return values;
}

/** What looks at many words faster than this file (`Coder` of ts/backends/backend.ts). */
export interface FiniteChecker {
  finite(words: Uint32Array, count: number): boolean;
}

/** Words that are enough for another checker. */
const MANY = 1024;

/** The index of the first of these words that is NaN or infinite, -1 where all are finite. */
export function firstNonFinite(words: Uint32Array, checker?: FiniteChecker): number {
  const { length } = words;
  if (length >= MANY && checker?.finite(words, length) === true) return -1;
  // an exponent of all ones, and one more, reaches the sign: four words a test
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const a = (words[i] & EXPONENT) + LEAST_EXPONENT;
    const b = (words[i + 1] & EXPONENT) + LEAST_EXPONENT;
    const c = (words[i + 2] & EXPONENT) + LEAST_EXPONENT;
    const d = (words[i + 3] & EXPONENT) + LEAST_EXPONENT;
    if ((a | b | c | d) < 0) break;
  }
  for (; i < length; i++) if ((words[i] & EXPONENT) === EXPONENT) return i;
  return -1;
}

/** The bits of a float32's exponent, and the lowest of them. */
const EXPONENT = 0x7f800000;
const LEAST_EXPONENT = 0x00800000;

function widened(words: Uint32Array, count: number, format: ValueFormat, offset: number): Uint32Array {
  const halves = new Uint16Array(words.buffer, words.byteOffset, words.length * 2);
  if (count % 2 === 1 && halves[count] !== 0)
    throw new PacketError('the unused half of the last value is not zero', offset + count * 2);
  const used = halves.subarray(0, count);
  const floats = format === 'bfloat16' ? floatsOfBrain(used) : Float32Array.from(used, floatOfHalf);
  return new Uint32Array(floats.buffer);
}
