// y += scale * x, the product and the sum rounded in turn.
//
//   multiply  products[i] = scale * x[i]
//   add       y[i] = y[i] + terms[i]
//
// Two passes, so that no compiler can fuse product and sum, which would round once.
//
// Bindings          x, terms: in; products: out; y: in and out; n words each
// Passes            multiply, then add
//   accumulate(n = 2^24): multiply, add
// Entry points        threads  workgroups  workgroup bytes  words read  words written
//   multiply              256  n / 256                   0  n           n
//   add                   256  n / 256                   0  2 n         n
// Occupancy         threads alone: no workgroup memory, no barrier, one element a thread
// Edges             magnitudes below 2^-102, of inputs and products, count as +0; a sum of zero is written as +0, since
//                   WGSL may ignore its sign
const WIDTH = 256u;
const TINY = 0x0c800000u;
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // elements in this window
  scale: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> products: array<u32>;
@group(0) @binding(3) var<storage, read> terms: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

fn flushed(bits: u32) -> u32 {
  return select(bits, 0u, (bits & MAGNITUDE) < TINY);
}

@compute @workgroup_size(WIDTH)
fn multiply(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let i = (id.y * grid.x + id.x) * WIDTH + t;
  if (i < p.n) {
    products[i] = flushed(bitcast<u32>(p.scale * bitcast<f32>(flushed(x[i]))));
  }
}

@compute @workgroup_size(WIDTH)
fn add(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let i = (id.y * grid.x + id.x) * WIDTH + t;
  if (i < p.n) {
    let sum = bitcast<u32>(bitcast<f32>(flushed(y[i])) + bitcast<f32>(terms[i]));
    y[i] = select(sum, 0u, (sum & MAGNITUDE) == 0u);
  }
}
