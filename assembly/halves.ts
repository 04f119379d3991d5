/**
 * The halves that the states of four lanes give or take, of those lanes alone whose bits of four are set: those of the
 * lower lanes first. For entropy.ts and symbols.ts, with SIMD.
 */

/** For each set of lanes the bytes of their low halves, up to the end of 8. */
const JOINED: usize = memory.data<u32>([
  0x01000100, 0x01000100, 0x01000100, 0x01000100, 0x01000100, 0x05040100, 0x01000100, 0x05040100, 0x01000100,
  0x09080100, 0x01000100, 0x09080100, 0x01000100, 0x09080504, 0x01000100, 0x09080504, 0x01000100, 0x0d0c0100,
  0x01000100, 0x0d0c0100, 0x01000100, 0x0d0c0504, 0x01000100, 0x0d0c0504, 0x01000100, 0x0d0c0908, 0x01000100,
  0x0d0c0908, 0x05040100, 0x0d0c0908, 0x05040100, 0x0d0c0908,
]);

/** For each set of lanes the bytes that become low halves there, from the first on; zeros elsewhere. */
const SPREAD: usize = memory.data<u32>([
  0x80808080, 0x80808080, 0x80808080, 0x80808080, 0x80800100, 0x80808080, 0x80808080, 0x80808080, 0x80808080,
  0x80800100, 0x80808080, 0x80808080, 0x80800100, 0x80800302, 0x80808080, 0x80808080, 0x80808080, 0x80808080,
  0x80800100, 0x80808080, 0x80800100, 0x80808080, 0x80800302, 0x80808080, 0x80808080, 0x80800100, 0x80800302,
  0x80808080, 0x80800100, 0x80800302, 0x80800504, 0x80808080, 0x80808080, 0x80808080, 0x80808080, 0x80800100,
  0x80800100, 0x80808080, 0x80808080, 0x80800302, 0x80808080, 0x80800100, 0x80808080, 0x80800302, 0x80800100,
  0x80800302, 0x80808080, 0x80800504, 0x80808080, 0x80808080, 0x80800100, 0x80800302, 0x80800100, 0x80808080,
  0x80800302, 0x80800504, 0x80808080, 0x80800100, 0x80800302, 0x80800504, 0x80800100, 0x80800302, 0x80800504,
  0x80800706,
]);

/** The low halves of the lanes that are set, at the end of the first 8 bytes; what stands before them is undefined. */
// @ts-ignore: decorator
@inline
export function joinedHalves(states: v128, lanes: i32): v128 {
  return i8x16.swizzle(states, v128.load64_zero(JOINED + ((<usize>lanes) << 3)));
}

/** The first halves as words: one for each lane that is set, zeros in the others. */
// @ts-ignore: decorator
@inline
export function spreadHalves(halves: v128, lanes: i32): v128 {
  return i8x16.swizzle(halves, v128.load(SPREAD + ((<usize>lanes) << 4)));
}
