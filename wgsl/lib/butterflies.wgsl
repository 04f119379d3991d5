// Walsh-Hadamard butterflies, (a, b) -> (a + b, a - b), of 16 elements in a thread's registers, at distances 1, 2, 4
// and 8; and the random sign flips that are applied before them. For fwht.wgsl and those of flatten and levels,
// which stride the same 16 over a tile for longer distances (sixteens.wgsl).

// The 16 elements, numbered along a, b, c, d.
struct Sixteen {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
}

// Butterflies of neighbours, and of elements two apart.
fn pairs1(v: vec4f) -> vec4f {
  let sum = v.xz + v.yw;
  let difference = v.xz - v.yw;
  return vec4f(sum.x, difference.x, sum.y, difference.y);
}
fn pairs2(v: vec4f) -> vec4f {
  return vec4f(v.xy + v.zw, v.xy - v.zw);
}

// The stages at distances 1, 2, 4 and 8 of the sixteen: those whose bit of `stages` is set.
fn butterflies(v: Sixteen, stages: u32) -> Sixteen {
  var u = v;
  if ((stages & 1u) != 0u) {
    u = Sixteen(pairs1(u.a), pairs1(u.b), pairs1(u.c), pairs1(u.d));
  }
  if ((stages & 2u) != 0u) {
    u = Sixteen(pairs2(u.a), pairs2(u.b), pairs2(u.c), pairs2(u.d));
  }
  if ((stages & 4u) != 0u) {
    u = Sixteen(u.a + u.b, u.a - u.b, u.c + u.d, u.c - u.d);
  }
  if ((stages & 8u) != 0u) {
    u = Sixteen(u.a + u.c, u.b + u.d, u.a - u.c, u.b - u.d);
  }
  return u;
}

// Four neighbours with their flips, which `shift` moves to the signs; +0 stays.
fn flipped(v: vec4f, hash: vec4u, shift: u32) -> vec4f {
  let words = bitcast<vec4u>(v);
  let signs = (hash << vec4u(shift)) & vec4u(0x80000000u);
  return bitcast<vec4f>(words ^ select(signs, vec4u(0u), words == vec4u(0u)));
}
