// Scalars between passes: grids of quantisers (quantize.wgsl), and the widths of dithers.
//
//   maskGrid     [0, L / T, L - 1, signed ? L - 1 : 0, key of T], T = the float of the signed key kept[0], scaled;
//                L = 2^bits - 1, or 2^(bits - 1) where signed
//   uniformGrid  [low, (2^bits - 1) / width, 2^bits - 1, 0, key of the largest float], low and width of the scaled
//                range
//   levelGrid    [0, numerator / norm, levels, levels, key of the largest float], norm = the larger of root(sums[0])
//                and the scaled largest magnitude
//   lambdas      lambdas[s] = factor * root(sums[s])
//
// The / and sqrt of WGSL may be wrong in the last bits, so quotients and roots are made of integers, bit by bit, and
// rounded half to even. "Scaled" is times 2^e, exactly; `power`, `subnormal`, `tiny` and `cap` say how
// (ts/kernels/scaling.ts).
//
// Library           root
// Bindings          kept, range: in, signed keys; sums: in, floats; largest: in, a key; grid: out, 5 words;
//                   lambdasOut: out, count words
// Passes            1 of each
//   maskGrid(bits = 4, signed = 2, power = 1): maskGrid
//   uniformGrid(bits = 4, power = 1): uniformGrid
//   levelGrid(levels = 7, fraction = 15, power = 1): levelGrid
//   lambdas(count = 4096, factor = 2): lambdas
// Entry points        threads  workgroups   workgroup bytes  words read  words written
//   maskGrid                1  1                          0  2           5
//   uniformGrid             1  1                          0  2           5
//   levelGrid               1  1                          0  2           5
//   lambdas               256  count / 256                0  count       count
// Occupancy         one thread makes a grid: what such a pass costs is the time between passes; lambdas, threads alone
// Edges             a divisor below 2^-102 gives a scale of 0; lambdas below 2^-102 are +0; operands are normal or
//                   zero, quotients normal: beyond float32 they would be infinity, below 2^-126 zero
const WIDTH = 256u;
const TINY = 0x0c800000u;
const MAGNITUDE = 0x7fffffffu;
const INFINITE = 0x7f800000u;
const NORMAL = 0x00800000u; // the key of 2^-126
const SIGN = 0x80000000u;
const MOST = 0x7e800000u; // the key of 2^126
const SIGNED_YES = 1u;
const SIGNED_FOUND = 2u;

struct Params {
  power: f32, // 2^e
  subnormal: f32, // 2^(e - 149): a subnormal with key k, scaled, is k times this
  tiny: u32, // the key below which a magnitude, scaled, lies below 2^-126
  cap: u32, // the key from which on it is held to 2^126
  bits: u32,
  signed: u32,
  levels: u32,
  numerator: u32,
  count: u32, // segments in this window
  factor: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> kept: array<u32>;
@group(0) @binding(2) var<storage, read> range: array<u32>;
@group(0) @binding(3) var<storage, read> sums: array<u32>;
@group(0) @binding(4) var<storage, read> largest: array<u32>;
@group(0) @binding(5) var<storage, read_write> grid: array<u32>;
@group(0) @binding(6) var<storage, read_write> lambdasOut: array<u32>;

// The key of a magnitude's key, scaled.
fn scaledKey(key: u32) -> u32 {
  if (key < p.tiny) {
    return 0u;
  }
  if (key >= p.cap) {
    return MOST;
  }
  if (key < NORMAL) {
    return bitcast<u32>(f32(key) * p.subnormal);
  }
  return bitcast<u32>(bitcast<f32>(key) * p.power);
}

// The bits of the float of a signed key, scaled.
fn scaledBits(signedKey: u32) -> u32 {
  if (signedKey <= MAGNITUDE) {
    return scaledKey(signedKey);
  }
  let key = scaledKey(~signedKey + 1u);
  return select(key | SIGN, 0u, key == 0u);
}

// dividend / divisor, 1 <= dividend < 2^24, for the key of a divisor; 0 where that is below 2^-102 or infinite.
fn quotient(dividend: u32, divisor: u32) -> u32 {
  if (divisor < TINY || divisor >= INFINITE) {
    return 0u;
  }
  // Both as significands of 24 bits, the dividend not the smaller: the quotient is in 1..2 times 2^exponent.
  let zeros = countLeadingZeros(dividend) - 8u;
  var rest = dividend << zeros;
  let by = (divisor & 0x007fffffu) | NORMAL;
  var exponent = 127 + 23 - i32(zeros) + 127 - i32(divisor >> 23u);
  if (rest < by) {
    rest <<= 1u;
    exponent -= 1;
  }
  var found = 0u;
  for (var i = 0u; i < 24u; i++) {
    found <<= 1u;
    if (rest >= by) {
      rest -= by;
      found |= 1u;
    }
    rest <<= 1u;
  }
  // rest / by is now twice what is left of the last bit
  if (rest > by || (rest == by && (found & 1u) == 1u)) {
    found++;
  }
  if (exponent < 1) {
    return 0u;
  }
  // Where rounding carries into the next power of two, so does this sum.
  return min((u32(exponent - 1) << 23u) + found, INFINITE);
}

fn store(origin: u32, scale: u32, limit: u32, offset: u32, top: u32) {
  grid[0] = origin;
  grid[1] = scale;
  grid[2] = limit;
  grid[3] = offset;
  grid[4] = top;
}

@compute @workgroup_size(1)
fn maskGrid() {
  let signed = p.signed == SIGNED_YES || (p.signed == SIGNED_FOUND && range[0] > MAGNITUDE);
  let levels = select((1u << p.bits) - 1u, 1u << (p.bits - 1u), signed);
  var threshold = scaledBits(kept[0]);
  if (threshold > MAGNITUDE) {
    threshold = 0u;
  }
  store(0u, quotient(levels, threshold), levels - 1u, select(0u, levels - 1u, signed), threshold);
}

@compute @workgroup_size(1)
fn uniformGrid() {
  let low = scaledBits(range[0]);
  let high = scaledBits(range[1]);
  let most = (1u << p.bits) - 1u;
  let width = bitcast<u32>(bitcast<f32>(high) - bitcast<f32>(low));
  store(low, quotient(most, width), most, 0u, INFINITE - 1u);
}

@compute @workgroup_size(1)
fn levelGrid() {
  let norm = max(root(sums[0]), scaledKey(largest[0]));
  store(0u, quotient(p.numerator, norm), p.levels, p.levels, INFINITE - 1u);
}

@compute @workgroup_size(WIDTH)
fn lambdas(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let s = (id.y * groups.x + id.x) * WIDTH + t;
  if (s < p.count) {
    // a product of zeros may have either sign
    let lambda = bitcast<u32>(p.factor * bitcast<f32>(root(sums[s]))) & MAGNITUDE;
    lambdasOut[s] = select(lambda, 0u, lambda < TINY);
  }
}
