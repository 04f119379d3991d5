// Packing without gaps, lowest bit first: code i takes bits i * width to i * width + width - 1 of the whole.
//
//   packSigns    bit i = x[i] < 0, from the bits: larger than those of -0
//   unpackSigns  y[i] = scales[floor(i / segment)], sign flipped where bit i is 1; 1 or -1 where segment is 0
//   addSigns     y[i] = y[i] + the same
//   packBits     the low `width` bits of each code
//   unpackBits   codes[i] = bits i * width to i * width + width - 1
//
// Everything is read and written by neighbours. packSigns: a thread collects bits 128 elements apart, then a word of
// the output takes one bit from each of 32 threads. packBits: codes wait in workgroup memory for the words they fall
// into.
//
// Library           tiny
// Bindings          x, codes, scales: in, a word an element, or a segment; signs, packed: 32 bits a word
// Passes            1 of each
//   packSigns(n = 2^24): packSigns
//   unpackSigns(n = 2^24, segment = 4096): unpackSigns
//   addSigns(n = 2^24, segment = 4096): addSigns
//   packBits(n = 2^24, width = 4): packBits
//   unpackBits(n = 2^24, width = 4): unpackBits
// Entry points        threads  workgroups  workgroup bytes  words read            words written
//   packSigns             128  n / 4096                512  n                     n / 32
//   unpackSigns           256  n / 1024                  0  n / 32 + n / segment  n
//   addSigns              256  n / 1024                  0  n + n / 32 + n / segment  n
//   packBits              256  n / 4096             16,384  n                     n width / 32
//   unpackBits            256  n / 1024                  0  n width / 32          n
// Occupancy         workgroup memory, 64 bytes a thread, in packBits; threads alone in the others. Scales, and words
//                   that several threads read, come from the cache
// Edges             1 <= width <= 16; the last word is filled up with zeros; a window starts at a multiple of
//                   2048 elements, so at a whole word; in addSigns magnitudes below 2^-102 count as +0, and a sum
//                   of zero is written as +0, since WGSL may ignore its sign
const SIGNS_WIDTH = 128u;
const WIDTH = 256u;
const TILE = 4096u; // elements of a workgroup that packs
const UNPACK_TILE = 1024u; // elements of a workgroup that unpacks, or adds
const ONE = 0x3f800000u; // the bits of 1

struct Params {
  n: u32, // elements in this window
  width: u32,
  segment: u32,
  first: u32, // index of the window's first element
  scale: u32, // the segment of scales[0]
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> signs: array<u32>;
@group(0) @binding(3) var<storage, read> signsIn: array<u32>;
@group(0) @binding(4) var<storage, read> scales: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<u32>;
@group(0) @binding(6) var<storage, read> codes: array<u32>;
@group(0) @binding(7) var<storage, read_write> packed: array<u32>;
@group(0) @binding(8) var<storage, read> packedIn: array<u32>;
@group(0) @binding(9) var<storage, read_write> codesOut: array<u32>;

var<workgroup> columns: array<u32, SIGNS_WIDTH>;
var<workgroup> waiting: array<u32, TILE>;

// Words that n codes of `width` bits fill; no product passes 32 bits.
fn wordsOf(n: u32, width: u32) -> u32 {
  return n / 32u * width + (n % 32u * width + 31u) / 32u;
}

// The four elements of a thread from this one on. Their loads do not wait for each other: those of what lies beyond the
// end are of the last element.
fn fourFrom(i: u32) -> vec4u {
  return vec4u(i) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
}

@compute @workgroup_size(SIGNS_WIDTH)
fn packSigns(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  var column = 0u;
  for (var row = 0u; row < 32u; row += 4u) {
    let i = vec4u(base + row * SIGNS_WIDTH + t) + vec4u(0u, SIGNS_WIDTH, 2u * SIGNS_WIDTH, 3u * SIGNS_WIDTH);
    let at = min(i, vec4u(p.n - 1u));
    let words = vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
    let negative = (words > vec4u(0x80000000u)) & (i < vec4u(p.n));
    let bits = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), negative);
    column |= (bits.x | bits.y | bits.z | bits.w) << row;
  }
  columns[t] = column;
  workgroupBarrier();
  // Word t holds row t / 4 of the 32 columns from here on; each thread starts at another one, in another bank.
  let first = t % 4u * 32u;
  var word = 0u;
  for (var j = 0u; j < 32u; j++) {
    let lane = (j + t) % 32u;
    word |= ((columns[first + lane] >> (t / 4u)) & 1u) << lane;
  }
  if (base + t * 32u < p.n) {
    signs[base / 32u + t] = word;
  }
}

// The scales of four elements, with their signs flipped where a bit is 1; the scales are 1 where segment is 0.
fn signedScales(at: vec4u) -> vec4u {
  let words = vec4u(signsIn[at.x / 32u], signsIn[at.y / 32u], signsIn[at.z / 32u], signsIn[at.w / 32u]);
  let alone = p.segment == 0u;
  let owner = select((at + p.first) / max(p.segment, 1u) - p.scale, vec4u(0u), alone);
  let scaled = vec4u(scales[owner.x], scales[owner.y], scales[owner.z], scales[owner.w]);
  let magnitudes = select(scaled, vec4u(ONE), alone);
  return magnitudes ^ ((words >> (at % 32u)) << vec4u(31u));
}

@compute @workgroup_size(WIDTH)
fn unpackSigns(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * UNPACK_TILE;
  let i = fourFrom(base + t);
  let found = signedScales(min(i, vec4u(p.n - 1u)));
  if (i.x < p.n) {
    y[i.x] = found.x;
  }
  if (i.y < p.n) {
    y[i.y] = found.y;
  }
  if (i.z < p.n) {
    y[i.z] = found.z;
  }
  if (i.w < p.n) {
    y[i.w] = found.w;
  }
}

@compute @workgroup_size(WIDTH)
fn addSigns(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let first = (id.y * grid.x + id.x) * UNPACK_TILE + t;
  if (first >= p.n) {
    return;
  }
  // what lies beyond the end is the thread's own first element once more
  let i = fourFrom(first);
  let at = select(vec4u(first), i, i < vec4u(p.n));
  let found = sumsOf(vec4u(y[at.x], y[at.y], y[at.z], y[at.w]), signedScales(at));
  y[i.x] = found.x;
  if (i.y < p.n) {
    y[i.y] = found.y;
  }
  if (i.z < p.n) {
    y[i.z] = found.z;
  }
  if (i.w < p.n) {
    y[i.w] = found.w;
  }
}

// Where code i of a tile waits: the codes of a word of 1-bit codes lie in one bank unless rows are turned.
fn slot(i: u32) -> u32 {
  return i ^ ((i / 32u) % 32u);
}

@compute @workgroup_size(WIDTH)
fn packBits(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let base = tile * TILE;
  let low = (1u << p.width) - 1u;
  for (var i = t; i < TILE; i += 4u * WIDTH) {
    let places = fourFrom(base + i);
    let at = min(places, vec4u(p.n - 1u));
    let found = vec4u(codes[at.x], codes[at.y], codes[at.z], codes[at.w]) & vec4u(low);
    let kept = select(vec4u(0u), found, places < vec4u(p.n));
    waiting[slot(i)] = kept.x;
    waiting[slot(i + WIDTH)] = kept.y;
    waiting[slot(i + 2u * WIDTH)] = kept.z;
    waiting[slot(i + 3u * WIDTH)] = kept.w;
  }
  workgroupBarrier();
  let words = wordsOf(TILE, p.width);
  let end = wordsOf(p.n, p.width);
  for (var w = t; w < words && tile * words + w < end; w += WIDTH) {
    // 32 codes fill `width` words: within such a group bit positions stay below 512.
    let group = w / p.width * 32u;
    let start = w % p.width * 32u;
    var word = 0u;
    for (var j = start / p.width; j * p.width < start + 32u; j++) {
      let code = waiting[slot(group + j)];
      let bit = j * p.width;
      if (bit >= start) {
        word |= code << (bit - start);
      } else {
        word |= code >> (start - bit);
      }
    }
    packed[tile * words + w] = word;
  }
}

// Code i; a word that it may not reach into is loaded without asking.
fn codeAt(i: u32) -> u32 {
  let bit = i % 32u * p.width;
  let at = i / 32u * p.width + bit / 32u;
  let shift = bit % 32u;
  let next = packedIn[min(at + 1u, wordsOf(p.n, p.width) - 1u)];
  let high = select(0u, (next << (31u - shift)) << 1u, shift + p.width > 32u);
  return ((packedIn[at] >> shift) | high) & ((1u << p.width) - 1u);
}

@compute @workgroup_size(WIDTH)
fn unpackBits(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * UNPACK_TILE;
  let i = fourFrom(base + t);
  let at = min(i, vec4u(p.n - 1u));
  let found = vec4u(codeAt(at.x), codeAt(at.y), codeAt(at.z), codeAt(at.w));
  if (i.x < p.n) {
    codesOut[i.x] = found.x;
  }
  if (i.y < p.n) {
    codesOut[i.y] = found.y;
  }
  if (i.z < p.n) {
    codesOut[i.z] = found.z;
  }
  if (i.w < p.n) {
    codesOut[i.w] = found.w;
  }
}
