/**
 * float32 by its bits, as ts/kernels/float-bits.ts has it: the key of a magnitude is `bits & MAGNITUDE`, and keys are
 * in the order of magnitudes.
 */

/** All bits of a float32 but its sign. */
export const MAGNITUDE: u32 = 0x7fffffff;

/** The key of infinity; keys from here on are infinite or NaN. */
export const INFINITE: u32 = 0x7f800000;

/** The sign bit. */
export const SIGN: u32 = 0x80000000;
