/** Sums in another order, as a compiler makes them that takes addition for associative (mode.association). */
import type { Mode } from './mode.ts';
import type { Action, Module, Value, Variable } from './wgsl/typed.ts';
import { scalar, scalarOf, U32 } from './wgsl/types.ts';

type Sum = Extract<Value, { op: 'binary' }>;

/** The module with its sums of floats made in the order that `how` names. */
export function reassociated(module: Module, how: NonNullable<Mode['association']>): Module {
  const rewriter = new Rewriter(how);
  const changed = new Map(
    module.functions.map((one) => [one.name, { ...one, body: rewriter.actions(one.body) }]),
  );
  const entries = [...module.entries].map(
    ([name, entry]) => [name, { ...entry, function: changed.get(name)! }] as const,
  );
  return { ...module, functions: [...changed.values()], entries: new Map(entries) };
}

/** A text that two values share exactly where they are the same. */
function keyOf(value: unknown): string {
  return JSON.stringify(value, (name, part: unknown) => {
    if (name === 'line' || name === 'type') return undefined;
    if (name === 'variable') return (part as Variable).id;
    return name === 'global' ? (part as { name: string }).name : part;
  });
}

function mentions(part: unknown, variable: Variable): boolean {
  return (
    keyOf(part).includes(`"variable":${variable.id}`) &&
    new RegExp(`"variable":${variable.id}\\b`).test(keyOf(part))
  );
}

const isSum = (value: Value): value is Sum =>
  value.op === 'binary' && value.operator === '+' && scalarOf(value.type) === 'f32';
const isProduct = (value: Value): value is Sum => value.op === 'binary' && value.operator === '*';
const sumOf = (left: Value, right: Value): Value => ({
  op: 'binary',
  type: left.type,
  operator: '+',
  left,
  right,
});

/** `v = v + e`: v and e; undefined for other actions. */
function accumulation(action: Action | undefined): { variable: Variable; term: Value } | undefined {
  if (action?.op !== 'assign' || action.steps.length > 0 || !isSum(action.value)) return undefined;
  const { variable } = action;
  const { left, right } = action.value;
  const isIt = (value: Value): boolean => value.op === 'variable' && value.variable.id === variable.id;
  const term = isIt(left) ? right : isIt(right) ? left : undefined;
  return term && !mentions(term, variable) ? { variable, term } : undefined;
}

class Rewriter {
  readonly #how: NonNullable<Mode['association']>;
  #made = 0;

  constructor(how: NonNullable<Mode['association']>) {
    this.#how = how;
  }

  actions(actions: readonly Action[]): Action[] {
    const merged = this.#how === 'accumulators' ? [...actions] : this.#merged(actions);
    return merged.flatMap((action) => this.#action(action));
  }

  /** `v = v + x; v = v + y` as `v = (v + x) + y`, whatever is declared between them first. */
  #merged(actions: readonly Action[]): Action[] {
    const found: Action[] = [];
    for (let i = 0; i < actions.length; i++) {
      const first = accumulation(actions[i]);
      let j = i + 1;
      while (first && actions[j]?.op === 'declare' && !mentions(actions[j], first.variable)) j++;
      const second = first && accumulation(actions[j]);
      if (!first || second?.variable.id !== first.variable.id) {
        found.push(actions[i]);
        continue;
      }
      const { variable } = first;
      const own: Value = { op: 'variable', type: variable.type, variable };
      const value = sumOf(sumOf(own, first.term), second.term);
      found.push(...actions.slice(i + 1, j), { op: 'assign', variable, steps: [], value });
      i = j;
    }
    return found;
  }

  #action(action: Action): Action[] {
    switch (action.op) {
      case 'block':
        return [{ ...action, body: this.actions(action.body) }];
      case 'if':
        return [
          {
            ...action,
            condition: this.#value(action.condition),
            then: this.actions(action.then),
            otherwise: this.actions(action.otherwise),
          },
        ];
      case 'for': {
        const inner: Action = { ...action, body: this.actions(action.body) };
        return this.#how === 'accumulators' ? this.#split(inner) : [inner];
      }
      case 'loop':
        return [{ ...action, body: this.actions(action.body), continuing: this.actions(action.continuing) }];
      case 'switch':
        return [
          {
            ...action,
            clauses: action.clauses.map((clause) => ({ ...clause, body: this.actions(clause.body) })),
          },
        ];
      case 'declare':
      case 'assign':
      case 'store':
      case 'evaluate':
        return [{ ...action, value: this.#value(action.value) }];
      case 'return':
        return [action.value ? { ...action, value: this.#value(action.value) } : action];
      default:
        return [action];
    }
  }

  /** The sums within a value, in another order. */
  #value(value: Value): Value {
    if (this.#how === 'accumulators') return value;
    if (value.op === 'binary') {
      const inner = { ...value, left: this.#value(value.left), right: this.#value(value.right) };
      return isSum(inner) ? this.#sum(inner) : inner;
    }
    if (value.op === 'builtin' || value.op === 'call')
      return { ...value, args: value.args.map((arg) => this.#value(arg)) };
    if (value.op === 'make') return { ...value, parts: value.parts.map((part) => this.#value(part)) };
    if (value.op === 'bitcast' || value.op === 'convert' || value.op === 'unary')
      return { ...value, of: this.#value(value.of) };
    return value;
  }

  #sum(value: Sum): Value {
    if (this.#how === 'regroup')
      return isSum(value.left) ? sumOf(value.left.left, sumOf(value.left.right, value.right)) : value;
    const { left, right } = value;
    // d + a * b + a * c, or a * b + a * c alone
    const [rest, product] = isSum(left) ? [left.left, left.right] : [undefined, left];
    const factored = isProduct(product) && isProduct(right) ? factor(product, right) : undefined;
    if (!factored) return value;
    return rest ? sumOf(rest, factored) : factored;
  }

  /** Each variable that a loop only adds to becomes two, added to in turn and added up behind the loop. */
  #split(loop: Extract<Action, { op: 'for' }>): Action[] {
    const before: Action[] = [];
    const after: Action[] = [];
    let body = loop.body;
    for (const { variable } of loop.body.flatMap((action) => accumulation(action) ?? [])) {
      const others = [loop.condition, loop.update, ...body.filter((action) => !accumulation(action))];
      const sums = body.filter((action) => accumulation(action)?.variable.id === variable.id);
      if (sums.length !== 1 || others.some((part) => part && mentions(part, variable))) continue;
      const number = this.#made++;
      const second: Variable = { name: 'second', id: -1 - 2 * number, type: variable.type };
      const turn: Variable = { name: 'turn', id: -2 - 2 * number, type: U32 };
      const one: Value = { op: 'literal', type: U32, value: 1 };
      const of = (which: Variable): Value => ({ op: 'variable', type: which.type, variable: which });
      const { term } = accumulation(sums[0])!;
      const add = (to: Variable, what: Value): Action => ({
        op: 'assign',
        variable: to,
        steps: [],
        value: sumOf(of(to), what),
      });
      const isOdd: Value = {
        op: 'binary',
        type: scalar('bool'),
        operator: '==',
        left: { op: 'binary', type: U32, operator: '&', left: of(turn), right: one },
        right: one,
      };
      before.push({ op: 'declare', variable: second, value: { op: 'zero', type: variable.type } });
      before.push({ op: 'declare', variable: turn, value: { op: 'zero', type: U32 } });
      body = body.flatMap((action): Action[] =>
        action === sums[0]
          ? [
              { op: 'if', condition: isOdd, then: [add(second, term)], otherwise: [add(variable, term)] },
              add(turn, one),
            ]
          : [action],
      );
      after.push(add(variable, of(second)));
    }
    return [...before, { ...loop, body }, ...after];
  }
}

/** `a * b + a * c` as `a * (b + c)`; undefined where the products share no factor. */
function factor(first: Sum, second: Sum): Value | undefined {
  const orders = (product: Sum): [Value, Value][] => [
    [product.left, product.right],
    [product.right, product.left],
  ];
  for (const [a, b] of orders(first))
    for (const [c, d] of orders(second))
      if (keyOf(a) === keyOf(c)) return { ...first, left: a, right: sumOf(b, d) };
  return undefined;
}
