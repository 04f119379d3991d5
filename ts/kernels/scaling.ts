/**
 * Scaling by powers of two, so that no sum, product or quotient of a kernel leaves the normal range of float32.
 *
 * A vector whose largest magnitude M has 2^-27 <= M < 2^40 (or is 0) is taken as it is. Any other is taken times 2^e
 * with e = -floor(log2 M), held in -126..96, so that its largest magnitude is about 1. Which it is shows only once M is
 * known, so a compressor first tries e = 0, and goes again where `exponentFor` says otherwise.
 */
import { bitsOf, keyOfPower, MAGNITUDE } from './float-bits.ts';

/** Magnitudes between these powers of two need no scaling. */
const PLAIN_FROM = -27;
const PLAIN_BELOW = 40;

/** The least and the greatest exponent by which vectors are scaled. */
const LEAST = -126;
const MOST = 96;

/** The exponent e by which a vector whose largest magnitude has this key is to be scaled: 0 where it is plain. */
export function exponentFor(largest: number): number {
  if (largest === 0 || (largest >= keyOfPower(PLAIN_FROM) && largest < keyOfPower(PLAIN_BELOW))) return 0;
  return Math.min(Math.max(127 - (largest >>> 23), LEAST), MOST);
}

/** Whether exponentFor may say so. */
export function isExponent(exponent: number): boolean {
  return exponent >= LEAST && exponent <= MOST;
}

/** The key below which a magnitude, scaled by 2^exponent, lies below 2^least; that of a normal number, at least. */
export function tinyFor(least: number, exponent: number): number {
  return keyOfPower(Math.max(least - exponent, -126));
}

/** What a shader needs to scale by `power` as `scaled` does, without ever seeing a subnormal result. */
export interface Scaling {
  readonly power: number;
  /** A subnormal with key k, scaled, is k times this; 0 where all subnormals are below `tiny`. */
  readonly subnormal: number;
  /** The key below which a magnitude, scaled, lies below 2^-126. */
  readonly tiny: number;
  /** The key from which on it is held to 2^126. */
  readonly cap: number;
}

/** The scaling by `power` = 2^e, where e = 0, -126..-40 or 28..96. */
export function scalingBy(power: number): Scaling {
  const exponent = (bitsOf(power) >>> 23) - 127;
  // From 2^28 on, no subnormal stays below 2^-121.
  const up = exponent > 0;
  return {
    power,
    subnormal: up ? 2 ** (exponent - 149) : 0,
    tiny: up ? 1 : keyOfPower(-126 - exponent),
    // Of a vector scaled down only infinity reaches it: its key is that of 2^128.
    cap: keyOfPower(Math.min(126 - exponent, 128)),
  };
}

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/**
 * The float32 with these bits times `power`, a power of two: +0 where that is below 2^-126, its magnitude held to at
 * most 2^126, so that a difference of two stays finite, exact otherwise.
 */
export function scaled(bits: number, power: number): number {
  word[0] = bits & MAGNITUDE;
  const magnitude = Math.min(real[0] * power, 2 ** 126);
  if (magnitude < 2 ** -126) return 0;
  return bits >>> 31 === 0 ? magnitude : -magnitude;
}
