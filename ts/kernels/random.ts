/**
 * Random bits from a counter: pcg4d, the four-dimensional hash of M. Jarzynski and M. Olano, "Hash Functions for GPU
 * Rendering", Journal of Computer Graphics Techniques 9(3), 2020, here with three rounds. Word i depends on
 * (seed, step, stream, i) alone.
 *
 * With all arithmetic modulo 2^32 and v = (x, y, z, w) = (counter, seed, step, stream):
 *   v = v * 1664525 + 1013904223
 *   three rounds of:
 *     x += y * w; y += z * x; z += x * y; w += y * z      (in this order, each seeing the one before)
 *     v ^= v >> 16
 *
 * The published hash has two rounds and no closing shift. There the low bits of neighbouring words, and of keys that
 * differ in one high bit, are correlated by up to 512 standard deviations over 2^18 words; with the third round and the
 * shift none of 14,560 such tests passes 4.3 (tests/kernels/random.test.ts repeats the kinds of test). Sign flips take
 * every bit of a word, so this matters.
 *
 * Word i is component floor(i / 4) mod 4 of the hash whose counter is floor(i / 16) * 4 + i mod 4: four SIMD lanes hold
 * four counters, and each of the four components is then four neighbours, so no lane changes place.
 *
 * Flip i, one random sign, is bit 31 - floor(i / 4) mod 32 of component i mod 4 of the hash whose counter is
 * 2^31 + floor(i / 128), again so that four lanes hold four neighbours: a shift moves all four to their sign bits.
 * Words have counters below 2^30, so flips and words of one key are different draws.
 *
 * Here: the hash itself for draws on the host, what all backends give, and the public function. How:
 * ts/backends/js/random.ts, assembly/random.ts and wgsl/random.wgsl.
 */
import { requireInteger } from '../arguments.ts';
import type { Kernel } from './kernel.ts';
import type { Host } from './scope.ts';

/** bits_i = word i of the generator, for i < n. n >= 1. */
export const randomBitsKernel: Kernel<'bits', 'n' | 'seed' | 'step' | 'stream'> = {
  name: 'randomBits',
  buffers: ['bits'],
  params: ['n', 'seed', 'step', 'stream'],
};

/** Counters from here on draw sign flips and choices; those below, one word an element. */
export const FLIP_COUNTER = 0x80000000;

/** v * 1664525 + 1013904223, modulo 2^32. */
function spread(v: number): number {
  return (Math.imul(v, 1664525) + 1013904223) | 0;
}

/** The four words of one hash, as int32, in `out`. */
export function pcg4d(counter: number, seed: number, step: number, stream: number, out: Int32Array): void {
  let x = spread(counter);
  let y = spread(seed);
  let z = spread(step);
  let w = spread(stream);
  for (let round = 0; round < 3; round++) {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
    x ^= x >>> 16;
    y ^= y >>> 16;
    z ^= z >>> 16;
    w ^= w >>> 16;
  }
  out[0] = x;
  out[1] = y;
  out[2] = z;
  out[3] = w;
}

/** What draws depend on. Each is an integer in 0..2^32 - 1. */
export interface RandomKey {
  /** Whose draws these are: one seed a run. */
  readonly seed: number;
  /** Which step of the run; 0 if left out. */
  readonly step?: number;
  /** Which use of the step: for example a worker's rank; 0 if left out. */
  readonly stream?: number;
}

const LAST = 2 ** 32 - 1;

/**
 * n words of random bits, the same on every backend, for the same key.
 *
 * @throws RangeError where a part of the key is not an integer in 0..2^32 - 1
 * @example
 * const bits = await device.kernels.randomBits(1000, { seed: 7, step: 3 });
 */
export async function randomBits(host: Host, n: number, key: RandomKey): Promise<Uint32Array> {
  requireInteger('n', n, 0, LAST);
  const seed = requireInteger('seed', key.seed, 0, LAST);
  const step = requireInteger('step', key.step ?? 0, 0, LAST);
  const stream = requireInteger('stream', key.stream ?? 0, 0, LAST);
  if (n === 0) return new Uint32Array(0);
  return host.use(function* (scope) {
    const bits = scope.take(n);
    scope.run(randomBitsKernel, { bits }, { n, seed, step, stream });
    return (yield scope.read(bits))[0];
  });
}

/** Words that a workgroup makes: one hash a thread, four words a hash. */
export const TILE = 1024;
