/** Whether a vector is what a compressor makes of p, where p is known up to a bound. */
import * as assert from 'uvu/assert';
import { assertNear, type Near } from './near.ts';

/** Asserts that `c` stands for C(p). */
export type Check = (c: Float32Array, p: Near, label: string) => void;

export const isWhole: Check = assertNear;

/** The k largest as they are, zero elsewhere; where magnitudes are nearer than the bound, either may have been kept. */
export function isTopK(k: number): Check {
  return (c, p, label) => {
    const kept = c.reduce((count, value) => count + (value === 0 ? 0 : 1), 0);
    assert.is(kept, k, `${label}: ${kept} elements, expected ${k}`);
    requireSplit(c, p, label);
  };
}

/** All |p_i| >= t as they are, zero elsewhere. */
export function isFrom(t: number): Check {
  return (c, p, label) => {
    const { least, most } = requireSplit(c, p, label);
    assert.ok(least >= t && most <= t, `${label}: kept from ${least}, left out up to ${most}, t is ${t}`);
  };
}

/** What was kept is p within the bound, and no less than what was left out. */
function requireSplit(
  c: Float32Array,
  { value, slack }: Near,
  label: string,
): { least: number; most: number } {
  assertNear(c, { value: value.map((v, i) => (c[i] === 0 ? 0 : v)), slack }, `${label}: what was kept`);
  let least = Infinity;
  let most = 0;
  for (let i = 0; i < c.length; i++)
    if (c[i] !== 0) least = Math.min(least, Math.abs(value[i]) + slack[i]);
    else most = Math.max(most, Math.abs(value[i]) - slack[i]);
  assert.ok(least >= most, `${label}: kept ${least}, left out ${most}`);
  return { least, most };
}

/** sign(p) mean |p|; the sign of what is nearer to zero than the bound may be either. */
export const isScaledSign: Check = (c, { value, slack }, label) => {
  const n = value.length;
  const mean = value.reduce((sum, v) => sum + Math.abs(v), 0) / n;
  // the sum of magnitudes: up to 32 + 2 log2 n roundings along its longest path
  const bound = slack.reduce((sum, s) => sum + s, 0) / n + mean * 64 * 2 ** -24;
  const scale = Math.abs(c[0]);
  assert.ok(Math.abs(scale - mean) <= bound, `${label}: scale ${scale}, expected ${mean} +- ${bound}`);
  for (let i = 0; i < n; i++) {
    assert.is(Math.abs(c[i]), scale, `${label}: element ${i}`);
    if (Math.abs(value[i]) > slack[i])
      assert.is(c[i] < 0, value[i] < 0, `${label}: the sign of element ${i}, ${value[i]}`);
  }
};
