// Levels in the place of magnitudes, by segments of k values: the kept elements of a block (blocks.wgsl).
//
//   meanLevels  levels[s] = the mean magnitude of the values of segment s whose key is not above that of the mean of
//               all, and in the upper half that of the others, as bfloat16; of one bit, twice the mean of all.
//               codes[i] = negative + 2 high
//
// One workgroup a segment, which goes through its values four times: for the largest key, for the sum of all, for the
// classes, and for the sum of each. Only the first may come from memory. Sums are trees (reduce.wgsl): 32 threads have
// the lanes of a block of 1024 values, and the sums of up to four such blocks are (0 + 2) + (1 + 3), which is the next
// level of the tree. Each sum is scaled by the largest key of its own (ts/kernels/blocks.ts). Means are quotients of
// integers, rounded half to even, to subnormals too, since the / of WGSL may be wrong in the last bits.
//
// Bindings          values: in, count words; levels: out, a word a segment; codes: out, count words
// Passes            1
// Entry points        threads  workgroups   workgroup bytes  words read  words written
//   meanLevels            128  count / k              1,044  count       count + count / k
// Occupancy         threads: of a segment of 64 values 32 threads have two each, the others none. Two quotients by one
//                   thread and one by all, 25 steps each
// Edges             the last segment may be shorter; a segment with NaN or infinity has the word STRANGE, and its codes
//                   are not written; a class without values has the level of the other
const WIDTH = 128u;
const LANES = 32u;
const BLOCK = 1024u; // values of a block of the tree
const MAGNITUDE = 0x7fffffffu;
const INFINITE = 0x7f800000u;
const NORMAL = 0x00800000u; // the key of 2^-126
const SIGN = 0x80000000u;
const SMALL = 0x21800000u; // the key of 2^-60
const HUGE = 0x6f000000u; // the key of 2^95
const SHIFT = 96;
const STRANGE = 0xffffffffu;

struct Params {
  count: u32, // values in this window
  k: u32, // values of a segment
  bits: u32,
  skip: u32, // where the window's values and codes start
  place: u32, // where the level of its first segment goes
  zero: u32, // 0, which no compiler knows: see `rounded`
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

// A float, rounded here: no compiler can see through the xor, so none can add in another order.
fn rounded(value: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(value) ^ p.zero);
}

// How magnitudes up to a largest one are summed: times 2^shift, those with keys below `tiny` as +0.
struct Scaling {
  tiny: u32,
  power: f32,
  shift: i32,
}

fn scalingFor(key: u32) -> Scaling {
  if (key >= HUGE) {
    return Scaling(0x3c800000u, bitcast<f32>(0x0f800000u), -SHIFT);
  }
  if (key > 0u && key < SMALL) {
    return Scaling(NORMAL, bitcast<f32>(0x6f800000u), SHIFT);
  }
  return Scaling(0x0c800000u, 1.0, 0);
}

// A sum with one magnitude more, by its key.
fn added(sum: f32, key: u32, by: Scaling) -> f32 {
  return rounded(sum + bitcast<f32>(select(key, 0u, key < by.tiny)) * by.power);
}

// Folds the sums of the lanes of each block, then those of the blocks: the keys of both sums, for thread 0.
fn fold(t: u32, high: f32, low: f32) -> vec2u {
  highs[t] = high;
  lows[t] = low;
  workgroupBarrier();
  for (var h = LANES / 2u; h > 0u; h /= 2u) {
    if (t % LANES < h) {
      highs[t] = rounded(highs[t] + highs[t + h]);
      lows[t] = rounded(lows[t] + lows[t + h]);
    }
    workgroupBarrier();
  }
  if (t == 0u) {
    let highSum = rounded(rounded(highs[0] + highs[2u * LANES]) + rounded(highs[LANES] + highs[3u * LANES]));
    let lowSum = rounded(rounded(lows[0] + lows[2u * LANES]) + rounded(lows[LANES] + lows[3u * LANES]));
    given = bitcast<vec2u>(vec2f(highSum, lowSum)) & vec2u(MAGNITUDE);
  }
  return workgroupUniformLoad(&given);
}

// The key of sum 2^-shift / count, half to even, for the key of a sum, +0 or normal; 1 <= count <= 4096.
fn meanOf(sum: u32, count: u32, shift: i32) -> u32 {
  if (sum < NORMAL) {
    return 0u;
  }
  // Both as significands of 24 bits, that of the sum not the smaller: the quotient is in 1..2 times 2^exponent.
  let zeros = countLeadingZeros(count) - 8u;
  let by = count << zeros;
  var rest = (sum & 0x007fffffu) | NORMAL;
  var exponent = i32(sum >> 23u) + i32(zeros) - 23 - shift;
  if (rest < by) {
    rest <<= 1u;
    exponent -= 1;
  }
  // 24 bits and one more, and whether anything is left behind them
  var found = 0u;
  for (var i = 0u; i < 25u; i++) {
    found <<= 1u;
    if (rest >= by) {
      rest -= by;
      found |= 1u;
    }
    rest <<= 1u;
  }
  let wide = (found << 1u) | u32(rest > 0u);
  // a subnormal has fewer bits
  let drop = u32(min(2 + max(1 - exponent, 0), 27));
  let whole = wide >> drop;
  let half = 1u << (drop - 1u);
  let left = wide & ((half << 1u) - 1u);
  let up = u32(left > half || (left == half && (whole & 1u) == 1u));
  // where rounding carries into the next power of two, so does this sum
  return min((u32(max(exponent - 1, 0)) << 23u) + whole + up, INFINITE);
}

// The bits of a mean as bfloat16, from its key: half to even, at most the largest finite one; 0 below 2^-126.
fn levelOf(key: u32) -> u32 {
  let level = min((key + 0x7fffu + ((key >> 16u) & 1u)) >> 16u, 0x7f7fu);
  return select(level, 0u, level < 0x80u);
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
    if (t == 0u) {
      levels[p.place + segment] = STRANGE;
    }
    return;
  }
  // 2. the mean of all
  let scaling = scalingFor(most);
  var sum = 0.0;
  for (var i = start; i < end; i += LANES) {
    sum = added(sum, values[origin + i] & MAGNITUDE, scaling);
  }
  let all = fold(t, sum, 0.0).x;
  // of one bit none is above it
  let cut = select(meanOf(all, length, scaling.shift), INFINITE, p.bits == 1u);
  // 3. the classes
  var own = 0u;
  var lowest = 0u;
  for (var i = start; i < end; i += LANES) {
    let word = values[origin + i];
    let magnitude = word & MAGNITUDE;
    let high = u32(magnitude > cut);
    own += high;
    lowest = max(lowest, select(magnitude, 0u, high == 1u));
    codes[origin + i] = u32(word > SIGN) + 2u * high;
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
      high = added(high, magnitude, scaling);
    } else {
      low = added(low, magnitude, lowScaling);
    }
  }
  let sums = fold(t, high, low);
  if (t == 0u) {
    let count = atomicLoad(&above);
    var levelLow = 0u;
    var levelHigh = 0u;
    if (count < length) {
      levelLow = levelOf(meanOf(sums.y, length - count, lowScaling.shift));
    }
    if (count > 0u) {
      levelHigh = levelOf(meanOf(sums.x, count, scaling.shift));
    }
    if (count == length) {
      levelLow = levelHigh;
    }
    // rounding may leave the low mean above the high one
    levels[p.place + segment] = levelLow | (max(levelLow, levelHigh) << 16u);
  }
}
