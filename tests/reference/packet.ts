/**
 * A decoder of packets written from docs/packet.md alone: slow, bit by bit, and with no word of the project's own
 * decoders. Whatever lies beyond an end is no zero and no undefined, but a packet that is refused.
 */
import { codedOf } from './coded-symbols.ts';
import { crc, need, Refused, Words, words } from './packet-words.ts';
import { flipOf, pcg4d, type Key } from './random.ts';

export { crc, Refused };

const real = new DataView(new ArrayBuffer(4));

function floatOf(bits: number): number {
  real.setUint32(0, bits);
  return real.getFloat32(0);
}

/** The bits of a number rounded to float32; those of +0 where that is a zero. */
function bitsOf(value: number): number {
  real.setFloat32(0, value);
  return real.getFloat32(0) === 0 ? 0 : real.getUint32(0);
}

const isFinite32 = (bits: number): boolean => (bits & 0x7f800000) !== 0x7f800000;
const isPositive = (bits: number): boolean => isFinite32(bits) && bits < 0x80000000;
const held = (value: number): number => Math.max(-floatOf(0x7f7fffff), Math.min(floatOf(0x7f7fffff), value));

/** The bits of the vector that a packet stands for; of at most `most` elements. @throws Refused */
export function decodePacket(bytes: Uint8Array, most: number): Uint32Array {
  need(bytes.length >= 20 && bytes.length % 4 === 0, 'the length');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const all = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
  need(String.fromCharCode(...bytes.subarray(0, 4)) === 'fewb' && bytes[4] === 1, 'magic and version');
  need(all[3] === bytes.length, 'the length that it says');
  need(all.at(-1) === crc(bytes.subarray(0, bytes.length - 4)), 'the CRC');
  const count = view.getUint16(6, true);
  need(16 + 4 * count <= bytes.length - 4, 'the parameters');
  return decodeParts(bytes[5], all[2], all.slice(4, 4 + count), all.slice(4 + count, -1), most);
}

/** The vector of a packet, or of a part of one, by its compressor, n, parameters and the words of its sections. */
function decodeParts(
  compressor: number,
  n: number,
  parameters: readonly number[],
  body: readonly number[],
  most: number,
): Uint32Array {
  /** The parameters, of which there are so many. */
  const given = (expected: number, more = 0): number[] => {
    need(
      parameters.length >= expected && parameters.length <= expected + more,
      `${parameters.length} parameters`,
    );
    return [...parameters];
  };
  /** The sections, which fill the body exactly. */
  const cut = (...lengths: number[]): Words[] => {
    need(lengths.reduce((sum, length) => sum + length, 0) === body.length, 'the lengths of the sections');
    need(n <= most, 'the elements');
    let at = 0;
    return lengths.map((length) => new Words(body.slice(at, (at += length))));
  };
  if (compressor === 15) return decodePlan(n, given(1)[0], body, most);
  const decode = COMPRESSORS[compressor];
  need(decode !== undefined, 'the compressor');
  return decode({ n, given, cut });
}

/** A vector of parts. */
function decodePlan(n: number, count: number, body: readonly number[], most: number): Uint32Array {
  need(count <= 65535 && count <= n && (count > 0 || n === 0), 'the number of parts');
  const table = new Words(body.slice(0, 3 * count));
  const vector: number[] = [];
  let at = 3 * count;
  for (let i = 0; i < count; i++) {
    const [elements, form, length] = [table.at(3 * i), table.at(3 * i + 1), table.at(3 * i + 2)];
    need(elements >= 1 && elements <= n - vector.length, 'the elements of a part');
    need(((form >>> 8) & 255) === 0 && (form & 255) !== 15, 'the compressor of a part');
    const end = at + (form >>> 16) + length;
    need(end <= body.length, 'the words of a part');
    const [parameters, sections] = [body.slice(at, at + (form >>> 16)), body.slice(at + (form >>> 16), end)];
    vector.push(...decodeParts(form & 255, elements, parameters, sections, most));
    at = end;
  }
  need(vector.length === n && at === body.length, 'what the parts leave');
  return Uint32Array.from(vector);
}

interface Parts {
  readonly n: number;
  readonly given: (count: number, more?: number) => number[];
  readonly cut: (...lengths: number[]) => Words[];
}

const valueWords = (count: number, format: number): number => (format === 0 ? count : Math.ceil(count / 2));

function valuesOf(section: Words, count: number, format: number): number[] {
  const values = Array.from({ length: count }, (_, i) => {
    if (format === 0) return section.at(i);
    const half = section.half(i);
    if (format === 1) return half * 2 ** 16;
    const [sign, exponent, fraction] = [half >> 15, (half >> 10) & 31, half & 1023];
    need(exponent < 31, 'a value that is not finite');
    const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return (bitsOf(magnitude) | (sign << 31)) >>> 0;
  });
  need(values.every(isFinite32), 'a value that is not finite');
  if (format > 0) section.zerosFrom(16 * count, 'values');
  return values;
}

/** Sections of a list, and what reads it. */
function listOf(
  n: number,
  [k, coding, lowWords, unaryBits]: number[],
): [number[], (parts: Words[]) => number[]] {
  need(coding === 0 || (coding === 1 && k > 0), 'the coding');
  if (coding === 1) {
    need(lowWords === 0 && unaryBits === 0, 'lengths beside a bitmap');
    return [[words(n)], ([bitmap]) => bitmapOf(bitmap, n, k)];
  }
  const blocks = Math.ceil(k / 128);
  return [
    [Math.ceil(blocks / 2), lowWords, words(unaryBits)],
    ([head, low, unary]) => {
      const indices: number[] = [];
      let [lowBit, at, last] = [0, 0, -1];
      for (let b = 0; b < blocks; b++) {
        const r = head.half(b) & 31;
        const end = at + (head.half(b) >> 5);
        const c = Math.min(128, k - 128 * b);
        for (let j = 0; j < c; j++) {
          let quotient = 0;
          for (; ; at++, quotient++) {
            need(at < end && at < unaryBits, 'a one that is missing');
            if (unary.bit(at) === 1) break;
          }
          at++;
          last += 1 + quotient * 2 ** r + low.number(lowBit + j * r, r);
          need(last < n, 'an index');
          indices.push(last);
        }
        need(at === end, 'the bits of a block');
        const used = lowBit + c * r;
        lowBit += 32 * words(c * r);
        for (let bit = used; bit < lowBit; bit++) need(low.bit(bit) === 0, 'bits that fill up low');
      }
      need(lowBit === 32 * lowWords && at === unaryBits, 'the lengths of low and unary');
      unary.zerosFrom(unaryBits, 'unary');
      head.zerosFrom(16 * blocks, 'head');
      return indices;
    },
  ];
}

function bitmapOf(bitmap: Words, n: number, k: number): number[] {
  bitmap.zerosFrom(n, 'bitmap');
  const indices = Array.from({ length: n }, (_, i) => i).filter((i) => bitmap.bit(i) === 1);
  need(indices.length === k, 'the ones of a bitmap');
  return indices;
}

function scattered(n: number, indices: readonly number[], values: readonly number[]): Uint32Array {
  const y = new Uint32Array(n);
  indices.forEach((index, j) => (y[index] = values[j]));
  return y;
}

const sparse =
  (least: number) =>
  ({ n, given, cut }: Parts): Uint32Array => {
    const [k, coding, lowWords, unaryBits, format] = given(5);
    need(k <= n && k >= Math.min(least, n), 'k');
    need(format <= 4, 'the format');
    const [lengths, read] = listOf(n, [k, coding, lowWords, unaryBits]);
    if (format > 2) {
      const bits = format - 2;
      const sections = cut(...lengths, k > 0 ? 1 : 0, words(k * bits));
      return scattered(n, read(sections), levelled(sections.at(-2), sections.at(-1), { k, bits, each: k }));
    }
    const sections = cut(...lengths, valueWords(k, format));
    return scattered(n, read(sections), valuesOf(sections.at(-1), k, format));
  };

/** Codes of one width, and the bits beyond them. */
function codesOf(section: Words, n: number, width: number): number[] {
  section.zerosFrom(n * width, 'codes');
  return Array.from({ length: n }, (_, i) => section.number(i * width, width));
}

/** The words of a section of symbols, and what reads it: packed, or coded where there is a parameter more. */
function symbolsOf(
  n: number,
  width: number,
  more: readonly number[],
): [number, (section: Words) => number[]] {
  if (more.length === 0) return [words(n * width), (section) => codesOf(section, n, width)];
  return [more[0], (section) => codedOf(section, n, width)];
}

const signed = (magnitude: number, bit: number): number => (magnitude | (bit << 31)) >>> 0;

/** The values of k codes: `each` of them have the one level or the two of a segment. */
function levelled(
  section: Words,
  codes: Words,
  { k, bits, each }: { k: number; bits: number; each: number },
): number[] {
  const segments = k === 0 ? 0 : Math.ceil(k / each);
  const levels = valuesOf(section, segments * bits, 1);
  need(levels.every(isPositive), 'a level');
  for (let j = 0; j < segments; j++) need(levels[j * bits] <= levels[j * bits + bits - 1], 'two levels');
  return codesOf(codes, k, bits).map((code, m) => {
    const level = levels[Math.floor(m / each) * bits + (code >> 1)];
    return level === 0 ? 0 : signed(level, code & 1);
  });
}

const COMPRESSORS: Readonly<Record<number, (parts: Parts) => Uint32Array>> = {
  1: sparse(1),
  2({ n, given, cut }) {
    const [block] = given(1);
    const length = block === 0 ? Math.max(n, 1) : block;
    const [scales, bits] = cut(Math.ceil(n / length), words(n));
    need(scales.words.every(isPositive), 'a scale');
    bits.zerosFrom(n, 'bits');
    return Uint32Array.from({ length: n }, (_, i) => signed(scales.at(Math.floor(i / length)), bits.bit(i)));
  },
  3: sparse(0),
  4({ n, given, cut }) {
    const [k, seed, step, stream, format] = given(5);
    need(k <= n && k >= Math.min(1, n), 'k');
    need(format <= 2, 'the format');
    const [section] = cut(valueWords(k, format));
    const values = valuesOf(section, k, format);
    const drawn = randomWords(n, { seed, step, stream }).map((word) => word & 0x7fffffff);
    const order = drawn.map((_, i) => i).sort((a, b) => drawn[b] - drawn[a] || a - b);
    return scattered(
      n,
      order.slice(0, k).sort((a, b) => a - b),
      values,
    );
  },
  5({ n, given, cut }) {
    given(0);
    const [values] = cut(n);
    return Uint32Array.from(valuesOf(values, n, 0));
  },
  6: sparse(1),
  7({ n, given, cut }) {
    const [k, b, sign, ...more] = given(3, 1);
    need(k <= n && k >= Math.min(1, n) && b >= 1 && b <= 8 && sign <= 1, 'the parameters');
    const [length, read] = symbolsOf(n, b, more);
    const [section, masks] = cut(k, length);
    const values = valuesOf(section, k, 0);
    const symbols = read(masks);
    const whole = 2 ** b - 1;
    need(symbols.filter((symbol) => symbol === whole).length === k, 'symbols of all ones');
    const levels = sign ? 2 ** (b - 1) : whole;
    const least = Math.min(...values.map(floatOf).map((value) => (sign ? Math.abs(value) : value)));
    const step = least > 0 ? Math.fround(least / levels) : 0;
    let next = 0;
    return Uint32Array.from(symbols, (symbol) =>
      symbol === whole ? values[next++] : bitsOf((sign ? symbol - (levels - 1) : symbol) * step),
    );
  },
  8({ n, given, cut }) {
    const [b, lowBits, highBits, ...more] = given(3, 1);
    need(b >= 1 && b <= 16 && isFinite32(lowBits) && isFinite32(highBits), 'the parameters');
    const [low, high, most] = [floatOf(lowBits), floatOf(highBits), 2 ** b - 1];
    need(low <= high, 'the ends');
    const [length, read] = symbolsOf(n, b, more);
    return Uint32Array.from(read(cut(length)[0]), (m) => bitsOf((low * (most - m) + high * m) / most));
  },
  9({ n, given, cut }) {
    const [levels, norm, e, ...more] = given(3, 1);
    need(
      levels >= 1 && levels <= 32767 && isPositive(norm) && (e | 0) >= -126 && (e | 0) <= 96,
      'the parameters',
    );
    const width = (2 * levels).toString(2).length;
    const [length, read] = symbolsOf(n, width, more);
    const codes = read(cut(length)[0]);
    need(
      codes.every((code) => code <= 2 * levels),
      'a code',
    );
    return Uint32Array.from(codes, (m) =>
      bitsOf(held((floatOf(norm) * 2 ** -(e | 0) * (m - levels)) / levels)),
    );
  },
  10({ n, given, cut }) {
    const [lambda] = given(1);
    need(isPositive(lambda), 'lambda');
    const [bits] = cut(words(n));
    bits.zerosFrom(n, 'bits');
    return Uint32Array.from({ length: n }, (_, i) => signed(lambda, bits.bit(i)));
  },
  11({ n, given, cut }) {
    const [d, seed, step, stream, kind] = given(5);
    need(d >= 1 && d <= 2 ** 26 && Number.isInteger(Math.log2(d)), 'the order');
    need(n === 0 ? d === 1 : d < 2 * n, 'the order');
    need(kind <= 2, 'how the scale was found');
    const blocks = Math.ceil(n / d);
    const [scales, bits] = cut(blocks, words(blocks * d));
    need(
      scales.words.every((scale) => scale === 0 || (isPositive(scale) && scale >= 0x00800000)),
      'a scale',
    );
    bits.zerosFrom(blocks * d, 'bits');
    return unflattened(n, d, scales, { seed, step, stream }, (i) => 1 - 2 * bits.bit(i));
  },
  12({ n, given, cut }) {
    const [k, ...list] = given(5);
    need(k <= n, 'k');
    const [lengths, read] = listOf(n, [k, ...list]);
    const indices = read(cut(...lengths));
    return scattered(n, indices, new Array<number>(k).fill(bitsOf(1)));
  },
  13({ n, given, cut }) {
    const [kept, coding, lowWords, unaryBits, block, k, bits, format] = given(8);
    need([64, 128, 256, 512, 1024, 2048, 4096].includes(block) && k >= 1 && k <= block, 'the blocks');
    need(bits <= 2 && format <= 2 && (bits === 0 || format === 0), 'bits and format');
    const blocks = Math.ceil(n / block);
    const keptOf = (j: number): number =>
      Math.max(1, Math.floor((k * Math.min(block, n - j * block)) / block));
    let all = 0;
    for (let j = 0; j < blocks && all <= kept; j++) all += keptOf(j);
    need(all === kept, 'how many are kept');
    const [lengths, read] = listOf(n, [kept, coding, lowWords, unaryBits]);
    const sections =
      bits === 0
        ? cut(...lengths, valueWords(kept, format))
        : cut(...lengths, valueWords(blocks * bits, 1), words(kept * bits));
    const indices = read(sections);
    for (let j = 0; j < blocks; j++) {
      const own = indices.filter((index) => Math.floor(index / block) === j);
      need(own.length === keptOf(j), 'how many are kept of a block');
    }
    if (bits === 0) return scattered(n, indices, valuesOf(sections.at(-1), kept, format));
    return scattered(n, indices, levelled(sections.at(-2), sections.at(-1), { k: kept, bits, each: k }));
  },
  14({ n, given, cut }) {
    const [d, seed, step, stream, bits, kind, coding, ...more] = given(7, 1);
    need(d >= 1 && d <= 2 ** 26 && Number.isInteger(Math.log2(d)), 'the order');
    need(n === 0 ? d === 1 : d < 2 * n, 'the order');
    need(bits >= 2 && bits <= 4 && kind <= 1 && coding === more.length, 'bits, scale and coding');
    const blocks = Math.ceil(n / d);
    const [length, read] = symbolsOf(blocks * d, bits, more);
    const [scales, section] = cut(blocks, length);
    need(
      scales.words.every((scale) => scale === 0 || (isPositive(scale) && scale >= 0x00800000)),
      'a scale',
    );
    const levels = [
      [29, 97],
      [31, 97, 172, 275],
      [33, 99, 168, 241, 322, 414, 530, 700],
    ][bits - 2];
    const codes = read(section);
    return unflattened(n, d, scales, { seed, step, stream }, (i) => {
      const level = levels[codes[i] % levels.length];
      return codes[i] < levels.length ? level : -level;
    });
  },
};

/** D H q by blocks of d, times their scales. */
function unflattened(n: number, d: number, scales: Words, key: Key, q: (i: number) => number): Uint32Array {
  const y = new Uint32Array(n);
  for (let first = 0; first < n; first += d) {
    const t = Array.from({ length: d }, (_, i) => q(first + i));
    for (let h = 1; h < d; h *= 2)
      for (let i = 0; i < d; i++) if ((i & h) === 0) [t[i], t[i + h]] = [t[i] + t[i + h], t[i] - t[i + h]];
    const scale = floatOf(scales.at(first / d));
    for (let i = first; i < Math.min(n, first + d); i++) {
      const value = held(Math.fround(t[i - first] * scale));
      y[i] = bitsOf(flipOf(i, key) === 1 ? -value : value);
    }
  }
  return y;
}

/** Words 0 to n - 1 of the generator. */
function randomWords(n: number, { seed, step, stream }: Key): number[] {
  const all = new Array<number>(Math.ceil(n / 16) * 16);
  for (let counter = 0; 4 * counter < all.length; counter++)
    pcg4d(counter, seed, step, stream).forEach((word, component) => {
      all[16 * Math.floor(counter / 4) + 4 * component + (counter % 4)] = word;
    });
  return all.slice(0, n);
}
