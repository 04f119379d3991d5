// Selection: which elements are the k largest, or reach a threshold. compact.wgsl then lists them.
//
//   histogram  bins[d] += how many keys have d as their first digit
//   markTop    bit i of `above` = the first digit of x[i] is above that of the k-th largest key, known[0]; x[i] is a
//              candidate where it is the same. Their number of each tile, and the tile's list of candidates
//   histogramAgain, markTopAgain  the same where the first digit was guessed, known[2] = 0 says wrongly; else nothing
//   markFrom   bit i of `above` = key of x[i] >= a given key; and its count for each tile
//
// Radix select (T. Alabi and others, "Fast k-selection algorithms for graphics processing units", JEA 17, 2012) from
// the top, by digits of 11, 10 and 10 bits. The key is the bits of |x[i]|, or, in the order of values, these bits
// negated where the sign is set, plus 2^31: of 32 bits, whose second digit has 11. Keys are integers: no float is
// compared, every bit of NaN and subnormals counts. x is read twice, or once where it is long: there a sample of it
// guesses the first digit (R. Floyd and R. Rivest, "Expected time bounds for selection", CACM 18, 1975), and markTop
// counts what tells whether the guess is right. select-candidates.wgsl finds the other digits among the candidates.
//
// A tile's list has LIST words: how many candidates are in the tile's first half and, in the upper 16 bits, in its
// second half; then one word each: its place in the half, from bit PLACE on, and its key below the first digit. Where
// they are more than CAPACITY, the least and the greatest such key instead, and from word BITMAP on a bitmap of the
// candidates: where those two are one, as in constant and mostly zero vectors, x need not be read again.
//
// Bindings          x: in, n words; bins: 2048 words, cleared; known: in, 3 words; above: out, 32 elements a word;
//                   aboveCounts: out, a word a tile; candidates: out, 512 words a tile; totals: 2 words, cleared
// Passes            histogram, pivot, markTop, and on the candidates settle, up to 2^17 elements, or refine, pivot,
//                   refine, pivot, countTop and a scan of the counts (scan.wgsl), 1 or 3 passes up to 2^32 elements;
//                   collectTop once for each window of the output (compact.wgsl). From 2^22 elements on histogram reads
//                   a part of 32, and behind markTop come confirm and, for wrong guesses, histogramAgain, pivotAgain
//                   and markTopAgain, whose workgroups else return at once. A threshold: markFrom, scan and collect
//   topK(n = 2^24, k = 2^17): clear counts, histogram, select-candidates.pivot, markTop, select-candidates.confirm,
//     histogramAgain, select-candidates.pivotAgain, markTopAgain, select-candidates.refine, select-candidates.pivot,
//     select-candidates.refine, select-candidates.pivot, select-candidates.countTop, scan.reduce, scan.root, scan.scan,
//     compact.collectTop
//   topK(n = 2^20, k = 2^10): clear counts, histogram, select-candidates.pivot, markTop, select-candidates.refine,
//     select-candidates.pivot, select-candidates.refine, select-candidates.pivot, select-candidates.countTop,
//     scan.root, compact.collectTop
//   topK(n = 2^17, k = 2^10): clear counts, histogram, select-candidates.pivot, markTop, select-candidates.settle,
//     compact.collectTop
//   threshold(n = 2^24, capacity = 2^20): markFrom, scan.reduce, scan.root, scan.scan, compact.collect
// Entry points        threads  workgroups  workgroup bytes  words read       words written
//   histogram             256  n / stride            8,192  n span / stride  0
//   histogramAgain        256  n / stride            8,192  0                0
//   markTop               128  n / 4096              2,128  n                n / 32 + n / 4096
//   markTopAgain          128  n / 4096              2,128  0                0
//   markFrom              128  n / 4096              2,112  n                n / 32 + n / 4096
// Occupancy         threads, at 32 bytes of workgroup memory a thread in histogram and 17 in the marks. Atomics of
//                   histogram: one a run of equal digits on workgroup memory, and 2048 at most a workgroup on bins; of
//                   markTop 2 a workgroup. A wrong guess costs a second reading of x and of what markTop writes.
//                   markTop also writes a word a tile and a candidate, or 131 words in the place of a list, and reads
//                   candidates once more, from a cache: of normal elements one in 150 is a candidate where 1 % is kept
// Edges             elements from n on are not counted and their bits are 0; a window that is marked starts at a tile
const WIDTH = 256u;
const BINS = 2048u;
const ROW = 16u;
const MARK_WIDTH = 128u;
const TILE = 4096u; // elements of a workgroup that marks: 32 a thread, one word of the bitmap a thread
const LIST = 512u; // words of a tile's list
const CAPACITY = LIST - 1u;
const BITMAP = LIST / 4u;
const PLACE = 21u;
const MAGNITUDE = 0x7fffffffu;
const BIAS = 0x80000000u;

struct Params {
  n: u32, // elements in this window
  order: u32, // 0: by magnitude, 1: by value
  span: u32, // elements that a workgroup of histogram counts
  stride: u32, // elements from one workgroup of histogram to the next
  rest: u32, // bits of a key below its first digit
  key: u32,
  tile: u32, // where the window's first tile stands in the counts
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> known: array<u32>;
@group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> above: array<u32>;
@group(0) @binding(5) var<storage, read_write> aboveCounts: array<u32>;
@group(0) @binding(6) var<storage, read_write> candidates: array<u32>;
@group(0) @binding(7) var<storage, read_write> totals: array<atomic<u32>>;

var<workgroup> near: array<atomic<u32>, BINS>;
var<workgroup> parts: array<vec2u, MARK_WIDTH>;
var<workgroup> rows: array<vec2u, MARK_WIDTH / ROW>;
var<workgroup> sum: vec2u;
var<workgroup> columns: array<vec2u, MARK_WIDTH>;
var<workgroup> least: atomic<u32>;
var<workgroup> greatest: atomic<u32>;

fn keyOf(word: u32) -> u32 {
  let magnitude = word & MAGNITUDE;
  if (p.order == 0u) {
    return magnitude;
  }
  return select(BIAS + magnitude, BIAS - magnitude, word > MAGNITUDE);
}

fn ones(bits: u32) -> u32 {
  return (1u << bits) - 1u;
}

// Four elements, loaded at once: `step` apart from i on, the last one in the place of those behind the end.
fn loaded(i: u32, step: u32) -> vec4u {
  let at = min(vec4u(i, i + step, i + 2u * step, i + 3u * step), vec4u(p.n - 1u));
  return vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
}

fn zeroBins(t: u32) {
  for (var b = t; b < BINS; b += WIDTH) {
    atomicStore(&near[b], 0u);
  }
  workgroupBarrier();
}

// Equal digits that follow each other are one addition: constant and sorted vectors cost no more than random ones.
struct Run {
  digit: u32,
  length: u32,
}

// The run with `length` more of a digit, or the new run where the digit is another.
fn extended(run: Run, digit: u32, length: u32) -> Run {
  if (digit == run.digit || length == 0u) {
    return Run(run.digit, run.length + length);
  }
  finish(run);
  return Run(digit, length);
}

fn finish(run: Run) {
  if (run.length > 0u) {
    atomicAdd(&near[run.digit], run.length);
  }
}

// Adds the workgroup's bins to those of all.
fn merge(t: u32) {
  workgroupBarrier();
  for (var b = t; b < BINS; b += WIDTH) {
    let count = atomicLoad(&near[b]);
    if (count > 0u) {
      atomicAdd(&bins[b], count);
    }
  }
}

// Adds the first digits of the workgroup's elements to the bins: the first `span` of every `stride`.
fn countDigits(group: u32, t: u32) {
  zeroBins(t);
  let base = group * p.stride;
  let end = min(base + p.span, p.n);
  var run = Run(0u, 0u);
  for (var i = base + t; i < end; i += 4u * WIDTH) {
    let words = loaded(i, WIDTH);
    run = extended(run, keyOf(words.x) >> p.rest, 1u);
    run = extended(run, keyOf(words.y) >> p.rest, u32(i + WIDTH < end));
    run = extended(run, keyOf(words.z) >> p.rest, u32(i + 2u * WIDTH < end));
    run = extended(run, keyOf(words.w) >> p.rest, u32(i + 3u * WIDTH < end));
  }
  finish(run);
  merge(t);
}

@compute @workgroup_size(WIDTH)
fn histogram(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  countDigits(id.y * grid.x + id.x, t);
}

@compute @workgroup_size(WIDTH)
fn histogramAgain(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  if (known[2] == 0u) {
    countDigits(id.y * grid.x + id.x, t);
  }
}

// The sums of `own` over the threads before t: within a row of threads, then over the rows.
fn exclusive(t: u32, own: vec2u) -> vec2u {
  parts[t] = own;
  workgroupBarrier();
  var before = vec2u(0u);
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

// Whether the first digit of element i, which is `word`, is above the pivot's, and whether it is the pivot's.
fn compared(i: u32, word: u32, pivotDigit: u32) -> vec2u {
  let digit = keyOf(word) >> p.rest;
  return vec2u(u32(digit > pivotDigit), u32(digit == pivotDigit)) * u32(i < p.n);
}

fn mark(tile: u32, t: u32) {
  let base = tile * TILE;
  let pivotDigit = known[0] >> p.rest;
  var column = vec2u(0u);
  for (var row = 0u; row < 32u; row += 4u) {
    let i = base + row * MARK_WIDTH + t;
    let words = loaded(i, MARK_WIDTH);
    column |= compared(i, words.x, pivotDigit) << vec2u(row);
    column |= compared(i + MARK_WIDTH, words.y, pivotDigit) << vec2u(row + 1u);
    column |= compared(i + 2u * MARK_WIDTH, words.z, pivotDigit) << vec2u(row + 2u);
    column |= compared(i + 3u * MARK_WIDTH, words.w, pivotDigit) << vec2u(row + 3u);
  }
  let word = turned(t, column);
  if (base + t * 32u < p.n) {
    above[base / 32u + t] = word.x;
  }
  // Candidates in the tile's halves: neither count passes 2048.
  let own = countOneBits(vec2u(column.y & 0xffffu, column.y >> 16u));
  let before = exclusive(t, vec2u(countOneBits(column.x), own.x | (own.y << 16u)));
  if (t == MARK_WIDTH - 1u) {
    sum = before + vec2u(countOneBits(column.x), own.x | (own.y << 16u));
  }
  let all = workgroupUniformLoad(&sum);
  if (base >= p.n) {
    return;
  }
  let list = tile * LIST;
  if (t == 0u) {
    aboveCounts[p.tile + tile] = all.x;
    candidates[list] = all.y;
    atomicAdd(&totals[0], all.x);
    atomicAdd(&totals[1], (all.y & 0xffffu) + (all.y >> 16u));
  }
  let first = all.y & 0xffffu;
  if (first + (all.y >> 16u) <= CAPACITY) {
    enlist(base + t, list + 1u, column.y & 0xffffu, before.y & 0xffffu);
    enlist(base + t, list + 1u, column.y & 0xffff0000u, first + (before.y >> 16u));
  } else {
    summarize(t, base, list, column.y);
    candidates[list + BITMAP + t] = word.y;
  }
}

@compute @workgroup_size(MARK_WIDTH)
fn markTop(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  mark(id.y * grid.x + id.x, t);
}

@compute @workgroup_size(MARK_WIDTH)
fn markTopAgain(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  if (known[2] == 0u) {
    mark(id.y * grid.x + id.x, t);
  }
}

// Puts the candidates of a column that starts at element `start` into a list from place `at` on.
fn enlist(start: u32, list: u32, column: u32, at: u32) {
  var bits = column;
  for (var to = list + at; bits != 0u; to++) {
    let row = countTrailingZeros(bits);
    bits &= bits - 1u;
    let key = keyOf(x[start + row * MARK_WIDTH]);
    let place = start + row * MARK_WIDTH;
    candidates[to] = ((place % (TILE / 2u)) << PLACE) | (key & ones(p.rest));
  }
}

// Writes the least and the greatest key below the first digit of a tile's candidates.
fn summarize(t: u32, base: u32, list: u32, column: u32) {
  if (t == 0u) {
    atomicStore(&least, 0xffffffffu);
    atomicStore(&greatest, 0u);
  }
  workgroupBarrier();
  var low = 0xffffffffu;
  var high = 0u;
  for (var bits = column; bits != 0u; bits &= bits - 1u) {
    let key = keyOf(x[base + countTrailingZeros(bits) * MARK_WIDTH + t]) & ones(p.rest);
    low = min(low, key);
    high = max(high, key);
  }
  atomicMin(&least, low);
  atomicMax(&greatest, high);
  workgroupBarrier();
  if (t == 0u) {
    candidates[list + 1u] = atomicLoad(&least);
    candidates[list + 2u] = atomicLoad(&greatest);
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
  for (var row = 0u; row < 32u; row += 4u) {
    let i = base + row * MARK_WIDTH + t;
    let keys = loaded(i, MARK_WIDTH) & vec4u(MAGNITUDE);
    column |= u32(keys.x >= p.key && i < p.n) << row;
    column |= u32(keys.y >= p.key && i + MARK_WIDTH < p.n) << (row + 1u);
    column |= u32(keys.z >= p.key && i + 2u * MARK_WIDTH < p.n) << (row + 2u);
    column |= u32(keys.w >= p.key && i + 3u * MARK_WIDTH < p.n) << (row + 3u);
  }
  let word = turned(t, vec2u(column, 0u)).x;
  if (base + t * 32u < p.n) {
    above[base / 32u + t] = word;
  }
  let own = vec2u(countOneBits(word), 0u);
  let before = exclusive(t, own);
  if (t == MARK_WIDTH - 1u && base < p.n) {
    aboveCounts[p.tile + tile] = before.x + own.x;
  }
}
