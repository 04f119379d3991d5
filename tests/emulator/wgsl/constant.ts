/** Values that are known when a module is compiled: scalars made of literals. */
import type { Value } from './typed.ts';
import type { Type } from './types.ts';

const MASK = (value: number, of: string): number =>
  of === 'u32' ? value >>> 0 : of === 'i32' ? value | 0 : value;

/** A number as a scalar type has it. */
export function held(value: number | boolean, type: Type): number | boolean {
  const of = type.kind === 'scalar' ? type.of : 'bool';
  if (of === 'bool') return typeof value === 'boolean' ? value : value !== 0;
  if (of === 'f32') return Math.fround(Number(value));
  if (of === 'int') return Math.trunc(Number(value));
  return of === 'float' ? Number(value) : MASK(Math.trunc(Number(value)), of);
}

/** The literal that a value is, where it is made of literals; else the value. */
export function folded(value: Value): Value {
  if (value.type.kind !== 'scalar') return value;
  const found = known(value);
  return found === undefined ? value : { op: 'literal', type: value.type, value: held(found, value.type) };
}

function known(value: Value): number | boolean | undefined {
  if (value.op === 'zero') return 0;
  if (value.op === 'convert' && value.of.op === 'literal') return value.of.value;
  if (value.op === 'unary' && value.of.op === 'literal') {
    const { value: of } = value.of;
    if (value.operator === '!') return !of;
    return value.operator === '-' ? -Number(of) : ~Number(of);
  }
  if (value.op !== 'binary' || value.left.op !== 'literal' || value.right.op !== 'literal') return undefined;
  return combined(value.operator, value.left, value.right);
}

type Literal = Extract<Value, { op: 'literal' }>;

function combined(operator: string, left: Literal, right: Literal): number | boolean | undefined {
  const a = Number(left.value);
  const b = Number(right.value);
  const of = left.type.kind === 'scalar' ? left.type.of : 'bool';
  const whole = of !== 'f32' && of !== 'float';
  const concrete = of === 'u32' || of === 'i32';
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return concrete ? Math.imul(a, b) : a * b;
    case '/':
      return whole ? (b === 0 ? undefined : Math.trunc(a / b)) : a / b;
    case '%':
      return b === 0 ? undefined : a % b;
    case '&':
      return of === 'bool' ? a !== 0 && b !== 0 : Number(BigInt.asIntN(64, BigInt(a) & BigInt(b)));
    case '|':
      return of === 'bool' ? a !== 0 || b !== 0 : Number(BigInt.asIntN(64, BigInt(a) | BigInt(b)));
    case '^':
      return Number(BigInt.asIntN(64, BigInt(a) ^ BigInt(b)));
    case '<<':
      return Number(BigInt.asIntN(64, BigInt(a) << BigInt(b)));
    case '>>':
      return Number(BigInt(a) >> BigInt(b));
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '>':
      return a > b;
    case '<=':
      return a <= b;
    case '>=':
      return a >= b;
    case '&&':
      return a !== 0 && b !== 0;
    case '||':
      return a !== 0 || b !== 0;
    default:
      return undefined;
  }
}
