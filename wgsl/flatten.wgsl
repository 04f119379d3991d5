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
// Library           butterflies, pcg4d, root, sixteens
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
const BLOCK = 1024u; // elements of a block of the tree
const LANES = 32u;
const HASHED = 128u; // flips that one hash draws
const TINY = 0x0c800000u; // the key of 2^-102
const TINY_SQUARED = 0x26000000u; // the key of 2^-51
const MAGNITUDE = 0x7fffffffu;
const SIGN = 0x80000000u;
const HIGH_MASK = 0xfffff000u;
// what `reduce` makes of a block
const OF_SQUARES = 0u;
const OF_MAGNITUDES = 1u;
const OF_KEYS = 2u;

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

// A float, rounded here: no compiler can see through the xor, so none can add in another order, nor draw two products
// into one.
fn rounded(value: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(value) ^ p.zero);
}

// Brings a tile of x, scaled, and gives the largest key of what the thread brought. Loads do not wait for each other.
fn fill(base: u32, t: u32) -> u32 {
  let last = max(p.n, 1u) - 1u;
  var top = vec4u(0u);
  for (var i = t; i < TILE; i += 4u * WIDTH) {
    let at = vec4u(base + i) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
    let held = min(at, vec4u(last));
    let found = vec4u(x[held.x], x[held.y], x[held.z], x[held.w]);
    let words = select(found, vec4u(0u), at >= vec4u(p.n));
    let keys = words & vec4u(MAGNITUDE);
    top = max(top, keys);
    put4(i, WIDTH, bitcast<vec4f>(select(words, vec4u(0u), keys < vec4u(p.tiny))) * p.scale);
  }
  workgroupBarrier();
  return max(max(top.x, top.y), max(top.z, top.w));
}

// `result` with one more word of the tile: its square or magnitude added, or the larger key.
fn joined(result: u32, word: u32, what: u32) -> u32 {
  let key = word & MAGNITUDE;
  if (what == OF_KEYS) {
    return max(result, key);
  }
  let sum = bitcast<f32>(result);
  if (what == OF_MAGNITUDES) {
    return bitcast<u32>(rounded(sum + bitcast<f32>(select(key, 0u, key < TINY))));
  }
  let magnitude = bitcast<f32>(select(key, 0u, key < TINY_SQUARED));
  let high = bitcast<f32>(bitcast<u32>(magnitude) & HIGH_MASK);
  let low = rounded(magnitude - high);
  return bitcast<u32>(rounded(rounded(sum + high * high) + high * (low + low)));
}

// Folds `lanes` words, `apart` from each other, at the start of every `length` elements of the tile.
fn fold(t: u32, lanes: u32, apart: u32, length: u32, what: u32) {
  for (var h = lanes / 2u; h > 0u; h /= 2u) {
    for (var i = t; i < TILE / length * h; i += WIDTH) {
      let at = slot(i / h * length + i % h * apart);
      let word = tile[slot(i / h * length + (i % h + h) * apart)];
      if (what == OF_KEYS) {
        tile[at] = max(tile[at], word);
      } else {
        tile[at] = bitcast<u32>(rounded(bitcast<f32>(tile[at]) + bitcast<f32>(word)));
      }
    }
    workgroupBarrier();
  }
}

// Leaves what there is of each block, its sum of squares or of magnitudes or its largest key, at its first element.
fn reduce(t: u32, what: u32) {
  let length = min(p.block, BLOCK);
  let lanes = min(p.block, LANES);
  for (var lane = t; lane < TILE / length * lanes; lane += WIDTH) {
    let start = lane / lanes * length + lane % lanes;
    var result = 0u;
    for (var i = start; i < start + length; i += lanes) {
      result = joined(result, tile[slot(i)], what);
    }
    tile[slot(start)] = result;
  }
  workgroupBarrier();
  fold(t, lanes, 1u, length, what);
  let longer = max(p.block, BLOCK);
  fold(t, longer / BLOCK, BLOCK, longer, what);
}

// Blocks of z in the tile that starts at `base`, and the first of them in widths and squares.
fn blocksOf(base: u32) -> u32 {
  return min(TILE, p.total - min(base, p.total)) / p.block;
}
fn firstBlock(base: u32) -> u32 {
  return (p.first + base) / p.block - p.owner;
}

// What `reduce` left of block s of the tile, as a key.
fn keyOf(s: u32) -> u32 {
  return tile[slot(s * p.block)] & MAGNITUDE;
}

fn hashOf(counter: u32) -> vec4u {
  return pcg4d(vec4u(counter, p.seed, p.step, p.stream));
}

// Leaves z in the tile; v is what thread t has of x: 16 neighbours.
fn flatten(base: u32, t: u32, v: Sixteen) {
  let first = t * 16u;
  let hash = hashOf(p.counter + (base + first) / HASHED);
  let shift = first % HASHED / 4u;
  let signed = Sixteen(
    flipped(v.a, hash, shift),
    flipped(v.b, hash, shift + 1u),
    flipped(v.c, hash, shift + 2u),
    flipped(v.d, hash, shift + 3u),
  );
  let stages = p.block - 1u;
  put(first, 1u, butterflies(signed, stages & 15u));
  workgroupBarrier();
  let at = t / 16u * 256u + t % 16u;
  put(at, 16u, butterflies(take(at, 16u), (stages >> 4u) & 15u));
  workgroupBarrier();
  put(t, 256u, butterflies(take(t, 256u), stages >> 8u));
  workgroupBarrier();
}

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
  tile[WIDTH + t] = top;
  workgroupBarrier();
  let at = base + t * 32u;
  if (t < TILE / 32u && at < p.total) {
    bits[at / 32u] = tile[2u * t] | (tile[2u * t + 1u] << 16u);
  }
  let eighth = t - TILE / 32u;
  if (eighth < WIDTH / 8u) {
    var key = 0u;
    for (var i = 0u; i < 8u; i++) {
      key = max(key, tile[WIDTH + eighth + i * (WIDTH / 8u)]);
    }
    tile[2u * WIDTH + eighth] = key;
  }
  workgroupBarrier();
  if (t == 0u) {
    var key = 0u;
    for (var i = 0u; i < WIDTH / 8u; i++) {
      key = max(key, tile[2u * WIDTH + i]);
    }
    atomicMax(&largest[0], key);
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
