// Counts by blocks: how many magnitudes of each block of a vector reach a threshold.
//
//   countBlocks  counts[(before + i) / length] += 1 for each x[i] whose key, the bits of |x[i]|, is at least `key`
//
// Elements that reach the threshold and follow each other in a thread within one block are one addition.
//
// Bindings       x: in, n words; counts: a word a block, cleared
// Passes         one for each window of x
//   blockCounts(n = 2^24, length = 16384): clear counts, countBlocks
// Entry points   threads  workgroups  workgroup bytes  words read  words written
//   countBlocks      256  n / span                  0  n           0
// Occupancy      threads; no barrier. Atomics on counts, one a run of elements of one block
// Edges          elements from n on are not counted; a key of 0 takes all, zeros too
const WIDTH = 256u;
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // elements in this window
  before: u32, // elements before it, of those whose counts are bound
  key: u32,
  length: u32, // elements of a block
  span: u32, // elements of a workgroup
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;

// Elements of one block.
struct Run {
  index: u32,
  length: u32,
}

fn finish(run: Run) {
  if (run.length > 0u) {
    atomicAdd(&counts[run.index], run.length);
  }
}

// The run with element i more, if that counts; the new run where its block is another.
fn extended(run: Run, word: u32, i: u32, inside: bool) -> Run {
  let reaches = (word & MAGNITUDE) >= p.key;
  if (!inside || !reaches) {
    return run;
  }
  let index = (p.before + i) / p.length;
  if (index == run.index) {
    return Run(index, run.length + 1u);
  }
  finish(run);
  return Run(index, 1u);
}

@compute @workgroup_size(WIDTH)
fn countBlocks(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * p.span;
  let end = min(base + p.span, p.n);
  var run = Run(0u, 0u);
  for (var i = base + t; i < end; i += 4u * WIDTH) {
    // loaded at once: the last element in the place of those behind the end
    let places = vec4u(i, i + WIDTH, i + 2u * WIDTH, i + 3u * WIDTH);
    let at = min(places, vec4u(end - 1u));
    let words = vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
    run = extended(run, words.x, places.x, places.x < end);
    run = extended(run, words.y, places.y, places.y < end);
    run = extended(run, words.z, places.z, places.z < end);
    run = extended(run, words.w, places.w, places.w < end);
  }
  finish(run);
}
