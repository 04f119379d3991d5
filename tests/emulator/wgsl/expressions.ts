/** Expressions: what names stand for where they are used, the types of values, values apart from accesses to memory. */
import { SUBGROUP_TYPES } from './builtins.ts';
import { folded } from './constant.ts';
import {
  binaryOf,
  builtinOf,
  componentsOf,
  concrete,
  converted,
  elementOf,
  LETTERS,
  literalOf,
  memberOf,
  placesOf,
  unified,
  valueAs,
} from './operations.ts';
import type { Declaration, Expression, Name } from './syntax.ts';
import { WgslError } from './tokens.ts';
import type { Global, Place, Step, TypedFunction, Value, Variable } from './typed.ts';
import {
  BOOL,
  isAbstract,
  nameOf,
  NONE,
  scalar,
  scalarOf,
  strideOf,
  type Type,
  U32,
  vector,
  withScalar,
} from './types.ts';

/** What names stand for outside of functions. */
export interface ModuleNames {
  readonly types: ReadonlyMap<string, Type>;
  readonly constants: ReadonlyMap<string, Value>;
  readonly globals: ReadonlyMap<string, Global>;
  /** A function, which is checked first where it was not yet; undefined where none has the name. */
  called(name: string): TypedFunction | undefined;
  /** A number that no variable of the module has. */
  nextId(): number;
}

/** What a name stands for in a function: a variable, or a value that is known. */
type Meaning = { readonly variable: Variable } | { readonly value: Value };

const BARRIERS = new Set(['workgroupBarrier', 'storageBarrier', 'textureBarrier']);

/** An expression of the left of an assignment, or behind `&`. */
export type Target =
  | { readonly kind: 'local'; readonly variable: Variable; readonly steps: Step[]; readonly type: Type }
  | { readonly kind: 'memory'; readonly place: Place };

/** The expressions of one function, or of what stands outside of functions. */
export class Expressions {
  readonly uses: Set<Global> = new Set();
  waits = false;
  readonly #module: ModuleNames;
  readonly #scopes: Map<string, Meaning>[] = [];

  constructor(module: ModuleNames) {
    this.#module = module;
  }

  /** What `within` declares is known in it alone. */
  scope<Result>(within: () => Result): Result {
    this.#scopes.push(new Map());
    const result = within();
    this.#scopes.pop();
    return result;
  }

  /** Has a name stand for a value in the scope at hand. */
  constant(name: string, value: Value): void {
    this.#scopes[this.#scopes.length - 1].set(name, { value });
  }

  /** A new variable of the scope at hand. */
  declare(name: string, type: Type): Variable {
    const variable = { name, id: this.#module.nextId(), type };
    this.#scopes[this.#scopes.length - 1].set(name, { variable });
    return variable;
  }

  #meaning(name: string): Meaning | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const found = this.#scopes[i].get(name);
      if (found) return found;
    }
    const value = this.#module.constants.get(name);
    return value && { value };
  }

  type({ name, template, line }: Name): Type {
    const known = this.#module.types.get(name);
    if (known) return known;
    if (name === 'u32' || name === 'i32' || name === 'f32' || name === 'bool') return scalar(name);
    const [first] = template;
    const of = (): Type => {
      if (first?.kind !== 'name') throw new WgslError(line, `${name} expected a type`);
      return this.type(first);
    };
    const short = /^vec([234])([fui])?$/.exec(name);
    if (short) {
      const letter = short[2] as keyof typeof LETTERS | undefined;
      return vector(Number(short[1]), letter ? LETTERS[letter] : (scalarOf(of()) ?? 'u32'));
    }
    if (name === 'array') {
      const count = template.length > 1 ? this.number(template[1]) : undefined;
      return { kind: 'array', of: of(), count };
    }
    const inner = name === 'atomic' ? scalarOf(of()) : undefined;
    if (inner === 'u32' || inner === 'i32') return { kind: 'atomic', of: inner };
    throw new WgslError(line, `type "${name}" is not known here`);
  }

  number(expression: Expression): number {
    const value = this.value(expression);
    if (value.op !== 'literal') throw new WgslError(expression.line, 'expected a constant');
    return Number(value.value);
  }

  /** The type and the value of what is declared. */
  initial({ word, type, value, line, name }: Declaration): [Type, Value] {
    if (!value) {
      if (!type) throw new WgslError(line, `${name} has neither a type nor a value`);
      const of = this.type(type);
      return [of, { op: 'zero', type: of }];
    }
    const found = this.value(value);
    const taken = type
      ? valueAs(found, this.type(type), line)
      : word === 'const'
        ? found
        : concrete(found, line);
    return [taken.type, taken];
  }

  /** The value that is there. */
  read(target: Target): Value {
    if (target.kind === 'memory') return { op: 'load', type: target.place.type, place: target.place };
    let value: Value = { op: 'variable', type: target.variable.type, variable: target.variable };
    for (const step of target.steps) {
      if ('member' in step) value = memberOf(value, step.member, 0);
      else if ('component' in step) value = componentsOf(value, [step.component]);
      else
        value = {
          op: 'element',
          type: elementOf(value.type)!,
          of: value,
          index: step.index,
          line: step.line,
        };
    }
    return value;
  }

  /** What an expression names, where it is no value of its own. */
  target(expression: Expression): Target {
    const found = this.#find(expression);
    if (!found) throw new WgslError(expression.line, 'this has no place in memory');
    return found;
  }

  #find(expression: Expression): Target | undefined {
    const { line } = expression;
    if (expression.kind === 'name') {
      const meaning = this.#meaning(expression.name);
      if (meaning)
        return 'variable' in meaning
          ? { kind: 'local', variable: meaning.variable, steps: [], type: meaning.variable.type }
          : undefined;
      const global = this.#module.globals.get(expression.name);
      if (!global || global.space === 'uniform') return undefined;
      this.uses.add(global);
      return { kind: 'memory', place: { global, type: global.type, offset: 0, indices: [], line } };
    }
    if (expression.kind !== 'member' && expression.kind !== 'index') return undefined;
    const outer = this.#find(expression.of);
    if (!outer) return undefined;
    const type = outer.kind === 'local' ? outer.type : outer.place.type;
    if (expression.kind === 'index') {
      const index = concrete(this.value(expression.index), line);
      const of = elementOf(type);
      if (!of) throw new WgslError(line, `${nameOf(type)} has no elements`);
      if (outer.kind === 'local') return { ...outer, steps: [...outer.steps, { index, line }], type: of };
      const count = type.kind === 'array' ? type.count : type.kind === 'vector' ? type.size : undefined;
      const indices = [...outer.place.indices, { index, stride: strideOf(of), count }];
      return { kind: 'memory', place: { ...outer.place, type: of, indices, line } };
    }
    if (type.kind === 'vector') {
      const at = placesOf(expression.name);
      if (at?.length !== 1) return undefined; // several components are a value, and no place
      const of = scalar(type.of);
      if (outer.kind === 'local')
        return { ...outer, steps: [...outer.steps, { component: at[0] }], type: of };
      return {
        kind: 'memory',
        place: { ...outer.place, type: of, offset: outer.place.offset + at[0], line },
      };
    }
    const member = type.kind === 'struct' && type.members.find(({ name }) => name === expression.name);
    if (!member) throw new WgslError(line, `${nameOf(type)} has no member ${expression.name}`);
    if (outer.kind === 'local')
      return { ...outer, steps: [...outer.steps, { member: member.name }], type: member.type };
    const offset = outer.place.offset + member.offset;
    return { kind: 'memory', place: { ...outer.place, type: member.type, offset, line } };
  }

  value(expression: Expression): Value {
    const { line } = expression;
    const target = this.#find(expression);
    if (target) return this.read(target);
    switch (expression.kind) {
      case 'number':
        return literalOf(expression.text);
      case 'name': {
        if (expression.name === 'true' || expression.name === 'false')
          return { op: 'literal', type: BOOL, value: expression.name === 'true' };
        const meaning = this.#meaning(expression.name);
        if (meaning && 'value' in meaning) return meaning.value;
        const global = this.#module.globals.get(expression.name);
        if (global) return { op: 'uniform', type: global.type, global };
        throw new WgslError(line, `"${expression.name}" is not known`);
      }
      case 'member':
        return memberOf(this.value(expression.of), expression.name, line);
      case 'index': {
        const of = this.value(expression.of);
        const type = elementOf(of.type);
        if (!type) throw new WgslError(line, `${nameOf(of.type)} has no elements`);
        return { op: 'element', type, of, index: concrete(this.value(expression.index), line), line };
      }
      case 'unary': {
        if (!/^[-!~]$/.test(expression.operator))
          throw new WgslError(line, 'pointers are supported as arguments of builtin functions alone');
        const of = this.value(expression.of);
        return folded({ op: 'unary', type: of.type, operator: expression.operator, of });
      }
      case 'binary':
        return binaryOf(expression.operator, this.value(expression.left), this.value(expression.right), line);
      case 'call':
        return this.#call(expression);
    }
  }

  #call({ callee, args, line }: Extract<Expression, { kind: 'call' }>): Value {
    const { name } = callee;
    const called = this.#module.called(name);
    if (called) {
      for (const global of called.uses) this.uses.add(global);
      this.waits ||= called.waits;
      const values = args.map((arg, i) => valueAs(this.value(arg), called.parameters[i].type, line));
      return { op: 'call', type: called.result, name, args: values };
    }
    if (name.startsWith('atomic')) return this.#atomic(name, args, line);
    if (BARRIERS.has(name)) {
      this.waits = true;
      return { op: 'barrier', type: NONE, name, line };
    }
    if (name === 'workgroupUniformLoad') {
      this.waits = true;
      const place = this.#pointed(args[0]);
      return { op: 'uniformLoad', type: loaded(place.type), place };
    }
    if (name === 'arrayLength') {
      const place = this.#pointed(args[0]);
      return { op: 'length', type: U32, place, stride: strideOf(elementOf(place.type)!) };
    }
    if (name in SUBGROUP_TYPES) {
      this.waits = true;
      const values = args.map((arg) => concrete(this.value(arg), line));
      return { op: 'subgroup', type: SUBGROUP_TYPES[name] ?? values[0].type, name, args: values, line };
    }
    if (name === 'bitcast') {
      const type = this.type(callee.template[0] as Name);
      return { op: 'bitcast', type, of: concrete(this.value(args[0]), line) };
    }
    const made = this.#made(callee, args, line);
    if (made) return made;
    const values = args.map((arg) => this.value(arg));
    // what select chooses by is of another type than what it chooses from
    const alike = unified(name === 'select' ? values.slice(0, 2) : values, line);
    return builtinOf(name, [...alike, ...values.slice(alike.length)], line);
  }

  #pointed(expression: Expression): Place {
    const target =
      expression.kind === 'unary' && expression.operator === '&' ? this.target(expression.of) : undefined;
    if (target?.kind !== 'memory') throw new WgslError(expression.line, 'expected a pointer to memory');
    return target.place;
  }

  #atomic(name: string, args: readonly Expression[], line: number): Value {
    const place = this.#pointed(args[0]);
    if (place.type.kind !== 'atomic') throw new WgslError(line, `${name} expected an atomic`);
    const of = scalar(place.type.of);
    const values = args.slice(1).map((arg) => valueAs(this.value(arg), of, line));
    const type = name === 'atomicStore' ? NONE : of;
    return { op: 'atomic', type, name: name.slice('atomic'.length), place, args: values };
  }

  /** A value made by its type's name: conversions, vectors, arrays, structs. */
  #made(callee: Name, args: readonly Expression[], line: number): Value | undefined {
    const values = args.map((arg) => this.value(arg));
    const bare = /^vec([234])$/.exec(callee.name);
    let type: Type;
    if (bare && callee.template.length === 0) {
      const alike = unified(values, line);
      type = vector(Number(bare[1]), scalarOf(alike[0].type) ?? 'int');
    } else if (callee.name === 'array' && callee.template.length === 0) {
      const alike = unified(values, line).map((value) => concrete(value, line));
      return { op: 'make', type: { kind: 'array', of: alike[0].type, count: alike.length }, parts: alike };
    } else if (
      /^(u32|i32|f32|bool|array|vec[234][fui]?)$/.test(callee.name) ||
      this.#module.types.has(callee.name)
    )
      type = this.type(callee);
    else return undefined;
    if (values.length === 0) return { op: 'zero', type };
    const of = scalarOf(type);
    if (type.kind === 'scalar') return converted(values[0], type);
    if (type.kind === 'vector') {
      if (values.length === 1 && values[0].type.kind === 'vector') return converted(values[0], type);
      const fit = (value: Value): Value =>
        isAbstract(value.type) || of === 'int' || of === 'float'
          ? valueAs(value, withScalar(value.type, of!), line)
          : value;
      if (values.length === 1) return { op: 'splat', type, of: fit(values[0]) };
      return { op: 'make', type, parts: values.map(fit) };
    }
    const inner = (i: number): Type =>
      type.kind === 'struct' ? type.members[i].type : (type as { readonly of: Type }).of;
    return { op: 'make', type, parts: values.map((value, i) => valueAs(value, inner(i), line)) };
  }
}

/** What a load gives: an atomic's number. */
const loaded = (type: Type): Type => (type.kind === 'atomic' ? scalar(type.of) : type);
