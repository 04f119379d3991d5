/**
 * Elements as their sign and one of a few levels, and the sum of the magnitudes of each level
 * (ts/kernels/centroids.ts). centroids-flatten.ts does it where x is flattened first.
 *
 * packLevels(z, roots, codes, sums, counts, scratch, n, segment, bits): for each segment of z, a power of two that n is
 *   a multiple of, a root; codes of 1 to 4 bits, packed; 2^(bits - 1) sums and as many counts.
 *   Scratch: packLevelsScratch(segment) words.
 *
 * How sums are found: a column of four lanes of the tree at a time, with a vector of sums for each level. What reaches
 * an edge goes on to the next level, what does not is added to this one.
 * Passes over the data: z is read once, codes are written once.
 * Edges: the last word of codes is filled up with zeros; n >= 1.
 */
import { is } from './flag';
import { MAGNITUDE, SIGN } from './float-bits';
import { TINY } from './fwht';
import { packBits } from './pack';
import { absSum, BLOCK, LANES, SUM_SCRATCH } from './reduce';

/** Bits of a code, as type parameters (flag.ts). */
type One = u8;
type Two = u16;
type Three = u32;
type Four = u64;

/** The most levels. */
const LEVELS: usize = 8;

/** Places in scratch, in bytes: cuts, sums by lanes, the codes of a block of the tree, a key, the sums of blocks. */
const CUTS: usize = SUM_SCRATCH << 2;
const COLUMNS: usize = CUTS + (LEVELS << 2);
const CODES: usize = COLUMNS + ((LEVELS * LANES) << 2);
const KEY: usize = CODES + (BLOCK << 2);
const SUMS: usize = KEY + 16;

/** Sums of blocks that are folded here; more of them are a tree. */
const FEW: u32 = 32;

export function packLevelsScratch(segment: u32): u32 {
  return <u32>(SUMS >> 2) + <u32>LEVELS * max<u32>(1, segment / BLOCK);
}

export function packLevels(
  z: usize,
  roots: usize,
  codes: usize,
  sums: usize,
  counts: usize,
  scratch: usize,
  n: u32,
  segment: u32,
  bits: u32,
): void {
  const leaf = min(segment, BLOCK);
  const leaves = segment / leaf;
  const levels: u32 = 1 << (bits - 1);
  let place: u32 = 0;
  for (let first: u32 = 0; first < n; z += (<usize>leaf) << 2) {
    if (place == 0) {
      cutsOf(scratch + CUTS, bits, load<f32>(roots));
      memory.fill(counts, 0, levels << 2);
    }
    const inside = first & (BLOCK - 1);
    const packed = codes + <usize>(inside >> 3) * bits;
    addLeaf(z, scratch + CODES + ((<usize>inside) << 2), packed, scratch, counts, leaf, bits);
    for (let l: u32 = 0; l < levels; l++) {
      store<u32>(
        scratch + SUMS + ((<usize>(l * leaves + place)) << 2),
        load<u32>(scratch + COLUMNS + (l << 7)),
      );
    }
    first += leaf;
    if ((first & (BLOCK - 1)) == 0 || first == n) {
      if (!isWide(leaf)) packBits(scratch + CODES, codes, inside + leaf, bits);
      codes += <usize>bits * (BLOCK >> 3);
    }
    if (++place == leaves) {
      for (let l: u32 = 0; l < levels; l++) {
        treeOf(scratch + SUMS + ((<usize>(l * leaves)) << 2), sums, scratch, leaves);
        sums += 4;
      }
      place = 0;
      roots += 4;
      counts += levels << 2;
    }
  }
}

/** The keys from which on an element is above an edge, less one. */
function cutsOf(cuts: usize, bits: u32, root: f32): void {
  if (bits == 2) {
    cut(cuts, 0.984375, root);
  } else if (bits == 3) {
    cut(cuts, 0.5, root);
    cut(cuts + 4, 1.05078125, root);
    cut(cuts + 8, 1.74609375, root);
  } else if (bits == 4) {
    cut(cuts, 0.2578125, root);
    cut(cuts + 4, 0.521484375, root);
    cut(cuts + 8, 0.798828125, root);
    cut(cuts + 12, 1.099609375, root);
    cut(cuts + 16, 1.4375, root);
    cut(cuts + 20, 1.84375, root);
    cut(cuts + 24, 2.40234375, root);
  }
}

// @ts-ignore: decorator
@inline
function cut(place: usize, edge: f32, root: f32): void {
  store<u32>(place, reinterpret<u32>(edge * root) - 1);
}

/** The sum of `leaves` sums of blocks, a power of two, as the levels of the tree above have it. */
function treeOf(from: usize, to: usize, scratch: usize, leaves: u32): void {
  if (leaves > FEW) return absSum(from, to, scratch + KEY, scratch, leaves, leaves, 0, 1);
  for (let half = leaves >> 1; half > 0; half >>= 1) {
    const apart = (<usize>half) << 2;
    for (let at = from; at < from + apart; at += 4) store<f32>(at, load<f32>(at) + load<f32>(at + apart));
  }
  store<u32>(to, load<u32>(from));
}

/** Whether a part of a block has whole rows of lanes, which vectors take, and pack by themselves. */
// @ts-ignore: decorator
@inline
function isWide(n: u32): bool {
  return ASC_FEATURE_SIMD && n >= LANES;
}

/**
 * The codes of n elements, a block of the tree or a power of two below it, as words, and where they are wide packed,
 * too; their numbers by level are added to counts, and their sums are left in scratch, 32 words apart.
 */
function addLeaf(
  z: usize,
  codes: usize,
  packed: usize,
  scratch: usize,
  counts: usize,
  n: u32,
  bits: u32,
): void {
  if (ASC_FEATURE_SIMD) {
    if (isWide(n)) {
      if (bits == 1) leafBy<One>(z, codes, packed, scratch, counts, n);
      else if (bits == 2) leafBy<Two>(z, codes, packed, scratch, counts, n);
      else if (bits == 3) leafBy<Three>(z, codes, packed, scratch, counts, n);
      else leafBy<Four>(z, codes, packed, scratch, counts, n);
      return;
    }
  }
  const levels: u32 = 1 << (bits - 1);
  const columns = scratch + COLUMNS;
  memory.fill(columns, 0, (<usize>levels) << 7);
  for (let i: u32 = 0; i < n; i++, z += 4, codes += 4) {
    const word = load<u32>(z);
    const key = word & MAGNITUDE;
    let level: u32 = 0;
    // cuts ascend; a root of 0 leaves cuts of -1
    while (level < levels - 1 && <i32>key > load<i32>(scratch + CUTS + ((<usize>level) << 2))) level++;
    store<u32>(codes, level + (word > SIGN ? levels : 0));
    const count = counts + ((<usize>level) << 2);
    store<u32>(count, load<u32>(count) + 1);
    const lane = columns + ((<usize>level) << 7) + ((<usize>(i & (LANES - 1))) << 2);
    if (key >= TINY) store<f32>(lane, load<f32>(lane) + reinterpret<f32>(key));
  }
  for (let l: u32 = 0; l < levels; l++) {
    const lanes = columns + ((<usize>l) << 7);
    treeOf(lanes, lanes, scratch, LANES);
  }
}

/** The same of whole rows, in SIMD. */
function leafBy<Bits>(z: usize, codes: usize, packed: usize, scratch: usize, counts: usize, n: u32): void {
  const columns = scratch + COLUMNS;
  for (let lane: usize = 0; lane < (<usize>LANES) << 2; lane += 16) {
    column<Bits>(z + lane, z + ((<usize>n) << 2), codes + lane, columns + lane, scratch + CUTS);
  }
  const levels: usize = is<Bits, One>() ? 1 : is<Bits, Two>() ? 2 : is<Bits, Three>() ? 4 : 8;
  for (let l: usize = 0; l < levels; l++) foldLanes(columns + (l << 7));
  packAndCount<Bits>(codes, packed, n, counts);
}

/** Folds 32 lanes to the first. */
// @ts-ignore: decorator
@inline
function foldLanes(at: usize): void {
  const a = f32x4.add(
    f32x4.add(v128.load(at), v128.load(at, 64)),
    f32x4.add(v128.load(at, 32), v128.load(at, 96)),
  );
  const b = f32x4.add(
    f32x4.add(v128.load(at, 16), v128.load(at, 80)),
    f32x4.add(v128.load(at, 48), v128.load(at, 112)),
  );
  let sum = f32x4.add(a, b);
  sum = f32x4.add(sum, v128.shuffle<f32>(sum, sum, 2, 3, 0, 1));
  store<f32>(at, f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1));
}

/** Codes and sums of four lanes: rows are 128 bytes apart, in z and codes, and so are the sums of levels. */
function column<Bits>(z: usize, end: usize, codes: usize, sums: usize, cuts: usize): void {
  const magnitude = i32x4.splat(MAGNITUDE);
  const tiny = i32x4.splat(TINY - 1);
  const sign = i32x4.splat(signOf<Bits>());
  const c0 = v128.load32_splat(cuts);
  const c1 = v128.load32_splat(cuts, 4);
  const c2 = v128.load32_splat(cuts, 8);
  const c3 = v128.load32_splat(cuts, 12);
  const c4 = v128.load32_splat(cuts, 16);
  const c5 = v128.load32_splat(cuts, 20);
  const c6 = v128.load32_splat(cuts, 24);
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  let s4 = f32x4.splat(0);
  let s5 = f32x4.splat(0);
  let s6 = f32x4.splat(0);
  let s7 = f32x4.splat(0);
  do {
    const word = v128.load(z);
    const key = v128.and(word, magnitude);
    let code = v128.and(f32x4.lt(word, f32x4.splat(0)), sign);
    let rest = v128.and(key, i32x4.gt_s(key, tiny));
    if (is<Bits, One>()) {
      s0 = f32x4.add(s0, rest);
    } else {
      let reached = i32x4.gt_s(key, c0);
      let above = v128.and(rest, reached);
      code = i32x4.sub(code, reached);
      s0 = f32x4.add(s0, v128.xor(rest, above));
      rest = above;
      if (is<Bits, Two>()) {
        s1 = f32x4.add(s1, rest);
      } else {
        reached = i32x4.gt_s(key, c1);
        above = v128.and(rest, reached);
        code = i32x4.sub(code, reached);
        s1 = f32x4.add(s1, v128.xor(rest, above));
        rest = above;
        reached = i32x4.gt_s(key, c2);
        above = v128.and(rest, reached);
        code = i32x4.sub(code, reached);
        s2 = f32x4.add(s2, v128.xor(rest, above));
        rest = above;
        if (is<Bits, Three>()) {
          s3 = f32x4.add(s3, rest);
        } else {
          reached = i32x4.gt_s(key, c3);
          above = v128.and(rest, reached);
          code = i32x4.sub(code, reached);
          s3 = f32x4.add(s3, v128.xor(rest, above));
          rest = above;
          reached = i32x4.gt_s(key, c4);
          above = v128.and(rest, reached);
          code = i32x4.sub(code, reached);
          s4 = f32x4.add(s4, v128.xor(rest, above));
          rest = above;
          reached = i32x4.gt_s(key, c5);
          above = v128.and(rest, reached);
          code = i32x4.sub(code, reached);
          s5 = f32x4.add(s5, v128.xor(rest, above));
          rest = above;
          reached = i32x4.gt_s(key, c6);
          above = v128.and(rest, reached);
          code = i32x4.sub(code, reached);
          s6 = f32x4.add(s6, v128.xor(rest, above));
          s7 = f32x4.add(s7, above);
        }
      }
    }
    v128.store(codes, code);
    z += LANES << 2;
    codes += LANES << 2;
  } while (z < end);
  v128.store(sums, s0);
  if (is<Bits, One>()) return;
  v128.store(sums, s1, 128);
  if (is<Bits, Two>()) return;
  v128.store(sums, s2, 256);
  v128.store(sums, s3, 384);
  if (is<Bits, Three>()) return;
  v128.store(sums, s4, 512);
  v128.store(sums, s5, 640);
  v128.store(sums, s6, 768);
  v128.store(sums, s7, 896);
}

/** The bit of a code for negative: how many levels there are. */
// @ts-ignore: decorator
@inline
function signOf<Bits>(): i32 {
  return is<Bits, One>() ? 1 : is<Bits, Two>() ? 2 : is<Bits, Three>() ? 4 : 8;
}

/** Packs n codes, up to 1024 and a multiple of 32, and adds how many are of each level. */
function packAndCount<Bits>(codes: usize, packed: usize, n: u32, counts: usize): void {
  let n1 = i8x16.splat(0);
  let n2 = i8x16.splat(0);
  let n3 = i8x16.splat(0);
  let n4 = i8x16.splat(0);
  let n5 = i8x16.splat(0);
  let n6 = i8x16.splat(0);
  let n7 = i8x16.splat(0);
  const mask = i8x16.splat(<i8>(signOf<Bits>() - 1));
  const end = codes + ((<usize>n) << 2);
  do {
    const low = i16x8.narrow_i32x4_s(v128.load(codes), v128.load(codes, 16));
    const high = i16x8.narrow_i32x4_s(v128.load(codes, 32), v128.load(codes, 48));
    const bytes = i8x16.narrow_i16x8_s(low, high);
    packBytes<Bits>(packed, bytes);
    const level = v128.and(bytes, mask);
    if (!is<Bits, One>()) n1 = i8x16.sub(n1, i8x16.gt_s(level, i8x16.splat(0)));
    if (is<Bits, Three>() || is<Bits, Four>()) {
      n2 = i8x16.sub(n2, i8x16.gt_s(level, i8x16.splat(1)));
      n3 = i8x16.sub(n3, i8x16.gt_s(level, i8x16.splat(2)));
    }
    if (is<Bits, Four>()) {
      n4 = i8x16.sub(n4, i8x16.gt_s(level, i8x16.splat(3)));
      n5 = i8x16.sub(n5, i8x16.gt_s(level, i8x16.splat(4)));
      n6 = i8x16.sub(n6, i8x16.gt_s(level, i8x16.splat(5)));
      n7 = i8x16.sub(n7, i8x16.gt_s(level, i8x16.splat(6)));
    }
    codes += 64;
    packed += is<Bits, One>() ? 2 : is<Bits, Two>() ? 4 : is<Bits, Three>() ? 6 : 8;
  } while (codes < end);
  let above = n;
  if (!is<Bits, One>()) above = add(counts, above, n1);
  if (is<Bits, Three>() || is<Bits, Four>()) {
    above = add(counts + 4, above, n2);
    above = add(counts + 8, above, n3);
  }
  if (is<Bits, Four>()) {
    above = add(counts + 12, above, n4);
    above = add(counts + 16, above, n5);
    above = add(counts + 20, above, n6);
    above = add(counts + 24, above, n7);
  }
  const last = counts + ((signOf<Bits>() - 1) << 2);
  store<u32>(last, load<u32>(last) + above);
}

/** Stores 16 codes side by side: bytes are joined to pairs, those to fours, those to eights. */
// @ts-ignore: decorator
@inline
function packBytes<Bits>(to: usize, bytes: v128): void {
  if (is<Bits, One>()) {
    store<u16>(to, <u16>i8x16.bitmask(i8x16.neg(bytes)));
  } else if (is<Bits, Two>()) {
    const pairs = v128.and(v128.or(bytes, i16x8.shr_u(bytes, 6)), i16x8.splat(0xf));
    const fours = v128.and(v128.or(pairs, i32x4.shr_u(pairs, 12)), i32x4.splat(0xff));
    const words = i16x8.narrow_i32x4_u(fours, fours);
    v128.store32_lane(to, i8x16.narrow_i16x8_u(words, words), 0);
  } else if (is<Bits, Three>()) {
    const pairs = v128.and(v128.or(bytes, i16x8.shr_u(bytes, 5)), i16x8.splat(0x3f));
    const fours = v128.and(v128.or(pairs, i32x4.shr_u(pairs, 10)), i32x4.splat(0xfff));
    const eights = v128.or(fours, i64x2.shr_u(fours, 20));
    const sixteen = (i64x2.extract_lane(eights, 0) & 0xffffff) | (i64x2.extract_lane(eights, 1) << 24);
    store<u32>(to, <u32>sixteen);
    store<u16>(to, <u16>(sixteen >> 32), 4);
  } else {
    const pairs = v128.and(v128.or(bytes, i16x8.shr_u(bytes, 4)), i16x8.splat(0xff));
    v128.store64_lane(to, i8x16.narrow_i16x8_u(pairs, pairs), 0);
  }
}

/** Adds what of `above` is not among the sum of these bytes, which it gives. */
function add(count: usize, above: u32, bytes: v128): u32 {
  const pairs = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes));
  const further =
    i32x4.extract_lane(pairs, 0) +
    i32x4.extract_lane(pairs, 1) +
    i32x4.extract_lane(pairs, 2) +
    i32x4.extract_lane(pairs, 3);
  store<u32>(count, load<u32>(count) + above - further);
  return further;
}
