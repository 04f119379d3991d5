/**
 * Arithmetic of f32 with the freedoms of a mode. Numbers are float32 values in JavaScript's doubles. With contraction a
 * product stays what it is, exactly (48 bits fit a double), until it is used: a sum takes it as it is, and rounds once;
 * whatever else uses it rounds it first, by `settle`.
 */
import { type Mode, randomWords } from './mode.ts';

const scratch = new DataView(new ArrayBuffer(8));
const LEAST_NORMAL = 2 ** -126;

export function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

export function floatOf(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

export interface Arithmetic {
  /** Whether plain JavaScript with Math.fround does the same: then nothing of this needs to be called. */
  readonly plain: boolean;
  /** Whether values may be products that are not rounded yet. */
  readonly lazy: boolean;
  readonly settle: (x: number) => number;
  readonly add: (x: number, y: number) => number;
  readonly sub: (x: number, y: number) => number;
  readonly mul: (x: number, y: number) => number;
  readonly div: (x: number, y: number) => number;
  readonly rem: (x: number, y: number) => number;
  readonly neg: (x: number) => number;
  readonly lt: (x: number, y: number) => boolean;
  readonly gt: (x: number, y: number) => boolean;
  readonly le: (x: number, y: number) => boolean;
  readonly ge: (x: number, y: number) => boolean;
  readonly eq: (x: number, y: number) => boolean;
  readonly ne: (x: number, y: number) => boolean;
  /** An integer as a float. */
  readonly fromInteger: (x: number) => number;
  readonly toU32: (x: number) => number;
  readonly toI32: (x: number) => number;
  /** Bits of a float, as u32; a float of bits. */
  readonly bits: (x: number) => number;
  readonly float: (bits: number) => number;
  /** Functions that WGSL brings, by name. */
  readonly functions: Readonly<Record<string, (...args: number[]) => number>>;
}

/** The float32 next above, away from zero for positive numbers. */
function above(x: number): number {
  if (x === 0) return 2 ** -149;
  return floatOf(x > 0 ? bitsOf(x) + 1 : bitsOf(x) - 1);
}

/**
 * The double nearest to `sum + rest` whose last bit is 1 if anything was cut off: what is rounded again stays right.
 */
function odd(sum: number, rest: number): number {
  scratch.setFloat64(0, sum);
  if ((scratch.getUint32(4) & 1) === 1) return sum;
  const step = rest > 0 === sum > 0 ? 1n : -1n;
  scratch.setBigInt64(0, BigInt.asIntN(64, scratch.getBigInt64(0) + step));
  return scratch.getFloat64(0);
}

function halfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

export function arithmetic(mode: Mode): Arithmetic {
  const { flush, flushBits, zero, nonFinite, rounding, contraction = false, accuracy } = mode;
  const next = randomWords((mode.seed ?? 1) + 77);
  const anything = (): number => floatOf(0x3f000000 + (next() >>> 7));

  /** The exact number `sum + rest`, of doubles, as a float32. */
  function rounded(sum: number, rest: number): number {
    const nearest = Math.fround(rest === 0 ? sum : odd(sum, rest));
    if (rounding === undefined || !Number.isFinite(nearest)) return nearest;
    const over = sum - nearest || rest;
    if (over === 0) return nearest;
    const lower = over < 0 ? -above(-nearest) : nearest;
    const upper = over < 0 ? nearest : above(nearest);
    if (rounding === 'zero') return lower >= 0 ? lower : upper;
    if (rounding === 'random') return next() & 1 ? upper : lower;
    return rounding === 'up' ? upper : lower;
  }

  const isTiny = (x: number): boolean => x !== 0 && x > -LEAST_NORMAL && x < LEAST_NORMAL;
  function flushed(x: number): number {
    switch (flush) {
      case 'positive':
        return 0;
      case 'negative':
        return -0;
      case 'random': {
        const choice = next() & 3;
        return choice === 0 ? x : choice === 1 ? 0 : choice === 2 ? -0 : x < 0 ? -0 : 0;
      }
      default:
        return x < 0 ? -0 : 0;
    }
  }
  const operand = flush ? (x: number): number => (isTiny(x) ? flushed(x) : x) : (x: number): number => x;
  function result(x: number): number {
    if (flush && isTiny(x)) x = flushed(x);
    if (zero && x === 0) return zero === 'negative' || next() & 1 ? -0 : 0;
    if (nonFinite && !Number.isFinite(x)) return anything();
    return x;
  }

  const isSettled = (x: number): boolean => Math.fround(x) === x || x !== x;
  const settle = (x: number): number => (contraction && !isSettled(x) ? result(rounded(x, 0)) : x);
  const input = contraction ? (x: number): number => operand(settle(x)) : operand;

  function sum(x: number, y: number): number {
    if (contraction && !isSettled(x) && !isSettled(y)) x = settle(x);
    x = operand(x);
    y = operand(y);
    const whole = x + y;
    if ((!contraction && rounding === undefined) || !Number.isFinite(whole))
      return result(Math.fround(whole));
    // what the addition cut off, exactly (Knuth's two-sum)
    const back = whole - x;
    return result(rounded(whole, x - (whole - back) + (y - back)));
  }

  function product(x: number, y: number): number {
    const exact = input(x) * input(y);
    if (!contraction) return result(rounded(exact, 0));
    // what is zero, subnormal or infinite once rounded is not kept for a sum: it is subject to the other freedoms
    return Math.abs(exact) >= LEAST_NORMAL && Math.abs(exact) < 2 ** 128 ? exact : result(rounded(exact, 0));
  }

  /** Off by up to so many units in the last place, or as it is. */
  function loose(x: number, units: number): number {
    let found = Math.fround(x);
    if (accuracy === undefined || !Number.isFinite(found) || found === 0) return found;
    const off = (next() % (2 * units + 1)) - units;
    for (let i = 0; i < Math.abs(off); i++) found = off > 0 ? above(found) : -above(-found);
    return found;
  }

  const compare =
    (holds: (x: number, y: number) => boolean) =>
    (x: number, y: number): boolean =>
      holds(input(x), input(y));
  const unary =
    (f: (x: number) => number) =>
    (x: number): number =>
      result(Math.fround(f(input(x))));
  const inexact =
    (f: (x: number) => number, units: number) =>
    (x: number): number =>
      result(loose(f(input(x)), units));

  const min = (x: number, y: number): number => result(Math.min(input(x), input(y)));
  const max = (x: number, y: number): number => result(Math.max(input(x), input(y)));
  const limits = (x: number, low: number, high: number): number =>
    Number.isNaN(x) ? next() : Math.max(low, Math.min(high, Math.trunc(x)));
  const plain = !(flush || flushBits || zero || nonFinite || rounding || contraction);

  return {
    plain,
    lazy: contraction,
    settle,
    add: sum,
    sub: (x, y) => sum(x, -y),
    mul: product,
    div: (x, y) => result(loose(input(x) / input(y), 2)),
    rem: (x, y) => result(Math.fround(input(x) % input(y))),
    neg: (x) => (isSettled(x) ? result(-operand(x)) : -x),
    lt: compare((x, y) => x < y),
    gt: compare((x, y) => x > y),
    le: compare((x, y) => x <= y),
    ge: compare((x, y) => x >= y),
    eq: compare((x, y) => x === y),
    ne: compare((x, y) => x !== y),
    fromInteger: (x) => rounded(x, 0),
    toU32: (x) => limits(input(x), 0, 2 ** 32 - 1) >>> 0,
    toI32: (x) => limits(input(x), -(2 ** 31), 2 ** 31 - 1) | 0,
    bits: (x) => {
      const value = settle(x);
      return bitsOf(flushBits && isTiny(value) ? flushed(value) : value);
    },
    float: (bits) => {
      const value = floatOf(bits);
      if (nonFinite && !Number.isFinite(value)) return anything();
      return flushBits && isTiny(value) ? flushed(value) : value;
    },
    functions: {
      abs: (x) => Math.abs(settle(x)),
      min,
      max,
      clamp: (x, low, high) => min(max(x, low), high),
      saturate: (x) => min(max(x, 0), 1),
      ceil: unary(Math.ceil),
      floor: unary(Math.floor),
      trunc: unary(Math.trunc),
      round: unary(halfToEven),
      fract: (x) => sum(input(x), -Math.floor(input(x))),
      sign: unary(Math.sign),
      // may be a product and a sum, each rounded (15.7.4)
      fma: (x, y, z) => sum(contraction ? input(x) * input(y) : product(x, y), z),
      sqrt: inexact(Math.sqrt, 3),
      inverseSqrt: inexact((x) => 1 / Math.sqrt(x), 2),
      exp: inexact(Math.exp, 3),
      exp2: inexact((x) => 2 ** x, 3),
      log: inexact(Math.log, 3),
      log2: inexact(Math.log2, 3),
    },
  };
}
