// Error compensation: y = x + scale * error, the product and the sum rounded in turn, and the largest keys of both.
//
//   compensate  y[i] = x[i] + scale * error[i]; raises keys[0] to the largest key of x, keys[1] to that of error
//
// The bits of the product go through a xor with a 0 that no compiler knows, so that none can fuse product and sum,
// which would round once. Keys are those of the words as they are.
//
// Library           tiny
// Bindings          x, error: in, y: out, n words each; keys: 2 words, cleared
// Passes            1
//   compensate(n = 2^24): clear keys, compensate
// Entry points        threads  workgroups  workgroup bytes  words read  words written
//   compensate            256  n / tile                  8  2 n         n
// Occupancy         threads alone: two words of workgroup memory, two barriers. Beside what is written, 2 atomics a
//                   workgroup, and 2 a thread on its memory
// Edges             magnitudes below 2^-102, of inputs and products, count as +0; a sum of zero is written as +0, since
//                   WGSL may ignore its sign; y is undefined where x or error is not finite
const WIDTH = 256u;
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // elements in this window
  tile: u32, // elements of a workgroup, a multiple of 4 WIDTH
  scale: f32,
  zero: u32, // 0, which no compiler knows
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> error: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@group(0) @binding(4) var<storage, read_write> keys: array<atomic<u32>>;

var<workgroup> most: atomic<u32>;
var<workgroup> mostError: atomic<u32>;

fn largestOf(words: vec4u) -> u32 {
  return max(max(words.x, words.y), max(words.z, words.w));
}

@compute @workgroup_size(WIDTH)
fn compensate(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * p.tile;
  let end = min(base + p.tile, p.n);
  var top = vec4u(0u);
  var topError = vec4u(0u);
  for (var first = base + t; first < end; first += 4u * WIDTH) {
    // Four loads that do not wait for each other: beyond the end, of the thread's own first element.
    let i = vec4u(first) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
    let at = select(vec4u(first), i, i < vec4u(end));
    let own = vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
    let rest = vec4u(error[at.x], error[at.y], error[at.z], error[at.w]);
    top = max(top, own & vec4u(MAGNITUDE));
    topError = max(topError, rest & vec4u(MAGNITUDE));
    let found = sumsOf(own, productsOf(rest, p.scale, p.zero));
    y[i.x] = found.x;
    if (i.y < end) {
      y[i.y] = found.y;
    }
    if (i.z < end) {
      y[i.z] = found.z;
    }
    if (i.w < end) {
      y[i.w] = found.w;
    }
  }
  if (t == 0u) {
    atomicStore(&most, 0u);
    atomicStore(&mostError, 0u);
  }
  workgroupBarrier();
  atomicMax(&most, largestOf(top));
  atomicMax(&mostError, largestOf(topError));
  workgroupBarrier();
  if (t == 0u) {
    atomicMax(&keys[0], atomicLoad(&most));
    atomicMax(&keys[1], atomicLoad(&mostError));
  }
}
