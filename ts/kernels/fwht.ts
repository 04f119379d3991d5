/**
 * The fast Walsh-Hadamard transform, y = H x, unnormalised, whole or by blocks.
 *
 * Butterflies (a, b) -> (a + b, a - b) at distance h = 1, 2, 4, ..., block / 2, in this order: another order rounds
 * differently. Magnitudes below 2^-102 count as +0 at the input, so that no sum or difference is subnormal.
 */
import { requireFloat32Array, requireInteger } from '../arguments.ts';
import { bitsOf, INFINITE, keyOfPower } from './float-bits.ts';
import {
  ceilDiv,
  type Kernel,
  type Limits,
  type Pass,
  pass,
  type Plan,
  runs,
  WINDOW_UNIT,
} from './kernel.ts';
import { FLIP_COUNTER } from './random.ts';
import { findExtremes, nonFiniteError, rangeOf } from './reduce.ts';
import { floatsOf, type Host } from './scope.ts';
import { around, part, segmentsOf, wordsAround } from './windows.ts';

/** The longest transform: 2^26 floats are 256 MiB, the most that one WebGPU buffer must be able to hold. */
export const LONGEST: number = 2 ** 26;

/** The key below which an input counts as +0. */
export const TINY: number = keyOfPower(-102);

/**
 * y = H x for each block of `block` elements (a power of two) of x padded with zeros to `total` (a multiple of block).
 * x has n words, y has total; 1 <= n <= total.
 */
export const fwhtKernel: Kernel<'x' | 'y', 'n' | 'total' | 'block'> = {
  name: 'fwht',
  buffers: ['x', 'y'],
  params: ['n', 'total', 'block'],
  plan: fwhtPlan,
};

/**
 * y = H D x for each block, as fwht; D flips the sign of element i where flip i of the key (random.ts) is 1. Before that
 * x is taken times `scale`, a power of two, and as +0 where its magnitude's key is below `tiny`.
 */
export const flattenKernel: Kernel<
  'x' | 'y',
  'n' | 'total' | 'block' | 'seed' | 'step' | 'stream' | 'tiny' | 'scale'
> = {
  name: 'flatten',
  buffers: ['x', 'y'],
  params: ['n', 'total', 'block', 'seed', 'step', 'stream', 'tiny', 'scale'],
  plan: flattenPlan,
};

/**
 * The way back from whole numbers t of float32: y_i = t_i * scales[floor(i / segment)] with its sign flipped where flip i
 * of the key is 1. A product beyond float32 becomes the largest finite number of its sign; zero is +0. Scales are +0 or
 * normal and positive. n >= 1; t and y have n words or more, scales ceil(n / segment).
 */
export const unflattenKernel: Kernel<'t' | 'scales' | 'y', 'n' | 'segment' | 'seed' | 'step' | 'stream'> = {
  name: 'unflatten',
  buffers: ['t', 'scales', 'y'],
  params: ['n', 'segment', 'seed', 'step', 'stream'],
  plan: unflattenPlan,
};

/** The length of the transform of n elements: n padded to whole blocks, or to the next power of two. */
export function transformLength(n: number, block: number | 'whole'): number {
  if (block !== 'whole') return ceilDiv(n, block) * block;
  let length = 1;
  while (length < n) length *= 2;
  return length;
}

/**
 * The Walsh-Hadamard transform of x, y = H x, not divided by the square root of the length: twice gives x times it.
 * `block: 'whole'` pads x with zeros to the next power of two; a number, itself a power of two, transforms x block by
 * block, the last one padded. The result is as long as x with its padding.
 *
 * @throws NonFiniteError where x holds NaN or infinity
 * @throws RangeError where a sum could pass the range of float32: scale x by a power of two first
 * @example
 * await device.kernels.fwht(new Float32Array([1, 0, 1, 0])); // 2, 2, 0, 0
 */
export async function fwht(
  host: Host,
  x: Float32Array,
  options: { block?: number | 'whole' } = {},
): Promise<Float32Array> {
  requireFloat32Array('x', x);
  const block = options.block ?? 'whole';
  if (block !== 'whole' && (requireInteger('block', block, 1, LONGEST) & (block - 1)) !== 0)
    throw new RangeError(`"block" expected a power of two, got ${block}`);
  const n = requireInteger('x.length', x.length, 0, LONGEST);
  if (n === 0) return new Float32Array(0);
  const total = transformLength(n, block);
  const order = block === 'whole' ? total : block;
  return host.use(async (scope) => {
    const vector = scope.vector(x);
    const y = scope.take(total);
    scope.run(fwhtKernel, { x: vector.buffer, y }, { n, total, block: order });
    const [words, range] = await scope.read(y, findExtremes(scope, vector));
    const { largest } = rangeOf(range);
    if (largest >= INFINITE) throw await nonFiniteError(scope, vector);
    // |y_i| <= order * max |x|: below 2^127 nothing rounds to infinity
    if (largest >= bitsOf(2 ** 127 / order))
      throw new RangeError(
        `"x" has magnitudes of 2^127 / ${order} or more, whose sums could pass float32's range`,
      );
    return floatsOf(words);
  });
}

/** Floats that a workgroup transforms: 16 KiB, the workgroup memory that every WebGPU device has. */
export const TILE = 4096;

/** The most stages that one pass over rows does: a tile then has 64 rows of 64 columns, 256 bytes each. */
const MOST_STAGES = 6;

/** Elements whose sign flips one hash draws. */
export const FLIPS = 128;

/** Butterflies of a workgroup of `combine`. */
export const COMBINE_TILE = 1024;

interface Lengths {
  readonly n: number;
  readonly total: number;
  readonly block: number;
}

interface Key {
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
}

function fwhtPlan(lengths: Lengths, limits: Limits): Plan {
  const steps = inputWindows(lengths, limits).map(({ groups, bindings, uniforms }) =>
    pass('fwht', 'transform', groups, bindings, { ...uniforms, tiny: TINY, scale: 1 }),
  );
  return { scratch: {}, steps: [...steps, ...farPasses(lengths, limits)] };
}

function flattenPlan(
  { n, total, block, tiny, scale, ...key }: Lengths & Key & { tiny: number; scale: number },
  limits: Limits,
): Plan {
  const lengths = { n, total, block };
  const steps = inputWindows(lengths, limits).map(({ first, groups, bindings, uniforms }) => {
    const counter = FLIP_COUNTER + first / FLIPS;
    return pass('fwht', 'flatten', groups, bindings, { ...uniforms, tiny, scale, counter, ...key });
  });
  return { scratch: {}, steps: [...steps, ...farPasses(lengths, limits)] };
}

/** The stages from TILE on, over y. */
function farPasses({ total, block }: Lengths, limits: Limits): Pass[] {
  const steps: Pass[] = [];
  let distance = TILE;
  while (distance < block) {
    const left = Math.log2(block / distance);
    let stages = Math.ceil(left / Math.ceil(left / MOST_STAGES));
    while (stages > 0 && distance * 2 ** stages > limits.bindingWords) stages--;
    if (stages > 0) steps.push(...stridePasses(total, distance, stages, limits));
    else steps.push(...combinePasses(total, distance, limits));
    distance *= 2 ** Math.max(stages, 1);
  }
  return steps;
}

interface InputWindow {
  readonly first: number;
  readonly groups: number;
  readonly bindings: Readonly<Record<'x' | 'y', ReturnType<typeof part>>>;
  readonly uniforms: Readonly<Record<'n' | 'total' | 'stages', number>>;
}

/** The windows of all stages within tiles of neighbours, from x to y. */
function inputWindows({ n, total, block }: Lengths, limits: Limits): InputWindow[] {
  return runs(total, TILE, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    // Beyond the end of x a pass reads nothing of it, but must bind some.
    const words = Math.max(Math.min(n - first, count), 0);
    return {
      first,
      groups: ceilDiv(count, TILE),
      bindings: { x: words > 0 ? part('x', words, first) : part('x', 1), y: part('y', count, first) },
      uniforms: { n: words, total: count, stages: Math.min(block, TILE) - 1 },
    };
  });
}

/** The `stages` stages from `distance` on, where as many rows at that distance fit one binding. */
function stridePasses(total: number, distance: number, stages: number, limits: Limits): Pass[] {
  const shift = Math.log2(TILE) - stages;
  return runs(total, distance * 2 ** stages, (_, count) => count <= limits.bindingWords).map(
    ({ first, count }) =>
      pass(
        'fwht',
        'stride',
        count / TILE,
        { y: part('y', count, first) },
        { total: count, stages: TILE - 2 ** shift, shift, distance },
      ),
  );
}

/** The stage at `distance`, where partners are too far apart for one binding: pairs of windows. */
function combinePasses(total: number, distance: number, limits: Limits): Pass[] {
  const halves = runs(distance, WINDOW_UNIT, (_, count) => count <= limits.bindingWords);
  const starts = Array.from({ length: total / distance / 2 }, (_, pair) => pair * 2 * distance);
  return starts.flatMap((start) =>
    halves.map(({ first, count }) =>
      pass(
        'fwht',
        'combine',
        ceilDiv(count, COMBINE_TILE),
        { near: part('y', count, start + first), far: part('y', count, start + distance + first) },
        { n: count },
      ),
    ),
  );
}

function unflattenPlan({ n, segment, ...key }: Key & { n: number; segment: number }, limits: Limits): Plan {
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...segmentsOf(first, count, segment))) <= limits.bindingWords;
  const steps = runs(n, TILE, fits).map(({ first, count }) => {
    const scales = around('scales', ...segmentsOf(first, count, segment)).window;
    return pass(
      'fwht',
      'unflatten',
      ceilDiv(count, TILE),
      { x: part('t', count, first), scales, y: part('y', count, first) },
      { n: count, first, segment, owner: scales.first, counter: FLIP_COUNTER + first / FLIPS, ...key },
    );
  });
  return { scratch: {}, steps };
}
