// Levels of keys by the edges of their segment, and codes side by side: for centroids.wgsl and
// centroids-flatten.wgsl, whose p has bits and the edges.

// Keys from which on an element is above the edges, the others beyond all keys.
struct Cuts {
  low: vec4u,
  high: vec4u,
}

// The edges times the root of a segment, each product rounded: nothing is added to it.
fn cutsOf(root: u32) -> Cuts {
  let by = bitcast<f32>(root);
  let low = bitcast<vec4u>(vec4f(p.edge0, p.edge1, p.edge2, p.edge3) * by);
  let high = bitcast<vec4u>(vec4f(p.edge4, p.edge5, p.edge6, 0.0) * by);
  let edges = vec4u((1u << (p.bits - 1u)) - 1u);
  // a product of zeros may have any sign
  return Cuts(
    select(vec4u(0xffffffffu), low & vec4u(0x7fffffffu), vec4u(0u, 1u, 2u, 3u) < edges),
    select(vec4u(0xffffffffu), high & vec4u(0x7fffffffu), vec4u(4u, 5u, 6u, 7u) < edges),
  );
}

// The keys from which on levels first to first + 3 begin, the first one of all with 0.
fn startsOf(cuts: Cuts, first: u32) -> vec4u {
  let low = vec4u(0u, cuts.low.xyz);
  return select(vec4u(cuts.low.w, cuts.high.xyz), low, first == 0u);
}

// Those from which on the levels behind them begin.
fn endsOf(cuts: Cuts, first: u32) -> vec4u {
  return select(cuts.high, cuts.low, first == 0u);
}

fn codeOf(word: u32, cuts: Cuts) -> u32 {
  let key = vec4u(word & 0x7fffffffu);
  let above = select(vec4u(0u), vec4u(1u), key >= cuts.low) + select(vec4u(0u), vec4u(1u), key >= cuts.high);
  let sign = select(0u, 1u << (p.bits - 1u), word > 0x80000000u);
  return above.x + above.y + above.z + above.w + sign;
}

// Four codes side by side.
fn codesOf(words: vec4u, cuts: Cuts) -> u32 {
  var codes = codeOf(words.x, cuts) | (codeOf(words.y, cuts) << p.bits);
  codes |= codeOf(words.z, cuts) << (2u * p.bits);
  return codes | (codeOf(words.w, cuts) << (3u * p.bits));
}
