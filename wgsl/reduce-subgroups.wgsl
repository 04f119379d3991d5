// The sums of reduce.wgsl, same tree and same bytes, where lanes of one subgroup fold by shuffles.
//
//   sumMagnitudes  sums[s] = tree over segment s of |x[i]| * scale, where a key below `tiny` counts as zero
//   sumSquares     the same of squares, in two parts: m = |x[i]| * scale is high + low, high its first 12 bits;
//                  high * high is added, then 2 * high * low
//   packAndSum     sumMagnitudes, and bit i of signs = x[i] < 0 (pack.wgsl), for segments of whole words
//                  all three raise largest[s] to the largest key of segment s, whatever `tiny` is
//   sumBlocks      the tree's next levels: the same of x[i], which are sums of blocks
//
// Lanes fold by halves, 16, 8, 4, 2, 1. A half of a subgroup's size or more goes through workgroup memory, a smaller
// one is a shuffle: on subgroups of 32 and more no barrier is left. Never subgroupAdd: it has no fixed order. Chosen
// where a probe has seen that the invocations of a subgroup follow the local index (ts/backends/webgpu/subgroups.ts).
//
// Bindings          as in reduce.wgsl
// Passes            as in reduce.wgsl
// Entry points   threads  workgroups  workgroup bytes  words read                words written
//   sumMagnitudes    256  count / 8             2,080  count min(segment, 1024)  count
//   sumSquares       256  count / 8             2,080  count min(segment, 1024)  count
//   packAndSum       256  count / 8             2,080  count min(segment, 1024)  count + count min(segment, 1024) / 32
//   sumBlocks        256  count / 8             2,080  count min(segment, 1024)  count
// Occupancy         as in reduce.wgsl, with log2(32 / size) + 1 of the fold's six barriers on subgroups of fewer than
//                   32, none on others; one more before the atomics
// Edges             as in reduce.wgsl
enable subgroups;

const WIDTH = 256u;
const LANES = 32u;
const BLOCK = 1024u;
const BLOCKS = WIDTH / LANES; // of a workgroup
const MAGNITUDE = 0x7fffffffu;
const HIGH_MASK = 0xfffff000u;

struct Params {
  n: u32, // elements in all
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
  order: u32,
  tile: u32,
  word0: u32,
  word1: u32,
  zero: u32, // 0, which no compiler knows: see `rounded`
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
@group(0) @binding(3) var<storage, read_write> largest: array<atomic<u32>>;
@group(0) @binding(7) var<storage, read_write> signs: array<u32>;

var<workgroup> parts: array<f32, WIDTH>;
var<workgroup> keys: array<u32, WIDTH>;
var<workgroup> tops: array<u32, BLOCKS>;

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

// Folds the sums, and the largest keys, of the lanes of each block; lane 0 writes the sum. `size` is the subgroup's.
fn fold(t: u32, size: u32, number: u32, ownSum: f32, ownKey: u32) {
  let lane = t % LANES;
  var sum = ownSum;
  var key = ownKey;
  var h = LANES / 2u;
  if (size < LANES) {
    parts[t] = sum;
    keys[t] = key;
    workgroupBarrier();
    for (; h >= size; h /= 2u) {
      if (lane < h) {
        parts[t] = rounded(parts[t] + parts[t + h]);
        keys[t] = max(keys[t], keys[t + h]);
      }
      workgroupBarrier();
    }
    sum = parts[t];
    key = keys[t];
  }
  // Only lanes below h matter; the others add what they get.
  for (; h > 0u; h /= 2u) {
    sum = rounded(sum + subgroupShuffleXor(sum, h));
    key = max(key, subgroupShuffleXor(key, h));
  }
  if (lane == 0u) {
    tops[t / LANES] = key;
    if (number < p.count) {
      sums[p.place + number] = bitcast<u32>(sum) & MAGNITUDE;
    }
  }
}

// After `fold`: raises the largest key of each segment, by one atomic where all blocks of the workgroup lie in one.
fn raise(t: u32, number: u32) {
  workgroupBarrier();
  if (t % LANES != 0u || number >= p.count) {
    return;
  }
  let first = p.first + number - t / LANES;
  let last = p.first + min(number - t / LANES + BLOCKS, p.count) - 1u;
  let owner = (p.first + number) / p.blocks - p.owner;
  if (first / p.blocks != last / p.blocks) {
    atomicMax(&largest[owner], tops[t / LANES]);
  } else if (t == 0u) {
    var key = 0u;
    for (var i = 0u; i < BLOCKS; i++) {
      key = max(key, tops[i]);
    }
    atomicMax(&largest[owner], key);
  }
}

@compute @workgroup_size(WIDTH)
fn sumMagnitudes(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
  @builtin(subgroup_size) size: u32,
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
  fold(t, size, number, sum, top);
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
  @builtin(subgroup_size) size: u32,
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
  fold(t, size, number, sum, top);
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
  @builtin(subgroup_size) size: u32,
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
  fold(t, size, number, sum, top);
  raise(t, number);
}

@compute @workgroup_size(WIDTH)
fn sumBlocks(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
  @builtin(subgroup_size) size: u32,
) {
  let number = (id.y * grid.x + id.x) * BLOCKS + t / LANES;
  let span = spanOf(number);
  var sum = 0.0;
  for (var row = 0u; row * LANES < span.count; row += 4u) {
    sum = sumOf(sum, bitcast<vec4f>(four(span, t % LANES, row)));
  }
  fold(t, size, number, sum, 0u);
}
