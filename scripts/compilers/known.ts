/**
 * What is known of a condition when a shader is compiled, where a function is called with a constant or with some bits
 * of a number: what compilers leave out of such a call is not to be counted in the source either.
 */
import type { Value, Variable } from '../../tests/emulator/wgsl/typed.ts';

/** What is known of a u32. */
export interface Known {
  /** The bits that may be 1. */
  readonly bits: number;
  readonly value?: number;
}

/** What is known of parameters, by their number. */
export type Knowledge = ReadonlyMap<number, Known>;

const NOTHING: Known = { bits: 0xffffffff };

const bitsOnly = (bits: number): Known => (bits === 0 ? { bits, value: 0 } : { bits: bits >>> 0 });

export function knownOf(value: Value, knowledge: Knowledge): Known {
  if (value.op === 'literal') {
    const word = Number(value.value) >>> 0;
    return Number.isInteger(value.value) ? { bits: word, value: word } : NOTHING;
  }
  if (value.op === 'variable') return knowledge.get(value.variable.id) ?? NOTHING;
  if (value.op !== 'binary' || (value.operator !== '&' && value.operator !== '|')) return NOTHING;
  const [left, right] = [knownOf(value.left, knowledge), knownOf(value.right, knowledge)];
  return bitsOnly(value.operator === '&' ? left.bits & right.bits : left.bits | right.bits);
}

/** What a call tells of the function's parameters. */
export function knownOfCall(
  parameters: readonly Variable[],
  args: readonly Value[],
  knowledge: Knowledge,
): Knowledge {
  return new Map(parameters.map(({ id }, i) => [id, knownOf(args[i], knowledge)]));
}

/** Whether a condition holds; undefined where that is known only when the shader runs. */
export function outcomeOf(condition: Value, knowledge: Knowledge): boolean | undefined {
  if (condition.op !== 'binary') return undefined;
  const { operator } = condition;
  if (operator !== '==' && operator !== '!=') return undefined;
  const [left, right] = [knownOf(condition.left, knowledge), knownOf(condition.right, knowledge)];
  if (left.value === undefined || right.value === undefined) return undefined;
  return (left.value === right.value) === (operator === '==');
}
