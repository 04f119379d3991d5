// Sixteen floats of a tile at a time, whose bits lie in `tile` of the shader: those at `at` and each `step` further on.

// Where element i of a tile lies: neither 32 neighbours, nor 32 elements 16 apart, nor two rows of 16 share a bank.
fn slot(i: u32) -> u32 {
  return i ^ ((i >> 5u) & 15u) ^ ((i >> 4u) & 16u);
}

fn take4(at: u32, step: u32) -> vec4f {
  let words = vec4u(tile[slot(at)], tile[slot(at + step)], tile[slot(at + 2u * step)], tile[slot(at + 3u * step)]);
  return bitcast<vec4f>(words);
}
fn take(at: u32, step: u32) -> Sixteen {
  let by = 4u * step;
  return Sixteen(take4(at, step), take4(at + by, step), take4(at + 2u * by, step), take4(at + 3u * by, step));
}
fn put4(at: u32, step: u32, v: vec4f) {
  let words = bitcast<vec4u>(v);
  tile[slot(at)] = words.x;
  tile[slot(at + step)] = words.y;
  tile[slot(at + 2u * step)] = words.z;
  tile[slot(at + 3u * step)] = words.w;
}
fn put(at: u32, step: u32, v: Sixteen) {
  put4(at, step, v.a);
  put4(at + 4u * step, step, v.b);
  put4(at + 8u * step, step, v.c);
  put4(at + 12u * step, step, v.d);
}
