// The candidates of a selection (select.wgsl has what they are): the k-th largest key among them, and where each tile's
// part of the output starts.
//
//   pivot      the digit of the k-th largest key, from the bins; state = [its leading digits, how many keys are larger]
//   confirm    state[1] = how many keys are larger than those with a guessed digit; state[2] = whether the k-th is one
//              of these
//   pivotAgain  pivot of the first digit where state[2] = 0
//   refine     bins[d] += how many candidates with the known leading digits have d as their next digit
//   countTop   for each tile: adds the candidates with keys > T = known[0] to its count of larger ones, and counts
//              those with T
//   settle     refine, pivot, refine, pivot, countTop and the scan of the counts, by one workgroup
//
// LANES threads go through the candidates of a tile: its list; or, where it has too many for that, one key that counts
// for all, or x. Which of these depends on the data alone, so that no pass is planned for what is rare.
//
// Bindings          bins: 2048 words, cleared; counted: in, the same; state: 3 words, known: the same, in; totals: in,
//                   2 words; x: in, n words; candidatesIn: in, 512 words a tile; aboveCounts, equalCounts: a word a
//                   tile; offsets, equalOffsets: out, a word a tile
// Passes            select.wgsl has them
// Entry points        threads  workgroups         workgroup bytes  words read  words written
//   pivot                 256  1                           10,376  2050        2
//   confirm                 1  1                                0  2           2
//   pivotAgain            256  1                           10,376  2050        2
//   refine                256  ceil(n / 4096) / 32          8,192  0           0
//   countTop              256  ceil(n / 4096) / 32          2,048  n / 4096    n / 2048
//   settle                256  1                           10,376  n / 4096    n / 2048
// Occupancy         threads, at 32 bytes of workgroup memory a thread in refine; pivot and settle are one workgroup.
//                   Beside the words above, refine, countTop and, three times, settle read a word a tile and each
//                   candidate, or two words where all of a tile have one key, or its x where they are more than a list
//                   holds and differ. Atomics as in histogram
// Edges             elements from n on are not counted; the windows are those of markTop; settle has 32 tiles at most
const WIDTH = 256u;
const BINS = 2048u;
const OWN = BINS / WIDTH;
const ROW = 16u;
const TILE = 4096u; // elements of a tile
const LIST = 512u; // words of a tile's list
const CAPACITY = LIST - 1u;
const LANES = 8u; // threads that go through a tile's candidates
const LAST = 10u; // bits of the last digit
const MAGNITUDE = 0x7fffffffu;
const BIAS = 0x80000000u;

struct Params {
  n: u32, // elements in this window
  k: u32,
  order: u32, // 0: by magnitude, 1: by value
  rest: u32, // bits of a key below its first digit
  top: u32, // bits below the digit before
  shift: u32, // bits below the digit
  tile: u32, // where the window's first tile stands in the counts
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> known: array<u32>;
@group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> state: array<u32>;
@group(0) @binding(5) var<storage, read> counted: array<u32>;
@group(0) @binding(6) var<storage, read_write> aboveCounts: array<u32>;
@group(0) @binding(7) var<storage, read_write> equalCounts: array<u32>;
@group(0) @binding(8) var<storage, read> candidatesIn: array<u32>;
@group(0) @binding(9) var<storage, read_write> offsets: array<u32>;
@group(0) @binding(10) var<storage, read_write> equalOffsets: array<u32>;
@group(0) @binding(11) var<storage, read> totals: array<u32>;

var<workgroup> near: array<atomic<u32>, BINS>;
var<workgroup> parts: array<vec2u, WIDTH>;
var<workgroup> rows: array<vec2u, WIDTH / ROW>;
var<workgroup> chosen: vec2u;

fn keyOf(word: u32) -> u32 {
  let magnitude = word & MAGNITUDE;
  if (p.order == 0u) {
    return magnitude;
  }
  return select(BIAS + magnitude, BIAS - magnitude, word > MAGNITUDE);
}

fn ones(bits: u32) -> u32 {
  return (1u << bits) - 1u;
}

fn zeroBins(t: u32) {
  for (var b = t; b < BINS; b += WIDTH) {
    atomicStore(&near[b], 0u);
  }
  workgroupBarrier();
}

// Equal digits that follow each other are one addition: constant and sorted vectors cost no more than random ones.
struct Run {
  digit: u32,
  length: u32,
}

// The run with `length` more of a digit, or the new run where the digit is another.
fn extended(run: Run, digit: u32, length: u32) -> Run {
  if (digit == run.digit || length == 0u) {
    return Run(run.digit, run.length + length);
  }
  finish(run);
  return Run(digit, length);
}

fn finish(run: Run) {
  if (run.length > 0u) {
    atomicAdd(&near[run.digit], run.length);
  }
}

// Adds the workgroup's bins to those of all.
fn merge(t: u32) {
  workgroupBarrier();
  for (var b = t; b < BINS; b += WIDTH) {
    let count = atomicLoad(&near[b]);
    if (count > 0u) {
      atomicAdd(&bins[b], count);
    }
  }
}

// The sums of `own` over the threads before t: within a row of threads, then over the rows.
fn exclusive(t: u32, own: vec2u) -> vec2u {
  parts[t] = own;
  workgroupBarrier();
  var before = vec2u(0u);
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
  return before;
}

// The state after another digit: leading digits and larger keys as `before` has them, `near` the bins.
fn choose(t: u32, before: vec2u, shift: u32) -> vec2u {
  // Thread t has the OWN bins from `top` down: the threads before it have the larger digits.
  let top = BINS - 1u - t * OWN;
  var own = 0u;
  for (var j = 0u; j < OWN; j++) {
    own += atomicLoad(&near[top - j]);
  }
  var larger = before.y + exclusive(t, vec2u(own, 0u)).x;
  // One thread has the k-th largest.
  if (larger < p.k && p.k <= larger + own) {
    var digit = top;
    var count = atomicLoad(&near[digit]);
    while (larger + count < p.k) {
      larger += count;
      digit--;
      count = atomicLoad(&near[digit]);
    }
    chosen = vec2u(before.x | (digit << shift), larger);
  }
  return workgroupUniformLoad(&chosen);
}

fn loadBins(t: u32) {
  for (var b = t; b < BINS; b += WIDTH) {
    atomicStore(&near[b], counted[b]);
  }
  workgroupBarrier();
}

@compute @workgroup_size(WIDTH)
fn pivot(@builtin(local_invocation_index) t: u32) {
  loadBins(t);
  var before = vec2u(0u);
  if (p.shift != p.rest) {
    before = vec2u(state[0], state[1]);
  }
  let found = choose(t, before, p.shift);
  // One thread writes the state when all have read it.
  storageBarrier();
  if (t == 0u) {
    state[0] = found.x;
    state[1] = found.y;
  }
}

// Whether the guessed digit is right: the k-th largest key is among the candidates.
@compute @workgroup_size(1)
fn confirm() {
  let larger = totals[0];
  state[1] = larger;
  state[2] = u32(larger < p.k && p.k <= larger + totals[1]);
}

@compute @workgroup_size(WIDTH)
fn pivotAgain(@builtin(local_invocation_index) t: u32) {
  if (t == 0u) {
    chosen = vec2u(state[2]);
  }
  if (workgroupUniformLoad(&chosen).x != 0u) {
    return;
  }
  loadBins(t);
  let found = choose(t, vec2u(0u), p.shift);
  if (t == 0u) {
    state[0] = found.x;
    state[1] = found.y;
  }
}

// What a tile's candidates are to be read from: `items` words from `at` on, of its list or of x, each of which counts
// as `weight`.
struct Source {
  listed: bool,
  at: u32,
  items: u32,
  weight: u32,
}

fn sourceOf(tile: u32) -> Source {
  let base = tile * TILE;
  if (base >= p.n) {
    return Source(true, 0u, 0u, 0u);
  }
  let list = tile * LIST;
  let halves = candidatesIn[list];
  let count = (halves & 0xffffu) + (halves >> 16u);
  if (count <= CAPACITY) {
    return Source(true, list + 1u, count, 1u);
  }
  if (candidatesIn[list + 1u] == candidatesIn[list + 2u]) {
    return Source(true, list + 1u, 1u, count);
  }
  return Source(false, base, min(TILE, p.n - base), 1u);
}

// The key of item j, and how many candidates it stands for.
fn itemOf(source: Source, j: u32, leading: u32) -> vec2u {
  let at = source.at + min(j, source.items - 1u);
  let weight = select(0u, source.weight, j < source.items);
  if (source.listed) {
    return vec2u((leading & ~ones(p.rest)) | (candidatesIn[at] & ones(p.rest)), weight);
  }
  let key = keyOf(x[at]);
  return vec2u(key, select(0u, weight, key >> p.rest == leading >> p.rest));
}

// Adds a tile's candidates with the known leading digits, those from bit `top` on, to `near`, by the digit from `shift`
// on below these.
fn tally(lane: u32, tile: u32, leading: u32, top: u32, shift: u32) {
  let source = sourceOf(tile);
  var run = Run(0u, 0u);
  for (var j = lane; j < source.items; j += 4u * LANES) {
    let items = array<vec2u, 4>(
      itemOf(source, j, leading),
      itemOf(source, j + LANES, leading),
      itemOf(source, j + 2u * LANES, leading),
      itemOf(source, j + 3u * LANES, leading),
    );
    for (var i = 0u; i < 4u; i++) {
      let known = items[i].x >> top == leading >> top;
      run = extended(run, (items[i].x & ones(top)) >> shift, select(0u, items[i].y, known));
    }
  }
  finish(run);
}

// How many of a tile's candidates have larger keys than T, and how many have T, as far as this lane goes through them.
fn weighed(lane: u32, tile: u32, key: u32) -> vec2u {
  let source = sourceOf(tile);
  var found = vec2u(0u);
  for (var j = lane; j < source.items; j += 4u * LANES) {
    found += weigh(itemOf(source, j, key), key);
    found += weigh(itemOf(source, j + LANES, key), key);
    found += weigh(itemOf(source, j + 2u * LANES, key), key);
    found += weigh(itemOf(source, j + 3u * LANES, key), key);
  }
  return found;
}

fn weigh(item: vec2u, key: u32) -> vec2u {
  return vec2u(u32(item.x > key), u32(item.x == key)) * item.y;
}

@compute @workgroup_size(WIDTH)
fn refine(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  zeroBins(t);
  let tile = (id.y * grid.x + id.x) * (WIDTH / LANES) + t / LANES;
  tally(t % LANES, tile, known[0], p.top, p.shift);
  merge(t);
}

@compute @workgroup_size(WIDTH)
fn countTop(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = (id.y * grid.x + id.x) * (WIDTH / LANES) + t / LANES;
  parts[t] = weighed(t % LANES, tile, known[0]);
  workgroupBarrier();
  if (t % LANES == 0u && tile * TILE < p.n) {
    var sum = vec2u(0u);
    for (var lane = 0u; lane < LANES; lane++) {
      sum += parts[t + lane];
    }
    aboveCounts[p.tile + tile] += sum.x;
    equalCounts[p.tile + tile] = sum.y;
  }
}

@compute @workgroup_size(WIDTH)
fn settle(@builtin(local_invocation_index) t: u32) {
  let tile = t / LANES;
  let lane = t % LANES;
  var found = vec2u(state[0], state[1]);
  zeroBins(t);
  tally(lane, tile, found.x, p.rest, LAST);
  workgroupBarrier();
  found = choose(t, found, LAST);
  zeroBins(t);
  tally(lane, tile, found.x, LAST, 0u);
  workgroupBarrier();
  found = choose(t, found, 0u);
  // The threads of a tile are neighbours: what is before the first of them is before the tile.
  var own = weighed(lane, tile, found.x);
  let first = lane == 0u && tile * TILE < p.n;
  if (first) {
    own.x += aboveCounts[tile];
  }
  let before = exclusive(t, own);
  if (first) {
    offsets[tile] = before.x;
    equalOffsets[tile] = found.y + before.y;
  }
  storageBarrier();
  if (t == 0u) {
    state[0] = found.x;
    state[1] = found.y;
  }
}
