// Between dense vectors and lists of elements; words are moved as they are, or added.
//
//   gather   picked[j] = x[indices[j]], 0 where indices[j] lies outside x; picked is the kernel's `values`
//   scatter  y[indices[j]] = values[j], nothing where indices[j] lies outside y; y was cleared before. The kernel place
//            is the same over what y holds
//   addAt    y[indices[j]] = y[indices[j]] + values[j], nothing where indices[j] lies outside y
//
// Where x or y has several windows, each has a pass: an index belongs to the window that starts at `first` when
// indices[j] - first < n (modulo 2^32, so indices before it count as far behind it). The pass over the first window
// writes the zeros of gather, later ones write over them.
//
// Library           tiny
// Bindings          x: in, n words; y: out, in addAt in and out, n words; indices, values: in, picked: out, count words
// Passes            1 for each window of the dense side and of the list; before scatter y is cleared, but for `place`
//   gather(n = 2^24, count = 2^17): gather
//   scatter(n = 2^24, count = 2^17): clear y, scatter
//   place(n = 2^24, count = 2^17): scatter
//   addAt(n = 2^24, count = 2^17): addAt
// Entry points        threads  workgroups   workgroup bytes  words read  words written
//   gather                256  count / 256                0  2 count     count
//   scatter               256  count / 256                0  2 count     count
//   addAt                 256  count / 256                0  3 count     count
// Occupancy         threads alone. Words of the dense side cost a sector of memory each where the list is sparse
// Edges             indices are distinct; no pass where the list is empty; in addAt magnitudes below 2^-102 count as
//                   +0, and a sum of zero is written as +0, since WGSL may ignore its sign
const WIDTH = 256u;

struct Params {
  count: u32, // elements of the list in this window
  n: u32, // words of the dense side in this window
  first: u32, // index of the first of them
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<u32>;
@group(0) @binding(3) var<storage, read_write> picked: array<u32>;
@group(0) @binding(4) var<storage, read> values: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WIDTH)
fn gather(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let j = (id.y * grid.x + id.x) * WIDTH + t;
  if (j < p.count) {
    let at = indices[j] - p.first;
    if (at < p.n) {
      picked[j] = x[at];
    } else if (p.first == 0u) {
      picked[j] = 0u;
    }
  }
}

@compute @workgroup_size(WIDTH)
fn scatter(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let j = (id.y * grid.x + id.x) * WIDTH + t;
  if (j < p.count) {
    let at = indices[j] - p.first;
    if (at < p.n) {
      y[at] = values[j];
    }
  }
}

@compute @workgroup_size(WIDTH)
fn addAt(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let j = (id.y * grid.x + id.x) * WIDTH + t;
  if (j < p.count) {
    let at = indices[j] - p.first;
    if (at < p.n) {
      y[at] = sumOf(y[at], values[j]);
    }
  }
}
