// Flattened levels decoded, by blocks of up to a tile: v = D H q, q the number of its code for each element, times the
// scale of the block; t = H q never leaves workgroup memory.
//
//   decode      y = v
//   addDecoded  y = y + factor * v, the product and the sum rounded in turn, as accumulate.wgsl has it
//
// A thread begins with 16 neighbours, whose codes lie in one word or two, and ends with 16 elements a row of 256 apart,
// as in flatten-decode.wgsl.
//
// Library           butterflies, pcg4d, product, sixteens, unflattening
// Bindings          codes: in, bits an element; table: in, 2^bits words; scales: in, a word a block; y: out, n words,
//                   in addDecoded in and out
// Passes            centroids.wgsl has them
// Entry points        threads  workgroups  workgroup bytes  words read                        words written
//   decode                256  n / 4096             16,384  n bits / 32 + 16 + n / block      n
//   addDecoded            256  n / 4096             16,384  n + n bits / 32 + 16 + n / block  n
// Occupancy         workgroup memory, 64 bytes a thread, and registers, 16 floats a thread and as many being made
// Edges             t has whole numbers alone, which are exact; scales are +0 or normal. v beyond float32 is the
//                   largest finite number, and zero is +0, as is a sum of zero, since WGSL may ignore its sign. What
//                   is added, to what, and the product count as +0 below 2^-102. A tile may hold many blocks, or stand
//                   over the end of the last one; a block may stand over the end of y
const WIDTH = 256u;
const TILE = 4096u;

struct Params {
  n: u32, // words of y in this window
  total: u32, // elements in this window, with the padding of the last block
  first: u32, // index of the window's first element
  block: u32, // a power of two up to TILE
  owner: u32, // the block of scales[0]
  bits: u32, // of a code
  counter: u32, // that of the flips of the window's first element
  seed: u32,
  step: u32,
  stream: u32,
  factor: f32,
  zero: u32, // 0, which no compiler knows
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, TILE>;

// The numbers of the four lowest codes of 16 or more bits.
fn four(word: u32) -> vec4f {
  let mask = (1u << p.bits) - 1u;
  return bitcast<vec4f>(vec4u(
    table[word & mask],
    table[(word >> p.bits) & mask],
    table[(word >> (2u * p.bits)) & mask],
    table[(word >> (3u * p.bits)) & mask],
  ));
}

// `pair` from bit `first` on, less than 64: its lowest 32 bits.
fn shifted(pair: vec2u, first: u32) -> u32 {
  let by = first & 31u;
  let low = select(pair.x, pair.y, first >= 32u);
  let high = select(pair.y, 0u, first >= 32u);
  // in two steps, since a shift by 32 is none
  return (low >> by) | ((high << (31u - by)) << 1u);
}

// The thread's 16 neighbours of q; beyond the last block those of the last codes: nobody reads what is made of them.
fn numbers(base: u32, t: u32) -> Sixteen {
  let last = (p.total * p.bits + 31u) / 32u - 1u;
  let bit = t * 16u * p.bits;
  let at = base / 32u * p.bits + bit / 32u;
  let pair = vec2u(codes[min(at, last)], codes[min(at + 1u, last)]);
  let first = bit & 31u;
  return Sixteen(
    four(shifted(pair, first)),
    four(shifted(pair, first + 4u * p.bits)),
    four(shifted(pair, first + 8u * p.bits)),
    four(shifted(pair, first + 12u * p.bits)),
  );
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
