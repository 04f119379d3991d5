// Selection by blocks: the k largest magnitudes of each block, ties to the lowest index, by ascending index.
//
//   selectBlocks  of a block of L elements max(1, floor(k L / block)); those of block j from place j k on
//
// One workgroup a block, which it reads once and holds in registers, 16 elements a thread. Radix select from the top,
// by digits of 11, 10 and 10 bits of the key (select.wgsl), with the bins in workgroup memory, finds the cut: the key
// of the k-th largest. Two bitmaps of the block, of larger keys and of equal ones, and a scan of their words give each
// kept element its place: none is compared with another. Keys are integers, and words are copied, so every bit counts.
//
// blocks-levels.wgsl has what stands for the kept elements.
//
// Bindings          x: in, n words; indices, values: out, a word a kept element
// Passes            1 of each
//   blockTopK(n = 2^24, block = 4096, k = 64): selectBlocks
//   blockLevels(count = 2^18, k = 64, bits = 2): blocks-levels.meanLevels
// Entry points        threads  workgroups  workgroup bytes  words read  words written
//   selectBlocks          256  n / block            10,824  n           2 n k / block
// Occupancy         registers, 16 words a thread, and 42 bytes of workgroup memory a thread. Blocks below 4096 leave
//                   registers, below 256 threads idle. Atomics in workgroup memory: one an element for the first
//                   digit, where neighbours of a thread differ in it, and few behind it
// Edges             elements from n on are not there; the last block may be shorter; equal keys are kept from the
//                   lowest index on, as many as there is room for
const WIDTH = 256u;
const LONGEST = 4096u; // elements of a block
const WORDS = LONGEST / 32u; // of its bitmaps
const BINS = 2048u;
const OWN = BINS / WIDTH;
const ROW = 16u;
const MAGNITUDE = 0x7fffffffu;

struct Params {
  n: u32, // elements in this window
  first: u32, // index of the window's first element
  block: u32, // a power of two, 64 to LONGEST
  k: u32, // kept elements of a whole block
  place: u32, // where the first of the window's goes
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> values: array<u32>;

var<workgroup> bins: array<atomic<u32>, BINS>;
var<workgroup> parts: array<u32, WIDTH>;
var<workgroup> rows: array<u32, WIDTH / ROW>;
var<workgroup> chosen: vec2u;
var<workgroup> above: array<atomic<u32>, WORDS>;
var<workgroup> equal: array<atomic<u32>, WORDS>;
var<workgroup> before: array<u32, WORDS>;

// The block of a workgroup: its number in the window, where it starts there, its elements, and how many are kept.
struct Span {
  number: u32,
  base: u32,
  length: u32,
  kept: u32,
}

// Elements t, t + WIDTH, ... of a block: its rows, four by four.
struct Own {
  a: vec4u,
  b: vec4u,
  c: vec4u,
  d: vec4u,
}

// The places in the block of four rows, from this one on.
fn placesOf(t: u32, row: u32) -> vec4u {
  return vec4u(row * WIDTH + t) + vec4u(0u, WIDTH, 2u * WIDTH, 3u * WIDTH);
}

// Their words; what lies beyond the end is the last element once more.
fn four(span: Span, t: u32, row: u32) -> vec4u {
  if (row * WIDTH >= span.length) {
    return vec4u(0u);
  }
  let at = vec4u(span.base) + min(placesOf(t, row), vec4u(span.length - 1u));
  return vec4u(x[at.x], x[at.y], x[at.z], x[at.w]);
}

fn ones(bits: u32) -> u32 {
  return (1u << bits) - 1u;
}

// Equal digits that follow each other are one addition: a constant block costs no more than a random one.
struct Run {
  digit: u32,
  length: u32,
}

fn extended(run: Run, digit: u32, counts: bool) -> Run {
  if (!counts) {
    return run;
  }
  if (digit == run.digit) {
    return Run(digit, run.length + 1u);
  }
  finish(run);
  return Run(digit, 1u);
}

fn finish(run: Run) {
  if (run.length > 0u) {
    atomicAdd(&bins[run.digit], run.length);
  }
}

// A run with those of four rows whose keys begin as `known` does, down to bit `top`: their next digit, from `shift` on.
fn counted(run: Run, words: vec4u, there: vec4<bool>, known: u32, top: u32, shift: u32) -> Run {
  let keys = words & vec4u(MAGNITUDE);
  let counts = there & ((keys >> vec4u(top)) == vec4u(known >> top));
  let digits = (keys & vec4u(ones(top))) >> vec4u(shift);
  let two = extended(extended(run, digits.x, counts.x), digits.y, counts.y);
  return extended(extended(two, digits.z, counts.z), digits.w, counts.w);
}

// The sum of `own` over the threads before t: within a row of threads, then over the rows.
fn exclusive(t: u32, own: u32) -> u32 {
  parts[t] = own;
  workgroupBarrier();
  var sum = 0u;
  for (var i = t - t % ROW; i < t; i++) {
    sum += parts[i];
  }
  if (t % ROW == ROW - 1u) {
    rows[t / ROW] = sum + own;
  }
  workgroupBarrier();
  for (var r = 0u; r < t / ROW; r++) {
    sum += rows[r];
  }
  return sum;
}

// One digit more of the cut: `found` has its known digits and how many keys are larger, `top` the bits below those.
fn digitOf(own: Own, span: Span, t: u32, found: vec2u, top: u32, shift: u32) -> vec2u {
  for (var b = t; b < BINS; b += WIDTH) {
    atomicStore(&bins[b], 0u);
  }
  workgroupBarrier();
  let end = vec4u(span.length);
  var run = Run(0u, 0u);
  run = counted(run, own.a, placesOf(t, 0u) < end, found.x, top, shift);
  run = counted(run, own.b, placesOf(t, 4u) < end, found.x, top, shift);
  run = counted(run, own.c, placesOf(t, 8u) < end, found.x, top, shift);
  run = counted(run, own.d, placesOf(t, 12u) < end, found.x, top, shift);
  finish(run);
  workgroupBarrier();
  // Thread t has the OWN bins from `high` down: the threads before it have the larger digits.
  let high = BINS - 1u - t * OWN;
  var count = 0u;
  for (var j = 0u; j < OWN; j++) {
    count += atomicLoad(&bins[high - j]);
  }
  var larger = found.y + exclusive(t, count);
  // One thread has the k-th largest.
  if (larger < span.kept && span.kept <= larger + count) {
    var digit = high;
    var equals = atomicLoad(&bins[digit]);
    while (larger + equals < span.kept) {
      larger += equals;
      digit--;
      equals = atomicLoad(&bins[digit]);
    }
    chosen = vec2u(found.x | (digit << shift), larger);
  }
  return workgroupUniformLoad(&chosen);
}

// Sets the bit of an element in the bitmap of larger keys, or in that of equal ones.
fn markOne(i: u32, key: u32, there: bool, cut: u32) {
  if (there && key > cut) {
    atomicOr(&above[i / 32u], 1u << (i % 32u));
  }
  if (there && key == cut) {
    atomicOr(&equal[i / 32u], 1u << (i % 32u));
  }
}

fn markFour(words: vec4u, span: Span, t: u32, row: u32, cut: u32) {
  let i = placesOf(t, row);
  let keys = words & vec4u(MAGNITUDE);
  let there = i < vec4u(span.length);
  markOne(i.x, keys.x, there.x, cut);
  markOne(i.y, keys.y, there.y, cut);
  markOne(i.z, keys.z, there.z, cut);
  markOne(i.w, keys.w, there.w, cut);
}

// Writes an element where it is kept: behind the larger ones before it, and as many equal ones as are kept.
fn writeOne(i: u32, word: u32, span: Span, cut: u32, ties: u32) {
  let key = word & MAGNITUDE;
  if (i >= span.length || key < cut) {
    return;
  }
  let lower = ones(i % 32u);
  let sums = before[i / 32u];
  let larger = (sums & 0xffffu) + countOneBits(atomicLoad(&above[i / 32u]) & lower);
  let equals = (sums >> 16u) + countOneBits(atomicLoad(&equal[i / 32u]) & lower);
  if (key == cut && equals >= ties) {
    return;
  }
  let at = p.place + span.number * p.k + larger + min(equals, ties);
  indices[at] = p.first + span.base + i;
  values[at] = word;
}

fn writeFour(words: vec4u, span: Span, t: u32, row: u32, cut: u32, ties: u32) {
  let i = placesOf(t, row);
  writeOne(i.x, words.x, span, cut, ties);
  writeOne(i.y, words.y, span, cut, ties);
  writeOne(i.z, words.z, span, cut, ties);
  writeOne(i.w, words.w, span, cut, ties);
}

@compute @workgroup_size(WIDTH)
fn selectBlocks(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let number = id.y * grid.x + id.x;
  let base = number * p.block;
  if (base >= p.n) {
    return;
  }
  let length = min(p.block, p.n - base);
  let span = Span(number, base, length, max(1u, p.k * length / p.block));
  let own = Own(four(span, t, 0u), four(span, t, 4u), four(span, t, 8u), four(span, t, 12u));
  if (t < WORDS) {
    atomicStore(&above[t], 0u);
    atomicStore(&equal[t], 0u);
  }
  var found = vec2u(0u);
  found = digitOf(own, span, t, found, 31u, 20u);
  found = digitOf(own, span, t, found, 20u, 10u);
  found = digitOf(own, span, t, found, 10u, 0u);
  markFour(own.a, span, t, 0u, found.x);
  markFour(own.b, span, t, 4u, found.x);
  markFour(own.c, span, t, 8u, found.x);
  markFour(own.d, span, t, 12u, found.x);
  workgroupBarrier();
  // both sums in a word: neither passes 4096
  var count = 0u;
  if (t < WORDS) {
    count = countOneBits(atomicLoad(&above[t])) | (countOneBits(atomicLoad(&equal[t])) << 16u);
  }
  let sums = exclusive(t, count);
  if (t < WORDS) {
    before[t] = sums;
  }
  workgroupBarrier();
  let ties = span.kept - found.y;
  writeFour(own.a, span, t, 0u, found.x, ties);
  writeFour(own.b, span, t, 4u, found.x, ties);
  writeFour(own.c, span, t, 8u, found.x, ties);
  writeFour(own.d, span, t, 12u, found.x, ties);
}
