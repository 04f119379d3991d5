/** From a syntax tree to the typed module: what is declared in it, and the statements of its functions. */
import { Expressions, type ModuleNames } from './expressions.ts';
import { binaryOf, concrete, valueAs } from './operations.ts';
import type { Expression, FunctionSyntax, ModuleSyntax, Statement } from './syntax.ts';
import { WgslError } from './tokens.ts';
import type { Action, EntryPoint, Global, Module, TypedFunction, Value } from './typed.ts';
import { BOOL, laidOut, NONE, type Type } from './types.ts';

/** @throws WgslError with the line, where the module is not right, or uses what is not supported */
export function check(syntax: ModuleSyntax): Module {
  return new ModuleChecker(syntax).module();
}

class ModuleChecker implements ModuleNames {
  readonly types = new Map<string, Type>();
  readonly constants = new Map<string, Value>();
  readonly globals = new Map<string, Global>();
  readonly #syntax: ModuleSyntax;
  readonly #functions = new Map<string, TypedFunction>();
  readonly #pending = new Map<string, FunctionSyntax>();
  /** Outside of functions. */
  readonly #expressions = new Expressions(this);
  #variables = 0;

  constructor(syntax: ModuleSyntax) {
    this.#syntax = syntax;
  }

  module(): Module {
    const { aliases, constants, structs, globals, functions } = this.#syntax;
    const own = this.#expressions;
    for (const constant of constants) this.constants.set(constant.name, own.initial(constant)[1]);
    for (const { name, type } of aliases) this.types.set(name, own.type(type));
    for (const { name, members } of structs) {
      const types = members.map((member) => ({ name: member.name, type: own.type(member.type) }));
      this.types.set(name, { kind: 'struct', name, members: laidOut(types) });
    }
    for (const { name, space, access, type, line } of globals) {
      if (space !== 'storage' && space !== 'uniform' && space !== 'workgroup')
        throw new WgslError(line, `memory "${space}" is not supported`);
      const writes = space === 'storage' ? access === 'read_write' : space !== 'uniform';
      this.globals.set(name, { name, space, access: writes ? 'read_write' : 'read', type: own.type(type) });
    }
    for (const one of functions) this.#pending.set(one.name, one);
    for (const { name } of functions) this.called(name);
    const entries = new Map<string, EntryPoint>();
    for (const one of functions) if (one.attributes.has('compute')) entries.set(one.name, this.#entry(one));
    return { globals: [...this.globals.values()], functions: [...this.#functions.values()], entries };
  }

  #entry({ name, parameters, attributes, line }: FunctionSyntax): EntryPoint {
    const sizes = attributes.get('workgroup_size')?.map((size) => this.#expressions.number(size));
    if (!sizes) throw new WgslError(line, `entry point ${name} has no workgroup size`);
    const builtins = parameters.map((parameter) => {
      const [builtin] = parameter.attributes.get('builtin') ?? [];
      if (builtin?.kind !== 'name')
        throw new WgslError(line, `parameter ${parameter.name} is no builtin value`);
      return builtin.name;
    });
    const [x, y = 1, z = 1] = sizes;
    return { function: this.#functions.get(name)!, workgroupSize: [x, y, z], builtins };
  }

  /** A function, which is checked first where it was not yet: after those that it calls. */
  called(name: string): TypedFunction | undefined {
    const syntax = this.#pending.get(name);
    if (!syntax) return this.#functions.get(name);
    this.#pending.delete(name);
    const found = new FunctionChecker(this, syntax).function();
    this.#functions.set(name, found);
    return found;
  }

  nextId(): number {
    return this.#variables++;
  }
}

class FunctionChecker {
  readonly #syntax: FunctionSyntax;
  readonly #expressions: Expressions;
  readonly #result: Type;

  constructor(module: ModuleNames, syntax: FunctionSyntax) {
    this.#syntax = syntax;
    this.#expressions = new Expressions(module);
    this.#result = syntax.result ? this.#expressions.type(syntax.result) : NONE;
  }

  function(): TypedFunction {
    const { name, parameters, body } = this.#syntax;
    const own = this.#expressions;
    return own.scope(() => {
      const variables = parameters.map((one) => own.declare(one.name, own.type(one.type)));
      const actions = this.#block(body);
      const { uses, waits } = own;
      return { name, parameters: variables, result: this.#result, body: actions, uses, waits };
    });
  }

  #block(statements: readonly Statement[]): Action[] {
    return this.#expressions.scope(() => statements.flatMap((statement) => this.#action(statement)));
  }

  #action(statement: Statement): Action[] {
    const { line } = statement;
    switch (statement.kind) {
      case 'declare': {
        const [type, value] = this.#expressions.initial(statement);
        if (statement.word === 'const') {
          this.#expressions.constant(statement.name, value);
          return [];
        }
        return [{ op: 'declare', variable: this.#expressions.declare(statement.name, type), value }];
      }
      case 'block':
        return [{ op: 'block', body: this.#block(statement.body) }];
      case 'assign':
        return [this.#assign(statement)];
      case 'call':
        return [{ op: 'evaluate', value: this.#expressions.value(statement.call) }];
      case 'if': {
        const condition = this.#condition(statement.condition, line);
        const then = this.#block(statement.then);
        return [{ op: 'if', condition, then, otherwise: this.#block(statement.otherwise) }];
      }
      case 'for':
        return this.#expressions.scope(() => {
          const [start] = statement.start ? this.#action(statement.start) : [];
          const condition = statement.condition && this.#condition(statement.condition, line);
          const [update] = statement.update ? this.#action(statement.update) : [];
          return [{ op: 'for', start, condition, update, body: this.#block(statement.body) }];
        });
      case 'loop':
        // what the body declares is known in `continuing`
        return this.#expressions.scope(() => {
          const body = statement.body.flatMap((one) => this.#action(one));
          const continuing = statement.continuing.flatMap((one) => this.#action(one));
          const breakIf = statement.breakIf && this.#condition(statement.breakIf, line);
          return [{ op: 'loop', body, continuing, breakIf }];
        });
      case 'switch': {
        const selector = concrete(this.#expressions.value(statement.selector), line);
        const clauses = statement.clauses.map(({ values, isDefault, body }) => ({
          values: values.map((value) => this.#expressions.number(value)),
          isDefault,
          body: this.#block(body),
        }));
        return [{ op: 'switch', selector, clauses }];
      }
      case 'return': {
        const value =
          statement.value && valueAs(this.#expressions.value(statement.value), this.#result, line);
        return [{ op: 'return', value }];
      }
      default:
        return [{ op: statement.kind }];
    }
  }

  #condition(expression: Expression, line: number): Value {
    return valueAs(this.#expressions.value(expression), BOOL, line);
  }

  #assign({ target, operator, value, line }: Extract<Statement, { kind: 'assign' }>): Action {
    if (!target) return { op: 'evaluate', value: this.#expressions.value(value) };
    const to = this.#expressions.target(target);
    const type = to.kind === 'local' ? to.type : to.place.type;
    const right = this.#expressions.value(value);
    const result = operator ? binaryOf(operator, this.#expressions.read(to), right, line) : right;
    const taken = valueAs(result, type, line);
    if (to.kind === 'local') return { op: 'assign', variable: to.variable, steps: to.steps, value: taken };
    return { op: 'store', place: to.place, value: taken };
  }
}
