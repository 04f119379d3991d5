// Compaction: from bitmaps to ascending lists.
//
//   count       counts[tile] = ones of the tile's part of the bitmap
//   list        indices = the places of the ones
//   collect     the same, and values = the elements of x there
//   collectTop  the same for two bitmaps: all ones of `above` and the first k - larger ones of `equal`
//
// Between counting and listing the counts are scanned (scan.wgsl): offsets[tile] = ones before the tile. A workgroup
// puts the ones of its tile in order in its memory, at most CHUNK at a time, and then writes them as neighbours. Only
// words of x that are listed are read.
//
// Bindings          bits, above, equal: in, 32 elements a word; offsets, equalOffsets: in, a word a tile; state: in,
//                   2 words, of select.wgsl; x: in, n words; indices, values: out, `room` words; counts: out
// Passes            count; those of a scan of n / 4096 words (scan.wgsl); list, once for each window of the output.
//                   collect and collectTop take the place of list where values are listed too (select.wgsl)
//   compact(n = 2^24, capacity = 2^20): count, scan.reduce, scan.root, scan.scan, list
// Entry points        threads  workgroups  workgroup bytes  words read                words written
//   count                 128  n / 4096                548  n / 32                    n / 4096
//   list                  128  n / 4096              8,740  n / 32 + n / 4096         room
//   collect               128  n / 4096              8,740  n / 32 + n / 4096 + room  2 room
//   collectTop            128  n / 4096              8,740  n / 16 + n / 2048 + room  2 room
// Occupancy         workgroup memory, 69 bytes a thread, but for count. Room is at most what is written: words of x are
//                   read where they are listed, so each costs a sector of memory where few are
// Edges             bits from n on are ignored; places before and after the window of the output are left out;
//                   windows start at a tile
const WIDTH = 128u;
const ROW = 16u;
const TILE = 4096u; // elements of a workgroup: a word of the bitmap a thread
const CHUNK = 2048u;

struct Params {
  n: u32, // elements in this window
  first: u32, // index of the window's first element
  tile: u32, // where the window's first tile stands in counts and offsets
  place: u32, // place in the list of the output window's first word
  room: u32, // words of the output window
  k: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read> equal: array<u32>;
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

@compute @workgroup_size(WIDTH)
fn collectTop(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let word = tile * WIDTH + t;
  var rest = Rest(0u, 0u);
  var ties = 0u;
  if (inside(word) != 0u) {
    rest.bits = bits[word];
    ties = equal[word];
  }
  // The equals are counted behind all larger ones; so many of them are taken.
  let larger = state[1];
  let taken = p.k - larger;
  var offset = 0u;
  var tiesBefore = 0u;
  if (tile * TILE < p.n) {
    offset = offsets[p.tile + tile];
    tiesBefore = equalOffsets[p.tile + tile] - larger;
  }
  offset += min(tiesBefore, taken);
  // Neither count passes 4096: both fit one word.
  let before = exclusive(t, countOneBits(rest.bits) | (countOneBits(ties) << 16u));
  let left = taken - min(tiesBefore, taken);
  let leftHere = left - min(before >> 16u, left);
  rest.bits |= lowest(ties, leftHere);
  rest.at = (before & 0xffffu) + min(before >> 16u, left);
  let both = workgroupUniformLoad(&sum);
  let length = (both & 0xffffu) + min(both >> 16u, left);
  for (var start = 0u; start < length; start += CHUNK) {
    rest = stage(rest, start, t);
    workgroupBarrier();
    emit(tile, offset + start, min(CHUNK, length - start), t);
    workgroupBarrier();
  }
}
