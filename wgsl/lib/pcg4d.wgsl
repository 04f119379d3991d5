// The generator of all random draws, of sign flips, dithers and stochastic rounding: the hash pcg4d (M. Jarzynski and
// M. Olano, JCGT 9(3), 2020) of (counter, seed, step, stream), with three rounds, each closed by the shift.
// ts/kernels/random.ts has which counter and component a draw takes.
fn pcg4d(counter: vec4u) -> vec4u {
  var v = counter * 1664525u + 1013904223u;
  for (var round = 0u; round < 3u; round++) {
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4u(16u);
  }
  return v;
}
