// Levels in the place of magnitudes: sums scaled by their largest key, and means as bfloat16 (ts/kernels/levels.ts).
const MAGNITUDE = 0x7fffffffu;
const INFINITE = 0x7f800000u;
const NORMAL = 0x00800000u; // the key of 2^-126
const SIGN = 0x80000000u;
const SMALL = 0x21800000u; // the key of 2^-60
const HUGE = 0x6f000000u; // the key of 2^95
const SHIFT = 96;
const STRANGE = 0xffffffffu;

// A float, rounded here: no compiler can see through the xor with a 0 that it does not know, so none can add in another
// order.
fn rounded(value: f32, zero: u32) -> f32 {
  return bitcast<f32>(bitcast<u32>(value) ^ zero);
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
fn added(sum: f32, key: u32, by: Scaling, zero: u32) -> f32 {
  return rounded(sum + bitcast<f32>(select(key, 0u, key < by.tiny)) * by.power, zero);
}

// The code of a value: whether it is negative, and twice whether it is high.
fn codeOf(word: u32, cut: u32) -> u32 {
  return u32(word > SIGN) + 2u * u32((word & MAGNITUDE) > cut);
}

// A sum of magnitudes by its key, +0 or normal, of so many, which were taken times 2^shift.
struct Sum {
  key: u32,
  count: u32,
  shift: i32,
}

// The key of key 2^-shift / count, count >= 1, rounded half to even to float64, then to float32, to subnormals too:
// made of integers, since the / of WGSL may be wrong in the last bits.
fn meanOf(sum: Sum) -> u32 {
  if (sum.key < NORMAL) {
    return 0u;
  }
  // Both as significands of 32 bits: their quotient is in 1..2 times 2^exponent.
  let zeros = countLeadingZeros(sum.count);
  let by = sum.count << zeros;
  var rest = ((sum.key & 0x007fffffu) | NORMAL) << 8u;
  var exponent = i32(sum.key >> 23u) + i32(zeros) - 31 - sum.shift;
  var carry = false;
  if (rest < by) {
    carry = rest >= SIGN;
    rest <<= 1u;
    exponent -= 1;
  }
  // 24 bits and one more, and whether anything is left behind them
  var found = 0u;
  for (var i = 0u; i < 25u; i++) {
    found <<= 1u;
    if (carry || rest >= by) {
      rest -= by;
      found |= 1u;
    }
    carry = rest >= SIGN;
    rest <<= 1u;
  }
  var left = u32(rest > 0u || carry);
  // Up to 2^28 what float64 rounds changes nothing behind it. Of more the next 28 bits, rounded by those that follow.
  if (sum.count > 0x10000000u) {
    var tail = 0u;
    for (var i = 0u; i < 29u; i++) {
      tail <<= 1u;
      if (carry || rest >= by) {
        rest -= by;
        tail |= 1u;
      }
      carry = rest >= SIGN;
      rest <<= 1u;
    }
    let half = (tail & 1u) == 1u;
    tail = (tail >> 1u) + u32(half && (carry || rest > 0u || (tail & 2u) == 2u));
    found += tail >> 28u;
    left = u32((tail & 0x0fffffffu) > 0u);
  }
  let wide = (found << 1u) | left;
  // a subnormal has fewer bits
  let drop = u32(min(2 + max(1 - exponent, 0), 27));
  let whole = wide >> drop;
  let half = 1u << (drop - 1u);
  let below = wide & ((half << 1u) - 1u);
  let up = u32(below > half || (below == half && (whole & 1u) == 1u));
  // where rounding carries into the next power of two, so does this sum
  return min((u32(max(exponent - 1, 0)) << 23u) + whole + up, INFINITE);
}

// The bits of a mean as bfloat16, from its key: half to even, at most the largest finite one; 0 below 2^-126.
fn levelOf(key: u32) -> u32 {
  let level = min((key + 0x7fffu + ((key >> 16u) & 1u)) >> 16u, 0x7f7fu);
  return select(level, 0u, level < 0x80u);
}

// The word of two levels, the means of two classes: where one is empty it has that of the other, 0 where both are.
fn levelsOf(low: Sum, high: Sum) -> u32 {
  var levelLow = 0u;
  var levelHigh = 0u;
  if (low.count > 0u) {
    levelLow = levelOf(meanOf(low));
  }
  if (high.count > 0u) {
    levelHigh = levelOf(meanOf(high));
  }
  if (low.count == 0u) {
    levelLow = levelHigh;
  }
  // rounding may leave the low mean above the high one
  return levelLow | (max(levelLow, levelHigh) << 16u);
}
