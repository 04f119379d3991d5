// Coding of symbols by their entropy: counts, and the table of the symbols that occur (ts/kernels/entropy.ts has the
// rules). entropy-blocks.wgsl codes the symbols by it.
//
//   countSymbols  counts[s] += how many of n packed symbols are s
//   makeTable     of each symbol that occurs its share of the slots and the first of them; the powers of two by which
//                 symbols are coded; header and table as they stand in a section
//
// countSymbols counts in workgroup memory, in as many copies of each count as there is room for: most symbols of a
// gradient are one of few, and atomics on one word wait for each other. Equal symbols that follow each other in a
// thread are one addition. makeTable is one workgroup, 16 symbols a thread: sums over the threads before it give each
// symbol its slots, and each its place in the bits of the table.
//
// Bindings          packed: in, n width / 32 words; counts: a word a symbol, cleared; table: two words a symbol, share
//                   and start; head: six numbers and padding, then header and table, cleared
// Passes            1 of each, and those of entropy-blocks.wgsl
//   codeSymbols(n = 2^24, width = 4): clear counts, clear head, countSymbols, makeTable, entropy-blocks.codeBlocks,
//     entropy-blocks.placeBlocks, entropy-blocks.joinBlocks
// Entry points        threads  workgroups  workgroup bytes  words read    words written
//   countSymbols          256  n / span             16,384  n width / 32  0
//   makeTable             256  1                     4,232  symbols       2 symbols
// Occupancy         workgroup memory, 64 bytes a thread, in countSymbols. makeTable leaves the rest of the GPU idle;
//                   its threads look at up to 255 others for the symbol before, or behind, those that they have
// Edges             a thread that has no symbols adds nothing; where one symbol occurs alone no share is found
const WIDTH = 256u;
const BINS = 4096u; // symbols of 12 bits
const OWN = 16u; // symbols of a thread
const ROW = 32u; // symbols that fill `width` words
const HEADER = 16u; // words of `head` before header and table
const LEAST_PRECISION = 12u;
const MOST_PRECISION = 16u;
const COARSE = 4u;
const SPARE = 5u;
const BLOCK_BITS = 17u;
const LEAST_BLOCK = 15u;
const SHORTEST_BLOCK = 5u;
const MOST_LANES = 5u;
const LANE_BITS = 10u;
const LANE_SYMBOLS = 12u;
const PRECISION_FIELD = 5u;
const LANES_FIELD = 3u;
const BLOCK_FIELD = 5u;
const USED_FIELD = 12u;
const NONE = 0xffffffffu;

struct Params {
  n: u32,
  width: u32,
  span: u32, // symbols of a workgroup
  symbols: u32, // 2^width
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> packed: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read> found: array<u32>; // the counts, when all are there
@group(0) @binding(4) var<storage, read_write> table: array<u32>;
@group(0) @binding(5) var<storage, read_write> head: array<atomic<u32>>;

var<workgroup> near: array<atomic<u32>, BINS>;
var<workgroup> sums: array<u32, WIDTH>;
var<workgroup> rows: array<u32, ROW>;
var<workgroup> largest: atomic<u32>;
var<workgroup> total: atomic<u32>;
// Of each thread the last symbol that occurs and the first that does not, or NONE; the power of two in the share of the
// former.
var<workgroup> lastOf: array<u32, WIDTH>;
var<workgroup> endOf: array<u32, WIDTH>;
var<workgroup> wholeOf: array<u32, WIDTH>;

fn bitsIn(v: u32) -> u32 {
  return 32u - countLeadingZeros(v);
}

// Equal symbols that follow each other.
struct Run {
  symbol: u32,
  length: u32,
}

fn finish(run: Run, copy: u32, copies: u32) {
  if (run.length > 0u) {
    atomicAdd(&near[run.symbol * copies + copy], run.length);
  }
}

@compute @workgroup_size(WIDTH)
fn countSymbols(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  for (var bin = t; bin < BINS; bin += WIDTH) {
    atomicStore(&near[bin], 0u);
  }
  workgroupBarrier();
  let copies = min(BINS >> p.width, WIDTH);
  let copy = t % copies;
  let base = (id.y * grid.x + id.x) * p.span;
  let end = min(base + p.span, p.n);
  let mask = p.symbols - 1u;
  var run = Run(0u, 0u);
  for (var first = base + t * ROW; first < end; first += WIDTH * ROW) {
    let some = min(ROW, end - first);
    var word = first / ROW * p.width;
    var bits = packed[word];
    var bit = 0u;
    for (var i = 0u; i < some; i++) {
      var symbol = bits >> bit;
      bit += p.width;
      if (bit >= 32u && (i + 1u < some || bit > 32u)) {
        word++;
        bits = packed[word];
        bit -= 32u;
        if (bit > 0u) {
          symbol |= bits << (p.width - bit);
        }
      }
      symbol &= mask;
      if (symbol != run.symbol) {
        finish(run, copy, copies);
        run = Run(symbol, 0u);
      }
      run.length++;
    }
  }
  finish(run, copy, copies);
  workgroupBarrier();
  for (var symbol = t; symbol < p.symbols; symbol += WIDTH) {
    var sum = 0u;
    for (var other = 0u; other < copies; other++) {
      sum += atomicLoad(&near[symbol * copies + other]);
    }
    if (sum > 0u) {
      atomicAdd(&counts[symbol], sum);
    }
  }
}

// The sum of `own` over the threads before t, and after it that of all in sums[0].
fn exclusive(t: u32, own: u32) -> u32 {
  workgroupBarrier();
  sums[t] = own;
  workgroupBarrier();
  let row = t / ROW;
  var sum = 0u;
  for (var i = row * ROW; i < t; i++) {
    sum += sums[i];
  }
  if (t % ROW == ROW - 1u) {
    rows[row] = sum + own;
  }
  workgroupBarrier();
  for (var r = 0u; r < row; r++) {
    sum += rows[r];
  }
  if (t == WIDTH - 1u) {
    atomicStore(&total, sum + own);
  }
  workgroupBarrier();
  return sum;
}

fn countOf(symbol: u32) -> u32 {
  return select(0u, found[min(symbol, p.symbols - 1u)], symbol < p.symbols);
}

// What a symbol is worth beyond one slot.
fn weightOf(count: u32, depth: u32) -> u32 {
  return max(count, p.n >> depth) - (p.n >> depth);
}

// About the bits of `count` symbols of one share.
fn costOf(count: u32, share: u32, depth: u32) -> u32 {
  let slots = 1u << depth;
  let m = max(bitsIn(p.n), 16u) - 16u;
  if (share > slots >> 1u) {
    return (((((count >> m) * (slots - share)) >> depth) * 3u) >> 1u) << m;
  }
  let whole = bitsIn(share) - 1u;
  let each = 16u * (depth - whole) - (((share - (1u << whole)) * 16u) >> whole);
  return (count >> 8u) * 16u * each + (((count & 255u) * each) >> 4u);
}

// Where the next bits go; they are written, or only counted.
struct Writer {
  at: u32,
  writes: bool,
}

fn put(writer: Writer, value: u32, bits: u32) -> Writer {
  if (writer.writes && value != 0u) {
    let word = HEADER + writer.at / 32u;
    let bit = writer.at % 32u;
    atomicOr(&head[word], value << bit);
    if (bit + bits > 32u) {
      atomicOr(&head[word + 1u], value >> (32u - bit));
    }
  }
  return Writer(writer.at + bits, writer.writes);
}

fn putGamma(writer: Writer, v: u32) -> Writer {
  let rest = bitsIn(v) - 1u;
  return put(put(writer, 1u << rest, rest + 1u), v - (1u << rest), rest);
}

// The first symbol behind `symbol`, which occurs, that does not.
fn runEnd(symbol: u32) -> u32 {
  var next = symbol + 1u;
  while (next % OWN != 0u && countOf(next) > 0u) {
    next++;
  }
  if (next % OWN != 0u) {
    return next;
  }
  for (var other = next / OWN; other < WIDTH; other++) {
    if (endOf[other] != NONE) {
      return endOf[other];
    }
  }
  return p.symbols;
}

// The table of the symbols of thread t, behind what is written.
fn putSymbols(start: Writer, t: u32, depth: u32) -> Writer {
  var writer = start;
  // the symbol before, and the power of two in its share
  var before = NONE;
  var whole = 0u;
  for (var other = t; other > 0u && before == NONE; other--) {
    before = lastOf[other - 1u];
    whole = wholeOf[other - 1u];
  }
  if (before == NONE) {
    whole = 0u;
  }
  for (var symbol = t * OWN; symbol < (t + 1u) * OWN; symbol++) {
    if (countOf(symbol) == 0u) {
      continue;
    }
    if (before == NONE || symbol > before + 1u) {
      writer = putGamma(writer, select(symbol - before - 1u, symbol + 1u, before == NONE));
      writer = putGamma(writer, runEnd(symbol) - symbol);
    }
    let share = select(table[2u * symbol], 1u, depth == 0u);
    let own = bitsIn(share) - 1u;
    writer = putGamma(writer, select(2u * (own - whole) + 1u, 2u * (whole - own), own < whole));
    writer = put(writer, share - (1u << own), own);
    before = symbol;
    whole = own;
  }
  return writer;
}

@compute @workgroup_size(WIDTH)
fn makeTable(@builtin(local_invocation_index) t: u32) {
  if (t == 0u) {
    atomicStore(&largest, 0u);
  }
  workgroupBarrier();
  // 1. how many symbols occur, and how often the most frequent one
  var used = 0u;
  var most = 0u;
  lastOf[t] = NONE;
  endOf[t] = NONE;
  for (var symbol = t * OWN; symbol < (t + 1u) * OWN; symbol++) {
    let count = countOf(symbol);
    if (count > 0u) {
      used++;
      most = max(most, count);
      lastOf[t] = symbol;
    } else if (endOf[t] == NONE) {
      endOf[t] = symbol;
    }
  }
  atomicMax(&largest, most);
  var rank = exclusive(t, used);
  let all = atomicLoad(&total);
  most = atomicLoad(&largest);
  // 2. the slots, and how many each has
  var depth = max(SPARE + bitsIn(all) + bitsIn(p.n) - bitsIn(p.n - most), LEAST_PRECISION);
  depth = min(min(depth, MOST_PRECISION), max(max(bitsIn(p.n), COARSE) - COARSE, bitsIn(all) + 1u));
  if (all == 1u) {
    depth = 0u;
  }
  let slots = 1u << depth;
  var weight = 0u;
  for (var symbol = t * OWN; symbol < (t + 1u) * OWN; symbol++) {
    weight += weightOf(countOf(symbol), depth);
  }
  var below = exclusive(t, weight);
  let weights = atomicLoad(&total);
  let k = max(bitsIn(weights), 16u) - 16u;
  var cost = 0u;
  wholeOf[t] = 0u;
  if (all > 1u) {
    var start = rank + ((below >> k) * (slots - all)) / (weights >> k);
    for (var symbol = t * OWN; symbol < (t + 1u) * OWN; symbol++) {
      let count = countOf(symbol);
      if (count > 0u) {
        rank++;
        below += weightOf(count, depth);
        let next = rank + ((below >> k) * (slots - all)) / (weights >> k);
        table[2u * symbol] = next - start;
        table[2u * symbol + 1u] = start;
        wholeOf[t] = bitsIn(next - start) - 1u;
        cost += costOf(count, next - start, depth);
        start = next;
      }
    }
  }
  let ignored = exclusive(t, cost);
  let bits = atomicLoad(&total);
  // 3. blocks and lanes
  var lanes = 0u;
  var length = SHORTEST_BLOCK;
  if (all > 1u) {
    length = LEAST_BLOCK;
    while (((p.n - 1u) >> length) >= max(1u, bits >> BLOCK_BITS)) {
      length++;
    }
    lanes = min(bitsIn(max(max(1u, bits >> LANE_BITS), p.n >> LANE_SYMBOLS)) - 1u, MOST_LANES);
  }
  // 4. header and table: each thread counts its bits, and then writes them behind those of the threads before it
  storageBarrier();
  let fields = PRECISION_FIELD + LANES_FIELD + BLOCK_FIELD + USED_FIELD;
  let own = putSymbols(Writer(0u, false), t, depth);
  let at = fields + exclusive(t, own.at);
  let written = putSymbols(Writer(at, true), t, depth);
  if (t == WIDTH - 1u) {
    atomicStore(&head[0], depth);
    atomicStore(&head[1], lanes);
    atomicStore(&head[2], length);
    atomicStore(&head[3], all);
    atomicStore(&head[4], (written.at + 31u) / 32u);
    atomicStore(&head[5], select(0u, ((p.n - 1u) >> length) + 1u, all > 1u));
    let lanesAt = PRECISION_FIELD;
    let blocksAt = lanesAt + LANES_FIELD;
    let header = depth | (lanes << lanesAt) | (length << blocksAt) | ((all - 1u) << (blocksAt + BLOCK_FIELD));
    let done = put(Writer(0u, true), header, fields);
  }
}
