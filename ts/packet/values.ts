/** 16-bit floats as numbers. */

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
