// y += scale * x, the product and the sum rounded in turn.
//
//   accumulate  y[i] = y[i] + scale * x[i]
//
// The bits of the product go through a xor with a 0 that no compiler knows, so that none can fuse product and sum,
// which would round once.
//
// Library           tiny
// Bindings          x: in; y: in and out; n words each
// Passes            1; clear is no pass
//   accumulate(n = 2^24): accumulate
//   clear(n = 2^24): clear y
// Entry points        threads  workgroups  workgroup bytes  words read  words written
//   accumulate            256  n / 1024                  0  2 n         n
// Occupancy         threads alone: no workgroup memory, no barrier, four elements a thread
// Edges             magnitudes below 2^-102, of inputs and products, count as +0; a sum of zero is written as +0, since
//                   WGSL may ignore its sign
const WIDTH = 256u;
const TILE = 1024u; // elements of a workgroup

struct Params {
  n: u32, // elements in this window
  scale: f32,
  zero: u32, // 0, which no compiler knows
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WIDTH)
fn accumulate(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let first = (id.y * grid.x + id.x) * TILE + t;
  if (first >= p.n) {
    return;
  }
  // Four loads that do not wait for each other: beyond the end, of the thread's own first element.
  let i = vec4u(first) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
  let at = select(vec4u(first), i, i < vec4u(p.n));
  let own = vec4u(y[at.x], y[at.y], y[at.z], y[at.w]);
  let terms = productsOf(vec4u(x[at.x], x[at.y], x[at.z], x[at.w]), p.scale, p.zero);
  let found = sumsOf(own, terms);
  y[i.x] = found.x;
  if (i.y < p.n) {
    y[i.y] = found.y;
  }
  if (i.z < p.n) {
    y[i.z] = found.z;
  }
  if (i.w < p.n) {
    y[i.w] = found.w;
  }
}
