// Levels in the place of the magnitudes of a list, which may be long: one segment (blocks-levels.wgsl has many short
// ones).
//
//   findMost     raises state[MOST] to the largest key of the values
//   sumValues    sums = the blocks of the tree over all magnitudes, scaled by the largest key
//   findCut      state[CUT] = the key of the mean of all
//   packCodes    packed = the codes of the values, `bits` bits each; adds the number of high ones to state[ABOVE], and
//                raises state[MOST_LOW] to the largest key of the low ones. Of one bit none is high
//   sumClasses   highSums, lowSums = the blocks of the trees over high magnitudes and over low ones, the others as +0,
//                each scaled by the largest key of its own
//   oneLevel     levels[0] = the mean of all as bfloat16, twice
//   twoLevels    levels[0] = the mean of the low magnitudes, and in the upper half that of the high ones
//
// How many values there are is read from memory, where a selection left it (select.wgsl); buffers have room for p.n.
// The tree is that of reduce.wgsl, whose sumBlocks has its other levels. Blocks beyond the values sum to +0, which
// changes nothing further up.
//
// Library           levels
// Bindings          values: in, n words; size: in, a word; state: 4 words, cleared; sums, highSums, lowSums: out, a
//                   word a block, and in for findCut, oneLevel and twoLevels, of one word; packed: out; levels: out, a
//                   word
// Passes            of one bit 4, of two 7, and for each level of the tree but the first 1 and 3
//   listLevels(capacity = 2^20, bits = 1): clear state, findMost, sumValues, reduce.sumBlocks, packCodes, oneLevel
//   listLevels(capacity = 999, bits = 2): clear state, findMost, sumValues, findCut, packCodes, sumClasses, twoLevels
// Entry points   threads  workgroups    workgroup bytes  words read  words written
//   findMost         256  count / 4096                4  count       0
//   sumValues        256  count / 8               1,024  1024 count  count
//   findCut            1  1                           0  1           0
//   packCodes        128  count / 128                 8  32 count / bits  count
//   sumClasses       256  count / 8               2,048  1024 count  2 count
//   oneLevel           1  1                           0  1           1
//   twoLevels          1  1                           0  2           1
// Occupancy         threads; six barriers for a fold. A thread of packCodes reads 16 or 32 neighbours, which only a
//                   cache makes one read of several threads. Quotients are 25 steps of one thread, 54 of more than
//                   2^28 values
// Edges             no values: both levels are 0. NaN or infinity: levels[0] = STRANGE. A class without values has the
//                   level of the other; codes beyond the last are 0
const WIDTH = 128u;
const SUMMERS = 256u;
const LANES = 32u;
const BLOCK = 1024u; // values of a block of the tree
const BLOCKS = SUMMERS / LANES; // of a workgroup
const TILE = 4096u;

// Words of the state.
const MOST = 0u;
const MOST_LOW = 1u;
const ABOVE = 2u;
const CUT = 3u;

struct Params {
  n: u32, // values that there is room for
  origin: u32, // which value values[0] is
  first: u32, // the first block, or word of codes, of this pass
  count: u32, // blocks, or words of codes, of this pass; in findMost its values
  place: u32, // where the first sum, or the first word of codes, goes
  placeLow: u32, // where the first of the low sums goes
  bits: u32,
  zero: u32, // 0, which no compiler knows: see `rounded` of the library
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read> size: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;
@group(0) @binding(5) var<storage, read_write> highSums: array<u32>;
@group(0) @binding(6) var<storage, read_write> lowSums: array<u32>;
@group(0) @binding(7) var<storage, read_write> packed: array<u32>;
@group(0) @binding(8) var<storage, read_write> levels: array<u32>;

var<workgroup> parts: array<f32, SUMMERS>;
var<workgroup> lowParts: array<f32, SUMMERS>;
var<workgroup> most: atomic<u32>;
var<workgroup> number: atomic<u32>;

@compute @workgroup_size(SUMMERS)
fn findMost(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let end = min(base + TILE, min(p.count, max(size[0], p.origin) - p.origin));
  var key = 0u;
  for (var i = base + t; i < end; i += SUMMERS) {
    key = max(key, values[i] & MAGNITUDE);
  }
  if (t == 0u) {
    atomicStore(&most, 0u);
  }
  workgroupBarrier();
  atomicMax(&most, key);
  workgroupBarrier();
  if (t == 0u) {
    atomicMax(&state[MOST], atomicLoad(&most));
  }
}

// The values of a block: `count` words from values[at] on, none beyond the last value.
struct Span {
  at: u32,
  count: u32,
}

fn spanOf(place: u32) -> Span {
  let start = (p.first + place) * BLOCK;
  let end = min(size[0], p.n);
  if (place >= p.count || start >= end) {
    return Span(0u, 0u);
  }
  return Span(start - p.origin, min(BLOCK, end - start));
}

@compute @workgroup_size(SUMMERS)
fn sumValues(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let place = (id.y * grid.x + id.x) * BLOCKS + t / LANES;
  let span = spanOf(place);
  let scaling = scalingFor(atomicLoad(&state[MOST]));
  var sum = 0.0;
  for (var i = t % LANES; i < span.count; i += LANES) {
    sum = added(sum, values[span.at + i] & MAGNITUDE, scaling, p.zero);
  }
  parts[t] = sum;
  workgroupBarrier();
  for (var h = LANES / 2u; h > 0u; h /= 2u) {
    if (t % LANES < h) {
      parts[t] = rounded(parts[t] + parts[t + h], p.zero);
    }
    workgroupBarrier();
  }
  if (t % LANES == 0u && place < p.count) {
    sums[p.place + place] = bitcast<u32>(parts[t]) & MAGNITUDE;
  }
}

@compute @workgroup_size(1)
fn findCut() {
  let largest = atomicLoad(&state[MOST]);
  let count = min(size[0], p.n);
  if (count > 0u && largest < INFINITE) {
    atomicStore(&state[CUT], meanOf(Sum(sums[0], count, scalingFor(largest).shift)));
  }
}

@compute @workgroup_size(WIDTH)
fn packCodes(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let word = (id.y * grid.x + id.x) * WIDTH + t;
  let width = 32u / p.bits;
  let start = (p.first + word) * width;
  let end = min(size[0], p.n);
  let length = select(min(width, max(end, start) - start), 0u, word >= p.count);
  let cut = select(atomicLoad(&state[CUT]), INFINITE, p.bits == 1u);
  var codes = 0u;
  var lowest = 0u;
  for (var i = 0u; i < length; i++) {
    let value = values[start - p.origin + i];
    let code = codeOf(value, cut);
    codes |= code << (i * p.bits);
    lowest = max(lowest, select(value & MAGNITUDE, 0u, code > 1u));
  }
  if (word < p.count) {
    packed[p.place + word] = codes;
  }
  if (t == 0u) {
    atomicStore(&most, 0u);
    atomicStore(&number, 0u);
  }
  workgroupBarrier();
  atomicMax(&most, lowest);
  atomicAdd(&number, select(countOneBits(codes & 0xaaaaaaaau), 0u, p.bits == 1u));
  workgroupBarrier();
  if (t == 0u) {
    atomicMax(&state[MOST_LOW], atomicLoad(&most));
    atomicAdd(&state[ABOVE], atomicLoad(&number));
  }
}

@compute @workgroup_size(SUMMERS)
fn sumClasses(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let place = (id.y * grid.x + id.x) * BLOCKS + t / LANES;
  let span = spanOf(place);
  let cut = atomicLoad(&state[CUT]);
  let scaling = scalingFor(atomicLoad(&state[MOST]));
  let lowScaling = scalingFor(atomicLoad(&state[MOST_LOW]));
  var high = 0.0;
  var low = 0.0;
  for (var i = t % LANES; i < span.count; i += LANES) {
    let key = values[span.at + i] & MAGNITUDE;
    if (key > cut) {
      high = added(high, key, scaling, p.zero);
    } else {
      low = added(low, key, lowScaling, p.zero);
    }
  }
  parts[t] = high;
  lowParts[t] = low;
  workgroupBarrier();
  for (var h = LANES / 2u; h > 0u; h /= 2u) {
    if (t % LANES < h) {
      parts[t] = rounded(parts[t] + parts[t + h], p.zero);
      lowParts[t] = rounded(lowParts[t] + lowParts[t + h], p.zero);
    }
    workgroupBarrier();
  }
  if (t % LANES == 0u && place < p.count) {
    highSums[p.place + place] = bitcast<u32>(parts[t]) & MAGNITUDE;
    lowSums[p.placeLow + place] = bitcast<u32>(lowParts[t]) & MAGNITUDE;
  }
}

@compute @workgroup_size(1)
fn oneLevel() {
  let largest = atomicLoad(&state[MOST]);
  let all = Sum(sums[0], min(size[0], p.n), scalingFor(largest).shift);
  var word = STRANGE;
  if (largest < INFINITE) {
    word = levelsOf(all, Sum(0u, 0u, 0));
  }
  levels[0] = word;
}

@compute @workgroup_size(1)
fn twoLevels() {
  let largest = atomicLoad(&state[MOST]);
  let above = atomicLoad(&state[ABOVE]);
  let shift = scalingFor(atomicLoad(&state[MOST_LOW])).shift;
  var word = STRANGE;
  if (largest < INFINITE) {
    let low = Sum(lowSums[0], min(size[0], p.n) - above, shift);
    word = levelsOf(low, Sum(highSums[0], above, scalingFor(largest).shift));
  }
  levels[0] = word;
}
