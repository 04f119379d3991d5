// Reductions: sums by one fixed tree, extremes and non-finite elements by integers.
//
//   sumMagnitudes  sums[s] = tree over segment s of |x[i]| * scale, where a key below `tiny` counts as zero
//   sumSquares     the same of squares, in two parts: m = |x[i]| * scale is high + low, high its first 12 bits;
//                  high * high is added, then 2 * high * low
//   packAndSum     sumMagnitudes, and bit i of signs = x[i] < 0 (pack.wgsl), for segments of whole words
//                  all three raise largest[s] to the largest key of segment s, whatever `tiny` is
//   sumBlocks      the tree's next levels: the same of x[i], which are sums of blocks
//   findExtremes   range = least and greatest key: that of |x[i]|, in the order of values negated where the sign is set
//   findNonFinite  found = how many keys are those of infinity or NaN, and the first such index
//   start          the two words that findExtremes and findNonFinite start from
//
// The tree (docs/same-bytes.md): a block is 1024 elements as 32 rows of 32 lanes. A lane adds its rows in order from
// +0; lanes fold by halves, 16, 8, 4, 2, 1. `scale` is a power of two, and a product of two numbers of 12 bits is
// exact, so that a compiler that fuses a product and a sum rounds the same. What a compiler may not do is add in
// another order: each sum goes through `rounded`. Elements beyond the end would add +0, which changes no sum of
// magnitudes.
//
// Bindings          x: in, n words; sums: out, a word a block; largest: a word a segment, cleared;
//                   signs: out, 32 elements a word; range, found: 2 words
// Passes            sums: one for each level, max(1, ceil(log(segment) / log(1024))) levels, all but the first by
//                   sumBlocks; start and one more for extremes and what is not finite
//   absSum(n = 2^24, segment = 1024): clear max, sumMagnitudes
//   absSum(n = 2^24, segment = 2^24): clear max, sumMagnitudes, sumBlocks, sumBlocks
//   squareSum(n = 2^24, segment = 4096): clear max, sumSquares, sumBlocks
//   signsAndSum(n = 2^24, segment = 2^24): clear max, packAndSum, sumBlocks, sumBlocks
//   signsAndSum(n = 2^24, segment = 1000): pack.packSigns, clear max, sumMagnitudes
//   extremes(n = 2^24): start, findExtremes
//   nonFinite(n = 2^24): start, findNonFinite
// Entry points   threads  workgroups  workgroup bytes  words read                words written
//   sumMagnitudes    256  count / 8             2,048  count min(segment, 1024)  count
//   sumSquares       256  count / 8             2,048  count min(segment, 1024)  count
//   packAndSum       256  count / 8             2,048  count min(segment, 1024)  count + count min(segment, 1024) / 32
//   sumBlocks        256  count / 8             2,048  count min(segment, 1024)  count
//   findExtremes     256  n / tile                  8  n                         0
//   findNonFinite    256  n / tile                  8  n                         0
//   start              1  1                         0  0                         2
// Occupancy         threads, at 8 bytes of workgroup memory a thread; six barriers for the fold, two for signs. A block
//                   has min(segment, 1024) elements, count is the blocks of all segments; one of fewer than 32 elements
//                   leaves lanes idle. Beside what is written, an atomic a workgroup for the largest key, 8 where it
//                   holds several segments, and 2 for what is found
// Edges             segments end at the end of x; blocks beyond it sum to +0, whose sign is masked, since WGSL may
//                   ignore it
const WIDTH = 256u;
const LANES = 32u;
const BLOCK = 1024u;
const BLOCKS = WIDTH / LANES; // of a workgroup
const MAGNITUDE = 0x7fffffffu;
const INFINITE = 0x7f800000u;
const HIGH_MASK = 0xfffff000u;

struct Params {
  n: u32, // elements in all; in findExtremes and findNonFinite, in this window
  origin: u32, // index of x[0]: where the window starts
  segment: u32,
  blocks: u32, // blocks of a segment
  first: u32, // the first block of this pass
  count: u32, // blocks of this pass
  place: u32, // where the sum of block `first` goes
  owner: u32, // the segment of largest[0]
  word: u32, // which word of all signs signs[0] is
  tiny: u32,
  scale: f32,
  order: u32, // 0: by magnitude, 1: by value
  tile: u32, // elements of a workgroup where their order does not matter, a multiple of 4 WIDTH
  word0: u32,
  word1: u32,
  zero: u32, // 0, which no compiler knows: see `rounded`
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
@group(0) @binding(3) var<storage, read_write> largest: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> range: array<atomic<i32>>;
@group(0) @binding(5) var<storage, read_write> found: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> words: array<u32>;
@group(0) @binding(7) var<storage, read_write> signs: array<u32>;

var<workgroup> parts: array<f32, WIDTH>;
var<workgroup> keys: array<u32, WIDTH>;
var<workgroup> least: atomic<i32>;
var<workgroup> greatest: atomic<i32>;
var<workgroup> strange: atomic<u32>;
var<workgroup> earliest: atomic<u32>;

// A float, rounded here: no compiler can see through the xor, so none can add in another order, nor draw two products
// into one.
fn rounded(value: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(value) ^ p.zero);
}

// The elements of a block: `count` words of x from `at` on.
struct Span {
  at: u32,
  count: u32,
}

fn spanOf(number: u32) -> Span {
  if (number >= p.count) {
    return Span(0u, 0u);
  }
  let whole = p.first + number;
  let inside = whole % p.blocks * BLOCK;
  let start = whole / p.blocks * p.segment + inside;
  if (start >= p.n) {
    return Span(0u, 0u);
  }
  return Span(start - p.origin, min(BLOCK, min(p.segment - inside, p.n - start)));
}

// Four rows of a lane, from this one on; +0 beyond the end. Their loads do not wait for each other.
fn four(span: Span, lane: u32, row: u32) -> vec4u {
  let i = vec4u(row * LANES + lane) + vec4u(0u, LANES, 2u * LANES, 3u * LANES);
  let at = vec4u(span.at) + min(i, vec4u(max(span.count, 1u) - 1u));
  return select(vec4u(0u), vec4u(x[at.x], x[at.y], x[at.z], x[at.w]), i < vec4u(span.count));
}

// A sum with four more terms, one after the other.
fn sumOf(sum: f32, terms: vec4f) -> f32 {
  return rounded(rounded(rounded(rounded(sum + terms.x) + terms.y) + terms.z) + terms.w);
}

// Magnitudes by their keys, scaled; those below `tiny` are zero.
fn counted(keys: vec4u) -> vec4f {
  return bitcast<vec4f>(select(keys, vec4u(0u), keys < vec4u(p.tiny))) * p.scale;
}

fn largestOf(keys: vec4u) -> u32 {
  return max(max(keys.x, keys.y), max(keys.z, keys.w));
}

// Folds the sums, and the largest keys, of the lanes of each block; lane 0 writes the sum.
fn fold(t: u32, number: u32, sum: f32, key: u32) {
  let lane = t % LANES;
  parts[t] = sum;
  keys[t] = key;
  workgroupBarrier();
  for (var h = LANES / 2u; h > 0u; h /= 2u) {
    if (lane < h) {
      parts[t] = rounded(parts[t] + parts[t + h]);
      keys[t] = max(keys[t], keys[t + h]);
    }
    workgroupBarrier();
  }
  if (lane == 0u && number < p.count) {
    sums[p.place + number] = bitcast<u32>(parts[t]) & MAGNITUDE;
  }
}

// After `fold`: raises the largest key of each segment, by one atomic where all blocks of the workgroup lie in one.
fn raise(t: u32, number: u32) {
  if (t % LANES != 0u || number >= p.count) {
    return;
  }
  let first = p.first + number - t / LANES;
  let last = p.first + min(number - t / LANES + BLOCKS, p.count) - 1u;
  let owner = (p.first + number) / p.blocks - p.owner;
  if (first / p.blocks != last / p.blocks) {
    atomicMax(&largest[owner], keys[t]);
  } else if (t == 0u) {
    var key = 0u;
    for (var lane = 0u; lane < WIDTH; lane += LANES) {
      key = max(key, keys[lane]);
    }
    atomicMax(&largest[owner], key);
  }
}

@compute @workgroup_size(WIDTH)
fn sumMagnitudes(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = (id.y * grid.x + id.x) * BLOCKS + t / LANES;
  let span = spanOf(number);
  var sum = 0.0;
  var top = 0u;
  for (var row = 0u; row * LANES < span.count; row += 4u) {
    let keys = four(span, t % LANES, row) & vec4u(MAGNITUDE);
    top = max(top, largestOf(keys));
    sum = sumOf(sum, counted(keys));
  }
  fold(t, number, sum, top);
  raise(t, number);
}

// Writes the signs of a block, a word a row: each thread brings the bits of its lane, one a row, and takes a row's.
fn pack(t: u32, span: Span, column: u32) {
  keys[t] = column;
  workgroupBarrier();
  let row = t % LANES;
  var word = 0u;
  for (var i = 0u; i < LANES; i++) {
    // each thread starts at another lane, in another bank
    let lane = (i + t) % LANES;
    word |= ((keys[t - row + lane] >> row) & 1u) << lane;
  }
  if (row * LANES < span.count) {
    signs[(p.origin + span.at) / LANES + row - p.word] = word;
  }
  workgroupBarrier();
}

@compute @workgroup_size(WIDTH)
fn packAndSum(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = (id.y * grid.x + id.x) * BLOCKS + t / LANES;
  let span = spanOf(number);
  var sum = 0.0;
  var top = 0u;
  var column = 0u;
  for (var row = 0u; row * LANES < span.count; row += 4u) {
    let words = four(span, t % LANES, row);
    let negative = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), words > vec4u(0x80000000u));
    column |= (negative.x | negative.y | negative.z | negative.w) << row;
    let keys = words & vec4u(MAGNITUDE);
    top = max(top, largestOf(keys));
    sum = sumOf(sum, counted(keys));
  }
  pack(t, span, column);
  fold(t, number, sum, top);
  raise(t, number);
}

// A sum with the square of one more magnitude, in two parts.
fn squareAdded(sum: f32, magnitude: f32) -> f32 {
  let high = bitcast<f32>(bitcast<u32>(magnitude) & HIGH_MASK);
  let low = rounded(magnitude - high);
  return rounded(rounded(sum + high * high) + high * (low + low));
}

@compute @workgroup_size(WIDTH)
fn sumSquares(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = (id.y * grid.x + id.x) * BLOCKS + t / LANES;
  let span = spanOf(number);
  var sum = 0.0;
  var top = 0u;
  for (var row = 0u; row * LANES < span.count; row += 4u) {
    let keys = four(span, t % LANES, row) & vec4u(MAGNITUDE);
    top = max(top, largestOf(keys));
    let magnitudes = counted(keys);
    sum = squareAdded(sum, magnitudes.x);
    sum = squareAdded(sum, magnitudes.y);
    sum = squareAdded(sum, magnitudes.z);
    sum = squareAdded(sum, magnitudes.w);
  }
  fold(t, number, sum, top);
  raise(t, number);
}

@compute @workgroup_size(WIDTH)
fn sumBlocks(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = (id.y * grid.x + id.x) * BLOCKS + t / LANES;
  let span = spanOf(number);
  var sum = 0.0;
  for (var row = 0u; row * LANES < span.count; row += 4u) {
    sum = sumOf(sum, bitcast<vec4f>(four(span, t % LANES, row)));
  }
  fold(t, number, sum, 0u);
}

@compute @workgroup_size(1)
fn start() {
  words[0] = p.word0;
  words[1] = p.word1;
}

// Elements i, i + WIDTH, i + 2 WIDTH and i + 3 WIDTH, or the last before `end`. Their loads do not wait for each other.
fn neighbours(i: u32, end: u32) -> vec4u {
  let at = min(vec4u(i) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH), vec4u(end - 1u));
  return vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
}

@compute @workgroup_size(WIDTH)
fn findExtremes(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * p.tile;
  let end = min(base + p.tile, p.n);
  var low = vec4i(0x7fffffff);
  var high = vec4i(-0x7fffffff);
  for (var i = base + t; i < end; i += 4u * WIDTH) {
    // what lies beyond the end is its last element once more
    let words = neighbours(i, end);
    let magnitudes = vec4i(words & vec4u(MAGNITUDE));
    let negated = (words > vec4u(MAGNITUDE)) & vec4<bool>(p.order == 1u);
    let key = select(magnitudes, vec4i(0) - magnitudes, negated);
    low = min(low, key);
    high = max(high, key);
  }
  let lowest = min(min(low.x, low.y), min(low.z, low.w));
  let highest = max(max(high.x, high.y), max(high.z, high.w));
  if (t == 0u) {
    atomicStore(&least, lowest);
    atomicStore(&greatest, highest);
  }
  workgroupBarrier();
  atomicMin(&least, lowest);
  atomicMax(&greatest, highest);
  workgroupBarrier();
  if (t == 0u) {
    atomicMin(&range[0], atomicLoad(&least));
    atomicMax(&range[1], atomicLoad(&greatest));
  }
}

@compute @workgroup_size(WIDTH)
fn findNonFinite(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * p.tile;
  let end = min(base + p.tile, p.n);
  var own = 0u;
  var at = 0xffffffffu;
  for (var i = base + t; i < end; i += 4u * WIDTH) {
    let places = vec4u(i) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
    let found = ((neighbours(i, end) & vec4u(MAGNITUDE)) >= vec4u(INFINITE)) & (places < vec4u(end));
    let counts = select(vec4u(0u), vec4u(1u), found);
    own += counts.x + counts.y + counts.z + counts.w;
    let first = select(vec4u(0xffffffffu), p.origin + places, found);
    at = min(at, min(min(first.x, first.y), min(first.z, first.w)));
  }
  if (t == 0u) {
    atomicStore(&strange, 0u);
    atomicStore(&earliest, 0xffffffffu);
  }
  workgroupBarrier();
  if (own > 0u) {
    atomicAdd(&strange, own);
    atomicMin(&earliest, at);
  }
  workgroupBarrier();
  if (t == 0u && atomicLoad(&strange) > 0u) {
    atomicAdd(&found[0], atomicLoad(&strange));
    atomicMin(&found[1], atomicLoad(&earliest));
  }
}
