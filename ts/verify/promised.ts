/**
 * Which words a kernel promises to leave, so that a replay compares no others. Left out are the end of a list that is
 * not full, sums beyond float32's range, and rounded numbers of an attempt that is dropped: over NaN and infinity, or
 * at a power that does not suit the vector (ts/compressors/at-scale.ts). What decides whether it is dropped is
 * compared.
 */
import { keyOfPower } from '../kernels/float-bits.ts';
import type { Call } from './call.ts';

/** Lists that are filled as far as `count` says, `capacity` at the most. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  threshold: ['indices', 'values'],
  compact: ['indices'],
};

/** Outputs that are promised of finite numbers alone, at a power that suits them. */
const ROUNDED: Readonly<Record<string, readonly string[]>> = {
  absSum: ['sums'],
  accumulate: ['y'],
  addAt: ['y'],
  addLookup: ['y'],
  addSigns: ['y'],
  blockLevels: ['codes'],
  compensate: ['y'],
  ditheredAndMax: ['bits'],
  flatten: ['y'],
  flattenLevels: ['codes', 'squares', 'sums', 'counts'],
  flattenSigns: ['bits', 'widths', 'squares'],
  fwht: ['y'],
  lambdas: ['lambdas'],
  levelGrid: ['grid'],
  listLevels: ['packed'],
  maskGrid: ['grid'],
  packDithered: ['bits'],
  packLevels: ['codes', 'sums', 'counts'],
  packSigns: ['bits'],
  quantize: ['packed'],
  signsAndSum: ['bits', 'sums'],
  squareSum: ['sums'],
  unflatten: ['y'],
  unflattenLevels: ['y'],
  unflattenSigns: ['y'],
  uniformGrid: ['grid'],
};

/** Sums of magnitudes below 2^95, and of squares of magnitudes below 2^47, are finite, however many there are. */
const SUMMED_BELOW: Readonly<Record<string, number>> = { absSum: 95, signsAndSum: 95, squareSum: 47 };

/** Whether word `word` of a buffer is promised after a call. */
export function promisedBy(call: Call, buffer: string): (word: number) => boolean {
  const { kernel, params, after, dropped } = call;
  const rounded = ROUNDED[kernel.name]?.includes(buffer) ?? false;
  if (rounded && dropped) return () => false;
  if (LISTS[kernel.name]?.includes(buffer)) {
    const filled = Math.min(after.get('count')?.[0] ?? 0, params.capacity);
    return (word) => word < filled;
  }
  const below = SUMMED_BELOW[kernel.name];
  if (below === undefined || buffer !== 'sums') return () => true;
  const key = keyOfPower(Math.min(below - Math.log2(params.scale ?? 1), 128));
  return (segment) => (after.get('max')?.[segment] ?? 0) < key;
}

/** The numbers of a kernel that say by which power of two its vector is scaled. */
const POWERS = ['power', 'scale'] as const;

/** Whether a later call is the same kernel once more at another power: then what this one left is dropped. */
export function isRepeated(call: Omit<Call, 'dropped'>, later: readonly Omit<Call, 'dropped'>[]): boolean {
  return later.some(
    ({ kernel, params }) =>
      kernel.name === call.kernel.name && POWERS.some((name) => params[name] !== call.params[name]),
  );
}
