/**
 * Prefix sums of words modulo 2^32: sums_i = x_0 + ... + x_{i-1}.
 *
 * scan(x, sums, total, n): total[0] = the sum of all; x and sums of n words, n >= 1.
 * Scratch: none. Passes: one read, one write. Edges: the last words, fewer than four, are added one by one.
 */
export function scan(x: usize, sums: usize, total: usize, n: u32): void {
  const end = x + ((<usize>n) << 2);
  let sum: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    let carry = i32x4.splat(0);
    const zero = i32x4.splat(0);
    for (const stop = x + ((<usize>(n & ~3)) << 2); x < stop; x += 16, sums += 16) {
      const own = v128.load(x);
      // Inclusive sums of the four by two shifts of lanes.
      let inclusive = i32x4.add(own, v128.shuffle<i32>(zero, own, 0, 4, 5, 6));
      inclusive = i32x4.add(inclusive, v128.shuffle<i32>(zero, inclusive, 0, 1, 4, 5));
      v128.store(sums, i32x4.add(carry, i32x4.sub(inclusive, own)));
      carry = i32x4.add(carry, v128.shuffle<i32>(inclusive, inclusive, 3, 3, 3, 3));
    }
    sum = i32x4.extract_lane(carry, 0);
  }
  for (; x < end; x += 4, sums += 4) {
    const own = load<u32>(x);
    store<u32>(sums, sum);
    sum += own;
  }
  store<u32>(total, sum);
}
