// Coding of symbols by their entropy: the blocks, by the table of entropy.wgsl (ts/kernels/entropy.ts has the rules).
//
//   codeBlocks   of each block its halves, in the order in which the encoder gives them, and the states of its lanes
//   placeBlocks  where each block starts in the section; size[0] = the words of that, or 0 where packed symbols are
//                sent
//   joinBlocks   coded = the section and zeros, or the words of packed
//
// A block is a workgroup of a thread a lane, which goes backwards, a row of a symbol a lane at a time. A word of votes
// says which lanes give a half; those of higher lanes come first. Halves wait in a ring for the other half of a word.
// Votes and ring are used in turn, so that a row has one barrier.
//
// Bindings          packed: in, n width / 32 words; table, head: of entropy.wgsl; halves: n / 2 words, each block from
//                   where its first symbol has its half; parts: ROOM words a block: states, halves, start; coded: out,
//                   as long as packed; size: out, a word
// Passes            1 of each
// Entry points        threads  workgroups          workgroup bytes  words read    words written
//   codeBlocks             32  n / 32768                        524  n width / 32  0
//   placeBlocks           256  1                              1,024  0             0
//   joinBlocks            256  words / (1024 width)               0  words         words
// Occupancy         codeBlocks: one workgroup a block of 16 KiB, for whose rows one waits for the other: few words are
//                   moved, and the time is that of 1,000 rows and more, each a quotient and a barrier. Workgroups whose
//                   block is not there return at once: there is one for each 32,768 symbols. The words moved are
//                   without halves and states, which are as many as the symbols make them
// Edges             the last row may be shorter; few symbols have fewer lanes, and then threads idle; a block gives at
//                   most a half for each symbol, so none passes its part of `halves`
const LANES = 32u;
const WIDTH = 256u;
const RING = 128u;
const START = 65536u;
const HEADER = 16u; // words of `head` before header and table
const ROOM = 34u; // words of `parts` a block
const TAKEN = 32u; // where among them the number of halves is
const PLACE = 33u; // and where the word at which the block starts
const LEAST_BLOCK = 15u;

struct Params {
  n: u32,
  width: u32,
  words: u32, // of packed
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> packed: array<u32>;
@group(0) @binding(2) var<storage, read> tableIn: array<u32>;
@group(0) @binding(3) var<storage, read> headIn: array<u32>;
@group(0) @binding(4) var<storage, read_write> halves: array<u32>;
@group(0) @binding(5) var<storage, read_write> parts: array<u32>;
@group(0) @binding(6) var<storage, read> halvesIn: array<u32>;
@group(0) @binding(7) var<storage, read> partsIn: array<u32>;
@group(0) @binding(8) var<storage, read_write> size: array<u32>;
@group(0) @binding(9) var<storage, read> sizeIn: array<u32>;
@group(0) @binding(10) var<storage, read_write> coded: array<u32>;

var<workgroup> ring: array<u32, RING>;
var<workgroup> votes: array<atomic<u32>, 3>;
var<workgroup> sums: array<u32, WIDTH>;

fn symbolAt(i: u32) -> u32 {
  let bit = i * p.width;
  let word = bit / 32u;
  let shift = bit % 32u;
  var symbol = packed[word] >> shift;
  if (shift + p.width > 32u) {
    symbol |= packed[word + 1u] << (32u - shift);
  }
  return symbol & ((1u << p.width) - 1u);
}

// The words of a block with so many halves.
fn lengthOf(taken: u32, lanes: u32) -> u32 {
  return (1u << lanes) + (taken + 1u) / 2u;
}

@compute @workgroup_size(LANES)
fn codeBlocks(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = id.y * grid.x + id.x;
  if (number >= headIn[5]) {
    return;
  }
  let depth = headIn[0];
  let lanes = 1u << headIn[1];
  let first = number << headIn[2];
  let count = min(1u << headIn[2], p.n - first);
  let rows = (count + lanes - 1u) / lanes;
  if (t < 3u) {
    atomicStore(&votes[t], 0u);
  }
  workgroupBarrier();
  var state = START;
  var given = 0u; // halves before this row
  var full = 0u; // words that are written
  var turn = 0u;
  for (var row = rows; row > 0u; row--) {
    let i = (row - 1u) * lanes + t;
    let takes = t < lanes && i < count;
    var share = 1u;
    var start = 0u;
    var gives = false;
    if (takes) {
      let symbol = symbolAt(first + i);
      share = tableIn[2u * symbol];
      start = tableIn[2u * symbol + 1u];
      gives = state >= share << (32u - depth);
    }
    if (gives) {
      atomicOr(&votes[turn], 1u << t);
    }
    let next = select(turn + 1u, 0u, turn == 2u);
    if (t == 0u) {
      atomicStore(&votes[next], 0u);
    }
    workgroupBarrier();
    // the words that the rows before have filled
    if (full + t < given / 2u) {
      let at = 2u * (full + t);
      halves[first / 2u + full + t] = ring[at % RING] | (ring[(at + 1u) % RING] << 16u);
    }
    full = given / 2u;
    let all = atomicLoad(&votes[turn]);
    if (gives) {
      let higher = countOneBits(all >> t) - 1u;
      ring[(given + higher) % RING] = state & 0xffffu;
      state >>= 16u;
    }
    given += countOneBits(all);
    if (takes) {
      state = ((state / share) << depth) + state % share + start;
    }
    turn = next;
  }
  workgroupBarrier();
  if (full + t < (given + 1u) / 2u) {
    let at = 2u * (full + t);
    var high = 0u;
    if (at + 1u < given) {
      high = ring[(at + 1u) % RING];
    }
    halves[first / 2u + full + t] = ring[at % RING] | (high << 16u);
  }
  parts[number * ROOM + t] = state;
  if (t == 0u) {
    parts[number * ROOM + TAKEN] = given;
  }
}

@compute @workgroup_size(WIDTH)
fn placeBlocks(@builtin(local_invocation_index) t: u32) {
  let blocks = headIn[5];
  let lanes = headIn[1];
  let head = headIn[4];
  // each thread has blocks that follow each other
  let own = (blocks + WIDTH - 1u) / WIDTH;
  let first = min(t * own, blocks);
  let end = min(first + own, blocks);
  var words = 0u;
  for (var b = first; b < end; b++) {
    words += lengthOf(parts[b * ROOM + TAKEN], lanes);
  }
  sums[t] = words;
  workgroupBarrier();
  var at = head + max(blocks, 1u) - 1u;
  for (var other = 0u; other < t; other++) {
    at += sums[other];
  }
  for (var b = first; b < end; b++) {
    parts[b * ROOM + PLACE] = at;
    at += lengthOf(parts[b * ROOM + TAKEN], lanes);
  }
  if (t == WIDTH - 1u) {
    size[0] = select(0u, at, at + 2u <= p.words);
  }
}

// Half i of a block, as a decoder takes them: the encoder gave the last one first.
fn halfOf(first: u32, taken: u32, i: u32) -> u32 {
  let at = taken - 1u - i;
  return (halvesIn[first + at / 2u] >> (16u * (at % 2u))) & 0xffffu;
}

@compute @workgroup_size(WIDTH)
fn joinBlocks(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = id.y * grid.x + id.x;
  let section = sizeIn[0];
  let own = p.width << (LEAST_BLOCK - 5u);
  let end = min((number + 1u) * own, p.words);
  if (section == 0u) {
    for (var i = number * own + t; i < end; i += WIDTH) {
      coded[i] = packed[i];
    }
    return;
  }
  for (var i = number * own + t; i < end; i += WIDTH) {
    if (i >= section) {
      coded[i] = 0u;
    }
  }
  let head = headIn[4];
  if (number == 0u) {
    for (var i = t; i < head; i += WIDTH) {
      coded[i] = headIn[HEADER + i];
    }
  }
  let blocks = headIn[5];
  if (number >= blocks) {
    return;
  }
  let lanes = headIn[1];
  let taken = partsIn[number * ROOM + TAKEN];
  let place = partsIn[number * ROOM + PLACE];
  if (number + 1u < blocks && t == 0u) {
    coded[head + number] = lengthOf(taken, lanes);
  }
  if (t < 1u << lanes) {
    coded[place + t] = partsIn[number * ROOM + t];
  }
  let first = (number << headIn[2]) / 2u;
  for (var i = t; 2u * i < taken; i += WIDTH) {
    var word = halfOf(first, taken, 2u * i);
    if (2u * i + 1u < taken) {
      word |= halfOf(first, taken, 2u * i + 1u) << 16u;
    }
    coded[place + (1u << lanes) + i] = word;
  }
}
