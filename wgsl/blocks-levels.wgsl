// Levels in the place of magnitudes, by segments of k values: the kept elements of a block (blocks.wgsl).
//
//   meanLevels  levels[s] = the mean magnitude of the values of segment s whose key is not above that of the mean of
//               all, and in the upper half that of the others, as bfloat16; of one bit, twice the mean of all.
//               codes[i] = negative + 2 high
//
// One workgroup a segment, which goes through its values four times: for the largest key, for the sum of all, for the
// classes, and for the sum of each. Only the first may come from memory. Sums are trees (reduce.wgsl): 32 threads have
// the lanes of a block of 1024 values, and the sums of up to four such blocks are (0 + 2) + (1 + 3), which is the next
// level of the tree. Each sum is scaled by the largest key of its own (ts/kernels/levels.ts).
//
// Library           levels
// Bindings          values: in, count words; levels: out, a word a segment; codes: out, count words
// Passes            1
// Entry points        threads  workgroups   workgroup bytes  words read  words written
//   meanLevels            128  count / k              1,044  count       count + count / k
// Occupancy         threads: of a segment of 64 values 32 threads have two each, the others none. Two quotients by one
//                   thread and one by all, 25 steps each
// Edges             the last segment may be shorter; a segment with NaN or infinity has the word STRANGE, and codes of
//                   zero, since others read them; a class without values has the level of the other
const WIDTH = 128u;
const LANES = 32u;
const BLOCK = 1024u; // values of a block of the tree

struct Params {
  count: u32, // values in this window
  k: u32, // values of a segment
  bits: u32,
  skip: u32, // where the window's values and codes start
  place: u32, // where the level of its first segment goes
  zero: u32, // 0, which no compiler knows: see `rounded` of the library
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> levels: array<u32>;
@group(0) @binding(3) var<storage, read_write> codes: array<u32>;

var<workgroup> highs: array<f32, WIDTH>;
var<workgroup> lows: array<f32, WIDTH>;
var<workgroup> largest: atomic<u32>;
var<workgroup> largestLow: atomic<u32>;
var<workgroup> above: atomic<u32>;
var<workgroup> given: vec2u;

// Folds the sums of the lanes of each block, then those of the blocks: the keys of both sums, for thread 0.
fn fold(t: u32, high: f32, low: f32) -> vec2u {
  highs[t] = high;
  lows[t] = low;
  workgroupBarrier();
  for (var h = LANES / 2u; h > 0u; h /= 2u) {
    if (t % LANES < h) {
      highs[t] = rounded(highs[t] + highs[t + h], p.zero);
      lows[t] = rounded(lows[t] + lows[t + h], p.zero);
    }
    workgroupBarrier();
  }
  if (t == 0u) {
    let first = rounded(highs[0] + highs[2u * LANES], p.zero);
    let highSum = rounded(first + rounded(highs[LANES] + highs[3u * LANES], p.zero), p.zero);
    let firstLow = rounded(lows[0] + lows[2u * LANES], p.zero);
    let lowSum = rounded(firstLow + rounded(lows[LANES] + lows[3u * LANES], p.zero), p.zero);
    given = bitcast<vec2u>(vec2f(highSum, lowSum)) & vec2u(MAGNITUDE);
  }
  return workgroupUniformLoad(&given);
}

@compute @workgroup_size(WIDTH)
fn meanLevels(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let segment = id.y * grid.x + id.x;
  let base = segment * p.k;
  if (base >= p.count) {
    return;
  }
  let length = min(p.k, p.count - base);
  let start = min(t / LANES * BLOCK + t % LANES, length);
  let end = min((t / LANES + 1u) * BLOCK, length);
  let origin = p.skip + base;
  if (t == 0u) {
    atomicStore(&largest, 0u);
    atomicStore(&largestLow, 0u);
    atomicStore(&above, 0u);
  }
  workgroupBarrier();
  // 1. the largest key
  var key = 0u;
  for (var i = start; i < end; i += LANES) {
    key = max(key, values[origin + i] & MAGNITUDE);
  }
  atomicMax(&largest, key);
  workgroupBarrier();
  if (t == 0u) {
    given = vec2u(atomicLoad(&largest));
  }
  let most = workgroupUniformLoad(&given).x;
  if (most >= INFINITE) {
    for (var i = start; i < end; i += LANES) {
      codes[origin + i] = 0u;
    }
    if (t == 0u) {
      levels[p.place + segment] = STRANGE;
    }
    return;
  }
  // 2. the mean of all
  let scaling = scalingFor(most);
  var sum = 0.0;
  for (var i = start; i < end; i += LANES) {
    sum = added(sum, values[origin + i] & MAGNITUDE, scaling, p.zero);
  }
  let all = fold(t, sum, 0.0).x;
  // of one bit none is above it
  let cut = select(meanOf(Sum(all, length, scaling.shift)), INFINITE, p.bits == 1u);
  // 3. the classes
  var own = 0u;
  var lowest = 0u;
  for (var i = start; i < end; i += LANES) {
    let word = values[origin + i];
    let magnitude = word & MAGNITUDE;
    let high = u32(magnitude > cut);
    own += high;
    lowest = max(lowest, select(magnitude, 0u, high == 1u));
    codes[origin + i] = codeOf(word, cut);
  }
  atomicAdd(&above, own);
  atomicMax(&largestLow, lowest);
  workgroupBarrier();
  // 4. the mean of each
  let lowScaling = scalingFor(atomicLoad(&largestLow));
  var high = 0.0;
  var low = 0.0;
  for (var i = start; i < end; i += LANES) {
    let magnitude = values[origin + i] & MAGNITUDE;
    if (magnitude > cut) {
      high = added(high, magnitude, scaling, p.zero);
    } else {
      low = added(low, magnitude, lowScaling, p.zero);
    }
  }
  let sums = fold(t, high, low);
  if (t == 0u) {
    let count = atomicLoad(&above);
    let lowSum = Sum(sums.y, length - count, lowScaling.shift);
    levels[p.place + segment] = levelsOf(lowSum, Sum(sums.x, count, scaling.shift));
  }
}
