// Flattened signs decoded, by blocks of up to a tile: v = D H s, s = -1 where a bit is 1, else 1, each element times
// the scale of its block; t = H s never leaves workgroup memory.
//
//   decode      y = v
//   addDecoded  y = y + factor * v, the product and the sum rounded in turn, as accumulate.wgsl has it
//
// A thread begins with the 16 neighbours of half a word of bits, and ends with 16 elements a row of 256 apart, so that
// y is read and written by neighbours. By then the tile is free for the hashes of its flips, which 32 threads make
// before the first barrier.
//
// Library           butterflies, pcg4d, product, sixteens
// Bindings          bits: in, 32 elements a word; scales: in, a word a block; y: out, n words, in addDecoded in and
//                   out
// Passes            flatten.wgsl has them
// Entry points        threads  workgroups  workgroup bytes  words read              words written
//   decode                256  n / 4096             16,384  n / 32 + n / block      n
//   addDecoded            256  n / 4096             16,384  n + n / 32 + n / block  n
// Occupancy         workgroup memory, 64 bytes a thread, and registers, 16 floats a thread and as many being made
// Edges             t has whole numbers alone, which are exact; scales are +0 or normal. v beyond float32 is the
//                   largest finite number, and zero is +0, as is a sum of zero, since WGSL may ignore its sign. What
//                   is added, to what, and the product count as +0 below 2^-102. A tile may hold many blocks, or stand
//                   over the end of the last one; a block may stand over the end of y
const WIDTH = 256u;
const TILE = 4096u;
const HASHED = 128u; // flips that one hash draws
const ONE = 0x3f800000u; // the bits of 1
const TINY = 0x0c800000u; // the key of 2^-102
const MAGNITUDE = 0x7fffffffu;
const SIGN = 0x80000000u;

struct Params {
  n: u32, // words of y in this window
  total: u32, // elements in this window, with the padding of the last block
  first: u32, // index of the window's first element
  block: u32, // a power of two up to TILE
  owner: u32, // the block of scales[0]
  counter: u32, // that of the flips of the window's first element
  seed: u32,
  step: u32,
  stream: u32,
  factor: f32,
  zero: u32, // 0, which no compiler knows
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, TILE>;

// 1, or -1 where a bit is 1, for the lowest four bits.
fn four(half: u32) -> vec4f {
  return bitcast<vec4f>(vec4u(ONE) | ((vec4u(half) << vec4u(31u, 30u, 29u, 28u)) & vec4u(SIGN)));
}

// t of elements base + t, base + t + 256 and so on. Afterwards the tile has the hashes of its flips.
fn transformed(base: u32, t: u32) -> Sixteen {
  var hash = vec4u(0u);
  if (t < TILE / HASHED) {
    hash = pcg4d(vec4u(p.counter + base / HASHED + t, p.seed, p.step, p.stream));
  }
  let stages = p.block - 1u;
  // beyond the last block the last word: nobody reads what is made of it
  let half = bits[min(base + t * 16u, p.total - 1u) / 32u] >> (t % 2u * 16u);
  let signs = Sixteen(four(half), four(half >> 4u), four(half >> 8u), four(half >> 12u));
  put(t * 16u, 1u, butterflies(signs, stages & 15u));
  workgroupBarrier();
  let at = t / 16u * 256u + t % 16u;
  put(at, 16u, butterflies(take(at, 16u), (stages >> 4u) & 15u));
  workgroupBarrier();
  let v = butterflies(take(t, 256u), stages >> 8u);
  workgroupBarrier();
  if (t < TILE / HASHED) {
    tile[t * 4u] = hash.x;
    tile[t * 4u + 1u] = hash.y;
    tile[t * 4u + 2u] = hash.z;
    tile[t * 4u + 3u] = hash.w;
  }
  workgroupBarrier();
  return v;
}

// The places in y of four elements of the tile, from element j on, 256 apart.
fn placesOf(base: u32, j: u32) -> vec4u {
  return vec4u(base + j) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
}

// v of these elements; beyond y, of the scale of its last.
fn decoded(base: u32, j: u32, t: vec4f) -> vec4u {
  let owner = (min(placesOf(base, j), vec4u(p.n - 1u)) + p.first) / p.block - p.owner;
  let by = vec4u(scales[owner.x], scales[owner.y], scales[owner.z], scales[owner.w]);
  // of elements 256 apart the flips are under every other hash, at the same bit
  let hash = j / HASHED * 4u + j % 4u;
  let flips = vec4u(tile[hash], tile[hash + 8u], tile[hash + 16u], tile[hash + 24u]) << vec4u(j / 4u % 32u);
  let words = bitcast<vec4u>(t);
  return vec4u(
    scaledBack(words.x, by.x, flips.x),
    scaledBack(words.y, by.y, flips.y),
    scaledBack(words.z, by.z, flips.z),
    scaledBack(words.w, by.w, flips.w),
  );
}

fn keep(places: vec4u, words: vec4u) {
  if (places.x < p.n) {
    y[places.x] = words.x;
  }
  if (places.y < p.n) {
    y[places.y] = words.y;
  }
  if (places.z < p.n) {
    y[places.z] = words.z;
  }
  if (places.w < p.n) {
    y[places.w] = words.w;
  }
}

fn decode4(base: u32, j: u32, v: vec4f) {
  keep(placesOf(base, j), decoded(base, j, v));
}

@compute @workgroup_size(WIDTH)
fn decode(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let v = transformed(base, t);
  decode4(base, t, v.a);
  decode4(base, t + 4u * WIDTH, v.b);
  decode4(base, t + 8u * WIDTH, v.c);
  decode4(base, t + 12u * WIDTH, v.d);
}

fn flushed(words: vec4u) -> vec4u {
  return select(words, vec4u(0u), (words & vec4u(MAGNITUDE)) < vec4u(TINY));
}

// Words that a compiler knows nothing of: it can neither join two products across them, nor a product and a sum.
fn opaque(words: vec4u) -> vec4u {
  return words ^ vec4u(p.zero);
}

fn add4(base: u32, j: u32, v: vec4f) {
  let places = placesOf(base, j);
  if (places.x >= p.n) {
    return;
  }
  // the first in the place of those beyond: no load waits for another, and none is of what another thread writes
  let at = select(vec4u(places.x), places, places < vec4u(p.n));
  let found = flushed(vec4u(y[at.x], y[at.y], y[at.z], y[at.w]));
  let by = flushed(opaque(decoded(base, j, v)));
  let term = flushed(opaque(bitcast<vec4u>(p.factor * bitcast<vec4f>(by))));
  let sum = bitcast<vec4u>(bitcast<vec4f>(found) + bitcast<vec4f>(term));
  keep(places, select(sum, vec4u(0u), (sum & vec4u(MAGNITUDE)) == vec4u(0u)));
}

@compute @workgroup_size(WIDTH)
fn addDecoded(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let v = transformed(base, t);
  add4(base, t, v.a);
  add4(base, t + 4u * WIDTH, v.b);
  add4(base, t + 8u * WIDTH, v.c);
  add4(base, t + 12u * WIDTH, v.d);
}
