/**
 * Codes of quantised packets on the host: checked before any is decoded on a backend, and unpacked where a vector is
 * too short for that.
 */

/**
 * How many of n codes of `width` bits, 1 to 16, packed from the lowest bit on, are above `limit`. `words` holds them
 * all, and bits beyond them are zero.
 */
export function countAbove(words: Uint32Array, n: number, width: number, limit: number): number {
  const mask = 2 ** width - 1;
  // codes that never reach over two words, and of which only all ones are above the limit: several at a time
  if (limit === mask - 1 && 32 % width === 0) return countOnes(words, width);
  let count = 0;
  let word = 0;
  let bit = 0;
  for (let i = 0; i < n; i++) {
    let code = words[word] >>> bit;
    bit += width;
    if (bit >= 32) {
      bit -= 32;
      word++;
      if (bit > 0) code |= words[word] << (width - bit);
    }
    if ((code & mask) > limit) count++;
  }
  return count;
}

/** The words whose bits are the lowest ones of each code, by width. */
const LOWEST: Readonly<Record<number, number>> = {
  1: 0xffffffff,
  2: 0x55555555,
  4: 0x11111111,
  8: 0x01010101,
  16: 0x00010001,
};

/** How many codes are all ones, of widths that divide 32. */
function countOnes(words: Uint32Array, width: number): number {
  let count = 0;
  for (const word of words) {
    let ones = word;
    for (let distance = width / 2; distance >= 1; distance /= 2) ones &= ones >>> distance;
    count += ones32(ones & LOWEST[width]);
  }
  return count;
}

/** How many bits are set. */
function ones32(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  v = (v + (v >>> 4)) & 0x0f0f0f0f;
  return Math.imul(v, 0x01010101) >>> 24;
}

/** n codes of `width` bits, 1 to 16, one by one. `words` holds them all. */
export function unpackCodes(words: Uint32Array, n: number, width: number): Uint16Array {
  const codes = new Uint16Array(n);
  const mask = 2 ** width - 1;
  for (let i = 0; i < n; i++) {
    const bit = i * width;
    const at = Math.floor(bit / 32);
    const shift = bit % 32;
    let code = words[at] >>> shift;
    if (shift + width > 32) code |= words[at + 1] << (32 - shift);
    codes[i] = code & mask;
  }
  return codes;
}
