// Floats by their bits, where magnitudes below 2^-102 count as +0.
const TINY = 0x0c800000u; // the key of 2^-102

fn flushed(bits: vec4u) -> vec4u {
  return select(bits, vec4u(0u), (bits & vec4u(0x7fffffffu)) < vec4u(TINY));
}

// Sums; one of zero is written as +0, since WGSL may ignore its sign.
fn sumsOf(a: vec4u, b: vec4u) -> vec4u {
  let found = bitcast<vec4u>(bitcast<vec4f>(flushed(a)) + bitcast<vec4f>(flushed(b)));
  return select(found, vec4u(0u), (found & vec4u(0x7fffffffu)) == vec4u(0u));
}

// The same of two numbers.
fn sumOf(a: u32, b: u32) -> u32 {
  let terms = bitcast<vec2f>(flushed(vec4u(a, b, 0u, 0u)).xy);
  let found = bitcast<u32>(terms.x + terms.y);
  return select(found, 0u, (found & 0x7fffffffu) == 0u);
}

// Products, for a sum: `zero` is 0, which no compiler knows, so that none can see through the xor and fuse the two.
fn productsOf(bits: vec4u, scale: f32, zero: u32) -> vec4u {
  return bitcast<vec4u>(bitcast<vec4f>(flushed(bits)) * scale) ^ vec4u(zero);
}
