/**
 * Coded symbols (docs/packet.md) as packed ones: the reverse of entropy.ts.
 *
 * decodeSymbols(coded, words, lengths, symbols, shares, packed, scratch, used, precision, lanes, block, n, width): the
 *   packed words of n symbols, from `words` words of a section whose lengths begin at word `lengths` and are sound, and
 *   whose `used` symbols, 2 or more, ascend and have shares that sum up to 2^precision; false where the blocks do not
 *   end as they should. 64 bytes behind coded are read, and do not matter.
 * decodeSymbolsScratch(precision): words of its scratch: for each slot its symbol, and what a state becomes by it.
 *
 * 1 <= n <= 2^26, 1 <= width <= 12. Passes: one over coded.
 */
import { at } from './compaction';
import { spreadHalves } from './halves';
import { packBits } from './pack';

/** Where states end. */
const START: u32 = 65536;

/** Symbols that are packed at a time. */
const CHUNK: u32 = 1024;

/** Bytes of a slot: its share and its place among those of its symbol, then the symbol. */
const SLOT: usize = 8;

export function decodeSymbolsScratch(precision: u32): u32 {
  // a word a slot for what a state becomes, one for the symbol; a chunk of symbols, and the states
  return (2 << precision) + CHUNK + 32;
}

export function decodeSymbols(
  coded: usize,
  words: u32,
  lengths: u32,
  symbols: usize,
  shares: usize,
  packed: usize,
  scratch: usize,
  used: u32,
  precision: u32,
  lanes: u32,
  block: u32,
  n: u32,
  width: u32,
): bool {
  let slot = scratch;
  for (let i: u32 = 0; i < used; i++) {
    const share = load<u32>(at(shares, i));
    const symbol = load<u32>(at(symbols, i));
    for (let place: u32 = 0; place < share; place++, slot += SLOT) {
      store<u32>(slot, (share << 16) | place);
      store<u32>(slot, symbol, 4);
    }
  }
  const blocks = ((n - 1) >> block) + 1;
  let from = at(coded, lengths + blocks - 1);
  for (let j: u32 = 0; j < blocks; j++) {
    const first = j << block;
    const end = j + 1 < blocks ? at(from, load<u32>(at(coded, lengths + j))) : at(coded, words);
    const to = at(packed, (first >> 5) * width);
    if (!decodeBlock(from, end, scratch, to, min<u32>(1 << block, n - first), width, precision, lanes))
      return false;
    from = end;
  }
  return true;
}

/** Decodes n symbols of one block, which lies from `from` to `end`. */
function decodeBlock(
  from: usize,
  end: usize,
  slots: usize,
  packed: usize,
  n: u32,
  width: u32,
  precision: u32,
  lanes: u32,
): bool {
  const codes = at(slots, 2 << precision);
  const states = at(codes, CHUNK);
  const mask: u32 = (1 << lanes) - 1;
  const low: u32 = (1 << precision) - 1;
  for (let lane: u32 = 0; lane <= mask; lane++, from += 4) {
    const state = load<u32>(from);
    if (state < START) return false;
    store<u32>(at(states, lane), state);
  }
  for (let first: u32 = 0; first < n; first += CHUNK) {
    const some = min(CHUNK, n - first);
    for (let row: u32 = 0; row < some; row += 32) {
      // 32 symbols take 64 bytes at most
      if (from > end) return false;
      const last = min(row + 32, some);
      let i = row;
      if (ASC_FEATURE_SIMD && mask >= 3) {
        for (; i + 4 <= last; i += 4)
          from = decodeFour(at(states, i & mask), slots, from, at(codes, i), precision, low);
      }
      for (; i < last; i++) {
        const place = at(states, i & mask);
        let state = load<u32>(place);
        const slot = state & low;
        const entry = load<u64>(slots + <usize>slot * SLOT);
        state = ((<u32>entry) >> 16) * (state >> precision) + ((<u32>entry) & 0xffff);
        store<u32>(at(codes, i), <u32>(entry >> 32));
        const small = state < START;
        state = select<u32>((state << 16) | load<u16>(from), state, small);
        from += (<usize>small) << 1;
        store<u32>(place, state);
      }
    }
    packBits(codes, at(packed, (first >> 5) * width), some, width);
  }
  for (let lane: u32 = 0; lane <= mask; lane++) if (load<u32>(at(states, lane)) != START) return false;
  return from == end || (from + 2 == end && load<u16>(from) == 0);
}

/** Decodes four symbols by the states of four lanes that follow each other; where the halves go on. */
// @ts-ignore: decorator
@inline
function decodeFour(place: usize, slots: usize, from: usize, codes: usize, precision: u32, low: u32): usize {
  const state = v128.load(place);
  // slots of the states as they were stored: faster than taking the lanes apart
  let a = v128.load64_zero(slots + <usize>(load<u32>(place) & low) * SLOT);
  a = v128.load64_lane(slots + <usize>(load<u32>(place, 4) & low) * SLOT, a, 1);
  let b = v128.load64_zero(slots + <usize>(load<u32>(place, 8) & low) * SLOT);
  b = v128.load64_lane(slots + <usize>(load<u32>(place, 12) & low) * SLOT, b, 1);
  v128.store(codes, v128.shuffle<u32>(a, b, 1, 3, 5, 7));
  const entry = v128.shuffle<u32>(a, b, 0, 2, 4, 6);
  const product = i32x4.mul(i32x4.shr_u(entry, 16), i32x4.shr_u(state, precision));
  const next = i32x4.add(product, v128.and(entry, i32x4.splat(0xffff)));
  const small = i32x4.eq(i32x4.shr_u(next, 16), i32x4.splat(0));
  const bits = i32x4.bitmask(small);
  const halves = spreadHalves(v128.load64_zero(from), bits);
  v128.store(place, v128.or(v128.bitselect(i32x4.shl(next, 16), next, small), halves));
  return from + (popcnt(bits) << 1);
}
