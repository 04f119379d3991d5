// What decodes a tile of whole blocks: for flatten-decode.wgsl and centroids-decode.wgsl, which have the tile of TILE
// words, WIDTH threads, p, scales and y, and the numbers of which a thread begins with 16.
const HASHED = 128u; // flips that one hash draws
const TINY = 0x0c800000u; // the key of 2^-102
const MAGNITUDE = 0x7fffffffu;

// t of elements base + t, base + t + 256 and so on. Afterwards the tile has the hashes of its flips.
fn transformed(base: u32, t: u32) -> Sixteen {
  var hash = vec4u(0u);
  if (t < TILE / HASHED) {
    hash = pcg4d(vec4u(p.counter + base / HASHED + t, p.seed, p.step, p.stream));
  }
  let stages = p.block - 1u;
  put(t * 16u, 1u, butterflies(numbers(base, t), stages & 15u));
  workgroupBarrier();
  let at = t / 16u * 256u + t % 16u;
  put(at, 16u, butterflies(take(at, 16u), (stages >> 4u) & 15u));
  workgroupBarrier();
  let v = butterflies(take(t, 256u), stages >> 8u);
  workgroupBarrier();
  if (t < TILE / HASHED) {
    tile[t * 4u] = hash.x;
    tile[t * 4u + 1u] = hash.y;
    tile[t * 4u + 2u] = hash.z;
    tile[t * 4u + 3u] = hash.w;
  }
  workgroupBarrier();
  return v;
}

// The places in y of four elements of the tile, from element j on, 256 apart.
fn placesOf(base: u32, j: u32) -> vec4u {
  return vec4u(base + j) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
}

// v of these elements; beyond y, of the scale of its last.
fn decoded(base: u32, j: u32, t: vec4f) -> vec4u {
  let owner = (min(placesOf(base, j), vec4u(p.n - 1u)) + p.first) / p.block - p.owner;
  let by = vec4u(scales[owner.x], scales[owner.y], scales[owner.z], scales[owner.w]);
  // of elements 256 apart the flips are under every other hash, at the same bit
  let hash = j / HASHED * 4u + j % 4u;
  let flips = vec4u(tile[hash], tile[hash + 8u], tile[hash + 16u], tile[hash + 24u]) << vec4u(j / 4u % 32u);
  let words = bitcast<vec4u>(t);
  return vec4u(
    scaledBack(words.x, by.x, flips.x),
    scaledBack(words.y, by.y, flips.y),
    scaledBack(words.z, by.z, flips.z),
    scaledBack(words.w, by.w, flips.w),
  );
}

fn keep(places: vec4u, words: vec4u) {
  if (places.x < p.n) {
    y[places.x] = words.x;
  }
  if (places.y < p.n) {
    y[places.y] = words.y;
  }
  if (places.z < p.n) {
    y[places.z] = words.z;
  }
  if (places.w < p.n) {
    y[places.w] = words.w;
  }
}

fn decode4(base: u32, j: u32, v: vec4f) {
  keep(placesOf(base, j), decoded(base, j, v));
}

fn flushed(words: vec4u) -> vec4u {
  return select(words, vec4u(0u), (words & vec4u(MAGNITUDE)) < vec4u(TINY));
}

// Words that a compiler knows nothing of: it can neither join two products across them, nor a product and a sum.
fn opaque(words: vec4u) -> vec4u {
  return words ^ vec4u(p.zero);
}

fn add4(base: u32, j: u32, v: vec4f) {
  let places = placesOf(base, j);
  if (places.x >= p.n) {
    return;
  }
  // the first in the place of those beyond: no load waits for another, and none is of what another thread writes
  let at = select(vec4u(places.x), places, places < vec4u(p.n));
  let found = flushed(vec4u(y[at.x], y[at.y], y[at.z], y[at.w]));
  let by = flushed(opaque(decoded(base, j, v)));
  let term = flushed(opaque(bitcast<vec4u>(p.factor * bitcast<vec4f>(by))));
  let sum = bitcast<vec4u>(bitcast<vec4f>(found) + bitcast<vec4f>(term));
  keep(places, select(sum, vec4u(0u), (sum & vec4u(MAGNITUDE)) == vec4u(0u)));
}
