/**
 * float32 by its bits. Kernels compare and test magnitudes as integers, since a GPU may flush subnormals and assume
 * that no NaN exists: the key of |x| is `bits & 0x7fffffff`, and keys are in the order of magnitudes.
 */

/** All bits of a float32 but its sign: the key of its magnitude. */
export const MAGNITUDE = 0x7fffffff;

/** The key of infinity; keys from here on are infinite or NaN. */
export const INFINITE = 0x7f800000;

/** The largest finite float32. */
export const LARGEST: number = (2 - 2 ** -23) * 2 ** 127;

/** The key of 2^exponent, for normal numbers: exponent in -126..127. */
export function keyOfPower(exponent: number): number {
  return (exponent + 127) << 23;
}

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** The bits of `x`, rounded to float32. */
export function bitsOf(x: number): number {
  real[0] = x;
  return word[0];
}

/** The float32 that has these bits. */
export function floatOf(bits: number): number {
  word[0] = bits;
  return real[0];
}

/**
 * The signed key of a float32: its magnitude's key, negated where the sign is set. As int32 these keys are in the order
 * of values, and -0 equals +0.
 */
export function signedKeyOf(bits: number): number {
  const magnitude = bits & MAGNITUDE;
  return bits >>> 31 === 0 ? magnitude : -magnitude;
}

/** The float32 that a signed key stands for. */
export function floatOfSignedKey(key: number): number {
  return key < 0 ? -floatOf(-key) : floatOf(key);
}
