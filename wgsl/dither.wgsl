// Dithered signs: bit i = z[i] < d[i] * (lambda * 2^-23), which is sign(z + u), u uniform in [-lambda, lambda].
//
//   packDithered   d[i] = (w | 1) - 2^23, w = the upper 24 bits of word i of the generator (random.wgsl);
//                  lambda = lambdas[floor(i / segment)]
//   packAndFind    the same, and raises largest[0] to the largest key of z
//
// A tile of z is read by neighbours into workgroup memory; then a thread makes a word of 32 neighbours of it. These lie
// under 8 hashes, four for each 16: component c of four successive hashes are the words of four neighbours.
//
// A scale is a lambda with 23 taken off its exponent, a draw is odd and below 2^23: their product is normal, or zero,
// and is compared, not added, so there is nothing to fuse.
//
// Library           pcg4d
// Bindings          z, lambdas: in, a word an element, or a segment; bits: out, 32 elements a word; largest: 1 word,
//                   cleared
// Passes            1 of either
//   packDithered(n = 2^24, segment = 4096): packDithered
//   ditheredAndMax(n = 2^24, segment = 2^24): clear max, packAndFind
// Entry points        threads  workgroups  workgroup bytes  words read       words written
//   packDithered          128  n / 4096             16,384  n + n / segment  n / 32
//   packAndFind           128  n / 4096             16,384  n + n / segment  n / 32
// Occupancy         workgroup memory, 128 bytes a thread; then arithmetic: a hash for 4 elements. An atomic a workgroup
//                   for the largest key
// Edges             z and lambdas below 2^-102 count as +0; the last word is filled up with zeros; a window starts at
//                   a tile
const WIDTH = 128u;
const TILE = 4096u; // elements of a workgroup: 32 a thread
const TINY = 0x0c800000u;
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // elements in this window
  first: u32, // index of the window's first element
  segment: u32,
  owner: u32, // the segment of lambdas[0]
  seed: u32,
  step: u32,
  stream: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> z: array<u32>;
@group(0) @binding(2) var<storage, read> lambdas: array<u32>;
@group(0) @binding(3) var<storage, read_write> bits: array<u32>;
@group(0) @binding(4) var<storage, read_write> largest: array<atomic<u32>>;

var<workgroup> tile: array<u32, TILE>;

// Where element i of a tile lies: the elements that 32 threads take at once are 32 apart, and in 32 banks.
fn slot(i: u32) -> u32 {
  return i ^ ((i / 32u) % 32u);
}

fn hashOf(counter: u32) -> vec4u {
  return pcg4d(vec4u(counter, p.seed, p.step, p.stream));
}

// lambda * 2^-23 for element i of the window, or for its last where i lies beyond.
fn scaleOf(i: u32) -> f32 {
  let lambda = lambdas[(p.first + min(i, p.n - 1u)) / p.segment - p.owner];
  return bitcast<f32>(select(lambda - (23u << 23u), 0u, lambda < TINY));
}

// The elements of a word.
struct Word {
  at: u32, // the first of them, in the window
  scale: f32, // its scale
  same: bool, // whether it is the scale of all
}

// The bits of elements i to i + 3 of the word, where they belong in it.
fn four(word: Word, i: u32, draws: vec4u) -> u32 {
  var scales = vec4f(word.scale);
  if (!word.same) {
    let at = word.at + i;
    scales = vec4f(scaleOf(at), scaleOf(at + 1u), scaleOf(at + 2u), scaleOf(at + 3u));
  }
  let odd = vec4f(vec4i((draws >> vec4u(8u)) | vec4u(1u)) - vec4i(0x800000));
  let at = word.at % TILE + i;
  let values = vec4u(tile[slot(at)], tile[slot(at + 1u)], tile[slot(at + 2u)], tile[slot(at + 3u)]);
  let found = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), bitcast<vec4f>(values) < odd * scales);
  return (found.x | found.y | found.z | found.w) << i;
}

// Brings a tile of z, and gives the largest key of what the thread brought. Loads do not wait for each other.
fn fill(base: u32, t: u32) -> u32 {
  var top = vec4u(0u);
  for (var i = t; i < TILE; i += 4u * WIDTH) {
    let at = vec4u(base + i) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
    let held = min(at, vec4u(p.n - 1u));
    let words = select(vec4u(0u), vec4u(z[held.x], z[held.y], z[held.z], z[held.w]), at < vec4u(p.n));
    let keys = words & vec4u(MAGNITUDE);
    top = max(top, keys);
    let values = select(words, vec4u(0u), keys < vec4u(TINY));
    tile[slot(i)] = values.x;
    tile[slot(i + WIDTH)] = values.y;
    tile[slot(i + 2u * WIDTH)] = values.z;
    tile[slot(i + 3u * WIDTH)] = values.w;
  }
  workgroupBarrier();
  return max(max(top.x, top.y), max(top.z, top.w));
}

// Writes the thread's word of the tile.
fn pack(base: u32, t: u32) {
  let at = base + t * 32u;
  if (at >= p.n) {
    return;
  }
  let count = min(32u, p.n - at);
  let left = p.segment - (p.first + at) % p.segment;
  let word = Word(at, scaleOf(at), left >= count);
  var found = 0u;
  for (var i = 0u; i < 32u; i += 16u) {
    let counter = (p.first + at + i) / 4u;
    let a = hashOf(counter);
    let b = hashOf(counter + 1u);
    let c = hashOf(counter + 2u);
    let d = hashOf(counter + 3u);
    found |= four(word, i, vec4u(a.x, b.x, c.x, d.x));
    found |= four(word, i + 4u, vec4u(a.y, b.y, c.y, d.y));
    found |= four(word, i + 8u, vec4u(a.z, b.z, c.z, d.z));
    found |= four(word, i + 12u, vec4u(a.w, b.w, c.w, d.w));
  }
  bits[at / 32u] = found & (0xffffffffu >> (32u - count));
}

@compute @workgroup_size(WIDTH)
fn packDithered(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  pack(base, t);
}

@compute @workgroup_size(WIDTH)
fn packAndFind(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  pack(base, t);
  // The tile is of no more use: the keys of all threads fold in it.
  workgroupBarrier();
  tile[t] = top;
  workgroupBarrier();
  for (var h = WIDTH / 2u; h > 0u; h /= 2u) {
    if (t < h) {
      tile[t] = max(tile[t], tile[t + h]);
    }
    workgroupBarrier();
  }
  if (t == 0u) {
    atomicMax(&largest[0], tile[0]);
  }
}
