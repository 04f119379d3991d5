/** Mask-encoded sparsification of arXiv 2408.13787 (../shared/ALGORITHMS.md and docs/packet.md), by sorting. */
import { topK } from './select.ts';

export interface MaskRules {
  readonly k: number;
  readonly bits: number;
  readonly rounding: 'nearest' | 'floor';
  readonly signed: boolean;
}

export interface Masked {
  readonly values: number[];
  readonly masks: number[];
  /** What they decode to. */
  readonly decoded: Float32Array;
}

/** The nearest number of 24 significant bits, half to even: float32 as if its exponents had no end. */
function rounded(x: number): number {
  if (x === 0) return 0;
  const power = 2 ** Math.floor(Math.log2(Math.abs(x)));
  return Math.fround(x / power) * power;
}

/** The nearest whole number, half to even. */
function halfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

export function masked(x: Float32Array, { k, bits, rounding, signed }: MaskRules): Masked {
  const size = signed ? Math.abs : (value: number): number => value;
  const kept = new Set(topK(x, k, size));
  const values = [...kept].map((i) => x[i]);
  const T = Math.max(Math.min(...values.map(size)), 0);
  const L = signed ? 2 ** (bits - 1) : 2 ** bits - 1;
  const symbolOf = (value: number): number => {
    if (T === 0 || size(value) < 0) return 0;
    const p = rounded(size(value) * rounded(L / T));
    const m = Math.min(rounding === 'floor' ? Math.floor(p) : halfToEven(p), L - 1);
    return signed && value < 0 ? -m : m;
  };
  const symbols = Array.from(x, symbolOf);
  const step = Math.fround(T / L);
  return {
    values,
    masks: symbols.map((m, i) => (kept.has(i) ? 2 ** bits - 1 : m + (signed ? L - 1 : 0))),
    decoded: x.map((value, i) => (kept.has(i) ? value : symbols[i] * step + 0)),
  };
}
