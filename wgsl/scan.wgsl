// Exclusive prefix sums modulo 2^32: y[i] = x[0] + ... + x[i - 1].
//
// Reduce, then scan: `reduce` sums tiles, their sums are the next level, until a level fits one tile; `root` scans that
// one; `scan` goes back down, each tile from where the level above says it starts. Nothing waits for another workgroup.
//
// Bindings          x: in, n words; totals: out, a word a tile; bases: in, a word a tile; y: out, n words; total: 1
//                   word
// Passes            levels of reduce, root, levels of scan; levels = max(0, ceil(log(n) / log(2048)) - 1), so root
//                   alone up to n = 2048
//   scan(n = 2048): root
//   scan(n = 2^22): reduce, root, scan
//   scan(n = 2^24): reduce, reduce, root, scan, scan
// Entry points        threads  workgroups  workgroup bytes  words read    words written
//   reduce                256  n / 2048              1,088  n             n / 2048
//   root                  256  1                     9,280  n             n + 1
//   scan                  256  n / 2048              9,280  n + n / 2048  n
// Occupancy         workgroup memory, 37 bytes a thread, in scan; root is one workgroup. Over all levels 3 words an
//                   element, x read twice and y written once, and 1 / 512 more for the sums of tiles
// Edges             words from n on count as 0 and are not written
const WIDTH = 256u;
const TILE = 2048u;
const OWN = TILE / WIDTH;
const ROW = 16u;

struct Params {
  n: u32, // words of x in this window
  tile: u32, // where the window's first tile stands in `totals` and `bases`
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;
@group(0) @binding(3) var<storage, read> bases: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(0) @binding(5) var<storage, read_write> total: array<u32>;

var<workgroup> words: array<u32, TILE>;
var<workgroup> parts: array<u32, WIDTH>;
var<workgroup> rows: array<u32, WIDTH / ROW>;

// Four words, loaded at once: WIDTH apart from i on, and 0 behind the end.
fn loaded(i: u32) -> vec4u {
  let at = vec4u(i, i + WIDTH, i + 2u * WIDTH, i + 3u * WIDTH);
  let inside = min(at, vec4u(p.n - 1u));
  return select(vec4u(0u), vec4u(x[inside.x], x[inside.y], x[inside.z], x[inside.w]), at < vec4u(p.n));
}

// Where word i of a tile lies in workgroup memory, so that neither 32 neighbours nor 32 words OWN apart share a bank.
fn slot(i: u32) -> u32 {
  return i ^ ((i / 32u) % OWN);
}

// The sum of `own` over the threads before t: within a row of threads, then over the rows.
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
  return before;
}

// y of the tile at `base`, whose sums start from `start`; the tile's own sum for the last thread, undefined for others.
fn scanTile(base: u32, start: u32, t: u32) -> u32 {
  for (var i = t; i < TILE; i += 4u * WIDTH) {
    let four = loaded(base + i);
    for (var j = 0u; j < 4u; j++) {
      words[slot(i + j * WIDTH)] = four[j];
    }
  }
  workgroupBarrier();
  var own = 0u;
  for (var j = 0u; j < OWN; j++) {
    own += words[slot(t * OWN + j)];
  }
  let before = exclusive(t, own);
  var sum = start + before;
  for (var j = 0u; j < OWN; j++) {
    let at = slot(t * OWN + j);
    let word = words[at];
    words[at] = sum;
    sum += word;
  }
  workgroupBarrier();
  for (var i = t; i < TILE; i += WIDTH) {
    if (base + i < p.n) {
      y[base + i] = words[slot(i)];
    }
  }
  return before + own;
}

@compute @workgroup_size(WIDTH)
fn reduce(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let base = tile * TILE;
  var own = 0u;
  for (var i = t; i < TILE; i += 4u * WIDTH) {
    let four = loaded(base + i);
    own += four.x + four.y + four.z + four.w;
  }
  let before = exclusive(t, own);
  if (t == WIDTH - 1u && base < p.n) {
    totals[p.tile + tile] = before + own;
  }
}

@compute @workgroup_size(WIDTH)
fn root(@builtin(local_invocation_index) t: u32) {
  let sum = scanTile(0u, 0u, t);
  if (t == WIDTH - 1u) {
    total[0] = sum;
  }
}

@compute @workgroup_size(WIDTH)
fn scan(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = id.y * grid.x + id.x;
  let base = tile * TILE;
  var start = 0u;
  if (base < p.n) {
    start = bases[p.tile + tile];
  }
  scanTile(base, start, t);
}
