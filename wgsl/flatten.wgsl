// Flattened signs by blocks of up to a tile: z = H D x (fwht.wgsl), one bit an element of it, and what stands for a
// block, without z ever leaving workgroup memory.
//
//   flattenNorm    sign bits of z + u, u uniform in [-width, width] (dither.wgsl, where the width is called lambda);
//                  width = widths[s] = factor * root(sum of the squares of x in block s)
//   flattenMax     the same with widths[s] = the largest |z| of block s
//   flattenGiven   the same with one width for all blocks, widths[0], which is given
//   flattenMean    sign bits of z, widths[s] = the sum of |z| in block s
//   flattenDrive   the same, and squares[s] = the sum of the squares of x in block s
//                  all raise largest[0] to the largest key of x, also of elements whose key is below `tiny`
//
// Before that x is taken times `scale`, a power of two, and as +0 where its key is below `tiny`
// (ts/kernels/scaling.ts).
// flatten-decode.wgsl has what decodes them.
//
// Sums follow the tree of reduce.wgsl, in place: a lane of a block leaves the sum of its rows where its first row was,
// and lanes fold there. Only then is the tile used for the transform: the 16 neighbours with which a thread begins wait
// in its registers. Afterwards z lies in the tile, and a thread makes half a word of bits of 16 neighbours of it. Their
// draws are four hashes: neighbours 4 c .. 4 c + 3 take component c of the four, in this order (random.wgsl). The root
// is made of integers, as in scalars.wgsl.
//
// Library           butterflies, flattening, pcg4d, root, sixteens
// Bindings          x: in, n words; bits: out, 32 elements a word; widths: out, a word a block, in flattenGiven one
//                   word, in; squares: out, a word a block; largest: 1 word, cleared
// Passes            1 for blocks of up to 4096; for longer ones those of the kernels that a kernel is made of
//   flattenSigns(n = 2^24, total = 2^24, block = 4096, way = 0): clear max, flattenNorm
//   flattenSigns(n = 2^24, total = 2^24, block = 1024, way = 1): clear max, flattenMax
//   flattenSigns(n = 2^24, total = 2^24, block = 4096, way = 2): clear max, flattenGiven
//   flattenSigns(n = 2^24, total = 2^24, block = 4096, way = 3): clear max, flattenMean
//   flattenSigns(n = 2^24, total = 2^24, block = 4096, way = 4): clear max, flattenDrive
//   unflattenSigns(n = 2^24, total = 2^24, block = 4096, add = 0): flatten-decode.decode
//   unflattenSigns(n = 2^24, total = 2^24, block = 1024, add = 1): flatten-decode.addDecoded
// Entry points        threads  workgroups    workgroup bytes  words read         words written
//   flattenNorm           256  total / 4096           16,384  n + total / block  total / 32 + total / block
//   flattenMax            256  total / 4096           16,384  n + total / block  total / 32 + total / block
//   flattenGiven          256  total / 4096           16,384  n + 1              total / 32
//   flattenMean           256  total / 4096           16,384  n                  total / 32 + total / block
//   flattenDrive          256  total / 4096           16,384  n                  total / 32 + 2 total / block
// Occupancy         workgroup memory, 64 bytes a thread, and registers, 16 floats a thread and as many being made; a
//                   hash for 4 elements and one for the flips of 16. The lanes of a tile keep half of the threads busy
//                   with a sum, and a root one thread a block. An atomic a workgroup for the largest key
// Edges             elements beyond x count as +0; so do scaled magnitudes below 2^-102, in squares below 2^-51; widths
//                   and |z| below 2^-102 are +0. Signs of zero are masked, since WGSL may ignore them. A tile may hold
//                   many blocks, or stand over the end of z, where its bits are 0
const WIDTH = 256u;
const TILE = 4096u;

struct Params {
  n: u32, // words of x in this window
  total: u32, // elements of z in this window
  first: u32, // index of the window's first element
  block: u32, // a power of two up to TILE
  segment: u32, // elements for which a width stands: block, or in flattenGiven all
  owner: u32, // the block of widths[0] and squares[0]
  tiny: u32, // the key below which an element of x counts as +0
  scale: f32, // of x, a power of two
  factor: f32, // of flattenNorm, from the root to the width
  counter: u32, // that of the flips of the window's first element
  seed: u32,
  step: u32,
  stream: u32,
  zero: u32, // 0, which no compiler knows: see `rounded`
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;
@group(0) @binding(3) var<storage, read_write> widths: array<u32>;
@group(0) @binding(4) var<storage, read_write> squares: array<u32>;
@group(0) @binding(5) var<storage, read_write> largest: array<atomic<u32>>;

var<workgroup> tile: array<u32, TILE>;

// width * 2^-23 for element i of the window, or for its last where i lies beyond: a dither is this times an odd number.
fn scaleOf(i: u32) -> f32 {
  let width = widths[(p.first + min(i, p.total - 1u)) / p.segment - p.owner];
  return bitcast<f32>(select(width - (23u << 23u), 0u, width < TINY));
}

// The bits of four neighbours from element `at` of the window on. `sharedScale` is that of all of them where a width
// stands for 16 elements or more.
fn four(v: vec4f, at: u32, draws: vec4u, sharedScale: f32) -> u32 {
  var scales = vec4f(sharedScale);
  if (p.segment < 16u) {
    scales = vec4f(scaleOf(at), scaleOf(at + 1u), scaleOf(at + 2u), scaleOf(at + 3u));
  }
  let words = bitcast<vec4u>(v);
  let values = bitcast<vec4f>(select(words, vec4u(0u), (words & vec4u(MAGNITUDE)) < vec4u(TINY)));
  let odd = vec4f(vec4i((draws >> vec4u(8u)) | vec4u(1u)) - vec4i(0x800000));
  let below = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), values < odd * scales);
  return below.x | below.y | below.z | below.w;
}

// The bits of the thread's 16 neighbours of z with their dither.
fn dithered(base: u32, t: u32, v: Sixteen) -> u32 {
  let at = base + t * 16u;
  let counter = (p.first + at) / 4u;
  let a = hashOf(counter);
  let b = hashOf(counter + 1u);
  let c = hashOf(counter + 2u);
  let d = hashOf(counter + 3u);
  let sharedScale = scaleOf(at);
  var half = four(v.a, at, vec4u(a.x, b.x, c.x, d.x), sharedScale);
  half |= four(v.b, at + 4u, vec4u(a.y, b.y, c.y, d.y), sharedScale) << 4u;
  half |= four(v.c, at + 8u, vec4u(a.z, b.z, c.z, d.z), sharedScale) << 8u;
  return half | (four(v.d, at + 12u, vec4u(a.w, b.w, c.w, d.w), sharedScale) << 12u);
}

// The bits of the thread's 16 neighbours of z without a dither.
fn signsOf(v: Sixteen) -> u32 {
  return negative(v.a) | (negative(v.b) << 4u) | (negative(v.c) << 8u) | (negative(v.d) << 12u);
}
fn negative(v: vec4f) -> u32 {
  let below = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), bitcast<vec4u>(v) > vec4u(SIGN));
  return below.x | below.y | below.z | below.w;
}

// Puts two halves of a word together, and raises the largest key.
fn finish(base: u32, t: u32, half: u32, top: u32) {
  // what is beyond z has no bits
  let left = min(16u, p.total - min(base + t * 16u, p.total));
  workgroupBarrier();
  tile[t] = half & ((1u << left) - 1u);
  raise(t, top);
  let at = base + t * 32u;
  if (t < TILE / 32u && at < p.total) {
    bits[at / 32u] = tile[2u * t] | (tile[2u * t + 1u] << 16u);
  }
}

// widths[s] of the tile's blocks, once the squares of each lie at its start; no product of zeros keeps its sign.
fn writeNorms(base: u32, t: u32) {
  for (var s = t; s < blocksOf(base); s += WIDTH) {
    let width = bitcast<u32>(p.factor * bitcast<f32>(root(keyOf(s)))) & MAGNITUDE;
    widths[firstBlock(base) + s] = select(width, 0u, width < TINY);
  }
}
fn writeWidths(base: u32, t: u32) {
  for (var s = t; s < blocksOf(base); s += WIDTH) {
    widths[firstBlock(base) + s] = keyOf(s);
  }
}

@compute @workgroup_size(WIDTH)
fn flattenNorm(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  let v = take(t * 16u, 1u);
  workgroupBarrier();
  reduce(t, OF_SQUARES);
  writeNorms(base, t);
  workgroupBarrier();
  storageBarrier();
  flatten(base, t, v);
  finish(base, t, dithered(base, t, take(t * 16u, 1u)), top);
}

@compute @workgroup_size(WIDTH)
fn flattenMax(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  flatten(base, t, take(t * 16u, 1u));
  let z = take(t * 16u, 1u);
  workgroupBarrier();
  reduce(t, OF_KEYS);
  writeWidths(base, t);
  workgroupBarrier();
  storageBarrier();
  finish(base, t, dithered(base, t, z), top);
}

@compute @workgroup_size(WIDTH)
fn flattenGiven(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  flatten(base, t, take(t * 16u, 1u));
  finish(base, t, dithered(base, t, take(t * 16u, 1u)), top);
}

@compute @workgroup_size(WIDTH)
fn flattenMean(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  flatten(base, t, take(t * 16u, 1u));
  let half = signsOf(take(t * 16u, 1u));
  workgroupBarrier();
  reduce(t, OF_MAGNITUDES);
  writeWidths(base, t);
  finish(base, t, half, top);
}

@compute @workgroup_size(WIDTH)
fn flattenDrive(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  let v = take(t * 16u, 1u);
  workgroupBarrier();
  reduce(t, OF_SQUARES);
  for (var s = t; s < blocksOf(base); s += WIDTH) {
    squares[firstBlock(base) + s] = keyOf(s);
  }
  workgroupBarrier();
  flatten(base, t, v);
  let half = signsOf(take(t * 16u, 1u));
  workgroupBarrier();
  reduce(t, OF_MAGNITUDES);
  writeWidths(base, t);
  finish(base, t, half, top);
}
