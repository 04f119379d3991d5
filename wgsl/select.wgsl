// Selection: which elements are the k largest, or reach a threshold. compact.wgsl then lists them.
//
//   histogram  bins[d] += how many keys with the known leading digits have d as their next digit
//   pivot      the digit of the k-th largest key, from the bins; state = [its leading digits, how many keys are larger]
//   markTop    bit i of `above` = key of x[i] > T, bit i of `equal` = key of x[i] = T, where T = state[0]; and both
//              counts for each tile
//   markFrom   bit i of `above` = key of x[i] >= a given key; and its count for each tile
//
// Radix select (T. Alabi and others, "Fast k-selection algorithms for graphics processing units", JEA 17, 2012) from the
// top: digits of 11, 11 and 10 bits. The key is the bits of |x[i]|, or, in the order of values, these bits negated where
// the sign is set, plus 2^31. Keys are integers: no float is compared, every bit of NaN and subnormals counts.
//
// Bindings          x: in, n words; bins: 2048 words, cleared; state: 2 words, cleared; above, equal: out, 32 elements
//                   a word; aboveCounts, equalCounts: out, a word a tile
// Passes            histogram and pivot 3 times, markTop; or markFrom. Then a scan of the counts (scan.wgsl), 1 or 3
//                   passes up to 2^32 elements, and collectTop or collect, once for each window of the output
//                   (compact.wgsl)
//   topK(n = 2^24, k = 2^17): clear bins, clear state, clear counts, histogram, pivot, histogram, pivot, histogram,
//     pivot, markTop, scan.reduce, scan.root, scan.scan, compact.collectTop
//   threshold(n = 2^24, capacity = 2^20): markFrom, scan.reduce, scan.root, scan.scan, compact.collect
// Entry points        threads  workgroups  workgroup bytes  words read  words written
//   histogram             256  n / 16384             8,192  n           0
//   pivot                 256  1                     1,088  2050        2
//   markTop               128  n / 4096              1,536  n           n / 16 + n / 2048
//   markFrom              128  n / 4096              1,536  n           n / 32 + n / 4096
// Occupancy         threads, at 32 bytes of workgroup memory a thread in histogram and 12 in the marks; pivot is one
//                   workgroup. Atomics of histogram: one a run of equal digits on workgroup memory, and 2048 at most a
//                   workgroup on bins
// Edges             elements from n on are not counted and their bits are 0; a window that is marked starts at a tile
const WIDTH = 256u;
const BINS = 2048u;
const OWN = BINS / WIDTH;
const ROW = 16u;
const HISTOGRAM_TILE = 16384u; // elements of a workgroup that counts: many, since each merges its bins
const MARK_WIDTH = 128u;
const TILE = 4096u; // elements of a workgroup that marks: 32 a thread, one word of each bitmap a thread
const MAGNITUDE = 0x7fffffffu;
const BIAS = 0x80000000u;

struct Params {
  n: u32, // elements in this window
  k: u32,
  order: u32, // 0: by magnitude, 1: by value
  mask: u32, // the bits of a key that are known
  shift: u32, // bits below the digit
  digit: u32, // the digit's bits, moved to the bottom
  key: u32,
  tile: u32, // where the window's first tile stands in the counts
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> known: array<u32>;
@group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> state: array<u32>;
@group(0) @binding(5) var<storage, read> counted: array<u32>;
@group(0) @binding(6) var<storage, read_write> above: array<u32>;
@group(0) @binding(7) var<storage, read_write> equal: array<u32>;
@group(0) @binding(8) var<storage, read_write> aboveCounts: array<u32>;
@group(0) @binding(9) var<storage, read_write> equalCounts: array<u32>;

var<workgroup> near: array<atomic<u32>, BINS>;
var<workgroup> parts: array<u32, WIDTH>;
var<workgroup> rows: array<u32, WIDTH / ROW>;
var<workgroup> columns: array<vec2u, MARK_WIDTH>;
var<workgroup> ones: array<u32, MARK_WIDTH>;

fn keyOf(word: u32) -> u32 {
  let magnitude = word & MAGNITUDE;
  if (p.order == 0u) {
    return magnitude;
  }
  return select(BIAS + magnitude, BIAS - magnitude, word > MAGNITUDE);
}

@compute @workgroup_size(WIDTH)
fn histogram(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  for (var b = t; b < BINS; b += WIDTH) {
    atomicStore(&near[b], 0u);
  }
  workgroupBarrier();
  let base = (id.y * grid.x + id.x) * HISTOGRAM_TILE;
  let leading = known[0];
  // A run of equal digits is one addition: constant and sorted vectors cost no more than random ones.
  var last = 0u;
  var run = 0u;
  for (var i = base + t; i < min(base + HISTOGRAM_TILE, p.n); i += WIDTH) {
    let key = keyOf(x[i]);
    if ((key & p.mask) == leading) {
      let digit = (key >> p.shift) & p.digit;
      if (digit != last && run > 0u) {
        atomicAdd(&near[last], run);
        run = 0u;
      }
      last = digit;
      run++;
    }
  }
  if (run > 0u) {
    atomicAdd(&near[last], run);
  }
  workgroupBarrier();
  for (var b = t; b < BINS; b += WIDTH) {
    let count = atomicLoad(&near[b]);
    if (count > 0u) {
      atomicAdd(&bins[b], count);
    }
  }
}

// The sum of `own` over the threads before t: within a row of threads, then over the rows.
fn exclusive(t: u32, own: u32) -> u32 {
  parts[t] = own;
  workgroupBarrier();
  var before = 0u;
  for (var i = t - t % ROW; i < t; i++) {
    before += parts[i];
  }
  if (t % ROW == ROW - 1u) {
    rows[t / ROW] = before + own;
  }
  workgroupBarrier();
  for (var r = 0u; r < t / ROW; r++) {
    before += rows[r];
  }
  return before;
}

@compute @workgroup_size(WIDTH)
fn pivot(@builtin(local_invocation_index) t: u32) {
  let leading = state[0];
  let larger = state[1];
  // Thread t has the OWN bins from `top` down: the threads before it have the larger digits.
  let top = BINS - 1u - t * OWN;
  var own = 0u;
  for (var j = 0u; j < OWN; j++) {
    own += counted[top - j];
  }
  var before = larger + exclusive(t, own);
  // One thread has the k-th largest; it writes the state when all have read it.
  storageBarrier();
  if (before < p.k && p.k <= before + own) {
    var digit = top;
    while (before + counted[digit] < p.k) {
      before += counted[digit];
      digit--;
    }
    state[0] = leading | (digit << p.shift);
    state[1] = before;
  }
}

// Turns bits 128 elements apart into words of 32 neighbours: word t takes row t / 4 of the 32 columns from `first` on.
// Each thread starts at another column, in another bank.
fn turned(t: u32, column: vec2u) -> vec2u {
  columns[t] = column;
  workgroupBarrier();
  let first = t % 4u * 32u;
  var word = vec2u(0u);
  for (var j = 0u; j < 32u; j++) {
    let lane = (j + t) % 32u;
    word |= ((columns[first + lane] >> vec2u(t / 4u)) & vec2u(1u)) << vec2u(lane);
  }
  return word;
}

// The sum of `own` over all threads, for thread 0.
fn total(t: u32, own: u32) -> u32 {
  ones[t] = own;
  workgroupBarrier();
  for (var h = MARK_WIDTH / 2u; h > 0u; h /= 2u) {
    if (t < h) {
      ones[t] += ones[t + h];
    }
    workgroupBarrier();
  }
  return ones[0];
}

@compute @workgroup_size(MARK_WIDTH)
fn markTop(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let base = tile * TILE;
  let pivotKey = known[0];
  var column = vec2u(0u);
  for (var row = 0u; row < 32u; row++) {
    let i = base + row * MARK_WIDTH + t;
    if (i < p.n) {
      let key = keyOf(x[i]);
      column |= vec2u(u32(key > pivotKey), u32(key == pivotKey)) << vec2u(row);
    }
  }
  let word = turned(t, column);
  if (base + t * 32u < p.n) {
    above[base / 32u + t] = word.x;
    equal[base / 32u + t] = word.y;
  }
  let counts = countOneBits(word);
  // Neither count passes 4096: both fit one word.
  let sum = total(t, counts.x | (counts.y << 16u));
  if (t == 0u && base < p.n) {
    aboveCounts[p.tile + tile] = sum & 0xffffu;
    equalCounts[p.tile + tile] = sum >> 16u;
  }
}

@compute @workgroup_size(MARK_WIDTH)
fn markFrom(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let base = tile * TILE;
  var column = 0u;
  for (var row = 0u; row < 32u; row++) {
    let i = base + row * MARK_WIDTH + t;
    if (i < p.n) {
      column |= u32((x[i] & MAGNITUDE) >= p.key) << row;
    }
  }
  let word = turned(t, vec2u(column, 0u)).x;
  if (base + t * 32u < p.n) {
    above[base / 32u + t] = word;
  }
  let sum = total(t, countOneBits(word));
  if (t == 0u && base < p.n) {
    aboveCounts[p.tile + tile] = sum;
  }
}
