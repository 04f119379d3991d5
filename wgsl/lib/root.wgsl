// The key of the square root of a float that is not negative, from its key: made of integers and rounded to the
// nearest, since the roots of GPUs are less exact.
fn root(key: u32) -> u32 {
  if (key < 0x00800000u || key >= 0x7f800000u) {
    return select(0u, key, key >= 0x7f800000u);
  }
  let significand = (key & 0x007fffffu) | 0x00800000u;
  // The significand times 2^23 or 2^24, whichever leaves an even exponent, in two halves of 24 bits.
  let odd = (key >> 23u) % 2u == 0u;
  let halves = vec2u(select(significand >> 1u, significand, odd), select((significand & 1u) << 23u, 0u, odd));
  var rest = 0u;
  var found = 0u;
  for (var i = 0u; i < 24u; i++) {
    let half = select(halves.y, halves.x, i < 12u);
    rest = (rest << 2u) | ((half >> (22u - i % 12u * 2u)) & 3u);
    let trial = (found << 2u) | 1u;
    found <<= 1u;
    if (rest >= trial) {
      rest -= trial;
      found |= 1u;
    }
  }
  // Half a bit more squared is found^2 + found + 1/4: never hit exactly.
  if (rest > found) {
    found++;
  }
  return ((((key >> 23u) + 125u) / 2u) << 23u) + found;
}
