// Histograms of digits of keys.
//
//   countKeys  counts[b] += how many of x[i] have a key, the bits of |x[i]|, that is not 0, that has the bits of
//              `wanted` where `fixed` has ones, and whose bits from `shift` on are b modulo `bins`
//
// A workgroup counts in its own memory, where each bin has a count for every eighth of its threads, in a bank of its
// own: most keys of a gradient have one of a few exponents, and atomics on one word wait for each other. Equal digits
// that follow each other in a thread are one addition. What a workgroup has found it adds to the bins of all.
//
// Bindings       x: in, n words; counts: a word a bin, cleared
// Passes         one for each window of x
//   keyCounts(n = 2^24, bins = 256): clear counts, countKeys
// Entry points   threads  workgroups  workgroup bytes  words read  words written
//   countKeys        256  n / span              8,192  n           0
// Occupancy      threads, at 32 bytes of workgroup memory a thread; two barriers. Atomics on workgroup memory, one a
//                run of equal digits, and on counts one a workgroup for each bin that it found anything in
// Edges          elements from n on are not counted; a key of 0 never is; where nothing is known, `fixed` is 0
const WIDTH = 256u;
const BINS = 256u;
const COPIES = 8u;
const PLACES = 2048u; // COPIES of each bin, side by side
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // elements in this window
  fixed: u32, // the bits of a key that are known
  wanted: u32, // and what they are
  shift: u32,
  bins: u32, // a power of two, up to BINS
  span: u32, // elements of a workgroup
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> near: array<atomic<u32>, PLACES>;

// Equal digits that follow each other.
struct Run {
  digit: u32,
  length: u32,
}

fn finish(run: Run, copy: u32) {
  if (run.length > 0u) {
    atomicAdd(&near[run.digit * COPIES + copy], run.length);
  }
}

// The run with one more word, if that counts; the new run where its digit is another.
fn extended(run: Run, word: u32, inside: bool, copy: u32) -> Run {
  let key = word & MAGNITUDE;
  if (!inside || key == 0u || (key & p.fixed) != p.wanted) {
    return run;
  }
  let digit = (key >> p.shift) % p.bins;
  if (digit == run.digit) {
    return Run(digit, run.length + 1u);
  }
  finish(run, copy);
  return Run(digit, 1u);
}

@compute @workgroup_size(WIDTH)
fn countKeys(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  for (var place = t; place < p.bins * COPIES; place += WIDTH) {
    atomicStore(&near[place], 0u);
  }
  workgroupBarrier();
  let base = (id.y * grid.x + id.x) * p.span;
  let end = min(base + p.span, p.n);
  let copy = t % COPIES;
  var run = Run(0u, 0u);
  for (var i = base + t; i < end; i += 4u * WIDTH) {
    // loaded at once: the last element in the place of those behind the end
    let at = min(vec4u(i, i + WIDTH, i + 2u * WIDTH, i + 3u * WIDTH), vec4u(end - 1u));
    let words = vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
    run = extended(run, words.x, true, copy);
    run = extended(run, words.y, i + WIDTH < end, copy);
    run = extended(run, words.z, i + 2u * WIDTH < end, copy);
    run = extended(run, words.w, i + 3u * WIDTH < end, copy);
  }
  finish(run, copy);
  workgroupBarrier();
  if (t < p.bins) {
    var count = 0u;
    for (var other = 0u; other < COPIES; other++) {
      count += atomicLoad(&near[t * COPIES + other]);
    }
    if (count > 0u) {
      atomicAdd(&counts[t], count);
    }
  }
}
