// Compaction: from bitmaps to ascending lists.
//
//   count       counts[tile] = ones of the tile's part of the bitmap
//   list        indices = the places of the ones
//   collect     the same, and values = the elements of x there
//   collectTop  the same for the k largest: all ones of `bits`, the candidates above T, and the first k - larger ones
//               of those equal to T, where T = state[0] and larger = state[1]
//
// Between counting and listing the counts are scanned (scan.wgsl): offsets[tile] = ones before the tile. A workgroup
// puts the ones of its tile in order in its memory, at most CHUNK at a time, and then writes them as neighbours. Only
// words of x that are listed are read.
//
// Bindings          bits: in, 32 elements a word; offsets, equalOffsets: in, a word a tile; state, 2 words, and
//                   candidates, LIST words a tile: in, of select.wgsl; x: in, n words; indices, values: out, `room`
//                   words; counts: out
// Passes            count; those of a scan of n / 4096 words (scan.wgsl); list, once for each window of the output.
//                   collect and collectTop take the place of list where values are listed too (select.wgsl)
//   compact(n = 2^24, capacity = 2^20): count, scan.reduce, scan.root, scan.scan, list
// Entry points        threads  workgroups  workgroup bytes  words read                words written
//   count                 128  n / 4096                548  n / 32                    n / 4096
//   list                  128  n / 4096              8,740  n / 32 + n / 4096         room
//   collect               128  n / 4096              8,740  n / 32 + n / 4096 + room  2 room
//   collectTop            128  n / 4096              9,764  n / 32 + n / 2048 + room  2 room
// Occupancy         workgroup memory, 69 to 76 bytes a thread, but for count. Room is at most what is written: words of
//                   x are read where they are listed, so each costs a sector of memory where few are. Beside the words
//                   above, collectTop reads the candidates. Tiles behind the last that is listed read nothing
// Edges             bits from n on are ignored; places before and after the window of the output are left out;
//                   windows start at a tile
const WIDTH = 128u;
const ROW = 16u;
const TILE = 4096u; // elements of a workgroup: a word of the bitmap a thread
const CHUNK = 2048u;
const LIST = 512u; // words of a tile's list of candidates (select.wgsl)
const CAPACITY = LIST - 1u;
const BITMAP = LIST / 4u;
const PLACE = 21u;
const MAGNITUDE = 0x7fffffffu;
const BIAS = 0x80000000u;

struct Params {
  n: u32, // elements in this window
  first: u32, // index of the window's first element
  tile: u32, // where the window's first tile stands in counts and offsets
  place: u32, // place in the list of the output window's first word
  room: u32, // words of the output window
  k: u32,
  order: u32, // 0: by magnitude, 1: by value
  rest: u32, // bits of a key below its first digit
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read> candidates: array<u32>;
@group(0) @binding(3) var<storage, read> offsets: array<u32>;
@group(0) @binding(4) var<storage, read> equalOffsets: array<u32>;
@group(0) @binding(5) var<storage, read> state: array<u32>;
@group(0) @binding(6) var<storage, read> x: array<u32>;
@group(0) @binding(7) var<storage, read_write> indices: array<u32>;
@group(0) @binding(8) var<storage, read_write> values: array<u32>;
@group(0) @binding(9) var<storage, read_write> counts: array<u32>;

var<workgroup> parts: array<u32, WIDTH>;
var<workgroup> rows: array<u32, WIDTH / ROW>;
var<workgroup> sum: u32;
var<workgroup> listed: array<u32, CHUNK>;
var<workgroup> larger: array<atomic<u32>, WIDTH>;
var<workgroup> ties: array<atomic<u32>, WIDTH>;

// The sum of `own` over the threads before t: within a row of threads, then over the rows. `sum` is that of all.
fn exclusive(t: u32, own: u32) -> u32 {
  parts[t] = own;
  workgroupBarrier();
  var before = 0u;
  for (var i = t - t % ROW; i < t; i++) {
    before += parts[i];
  }
  if (t % ROW == ROW - 1u) {
    rows[t / ROW] = before + own;
  }
  workgroupBarrier();
  for (var r = 0u; r < t / ROW; r++) {
    before += rows[r];
  }
  if (t == WIDTH - 1u) {
    sum = before + own;
  }
  return before;
}

// The bits of word `word` of a bitmap that stand for elements.
fn inside(word: u32) -> u32 {
  let first = word * 32u;
  if (first + 32u <= p.n) {
    return 0xffffffffu;
  }
  return select(0u, (1u << (p.n % 32u)) - 1u, first < p.n);
}

// What a thread has still to list: the ones of `bits`, the first of them at place `at` of the tile's list.
struct Rest {
  bits: u32,
  at: u32,
}

// Puts the thread's elements that fall in the chunk from `start` on into `listed`, as numbers within the tile.
fn stage(rest: Rest, start: u32, t: u32) -> Rest {
  var next = rest;
  while (next.bits != 0u && next.at < start + CHUNK) {
    listed[next.at - start] = t * 32u + countTrailingZeros(next.bits);
    next.bits &= next.bits - 1u;
    next.at++;
  }
  return next;
}

@compute @workgroup_size(WIDTH)
fn count(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let word = tile * WIDTH + t;
  var own = 0u;
  let mask = inside(word);
  if (mask != 0u) {
    own = countOneBits(bits[word] & mask);
  }
  let before = exclusive(t, own);
  if (t == WIDTH - 1u && tile * TILE < p.n) {
    counts[p.tile + tile] = before + own;
  }
}

@compute @workgroup_size(WIDTH)
fn list(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let word = tile * WIDTH + t;
  var rest = Rest(0u, 0u);
  var offset = 0u;
  let mask = inside(word);
  if (mask != 0u) {
    rest.bits = bits[word] & mask;
  }
  if (tile * TILE < p.n) {
    offset = offsets[p.tile + tile];
  }
  rest.at = exclusive(t, countOneBits(rest.bits));
  let length = workgroupUniformLoad(&sum);
  for (var start = 0u; start < length; start += CHUNK) {
    rest = stage(rest, start, t);
    workgroupBarrier();
    for (var j = t; j < min(CHUNK, length - start); j += WIDTH) {
      // A place before the window wraps around to far behind it.
      let at = offset + start + j - p.place;
      if (at < p.room) {
        indices[at] = p.first + tile * TILE + listed[j];
      }
    }
    workgroupBarrier();
  }
}

@compute @workgroup_size(WIDTH)
fn collect(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let word = tile * WIDTH + t;
  var rest = Rest(0u, 0u);
  var offset = 0u;
  let mask = inside(word);
  if (mask != 0u) {
    rest.bits = bits[word] & mask;
  }
  if (tile * TILE < p.n) {
    offset = offsets[p.tile + tile];
  }
  rest.at = exclusive(t, countOneBits(rest.bits));
  let length = workgroupUniformLoad(&sum);
  for (var start = 0u; start < length; start += CHUNK) {
    rest = stage(rest, start, t);
    workgroupBarrier();
    emit(tile, offset + start, min(CHUNK, length - start), t);
    workgroupBarrier();
  }
}

// Writes the first `length` elements of `listed` to the lists, the first of them to place `to`.
fn emit(tile: u32, to: u32, length: u32, t: u32) {
  for (var j = t; j < length; j += WIDTH) {
    // A place before the window wraps around to far behind it.
    let at = to + j - p.place;
    if (at < p.room) {
      let i = tile * TILE + listed[j];
      indices[at] = p.first + i;
      values[at] = x[i];
    }
  }
}

// The lowest `length` ones of a word.
fn lowest(word: u32, length: u32) -> u32 {
  var rest = word;
  for (var j = 0u; j < length && rest != 0u; j++) {
    rest &= rest - 1u;
  }
  return word ^ rest;
}

fn keyOf(word: u32) -> u32 {
  let magnitude = word & MAGNITUDE;
  if (p.order == 0u) {
    return magnitude;
  }
  return select(BIAS + magnitude, BIAS - magnitude, word > MAGNITUDE);
}

// Of the tile's candidates those above T and those equal to it, as the bits of the thread's word: from the list, from
// the bitmap of candidates that have all one key, or from x.
fn chosen(t: u32, tile: u32) -> vec2u {
  let list = tile * LIST;
  let halves = candidates[list];
  let first = halves & 0xffffu;
  let count = first + (halves >> 16u);
  let below = (1u << p.rest) - 1u;
  let pivot = state[0] & below;
  if (count <= CAPACITY) {
    atomicStore(&larger[t], 0u);
    atomicStore(&ties[t], 0u);
    workgroupBarrier();
    for (var j = t; j < count; j += WIDTH) {
      let word = candidates[list + 1u + j];
      let place = (word >> PLACE) + select(0u, TILE / 2u, j >= first);
      if ((word & below) > pivot) {
        atomicOr(&larger[place / 32u], 1u << (place % 32u));
      } else if ((word & below) == pivot) {
        atomicOr(&ties[place / 32u], 1u << (place % 32u));
      }
    }
    workgroupBarrier();
    return vec2u(atomicLoad(&larger[t]), atomicLoad(&ties[t]));
  }
  let key = candidates[list + 1u];
  if (key == candidates[list + 2u]) {
    return vec2u(u32(key > pivot), u32(key == pivot)) * candidates[list + BITMAP + t];
  }
  let start = tile * TILE + t * 32u;
  var bits = vec2u(0u);
  for (var j = 0u; j < 32u && start + j < p.n; j++) {
    let key = keyOf(x[start + j]);
    bits |= vec2u(u32(key > state[0]), u32(key == state[0])) << vec2u(j);
  }
  return bits;
}

@compute @workgroup_size(WIDTH)
fn collectTop(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  if (tile * TILE >= p.n) {
    return;
  }
  // The equals are counted behind all larger ones; so many of them are taken.
  let above = state[1];
  let taken = p.k - above;
  let before = vec2u(offsets[p.tile + tile], equalOffsets[p.tile + tile] - above);
  if (before.x == above && before.y >= taken) {
    return;
  }
  let found = chosen(t, tile);
  let word = tile * WIDTH + t;
  var rest = Rest(found.x, 0u);
  if (inside(word) != 0u) {
    rest.bits |= bits[word];
  }
  // Neither count passes 4096: both fit one word.
  let here = exclusive(t, countOneBits(rest.bits) | (countOneBits(found.y) << 16u));
  let left = taken - min(before.y, taken);
  rest.bits |= lowest(found.y, left - min(here >> 16u, left));
  rest.at = (here & 0xffffu) + min(here >> 16u, left);
  let offset = before.x + min(before.y, taken);
  let both = workgroupUniformLoad(&sum);
  let length = (both & 0xffffu) + min(both >> 16u, left);
  for (var start = 0u; start < length; start += CHUNK) {
    rest = stage(rest, start, t);
    workgroupBarrier();
    emit(tile, offset + start, min(CHUNK, length - start), t);
    workgroupBarrier();
  }
}
