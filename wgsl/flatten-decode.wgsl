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
// Library           butterflies, pcg4d, product, sixteens, unflattening
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
const ONE = 0x3f800000u; // the bits of 1
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

// The thread's 16 neighbours of s; beyond the last block those of the last word: nobody reads what is made of them.
fn numbers(base: u32, t: u32) -> Sixteen {
  let half = bits[min(base + t * 16u, p.total - 1u) / 32u] >> (t % 2u * 16u);
  return Sixteen(four(half), four(half >> 4u), four(half >> 8u), four(half >> 12u));
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
