/**
 * Compaction: the ascending places of the ones of a bitmap, lowest bit of a word first.
 *
 * compact(bits, indices, count, n, capacity): count[0] = how many ones the first n bits have; the places of the first
 * `capacity` of them go to indices. bits of ceil(n / 32) words, n >= 1, capacity >= 1.
 * Scratch: none. Passes: one read of the bitmap. Edges: bits from n on are ignored; nothing is written past capacity.
 */
export function compact(bits: usize, indices: usize, count: usize, n: u32, capacity: u32): void {
  let found: u32 = 0;
  const words = (n >> 5) + <u32>((n & 31) != 0);
  for (let i: u32 = 0; i < words; i++) {
    let word = load<u32>(bits + ((<usize>i) << 2));
    if (i == n >> 5) word &= (1 << (n & 31)) - 1;
    const first = i << 5;
    const ones = <u32>popcnt(word);
    const room = found < capacity ? capacity - found : 0;
    let at = indices + ((<usize>found) << 2);
    for (let left = min(ones, room); left != 0; left--) {
      store<u32>(at, first + ctz(word));
      at += 4;
      word &= word - 1;
    }
    found += ones;
  }
  store<u32>(count, found);
}
