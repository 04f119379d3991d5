/**
 * Folding words for a CRC-32C: each is added, by XOR, to three that come later, and stands for nothing from then on.
 *
 * The generator of CRC-32C divides 1 + x^2751 + x^4508 + x^5275, and so, squares taken five times, the same of x^32: a
 * word may be moved by 5275, 5275 - 2751 and 5275 - 4508 words towards the end at once. No multiple of four terms is
 * shorter (found by trying all pairs up to there). Four words a step instead of sixteen lookups.
 *
 * fold(window, count): window of SPAN words that were folded last, zeros at the start, then `count` new ones, count >=
 *   1; the last SPAN of all are at its start afterwards. Passes: one read, one write, in the cache.
 */

/** Words from one that is folded to the last that it is added to, and to the others. */
export const SPAN: u32 = 5275;
export const NEAR: u32 = 767;
export const MIDDLE: u32 = 2524;

export function fold(window: usize, count: u32): void {
  let old = window;
  let own = window + (SPAN << 2);
  const end = own + ((<usize>count) << 2);
  if (ASC_FEATURE_SIMD) {
    for (const whole = own + ((<usize>(count & ~3)) << 2); own < whole; own += 16, old += 16) {
      const far = v128.xor(v128.load(own), v128.load(old));
      const near = v128.xor(v128.load(old, (SPAN - NEAR) << 2), v128.load(old, (SPAN - MIDDLE) << 2));
      v128.store(own, v128.xor(far, near));
    }
  }
  for (; own < end; own += 4, old += 4) {
    const near = load<u32>(old, (SPAN - NEAR) << 2) ^ load<u32>(old, (SPAN - MIDDLE) << 2);
    store<u32>(own, load<u32>(own) ^ load<u32>(old) ^ near);
  }
  memory.copy(window, window + ((<usize>count) << 2), SPAN << 2);
}
