// Products that never are infinite, for a decoder's last step, where elements are scaled and their sign flips undone
// (fwht.wgsl, flatten-decode.wgsl).

// The key of the product of two positive floats, held to the largest finite: no infinity is computed.
fn product(a: u32, b: u32) -> u32 {
  // Exponents add up, with a bias of 2 * 127: from 2^128 on it is too large, below 2^127 the significands cannot help.
  let exponents = (a >> 23u) + (b >> 23u);
  if (exponents >= 254u + 128u) {
    return 0x7f7fffffu;
  }
  if (exponents < 254u + 127u) {
    return bitcast<u32>(bitcast<f32>(a) * bitcast<f32>(b));
  }
  // Taken times 2^-32, rounded as ever; an exponent that then is 96 or more was 128 or more.
  let low = bitcast<u32>(bitcast<f32>(a - (16u << 23u)) * bitcast<f32>(b - (16u << 23u)));
  return min(low + (32u << 23u), 0x7f7fffffu);
}

// A whole number as a float times a scale, +0 or normal, with the sign that it had before its flip: the highest bit of
// `flip`. A product beyond float32 is the largest finite number, zero is +0.
fn scaledBack(word: u32, scale: u32, flip: u32) -> u32 {
  if ((word & 0x7fffffffu) == 0u || scale == 0u) {
    return 0u;
  }
  return product(word & 0x7fffffffu, scale) | ((word ^ flip) & 0x80000000u);
}
