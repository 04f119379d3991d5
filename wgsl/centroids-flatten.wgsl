// Flattened levels by blocks of 1024 elements up to a tile: z = H D x (fwht.wgsl), a code for each element of it, the
// sum of squares of each block of x, and the sums and counts of each level, without z ever leaving workgroup memory.
//
//   flattenLevels  codes, squares, sums and counts of ts/kernels/centroids.ts; raises largest[0] to the largest key of
//                  x, also of elements whose key is below `tiny`
//
// Before that x is taken times `scale`, a power of two, and as +0 where its key is below `tiny`
// (ts/kernels/scaling.ts). centroids.wgsl has its plans.
//
// Sums of squares are found in the tile, and the roots of blocks, which are integers' (scalars.wgsl), are left there,
// while the 16 neighbours with which a thread begins wait in its registers. With z in the tile a thread makes codes of
// 16 neighbours, and two threads the sums of a lane of a block of the tree, up to four levels each; only then is the
// tile free for the lanes to fold there.
//
// Library           butterflies, flattening, levelling, pcg4d, root, sixteens
// Bindings          x: in, n words; codes: out, bits an element; squares: out, a word a block; sums and counts: out, a
//                   word a level of each block; largest: 1 word, cleared
// Passes            centroids.wgsl has them
// Entry points     threads  workgroups    workgroup bytes  words read  words written
//   flattenLevels      256  total / 4096           16,384  n           total bits / 32 + (1 + 2 levels) total / block
// Occupancy         workgroup memory, 64 bytes a thread, and registers, 16 floats a thread and as many being made; a
//                   root by one thread a block; an atomic a workgroup for the largest key
// Edges             elements beyond x count as +0; so do scaled magnitudes below 2^-102, in squares below 2^-51. Signs
//                   of zero are masked, since WGSL may ignore them. A tile may stand over the end of z
const WIDTH = 256u;
const TILE = 4096u;

struct Params {
  n: u32, // words of x in this window
  total: u32, // elements of z in this window
  first: u32, // index of the window's first element
  block: u32, // a power of two, 1024 up to TILE
  owner: u32, // the block of squares[0]
  place: u32, // where in sums and counts those of the window's first block start
  bits: u32, // of a code
  levels: u32, // 2^(bits - 1)
  edge0: f32, // between levels, in units of the root
  edge1: f32,
  edge2: f32,
  edge3: f32,
  edge4: f32,
  edge5: f32,
  edge6: f32,
  tiny: u32, // the key below which an element of x counts as +0
  scale: f32, // of x, a power of two
  counter: u32, // that of the flips of the window's first element
  seed: u32,
  step: u32,
  stream: u32,
  zero: u32, // 0, which no compiler knows: see `rounded`
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> squares: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;
@group(0) @binding(5) var<storage, read_write> counts: array<u32>;
@group(0) @binding(6) var<storage, read_write> largest: array<atomic<u32>>;

var<workgroup> tile: array<u32, TILE>;

// Sums and counts of four levels.
struct Tally {
  magnitudes: vec4f,
  numbers: vec4u,
}

// Those of half of the levels, from `first` on, over lane `lane` of the tile: 32 rows of a block of the tree.
fn tallyOf(lane: u32, cuts: Cuts, first: u32) -> Tally {
  var least = startsOf(cuts, first / 4u);
  var beyond = endsOf(cuts, first / 4u);
  if (first % 4u != 0u) {
    // the second half of two levels, or of four
    least = select(vec4u(least.zw, 0xffffffffu, 0xffffffffu), least.yyyy, p.levels == 2u);
    beyond = select(vec4u(beyond.zw, 0u, 0u), beyond.yyyy, p.levels == 2u);
  }
  var magnitudes = vec4f(0.0);
  var numbers = vec4u(0u);
  let start = lane / LANES * BLOCK + lane % LANES;
  for (var i = start; i < start + BLOCK; i += LANES) {
    let key = vec4u(tile[slot(i)] & MAGNITUDE);
    let own = (key >= least) & (key < beyond);
    let more = bitcast<vec4f>(select(vec4u(0u), key, own & (key >= vec4u(TINY))));
    magnitudes = bitcast<vec4f>(bitcast<vec4u>(magnitudes + more) ^ vec4u(p.zero));
    numbers += select(vec4u(0u), vec4u(1u), own);
  }
  return Tally(magnitudes, numbers);
}

// Folds the lanes of each level and block of the tree, then the blocks of the tree of each block: the results of level
// l of block s of the tile lie at 128 l + 32 s block / 1024, sums in the first quarter of the tile, counts behind them.
fn foldLanes(t: u32) {
  for (var h = LANES / 2u; h > 0u; h /= 2u) {
    for (var i = t; i < p.levels * (TILE / BLOCK) * h; i += WIDTH) {
      join(i / h * LANES + i % h, h);
    }
    workgroupBarrier();
  }
  for (var h = p.block / BLOCK / 2u; h > 0u; h /= 2u) {
    for (var i = t; i < p.levels * (TILE / p.block) * h; i += WIDTH) {
      join((i / h * (p.block / BLOCK) + i % h) * LANES, h * LANES);
    }
    workgroupBarrier();
  }
}
fn join(at: u32, apart: u32) {
  tile[at] = bitcast<u32>(rounded(bitcast<f32>(tile[at]) + bitcast<f32>(tile[at + apart])));
  tile[TILE / 4u + at] += tile[TILE / 4u + at + apart];
}

fn writeTallies(base: u32, t: u32) {
  for (var i = t; i < blocksOf(base) * p.levels; i += WIDTH) {
    let at = i % p.levels * (TILE / BLOCK * LANES) + i / p.levels * (p.block / BLOCK * LANES);
    let to = p.place + base / p.block * p.levels + i;
    // sums are not negative: zero is +0
    sums[to] = tile[at] & MAGNITUDE;
    counts[to] = tile[TILE / 4u + at];
  }
}

// Writes the codes of the tile, from the 16 of each thread, eight in a word.
fn writeCodes(base: u32, t: u32) {
  for (var w = t; w < TILE / 32u * p.bits; w += WIDTH) {
    // word w begins in eight codes of 8 bits bits
    let begun = 4u * w / p.bits;
    let skipped = 32u * w - 8u * p.bits * begun;
    var word = tile[begun] >> skipped;
    var filled = 8u * p.bits - skipped;
    for (var next = begun + 1u; filled < 32u; next++) {
      word |= tile[next] << filled;
      filled += 8u * p.bits;
    }
    let at = base / 32u * p.bits + w;
    if (at * 32u < p.total * p.bits) {
      codes[at] = word;
    }
  }
}

@compute @workgroup_size(WIDTH)
fn flattenLevels(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let top = fill(base, t);
  let v = take(t * 16u, 1u);
  workgroupBarrier();
  reduce(t, OF_SQUARES);
  for (var s = t; s < TILE / p.block; s += WIDTH) {
    let square = keyOf(s);
    if (s < blocksOf(base)) {
      squares[firstBlock(base) + s] = square;
    }
    tile[slot(s * p.block)] = root(square);
  }
  workgroupBarrier();
  let lane = t / 2u;
  let cuts = cutsOf(tile[slot(t * 16u / p.block * p.block)]);
  let laneCuts = cutsOf(tile[slot(lane / LANES * BLOCK / p.block * p.block)]);
  workgroupBarrier();
  flatten(base, t, v);
  let z = take(t * 16u, 1u);
  let low = codesOf(bitcast<vec4u>(z.a), cuts) | (codesOf(bitcast<vec4u>(z.b), cuts) << (4u * p.bits));
  let high = codesOf(bitcast<vec4u>(z.c), cuts) | (codesOf(bitcast<vec4u>(z.d), cuts) << (4u * p.bits));
  // of one level, all of it is the first thread's
  let half = (p.levels + 1u) / 2u;
  let first = t % 2u * half;
  let tally = tallyOf(lane, laneCuts, first);
  workgroupBarrier();
  for (var q = 0u; q < half && first + q < p.levels; q++) {
    let at = (first + q) * (TILE / BLOCK * LANES) + lane;
    tile[at] = bitcast<u32>(tally.magnitudes[q]);
    tile[TILE / 4u + at] = tally.numbers[q];
  }
  workgroupBarrier();
  foldLanes(t);
  writeTallies(base, t);
  workgroupBarrier();
  tile[2u * t] = low;
  tile[2u * t + 1u] = high;
  raise(t, top);
  writeCodes(base, t);
}
