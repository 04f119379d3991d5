// Quantisation: elements to packed codes of 1 to 16 bits, and back by a table.
//
//   quantize    packed = the codes of x; grid = [origin, scale, limit, offset, top] (scalars.wgsl makes it)
//                 x' = x * 2^e, exactly; +0 below 2^-126, held to at most 2^126
//                 d  = x' - origin, P = min(|d|, top) * scale, rounded half to even, or down
//                 m  = P >> fraction, one more where the upper `fraction` bits of random word i are below P's lower
//                    ones
//                 m  = min(m, limit); where d < 0: -min(m, offset); code = offset + m
//   lookup      y[i] = table[code i], the words as they are
//   addLookup   y[i] = y[i] + table[code i]
//   mark        code i = all ones, for each i of a list
//   findMarked  bit i = whether code i is all ones
//
// quantize: codes wait in workgroup memory for the words they fall into, as in packBits (pack.wgsl). Where rounding is
// random, a thread takes the four elements, four apart, that lie under one hash (random.wgsl). |d| and top are compared
// as keys; round() is half to even, and nothing is added to the product, so there is nothing to fuse.
//
// Library           pcg4d, tiny
// Bindings          x, grid: in; packed: out, packedIn: in, marked: in and out, 32 bits a word; table: in, a part of
//                   2^width words; y: out, n words; indices: in; flags: out, 32 elements a word
// Passes            1 of each; lookup and addLookup once for each window of the table, mark for each window of codes
//                   and of indices
//   quantize(n = 2^24, width = 4): quantize
//   lookup(n = 2^24, width = 4): lookup
//   addLookup(n = 2^24, width = 4): addLookup
//   mark(n = 2^24, count = 2^18, width = 4): mark
//   findMarked(n = 2^24, width = 4): findMarked
// Entry points        threads  workgroups   workgroup bytes  words read            words written
//   quantize              256  n / 4096              16,384  n                     n width / 32
//   lookup                256  n / 1024                   0  n width / 32 + count  n
//   addLookup             256  n / 1024                   0  n + n width / 32 + count  n
//   mark                  256  count / 256                0  count                 0
//   findMarked            256  n / 8192                   0  n width / 32          n / 32
// Occupancy         workgroup memory, 64 bytes a thread, in quantize; threads alone in the others. mark has 1 or 2
//                   atomics an index beside what it reads
// Edges             1 <= width <= 16; last words are filled up with zeros; windows of codes start at whole groups of
//                   32; a code may lie in two words; indices are distinct; in addLookup magnitudes below 2^-102
//                   count as +0, and a sum of zero is written as +0, since WGSL may ignore its sign
const WIDTH = 256u;
const TILE = 4096u; // elements of a workgroup that quantizes
const UNPACK_TILE = 1024u; // elements of a workgroup of lookup, 4 a thread
const FLAG_TILE = 8192u; // elements of a workgroup of findMarked, 32 a thread
const MAGNITUDE = 0x7fffffffu;
const SIGN = 0x80000000u;
const NORMAL = 0x00800000u; // the key of 2^-126
const MOST = 0x7e800000u; // the key of 2^126

struct Params {
  n: u32, // elements in this window
  width: u32,
  rounding: u32, // 0: half to even, 1: down
  power: f32, // 2^e
  subnormal: f32, // 2^(e - 149): a subnormal with key k, scaled, is k times this
  tiny: u32, // the key below which a magnitude, scaled, lies below 2^-126
  cap: u32, // the key from which on it is held to 2^126
  fraction: u32,
  counter: u32, // that of the window's first element
  seed: u32,
  step: u32,
  stream: u32,
  first: u32, // in lookup and addLookup the code of table[0], in mark the index of the window's first code
  count: u32, // in lookup and addLookup words of the table, in mark indices, in this window
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> grid: array<u32>;
@group(0) @binding(3) var<storage, read_write> packed: array<u32>;
@group(0) @binding(4) var<storage, read> packedIn: array<u32>;
@group(0) @binding(5) var<storage, read> table: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<u32>;
@group(0) @binding(7) var<storage, read> indices: array<u32>;
@group(0) @binding(8) var<storage, read_write> marked: array<atomic<u32>>;
@group(0) @binding(9) var<storage, read_write> flags: array<u32>;

var<workgroup> waiting: array<u32, TILE>;

// Words that n codes of `width` bits fill; no product passes 32 bits.
fn wordsOf(n: u32, width: u32) -> u32 {
  return n / 32u * width + (n % 32u * width + 31u) / 32u;
}

// Where code i of a tile waits. The codes that 32 threads put or take at once lie in rows of 32, and fewer of a row the
// more rows: rows are turned so that they come from 32 banks, for widths of 1, 2, 4, 8 bits and for codes of four
// hashes.
fn slot(i: u32) -> u32 {
  let row = (i / 32u) % 32u;
  return i ^ row ^ ((row & 3u) << 2u);
}

// x'
fn scaled(bits: u32) -> f32 {
  let key = bits & MAGNITUDE;
  if (key < p.tiny) {
    return 0.0;
  }
  var magnitude = MOST;
  if (key < NORMAL) {
    magnitude = bitcast<u32>(f32(key) * p.subnormal);
  } else if (key < p.cap) {
    magnitude = bitcast<u32>(bitcast<f32>(key) * p.power);
  }
  return bitcast<f32>(magnitude | (bits & SIGN));
}

// The code of an element, and its random word.
fn codeOf(bits: u32, random: u32) -> u32 {
  let d = bitcast<u32>(scaled(bits) - bitcast<f32>(grid[0]));
  let product = bitcast<f32>(min(d & MAGNITUDE, grid[4])) * bitcast<f32>(grid[1]);
  var m = 0u;
  if (p.rounding == 0u) {
    m = u32(round(product));
  } else {
    m = u32(product);
  }
  if (p.fraction > 0u) {
    let rest = m & ((1u << p.fraction) - 1u);
    m = (m >> p.fraction) + u32(random >> (32u - p.fraction) < rest);
  }
  m = min(m, grid[2]);
  let offset = grid[3];
  return select(offset + m, offset - min(m, offset), d > SIGN);
}

// Four elements, loaded at once: `step` apart from i on, the last one in the place of those behind the end.
fn loaded(i: u32, step: u32) -> vec4u {
  let at = min(vec4u(i, i + step, i + 2u * step, i + 3u * step), vec4u(p.n - 1u));
  return vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
}

// Quantizes elements i, i + step, ... of the tile that starts at `base`; codes behind the end are 0.
fn put(base: u32, i: u32, step: u32, random: vec4u) {
  let words = loaded(base + i, step);
  for (var j = 0u; j < 4u; j++) {
    let at = i + j * step;
    waiting[slot(at)] = select(0u, codeOf(words[j], random[j]), base + at < p.n);
  }
}

@compute @workgroup_size(WIDTH)
fn quantize(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * groups.x + id.x;
  let base = tile * TILE;
  if (p.fraction == 0u) {
    for (var i = t; i < TILE; i += 4u * WIDTH) {
      put(base, i, WIDTH, vec4u(0u));
    }
  } else {
    for (var h = t; h < TILE / 4u; h += WIDTH) {
      let hash = pcg4d(vec4u(p.counter + base / 4u + h, p.seed, p.step, p.stream));
      put(base, h / 4u * 16u + h % 4u, 4u, hash);
    }
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

fn ones() -> u32 {
  return (1u << p.width) - 1u;
}

// Where code i starts: a word, and a bit of it.
fn placeOf(i: u32) -> vec2u {
  let bit = i % 32u * p.width;
  return vec2u(i / 32u * p.width + bit / 32u, bit % 32u);
}

// Code i of packedIn.
fn packedCode(i: u32) -> u32 {
  let place = placeOf(i);
  var code = packedIn[place.x] >> place.y;
  if (place.y + p.width > 32u) {
    code |= packedIn[place.x + 1u] << (32u - place.y);
  }
  return code & ones();
}

@compute @workgroup_size(WIDTH)
fn lookup(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  // The four codes of a thread are loaded at once, and so are their words.
  let i = vec4u((id.y * groups.x + id.x) * UNPACK_TILE + t) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
  let inside = min(i, vec4u(p.n - 1u));
  let codes = vec4u(packedCode(inside.x), packedCode(inside.y), packedCode(inside.z), packedCode(inside.w));
  // A code before the window of the table wraps around to far behind it.
  let at = codes - vec4u(p.first);
  let held = min(at, vec4u(p.count - 1u));
  let words = vec4u(table[held.x], table[held.y], table[held.z], table[held.w]);
  for (var j = 0u; j < 4u; j++) {
    if (i[j] < p.n && at[j] < p.count) {
      y[i[j]] = words[j];
    }
  }
}

@compute @workgroup_size(WIDTH)
fn addLookup(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let start = (id.y * groups.x + id.x) * UNPACK_TILE + t;
  if (start >= p.n) {
    return;
  }
  // what lies beyond the end is the thread's own first element once more
  let i = vec4u(start) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
  let inside = select(vec4u(start), i, i < vec4u(p.n));
  let codes = vec4u(packedCode(inside.x), packedCode(inside.y), packedCode(inside.z), packedCode(inside.w));
  let at = codes - vec4u(p.first);
  let held = min(at, vec4u(p.count - 1u));
  let terms = vec4u(table[held.x], table[held.y], table[held.z], table[held.w]);
  let found = sumsOf(vec4u(y[inside.x], y[inside.y], y[inside.z], y[inside.w]), terms);
  for (var j = 0u; j < 4u; j++) {
    if (i[j] < p.n && at[j] < p.count) {
      y[i[j]] = found[j];
    }
  }
}

@compute @workgroup_size(WIDTH)
fn mark(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let j = (id.y * groups.x + id.x) * WIDTH + t;
  if (j < p.count) {
    // An index before the window counts as far behind it.
    let i = indices[j] - p.first;
    if (i < p.n) {
      let place = placeOf(i);
      atomicOr(&marked[place.x], ones() << place.y);
      if (place.y + p.width > 32u) {
        atomicOr(&marked[place.x + 1u], ones() >> (32u - place.y));
      }
    }
  }
}

@compute @workgroup_size(WIDTH)
fn findMarked(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let first = (id.y * groups.x + id.x) * FLAG_TILE + t * 32u;
  if (first < p.n) {
    var word = 0u;
    for (var j = 0u; j < min(32u, p.n - first); j++) {
      word |= u32(packedCode(first + j) == ones()) << j;
    }
    flags[first / 32u] = word;
  }
}
