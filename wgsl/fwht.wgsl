// The fast Walsh-Hadamard transform, y = H x, unnormalised, by blocks of a power of two.
//
//   transform  y = H x, as far as tiles of 4096 neighbours go
//   flatten    the same of x with random signs: y = H D x
//   stride     further stages of both, on rows that lie `distance` apart
//   combine    one stage of both, where partners lie too far apart for one binding
//   unflatten  a decoder's last step, after a second fwht: y[i] = x[i] * scales[floor(i / segment)] with the random
//              signs
//
//   stages     (a, b) -> (a + b, a - b) at distances h = 1, 2, 4, ..., block / 2, in this order
//
// A thread keeps 16 elements in registers and does up to four stages on them; workgroup memory changes the elements
// between threads. `transform` and `flatten` do all stages of a tile; `stride` does up to six more on tiles of rows of
// 64 columns and more, so that every row is read in whole cache lines.
//
// Flip i, one random sign, is bit 31 - floor(i / 4) mod 32 of component i mod 4 of the hash pcg4d (random.wgsl) with
// the counter 2^31 + floor(i / 128). In `flatten` the tile takes all workgroup memory, so no hashes are shared through
// it: the 16 neighbours that a thread takes for the first stages lie under one hash, and it makes this hash itself. In
// `unflatten`, which reads and writes by neighbours, 32 threads make the hashes of a tile.
//
// Library           butterflies, pcg4d, product, sixteens
// Bindings          x: in, n words; y: in and out, total floats; near, far: two parts of y, n floats each; scales: in
// Passes            transform or flatten; for blocks beyond a tile, stride ceil((log2(block) - 12) / 6) times; one
//                   combine a stage and pair of windows where partners lie too far apart for one binding. unflatten
//                   stands alone
//   fwht(n = 2^24, total = 2^24, block = 4096): transform
//   fwht(n = 2^24, total = 2^24, block = 2^18): transform, stride
//   fwht(n = 2^24, total = 2^24, block = 2^24): transform, stride, stride
//   flatten(n = 2^24, total = 2^24, block = 2^19): flatten, stride, stride
//   unflatten(n = 2^24, segment = 4096): unflatten
// Entry points        threads  workgroups    workgroup bytes  words read       words written
//   transform             256  total / 4096           16,384  n                total
//   flatten               256  total / 4096           16,384  n                total
//   stride                256  total / 4096           16,384  total            total
//   combine               256  n / 1024                    0  2 n              2 n
//   unflatten             256  n / 4096                  512  n + n / segment  n
// Occupancy         workgroup memory, 64 bytes a thread, and registers, 16 floats a thread and as many being made, in
//                   transform, flatten and stride; threads alone in the others
// Edges             magnitudes below `tiny` and elements beyond x count as +0, so no sum or difference is subnormal,
//                   and +0 has no sign to flip; a zero is written as +0, since WGSL may ignore its sign; a tile may
//                   hold many blocks, or stand over the end of y; a product of unflatten beyond float32 is the largest
//                   finite number
const WIDTH = 256u;
const TILE = 4096u;
const COMBINE_TILE = 1024u;
const FLIPS = 128u; // signs that one hash draws
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // words of x in this window; in combine, of each part
  total: u32, // floats of y in this window
  stages: u32, // bit b: do the stage at distance 2^b of the tile
  shift: u32, // a row of a tile has 2^shift columns
  distance: u32, // from a row to the next
  tiny: u32,
  scale: f32, // a power of two
  counter: u32, // that of the flips of the window's first element
  seed: u32,
  step: u32,
  stream: u32,
  first: u32, // index of the window's first element
  segment: u32,
  owner: u32, // the segment of scales[0]
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> near: array<u32>;
@group(0) @binding(4) var<storage, read_write> far: array<u32>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

var<workgroup> tile: array<u32, TILE>;
var<workgroup> flips: array<u32, TILE / FLIPS * 4u>;

// The bits of a float; of either zero, those of +0.
fn bitsOf(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits, 0u, (bits & MAGNITUDE) == 0u);
}

fn store(i: u32, value: f32) {
  if (i < p.total) {
    y[i] = bitsOf(value);
  }
}
fn store4(at: u32, step: u32, v: vec4f) {
  store(at, v.x);
  store(at + step, v.y);
  store(at + 2u * step, v.z);
  store(at + 3u * step, v.w);
}

// Brings a tile of x. Loads do not wait for each other: those beyond x are of its last element, which counts as +0
// there.
fn fill(base: u32, t: u32) {
  let last = max(p.n, 1u) - 1u;
  for (var i = t; i < TILE; i += 4u * WIDTH) {
    let places = vec4u(base + i) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
    let at = min(places, vec4u(last));
    let found = vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
    let counts = (places < vec4u(p.n)) & ((found & vec4u(MAGNITUDE)) >= vec4u(p.tiny));
    put4(i, WIDTH, bitcast<vec4f>(select(vec4u(0u), found, counts)) * p.scale);
  }
  workgroupBarrier();
}

// All stages of a tile; v is what thread t has of it: 16 neighbours.
fn finish(base: u32, t: u32, v: Sixteen) {
  put(t * 16u, 1u, butterflies(v, p.stages & 15u));
  workgroupBarrier();
  let at = t / 16u * 256u + t % 16u;
  put(at, 16u, butterflies(take(at, 16u), (p.stages >> 4u) & 15u));
  workgroupBarrier();
  let u = butterflies(take(t, 256u), p.stages >> 8u);
  store4(base + t, 256u, u.a);
  store4(base + t + 1024u, 256u, u.b);
  store4(base + t + 2048u, 256u, u.c);
  store4(base + t + 3072u, 256u, u.d);
}

@compute @workgroup_size(WIDTH)
fn transform(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  fill(base, t);
  finish(base, t, take(t * 16u, 1u));
}

// The flips of the 128 elements under one counter.
fn flipsOf(counter: u32) -> vec4u {
  return pcg4d(vec4u(counter, p.seed, p.step, p.stream));
}

@compute @workgroup_size(WIDTH)
fn flatten(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  fill(base, t);
  let first = t * 16u;
  let hash = flipsOf(p.counter + (base + first) / FLIPS);
  let shift = first % FLIPS / 4u;
  let v = take(first, 1u);
  let signed = Sixteen(
    flipped(v.a, hash, shift),
    flipped(v.b, hash, shift + 1u),
    flipped(v.c, hash, shift + 2u),
    flipped(v.d, hash, shift + 3u),
  );
  finish(base, t, signed);
}

// Where element i of a tile of rows lies in y, from the tile's first element on.
fn within(i: u32) -> u32 {
  return (i >> p.shift) * p.distance + (i & ((1u << p.shift) - 1u));
}
fn load4(base: u32, i: u32) -> vec4f {
  let bits = vec4u(
    y[base + within(i)],
    y[base + within(i + 64u)],
    y[base + within(i + 128u)],
    y[base + within(i + 192u)],
  );
  return bitcast<vec4f>(bits);
}
fn keep4(base: u32, i: u32, v: vec4f) {
  y[base + within(i)] = bitsOf(v.x);
  y[base + within(i + 256u)] = bitsOf(v.y);
  y[base + within(i + 512u)] = bitsOf(v.z);
  y[base + within(i + 768u)] = bitsOf(v.w);
}

@compute @workgroup_size(WIDTH)
fn stride(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = id.y * grid.x + id.x;
  // Tiles side by side fill the distance between two rows; then the next set of rows begins.
  let side = p.distance >> p.shift;
  let base = number / side * (p.distance * (TILE >> p.shift)) + ((number % side) << p.shift);
  let inside = number * TILE < p.total;
  let at = t / 64u * 1024u + t % 64u;
  if (inside) {
    let v = Sixteen(load4(base, at), load4(base, at + 256u), load4(base, at + 512u), load4(base, at + 768u));
    put(at, 64u, butterflies(v, (p.stages >> 6u) & 15u));
  }
  workgroupBarrier();
  storageBarrier();
  if (inside) {
    let v = butterflies(take(t, 256u), (p.stages >> 8u) & 12u);
    keep4(base, t, v.a);
    keep4(base, t + 1024u, v.b);
    keep4(base, t + 2048u, v.c);
    keep4(base, t + 3072u, v.d);
  }
}

@compute @workgroup_size(WIDTH)
fn combine(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * COMBINE_TILE;
  for (var i = base + t; i < min(base + COMBINE_TILE, p.n); i += WIDTH) {
    let a = bitcast<f32>(near[i]);
    let b = bitcast<f32>(far[i]);
    near[i] = bitsOf(a + b);
    far[i] = bitsOf(a - b);
  }
}

// A float of element j of the tile times a scale, with the sign that it had before its flip.
fn turnedBack(word: u32, scale: u32, j: u32) -> u32 {
  return scaledBack(word, scale, flips[j / FLIPS * 4u + j % 4u] << (j / 4u % 32u));
}

@compute @workgroup_size(WIDTH)
fn unflatten(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  if (t < TILE / FLIPS) {
    let hash = flipsOf(p.counter + base / FLIPS + t);
    flips[t * 4u] = hash.x;
    flips[t * 4u + 1u] = hash.y;
    flips[t * 4u + 2u] = hash.z;
    flips[t * 4u + 3u] = hash.w;
  }
  workgroupBarrier();
  for (var j = t; j < TILE; j += 4u * WIDTH) {
    let places = vec4u(base + j) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
    // the last element in the place of those beyond: no load waits for another
    let at = min(places, vec4u(p.n - 1u));
    let words = vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
    let owner = (at + p.first) / p.segment - p.owner;
    let by = vec4u(scales[owner.x], scales[owner.y], scales[owner.z], scales[owner.w]);
    if (places.x < p.n) {
      y[places.x] = turnedBack(words.x, by.x, j);
    }
    if (places.y < p.n) {
      y[places.y] = turnedBack(words.y, by.y, j + WIDTH);
    }
    if (places.z < p.n) {
      y[places.z] = turnedBack(words.z, by.z, j + 2u * WIDTH);
    }
    if (places.w < p.n) {
      y[places.w] = turnedBack(words.w, by.w, j + 3u * WIDTH);
    }
  }
}
