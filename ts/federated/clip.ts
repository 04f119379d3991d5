/**
 * A change that is clipped, and made noisy, before it is compressed:
 *
 * delta = theta - local, min(1, norm / |delta|) of it; with `by: 'tensor'` each of T tensors by norm / sqrt(T), so that
 * the whole has the norm at most; then normal noise of deviation multiplier norm on each element. |delta| is in
 * float64, in the order of the elements.
 */
import { requireInteger, requireNumber, requireOneOf, requireOptions, shown } from '../arguments.ts';
import { normOf } from '../algorithms/local-round.ts';
import { inMemory, requireFinite, type Vector } from '../algorithms/vectors.ts';
import type { Tensor } from '../compressors/tensor-rules.ts';
import type { Device } from '../device.ts';
import { pcg4d } from '../kernels/random.ts';
import { crc32 } from '../packet/crc32.ts';
import type { Words } from '../platform.ts';
import { normalOf } from './normal.ts';

/** The most that a change may be. */
export interface Clip {
  /** Of the whole change: the root of its sum of squares, above 0. */
  readonly norm: number;
  /** `whole`, if left out: one factor for all; `tensor`: one for each, to norm / sqrt(tensors). */
  readonly by?: 'whole' | 'tensor';
}

/** Normal noise on each element of a clipped change. */
export interface Noise {
  /** Its standard deviation over the norm of the clip, above 0. */
  readonly multiplier: number;
  /**
   * Noise by the package's generator, the same bytes wherever it is drawn again, keyed by the seed, the round, the id
   * and the change itself. It is no cryptographic generator.
   */
  readonly seed?: number;
  /**
   * In its place: fills an array with random words, 16,384 at most, as `(words) => crypto.getRandomValues(words)` does.
   */
  readonly fill?: (words: Words) => unknown;
}

/** What of a member's change leaves it. */
export interface Guard {
  readonly clip: Required<Clip>;
  readonly noise: Noise | undefined;
}

/** @throws TypeError or RangeError where one is none, or there is noise without a clip */
export function guardOf(clip: Clip | undefined, noise: Noise | undefined): Guard | undefined {
  if (clip === undefined) {
    if (noise !== undefined)
      throw new RangeError('"noise" expected a "clip", whose norm it is measured by, got none');
    return undefined;
  }
  requireOptions('clip', requireRecord('clip', clip), ['norm', 'by']);
  const norm = requireNumber('clip.norm', clip.norm, 'a finite number above 0', (value) => value > 0);
  const by = requireOneOf('clip.by', clip.by ?? 'whole', ['whole', 'tensor']);
  if (noise !== undefined) {
    requireOptions('noise', requireRecord('noise', noise), ['multiplier', 'seed', 'fill']);
    const { multiplier, seed, fill } = noise;
    requireNumber('noise.multiplier', multiplier, 'a finite number above 0', (value) => value > 0);
    if ((seed === undefined) === (fill === undefined))
      throw new TypeError('"noise" expected either "seed" or "fill"');
    if (seed !== undefined) requireInteger('noise.seed', seed, 0, 2 ** 32 - 1);
    if (fill !== undefined && typeof fill !== 'function')
      throw new TypeError(`"noise.fill" expected a function, got ${shown(fill)}`);
  }
  return { clip: { norm, by }, noise };
}

function requireRecord<T>(name: string, value: T): T {
  if (value === null || typeof value !== 'object')
    throw new TypeError(`"${name}" expected an object, got ${shown(value)}`);
  return value;
}

/**
 * The change of a local model, clipped and noisy, in an array of its own.
 * @throws NonFiniteError where the local model, or its change, holds NaN or infinity
 */
export async function guarded(
  device: Device,
  { clip, noise }: Guard,
  { theta, local }: { readonly theta: Float32Array; readonly local: Vector },
  tensors: readonly Tensor[],
  draw: { readonly step: number; readonly stream: number },
): Promise<Float32Array> {
  const at = await inMemory(device, local);
  const delta = theta.map((value, i) => value - at[i]);
  requireFinite(delta, 'the change of the local model');
  const whole = { first: 0, n: delta.length };
  const parts = clip.by === 'whole' ? [whole] : tensors;
  for (const { first, n } of parts)
    shorten(delta.subarray(first, first + n), clip.norm / Math.sqrt(parts.length));
  if (noise !== undefined) addNoise(delta, noise.multiplier * clip.norm, noise, draw);
  return delta;
}

/** Scales a vector down to a norm. */
function shorten(x: Float32Array, most: number): void {
  const norm = normOf(x);
  if (norm <= most) return;
  const scale = most / norm;
  for (let i = 0; i < x.length; i++) x[i] *= scale;
}

/** Words that are drawn at a time: what crypto.getRandomValues fills. */
const CHUNK = 2 ** 14;

/** x_i = fround(x_i + deviation z_i), z_i from words 2i and 2i + 1. */
function addNoise(
  x: Float32Array,
  deviation: number,
  { seed, fill }: Noise,
  { step, stream }: { readonly step: number; readonly stream: number },
): void {
  const words = new Uint32Array(CHUNK);
  // other changes of one round are other draws: the difference of two messages is as noisy as they are
  const own = crc32(new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
  const four = new Int32Array(4);
  for (let first = 0; first < x.length; first += CHUNK / 2) {
    const n = Math.min(CHUNK / 2, x.length - first);
    if (fill !== undefined) fill(words);
    else
      for (let i = 0; i < n * 2; i += 4) {
        pcg4d((first * 2 + i) / 4, seed as number, step, stream ^ own, four);
        words.set(four, i);
      }
    for (let i = 0; i < n; i++) x[first + i] += deviation * normalOf(words[2 * i], words[2 * i + 1]);
  }
}
