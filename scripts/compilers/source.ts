/** Counts the float operations of a WGSL shader, in the typed tree of the tests' emulator. */
import { check } from '../../tests/emulator/wgsl/check.ts';
import { parse } from '../../tests/emulator/wgsl/parse.ts';
import type { Action, TypedFunction, Value } from '../../tests/emulator/wgsl/typed.ts';
import { scalarOf, type Type } from '../../tests/emulator/wgsl/types.ts';
import type { SourceCounts } from './counts.ts';
import { type Knowledge, knownOfCall, outcomeOf } from './known.ts';

type Binary = Extract<Value, { op: 'binary' }>;

const NONE: SourceCounts = { adds: 0, multiplies: 0, fused: 0, doubles: 0 };

/** Functions of WGSL whose result, of floats, is one of the arguments, or a whole number. */
const EXACT = new Set([
  'abs',
  'ceil',
  'clamp',
  'floor',
  'max',
  'min',
  'round',
  'saturate',
  'select',
  'sign',
  'trunc',
]);
const EXACT_SUBGROUP = /^subgroup(?:Broadcast|BroadcastFirst|Max|Min|Shuffle\w*)$/;

const isF32 = (type: Type): boolean => scalarOf(type) === 'f32';
const componentsOf = (type: Type): number => (type.kind === 'vector' ? type.size : 1);

const plus = (a: SourceCounts, b: SourceCounts): SourceCounts => ({
  adds: a.adds + b.adds,
  multiplies: a.multiplies + b.multiplies,
  fused: a.fused + b.fused,
  doubles: a.doubles + b.doubles,
});

/**
 * The float operations of each entry point and of the functions that it calls.
 * @throws Error where an operation is not known, as a quotient is not; WgslError where the shader is not right
 */
export function countSource(source: string): Map<string, SourceCounts> {
  const { functions, entries } = check(parse(source));
  const named = new Map(functions.map((one) => [one.name, one]));
  return new Map(
    [...entries].map(([name, entry]) => [name, new Counter(named, new Map()).actions(entry.function.body)]),
  );
}

/** Counts in a function, with what is known of its parameters. */
class Counter {
  readonly #functions: ReadonlyMap<string, TypedFunction>;
  readonly #knowledge: Knowledge;

  constructor(functions: ReadonlyMap<string, TypedFunction>, knowledge: Knowledge) {
    this.#functions = functions;
    this.#knowledge = knowledge;
  }

  /** What stands behind a return that is always reached is not counted. */
  actions(actions: readonly Action[]): SourceCounts {
    let sum = NONE;
    for (const action of actions) {
      sum = plus(sum, this.#part(action));
      if (this.#returns(action)) break;
    }
    return sum;
  }

  #returns(action: Action): boolean {
    if (action.op === 'return') return true;
    const taken = action.op === 'if' ? this.#taken(action) : action.op === 'block' ? action.body : undefined;
    return taken?.some((inner) => this.#returns(inner)) ?? false;
  }

  /** The branch that is known to be taken. */
  #taken({ condition, then, otherwise }: Extract<Action, { op: 'if' }>): readonly Action[] | undefined {
    const outcome = outcomeOf(condition, this.#knowledge);
    return outcome === undefined ? undefined : outcome ? then : otherwise;
  }

  /** Of a part of the tree and all that it consists of; types, variables and globals have no operations. */
  #part(part: unknown): SourceCounts {
    if (typeof part !== 'object' || part === null) return NONE;
    const node = part as Action | Value;
    if (node.op === 'if') {
      const taken = this.#taken(node);
      if (taken) return this.actions(taken);
    }
    return Object.entries(part)
      .filter(([key]) => !['type', 'variable', 'global'].includes(key))
      .map(([, inner]) => (isBody(inner) ? this.actions(inner) : this.#part(inner)))
      .reduce(plus, this.#own(node));
  }

  #own(value: Action | Value): SourceCounts {
    if (value.op === 'call') {
      const { parameters, body } = this.#functions.get(value.name)!;
      const knowledge = knownOfCall(parameters, value.args, this.#knowledge);
      return new Counter(this.#functions, knowledge).actions(body);
    }
    if (!('type' in value) || !isF32(value.type)) return NONE;
    switch (value.op) {
      case 'binary':
        return binaryCount(value);
      case 'unary':
        return unknown(value.operator);
      case 'builtin':
        if (value.name === 'fma') return { ...NONE, fused: componentsOf(value.type) };
        return EXACT.has(value.name) ? NONE : unknown(value.name);
      case 'subgroup':
        return EXACT_SUBGROUP.test(value.name) ? NONE : unknown(value.name);
      default:
        return NONE;
    }
  }
}

const STATEMENTS = new Set([
  'declare',
  'assign',
  'store',
  'evaluate',
  'block',
  'if',
  'for',
  'loop',
  'switch',
  'return',
]);
const isBody = (part: unknown): part is Action[] =>
  Array.isArray(part) && part.some((one: Partial<Action> | null) => STATEMENTS.has(one?.op ?? ''));

function binaryCount({ type, operator, left, right }: Binary): SourceCounts {
  const count = componentsOf(type);
  if (operator === '*') return { ...NONE, multiplies: count };
  if (operator !== '+' && operator !== '-') return unknown(operator);
  const twice = left.op === 'variable' && right.op === 'variable' && left.variable.id === right.variable.id;
  return operator === '+' && twice ? { ...NONE, doubles: count } : { ...NONE, adds: count };
}

function unknown(operation: string): never {
  throw new Error(
    `"${operation}" of floats has no place in these shaders (docs/same-bytes.md, rules 3 and 4)`,
  );
}
