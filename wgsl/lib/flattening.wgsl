// What flattens a tile of whole blocks, and reduces each block: for flatten.wgsl and centroids-flatten.wgsl, which have
// the tile of TILE words, WIDTH threads, and p, x and largest.
const BLOCK = 1024u; // elements of a block of the tree
const LANES = 32u;
const HASHED = 128u; // flips that one hash draws
const TINY = 0x0c800000u; // the key of 2^-102
const TINY_SQUARED = 0x26000000u; // the key of 2^-51
const MAGNITUDE = 0x7fffffffu;
const SIGN = 0x80000000u;
const HIGH_MASK = 0xfffff000u;
// what `reduce` makes of a block
const OF_SQUARES = 0u;
const OF_MAGNITUDES = 1u;
const OF_KEYS = 2u;

// A float, rounded here: no compiler can see through the xor, so none can add in another order, nor draw two products
// into one.
fn rounded(value: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(value) ^ p.zero);
}

// Brings a tile of x, scaled, and gives the largest key of what the thread brought. Loads do not wait for each other.
fn fill(base: u32, t: u32) -> u32 {
  let last = max(p.n, 1u) - 1u;
  var top = vec4u(0u);
  for (var i = t; i < TILE; i += 4u * WIDTH) {
    let at = vec4u(base + i) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
    let held = min(at, vec4u(last));
    let found = vec4u(x[held.x], x[held.y], x[held.z], x[held.w]);
    let words = select(found, vec4u(0u), at >= vec4u(p.n));
    let keys = words & vec4u(MAGNITUDE);
    top = max(top, keys);
    put4(i, WIDTH, bitcast<vec4f>(select(words, vec4u(0u), keys < vec4u(p.tiny))) * p.scale);
  }
  workgroupBarrier();
  return max(max(top.x, top.y), max(top.z, top.w));
}

// `result` with one more word of the tile: its square or magnitude added, or the larger key.
fn joined(result: u32, word: u32, what: u32) -> u32 {
  let key = word & MAGNITUDE;
  if (what == OF_KEYS) {
    return max(result, key);
  }
  let sum = bitcast<f32>(result);
  if (what == OF_MAGNITUDES) {
    return bitcast<u32>(rounded(sum + bitcast<f32>(select(key, 0u, key < TINY))));
  }
  let magnitude = bitcast<f32>(select(key, 0u, key < TINY_SQUARED));
  let high = bitcast<f32>(bitcast<u32>(magnitude) & HIGH_MASK);
  let low = rounded(magnitude - high);
  return bitcast<u32>(rounded(rounded(sum + high * high) + high * (low + low)));
}

// Folds `lanes` words, `apart` from each other, at the start of every `length` elements of the tile.
fn fold(t: u32, lanes: u32, apart: u32, length: u32, what: u32) {
  for (var h = lanes / 2u; h > 0u; h /= 2u) {
    for (var i = t; i < TILE / length * h; i += WIDTH) {
      let at = slot(i / h * length + i % h * apart);
      let word = tile[slot(i / h * length + (i % h + h) * apart)];
      if (what == OF_KEYS) {
        tile[at] = max(tile[at], word);
      } else {
        tile[at] = bitcast<u32>(rounded(bitcast<f32>(tile[at]) + bitcast<f32>(word)));
      }
    }
    workgroupBarrier();
  }
}

// Leaves what there is of each block, its sum of squares or of magnitudes or its largest key, at its first element.
fn reduce(t: u32, what: u32) {
  let length = min(p.block, BLOCK);
  let lanes = min(p.block, LANES);
  for (var lane = t; lane < TILE / length * lanes; lane += WIDTH) {
    let start = lane / lanes * length + lane % lanes;
    var result = 0u;
    for (var i = start; i < start + length; i += lanes) {
      result = joined(result, tile[slot(i)], what);
    }
    tile[slot(start)] = result;
  }
  workgroupBarrier();
  fold(t, lanes, 1u, length, what);
  let longer = max(p.block, BLOCK);
  fold(t, longer / BLOCK, BLOCK, longer, what);
}

// Blocks of z in the tile that starts at `base`, and the first of them in widths and squares.
fn blocksOf(base: u32) -> u32 {
  return min(TILE, p.total - min(base, p.total)) / p.block;
}
fn firstBlock(base: u32) -> u32 {
  return (p.first + base) / p.block - p.owner;
}

// What `reduce` left of block s of the tile, as a key.
fn keyOf(s: u32) -> u32 {
  return tile[slot(s * p.block)] & MAGNITUDE;
}

fn hashOf(counter: u32) -> vec4u {
  return pcg4d(vec4u(counter, p.seed, p.step, p.stream));
}

// Leaves z in the tile; v is what thread t has of x: 16 neighbours.
fn flatten(base: u32, t: u32, v: Sixteen) {
  let first = t * 16u;
  let hash = hashOf(p.counter + (base + first) / HASHED);
  let shift = first % HASHED / 4u;
  let signed = Sixteen(
    flipped(v.a, hash, shift),
    flipped(v.b, hash, shift + 1u),
    flipped(v.c, hash, shift + 2u),
    flipped(v.d, hash, shift + 3u),
  );
  let stages = p.block - 1u;
  put(first, 1u, butterflies(signed, stages & 15u));
  workgroupBarrier();
  let at = t / 16u * 256u + t % 16u;
  put(at, 16u, butterflies(take(at, 16u), (stages >> 4u) & 15u));
  workgroupBarrier();
  put(t, 256u, butterflies(take(t, 256u), stages >> 8u));
  workgroupBarrier();
}

// Raises the largest key by what each thread has, in the upper half of the tile, which is free; what was put into the
// lower half may be read behind it.
fn raise(t: u32, top: u32) {
  let place = TILE / 2u;
  tile[place + t] = top;
  workgroupBarrier();
  let eighth = t - WIDTH / 2u;
  if (eighth < WIDTH / 8u) {
    var key = 0u;
    for (var i = 0u; i < 8u; i++) {
      key = max(key, tile[place + eighth + i * (WIDTH / 8u)]);
    }
    tile[place + WIDTH + eighth] = key;
  }
  workgroupBarrier();
  if (t == 0u) {
    var key = 0u;
    for (var i = 0u; i < WIDTH / 8u; i++) {
      key = max(key, tile[place + WIDTH + i]);
    }
    atomicMax(&largest[0], key);
  }
}
