// Random bits from a counter: pcg4d (M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020),
// with three rounds, each closed by the shift (ts/kernels/random.ts says why).
//
//   bits[i] = component floor(i / 4) mod 4 of pcg4d(floor(i / 16) * 4 + i mod 4, seed, step, stream)
//
// One thread makes one hash, whose four words lie 4 words apart; the words of a workgroup change places in its memory,
// so that neighbours write neighbours.
//
// Library           pcg4d
// Bindings          bits: out, n words
// Passes            draw
//   randomBits(n = 2^24): draw
// Entry points        threads  workgroups  workgroup bytes  words read  words written
//   draw                  256  n / 1024              4,096  0           n
// Occupancy         threads, at 16 bytes of workgroup memory a thread; then arithmetic: a hash for 4 words
// Edges             words from n on are not written; a window starts at a multiple of 16 words
const WIDTH = 256u;
const TILE = 1024u;

struct Params {
  n: u32, // words in this window
  counter: u32, // the counter of its first word
  seed: u32,
  step: u32,
  stream: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> bits: array<u32>;

var<workgroup> tile: array<u32, TILE>;

@compute @workgroup_size(WIDTH)
fn draw(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let base = (id.y * grid.x + id.x) * TILE;
  let hash = pcg4d(vec4u(p.counter + base / 4u + t, p.seed, p.step, p.stream));
  let at = t / 4u * 16u + t % 4u;
  tile[at] = hash.x;
  tile[at + 4u] = hash.y;
  tile[at + 8u] = hash.z;
  tile[at + 12u] = hash.w;
  workgroupBarrier();
  for (var i = t; i < TILE; i += WIDTH) {
    if (base + i < p.n) {
      bits[base + i] = tile[i];
    }
  }
}
