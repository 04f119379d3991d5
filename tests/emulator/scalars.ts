/**
 * Operators and builtin functions of WGSL on scalars, as JavaScript: from the texts of values to the text of the
 * result.
 */
import type { Arithmetic } from './floats.ts';

/** Functions of integers that JavaScript does not have as operators. */
export const INTEGERS: Readonly<Record<string, (a: number, b: number) => number>> = {
  // 15.7.3: a divisor of zero gives the dividend, and a remainder of zero
  divideU32: (a: number, b: number): number => (b === 0 ? a : Math.floor(a / b)),
  divideI32: (a: number, b: number): number => (b === 0 ? a : (a / b) | 0),
  remainder: (a: number, b: number): number => (b === 0 ? 0 : a % b),
  abs: (a: number): number => Math.abs(a) | 0,
  sign: Math.sign,
  ones: (a: number): number => {
    let x = a - ((a >>> 1) & 0x55555555);
    x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
    return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  },
  trailing: (a: number): number => (a === 0 ? 32 : 31 - Math.clz32(a & -a)),
  firstLeading: (a: number): number => (a === 0 ? -1 : 31 - Math.clz32(a)),
  firstTrailing: (a: number): number => (a === 0 ? -1 : 31 - Math.clz32(a & -a)),
  reverse: (a: number): number => {
    let found = 0;
    for (let bit = 0; bit < 32; bit++) found = (found << 1) | ((a >>> bit) & 1);
    return found >>> 0;
  },
};

export class ScalarWriter {
  readonly #plain: boolean;
  readonly #lazy: boolean;

  constructor({ plain, lazy }: Arithmetic) {
    this.#plain = plain;
    this.#lazy = lazy;
  }

  /** A float as memory holds it: a product that is not rounded yet is. */
  settled(value: string): string {
    return this.#lazy ? `F.settle(${value})` : value;
  }

  unary(operator: string, of: string, text: string): string {
    if (operator === '!') return `(!${text})`;
    if (operator === '~') return of === 'u32' ? `(~${text}>>>0)` : `(~${text})`;
    if (of !== 'f32') return `(-${text}|0)`;
    return this.#plain ? `(-${text})` : `F.neg(${text})`;
  }

  binary(operator: string, of: string, a: string, b: string): string {
    if (of === 'f32') return this.#float(operator, a, b);
    switch (operator) {
      case '==':
      case '!=':
        return `(${a}${operator}=${b})`;
      case '<':
      case '>':
      case '<=':
      case '>=':
        return `(${a}${operator}${b})`;
      case '&&':
      case '||':
        return `(${a}${operator}${b})`;
    }
    if (of === 'bool') return operator === '&' ? `(${a}&&${b})` : `(${a}||${b})`;
    const whole = of === 'u32' ? '>>>0' : '|0';
    // a divisor that is known not to be zero needs no check
    const known = /^[1-9]\d*$/.test(b);
    switch (operator) {
      case '*':
        return of === 'u32' ? `(Math.imul(${a},${b})>>>0)` : `Math.imul(${a},${b})`;
      case '/':
        if (known) return `(${a}/${b}${whole})`;
        return of === 'u32' ? `I.divideU32(${a},${b})` : `I.divideI32(${a},${b})`;
      case '%':
        return known && of === 'u32' ? `(${a}%${b})` : `(I.remainder(${a},${b})${whole})`;
      case '>>':
        return of === 'u32' ? `(${a}>>>${b})` : `(${a}>>${b})`;
      default:
        // + - & | ^ <<
        return `((${a}${operator}${b})${whole})`;
    }
  }

  #float(operator: string, a: string, b: string): string {
    const names = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', '%': 'rem' } as const;
    const orders = { '<': 'lt', '>': 'gt', '<=': 'le', '>=': 'ge', '==': 'eq', '!=': 'ne' } as const;
    if (operator in orders) {
      if (!this.#plain) return `F.${orders[operator as '<']}(${a},${b})`;
      return `(${a}${operator === '==' || operator === '!=' ? `${operator}=` : operator}${b})`;
    }
    if (this.#plain && /^[-+*]$/.test(operator)) return `Math.fround(${a}${operator}${b})`;
    return `F.${names[operator as '+']}(${a},${b})`;
  }

  converted(text: string, from: string, to: string): string {
    if (from === to) return text;
    if (to === 'bool') return from === 'f32' ? `F.ne(${text},0)` : `(${text}!==0)`;
    if (from === 'bool') return `(${text}?1:0)`;
    if (to === 'f32') return this.#plain ? `Math.fround(${text})` : `F.fromInteger(${text})`;
    if (from === 'f32') return to === 'u32' ? `F.toU32(${text})` : `F.toI32(${text})`;
    return to === 'u32' ? `(${text}>>>0)` : `(${text}|0)`;
  }

  bits(text: string, from: string, to: string): string {
    if (from === to) return text;
    if (from === 'f32') return to === 'u32' ? `F.bits(${text})` : `(F.bits(${text})|0)`;
    if (to === 'f32') return from === 'u32' ? `F.float(${text})` : `F.float(${text}>>>0)`;
    return to === 'u32' ? `(${text}>>>0)` : `(${text}|0)`;
  }

  /** A function of scalars. */
  called(name: string, of: string, args: readonly string[]): string {
    if (of === 'f32') return `F.functions.${name}(${args.join(',')})`;
    const [first] = args;
    const whole = of === 'u32' ? `>>>0` : '|0';
    switch (name) {
      case 'min':
      case 'max':
        return `Math.${name}(${args.join(',')})`;
      case 'clamp':
        return `Math.min(Math.max(${first},${args[1]}),${args[2]})`;
      case 'abs':
        return of === 'u32' ? first : `I.abs(${first})`;
      case 'sign':
        return `I.sign(${first})`;
      case 'countOneBits':
        return `I.ones(${first})`;
      case 'countTrailingZeros':
        return `I.trailing(${first})`;
      case 'countLeadingZeros':
        return `Math.clz32(${first})`;
      case 'firstLeadingBit':
        return `(I.firstLeading(${of === 'u32' ? first : `(${first})^(${first})>>31`})${whole})`;
      case 'firstTrailingBit':
        return `(I.firstTrailing(${first})${whole})`;
      case 'reverseBits':
        return `(I.reverse(${first})${whole})`;
      default:
        throw new Error(`${name} of ${of} is not supported`);
    }
  }
}
