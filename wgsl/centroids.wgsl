// Elements as their sign and one of a few levels, by segments that have a root each, and the sum of the magnitudes of
// each level (ts/kernels/centroids.ts).
//
//   packLevels  codes of z, side by side; sums and counts of each level of a block of the tree (reduce.wgsl), which is
//               a segment where that is no longer
//   joinLevels  of longer ones those of 1024 blocks, or of as many as a segment has: the next level of the tree
//
// A block of the tree is a workgroup of packLevels, or many segments are: a thread packs 8 neighbours, then 32 threads
// have the lanes of a block, and go through it once for each level. Of joinLevels a thread has a lane of one level.
// centroids-flatten.wgsl does it for blocks of 1024 to 4096 elements where x is flattened first; centroids-decode.wgsl
// has what decodes them.
//
// Library           levelling
// Bindings          z: in, n words; roots: in, a word a segment; codes: out, bits an element; sums and counts: out, a
//                   word a level of each leaf, in joinLevels of each group of `size` leaves, which are in
// Passes            1, and above 1024 elements a segment one more for each factor of 1024
//   packLevels(n = 2^24, segment = 64, bits = 2): packLevels
//   packLevels(n = 2^24, segment = 2^24, bits = 4): packLevels, joinLevels, joinLevels
//   unflattenLevels(n = 2^24, total = 2^24, block = 4096, bits = 3, add = 0): centroids-decode.decode
//   unflattenLevels(n = 2^24, total = 2^24, block = 1024, bits = 4, add = 1): centroids-decode.addDecoded
//   flattenLevels(n = 2^24, total = 2^24, block = 4096, bits = 4): clear max, centroids-flatten.flattenLevels
// Entry points        threads  workgroups  workgroup bytes  words read             words written
//   packLevels            128  n / 1024             12,288  n + n / segment        n bits / 32 + 2 n levels / leaf
//   joinLevels            256  groups                2,048  2 groups size levels   2 groups levels
// Occupancy         a block of the tree keeps a quarter of the threads of packLevels busy with its sums, short segments
//                   all of them; of joinLevels as many threads work as 32 lanes have levels
// Edges             magnitudes below 2^-102 count as +0 in sums, and by themselves in counts; a window ends with whole
//                   segments or blocks, and beyond it nothing is written
const WIDTH = 128u;
const BLOCK = 1024u; // elements of a block of the tree
const LANES = 32u;
const JOINED = 256u; // threads of joinLevels: 32 lanes of 8 levels
const TINY = 0x0c800000u; // the key of 2^-102
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // words of z in this window
  first: u32, // index of the window's first element
  segment: u32, // a power of two
  leaf: u32, // the segment, or a block of the tree where that is shorter
  owner: u32, // the segment of roots[0]
  codesAt: u32, // where in codes those of the window's first element start, in words
  place: u32, // where in sums and counts those of the window's first leaf, or group, start
  skip: u32, // where in leafSums and leafCounts those of the window's first group start
  groups: u32, // of leaves, in this window
  size: u32, // leaves of a group, up to 1024
  bits: u32, // of a code
  levels: u32, // 2^(bits - 1)
  edge0: f32, // between levels, in units of the root
  edge1: f32,
  edge2: f32,
  edge3: f32,
  edge4: f32,
  edge5: f32,
  edge6: f32,
  zero: u32, // 0, which no compiler knows: see `rounded`
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> z: array<u32>;
@group(0) @binding(2) var<storage, read> roots: array<u32>;
@group(0) @binding(3) var<storage, read_write> codes: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;
@group(0) @binding(5) var<storage, read_write> counts: array<u32>;
@group(0) @binding(6) var<storage, read> leafSums: array<u32>;
@group(0) @binding(7) var<storage, read> leafCounts: array<u32>;

var<workgroup> held: array<u32, BLOCK>;
var<workgroup> laneSums: array<f32, BLOCK>;
var<workgroup> laneCounts: array<u32, BLOCK>;
var<workgroup> joinedSums: array<f32, JOINED>;
var<workgroup> joinedCounts: array<u32, JOINED>;

// A float, rounded here: no compiler can see through the xor, so none can add in another order.
fn rounded(value: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(value) ^ p.zero);
}

// The root of the segment of element i of the window, or of its last.
fn rootOf(i: u32) -> u32 {
  return roots[(p.first + min(i, p.n - 1u)) / p.segment - p.owner];
}

// The codes of four neighbours from element j of the block on, which starts at `base`; `cuts` are those of the first.
fn four(base: u32, j: u32, cuts: Cuts) -> u32 {
  let words = vec4u(held[j], held[j + 1u], held[j + 2u], held[j + 3u]);
  if (p.segment >= 4u) {
    return codesOf(words, cuts);
  }
  let i = base + j;
  var result = codeOf(words.x, cutsOf(rootOf(i))) | (codeOf(words.y, cutsOf(rootOf(i + 1u))) << p.bits);
  result |= codeOf(words.z, cutsOf(rootOf(i + 2u))) << (2u * p.bits);
  return result | (codeOf(words.w, cutsOf(rootOf(i + 3u))) << (3u * p.bits));
}

// Writes the codes of the block, from the eight of each thread.
fn writeCodes(base: u32, t: u32) {
  let j = t * 8u;
  let low = four(base, j, cutsOf(rootOf(base + j)));
  let eight = low | (four(base, j + 4u, cutsOf(rootOf(base + j + 4u))) << (4u * p.bits));
  // what is beyond z has no codes
  let left = min(8u, p.n - min(base + j, p.n)) * p.bits;
  laneCounts[t] = select(eight & ((1u << (left & 31u)) - 1u), eight, left == 32u);
  workgroupBarrier();
  for (var w = t; w < LANES * p.bits; w += WIDTH) {
    // word w begins in the eight codes of thread `begun`, which have 8 bits bits
    let begun = 4u * w / p.bits;
    let skipped = 32u * w - 8u * p.bits * begun;
    var word = laneCounts[begun] >> skipped;
    var filled = 8u * p.bits - skipped;
    for (var next = begun + 1u; filled < 32u && next < WIDTH; next++) {
      word |= laneCounts[next] << filled;
      filled += 8u * p.bits;
    }
    let at = base / 32u * p.bits + w;
    if (at * 32u < p.n * p.bits) {
      codes[p.codesAt + at] = word;
    }
  }
  workgroupBarrier();
}

@compute @workgroup_size(WIDTH)
fn packLevels(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * BLOCK;
  for (var i = t; i < BLOCK; i += WIDTH) {
    held[i] = select(0u, z[min(base + i, p.n - 1u)], base + i < p.n);
  }
  workgroupBarrier();
  writeCodes(base, t);
  let lanes = min(p.leaf, LANES);
  for (var level = 0u; level < p.levels; level++) {
    for (var lane = t; lane < BLOCK / p.leaf * lanes; lane += WIDTH) {
      let start = lane / lanes * p.leaf + lane % lanes;
      let cuts = cutsOf(rootOf(base + start));
      let least = startsOf(cuts, level / 4u)[level % 4u];
      let beyond = endsOf(cuts, level / 4u)[level % 4u];
      var sum = 0.0;
      var count = 0u;
      for (var i = start; i < start / p.leaf * p.leaf + p.leaf; i += lanes) {
        let key = held[i] & MAGNITUDE;
        let own = key >= least && key < beyond;
        sum = rounded(sum + bitcast<f32>(select(0u, key, own && key >= TINY)));
        count += select(0u, 1u, own);
      }
      laneSums[lane] = sum;
      laneCounts[lane] = count;
    }
    workgroupBarrier();
    for (var h = lanes / 2u; h > 0u; h /= 2u) {
      for (var i = t; i < BLOCK / p.leaf * h; i += WIDTH) {
        let at = i / h * lanes + i % h;
        laneSums[at] = rounded(laneSums[at] + laneSums[at + h]);
        laneCounts[at] += laneCounts[at + h];
      }
      workgroupBarrier();
    }
    for (var s = t; s < BLOCK / p.leaf; s += WIDTH) {
      if (base + s * p.leaf < p.n) {
        let at = p.place + (base / p.leaf + s) * p.levels + level;
        // sums are not negative: zero is +0
        sums[at] = bitcast<u32>(laneSums[s * lanes]) & MAGNITUDE;
        counts[at] = laneCounts[s * lanes];
      }
    }
    workgroupBarrier();
  }
}

@compute @workgroup_size(JOINED)
fn joinLevels(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let group = id.y * grid.x + id.x;
  let lane = t / p.levels;
  var sum = 0.0;
  var count = 0u;
  if (group < p.groups && lane < LANES) {
    for (var leaf = lane; leaf < p.size; leaf += LANES) {
      let at = p.skip + (group * p.size + leaf) * p.levels + t % p.levels;
      sum = rounded(sum + bitcast<f32>(leafSums[at]));
      count += leafCounts[at];
    }
  }
  joinedSums[t] = sum;
  joinedCounts[t] = count;
  workgroupBarrier();
  for (var h = LANES / 2u; h > 0u; h /= 2u) {
    if (t < h * p.levels) {
      joinedSums[t] = rounded(joinedSums[t] + joinedSums[t + h * p.levels]);
      joinedCounts[t] += joinedCounts[t + h * p.levels];
    }
    workgroupBarrier();
  }
  if (group < p.groups && t < p.levels) {
    sums[p.place + group * p.levels + t] = bitcast<u32>(joinedSums[t]) & MAGNITUDE;
    counts[p.place + group * p.levels + t] = joinedCounts[t];
  }
}
