/** From a syntax tree to the typed module: resolves names, finds types, tells values from accesses to memory. */
import { builtinType, RESULTS, SUBGROUP_TYPES } from './builtins.ts';
import { folded } from './constant.ts';
import type { Declaration, Expression, FunctionSyntax, ModuleSyntax, Name, Statement } from './syntax.ts';
import { WgslError } from './tokens.ts';
import type {
  Action,
  EntryPoint,
  Global,
  Module,
  Place,
  Step,
  TypedFunction,
  Value,
  Variable,
} from './typed.ts';
import {
  BOOL,
  isAbstract,
  isFloat,
  laidOut,
  nameOf,
  NONE,
  same,
  scalar,
  scalarOf,
  strideOf,
  type Type,
  U32,
  vector,
  withScalar,
} from './types.ts';

/** @throws WgslError with the line, where the module is not right, or uses what is not supported */
export function check(syntax: ModuleSyntax): Module {
  return new Checker(syntax).module();
}

/** What a name stands for in a function: a variable, or a value that is known. */
type Meaning = { readonly variable: Variable } | { readonly value: Value };

const LETTERS = { f: 'f32', u: 'u32', i: 'i32' } as const;
const BARRIERS = new Set(['workgroupBarrier', 'storageBarrier', 'textureBarrier']);

/** An expression of the left of an assignment, or behind `&`. */
type Target =
  | { readonly kind: 'local'; readonly variable: Variable; readonly steps: Step[]; readonly type: Type }
  | { readonly kind: 'memory'; readonly place: Place };

class Checker {
  readonly #syntax: ModuleSyntax;
  readonly #types = new Map<string, Type>();
  readonly #constants = new Map<string, Value>();
  readonly #globals = new Map<string, Global>();
  readonly #functions = new Map<string, TypedFunction>();
  readonly #pending = new Map<string, FunctionSyntax>();
  #scopes: Map<string, Meaning>[] = [];
  #uses = new Set<Global>();
  #waits = false;
  #result: Type = NONE;
  #variables = 0;

  constructor(syntax: ModuleSyntax) {
    this.#syntax = syntax;
  }

  module(): Module {
    const { aliases, constants, structs, globals, functions } = this.#syntax;
    for (const constant of constants) this.#constants.set(constant.name, this.#initial(constant)[1]);
    for (const { name, type } of aliases) this.#types.set(name, this.#type(type));
    for (const { name, members } of structs) {
      const types = members.map((member) => ({ name: member.name, type: this.#type(member.type) }));
      this.#types.set(name, { kind: 'struct', name, members: laidOut(types) });
    }
    for (const { name, space, access, type, line } of globals) {
      if (space !== 'storage' && space !== 'uniform' && space !== 'workgroup')
        throw new WgslError(line, `memory "${space}" is not supported`);
      const writes = space === 'storage' ? access === 'read_write' : space !== 'uniform';
      this.#globals.set(name, {
        name,
        space,
        access: writes ? 'read_write' : 'read',
        type: this.#type(type),
      });
    }
    for (const one of functions) this.#pending.set(one.name, one);
    for (const { name } of functions) this.#function(name);
    const entries = new Map<string, EntryPoint>();
    for (const one of functions) if (one.attributes.has('compute')) entries.set(one.name, this.#entry(one));
    return { globals: [...this.#globals.values()], functions: [...this.#functions.values()], entries };
  }

  #entry({ name, parameters, attributes, line }: FunctionSyntax): EntryPoint {
    const sizes = attributes.get('workgroup_size')?.map((size) => this.#number(size));
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

  /** Checks a function, after those that it calls. */
  #function(name: string): TypedFunction | undefined {
    const syntax = this.#pending.get(name);
    if (!syntax) return this.#functions.get(name);
    this.#pending.delete(name);
    const outer = [this.#scopes, this.#uses, this.#waits, this.#result] as const;
    this.#scopes = [new Map<string, Meaning>()];
    this.#uses = new Set();
    this.#waits = false;
    this.#result = syntax.result ? this.#type(syntax.result) : NONE;
    const parameters = syntax.parameters.map((one) => this.#declare(one.name, this.#type(one.type)));
    const body = this.#block(syntax.body);
    const found = { name, parameters, result: this.#result, body, uses: this.#uses, waits: this.#waits };
    this.#functions.set(name, found);
    [this.#scopes, this.#uses, this.#waits, this.#result] = outer;
    return found;
  }

  #declare(name: string, type: Type): Variable {
    const variable = { name, id: this.#variables++, type };
    this.#scopes[this.#scopes.length - 1].set(name, { variable });
    return variable;
  }

  #meaning(name: string): Meaning | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const found = this.#scopes[i].get(name);
      if (found) return found;
    }
    const value = this.#constants.get(name);
    return value && { value };
  }

  // Types

  #type({ name, template, line }: Name): Type {
    const known = this.#types.get(name);
    if (known) return known;
    if (name === 'u32' || name === 'i32' || name === 'f32' || name === 'bool') return scalar(name);
    const [first] = template;
    const of = (): Type => {
      if (first?.kind !== 'name') throw new WgslError(line, `${name} expected a type`);
      return this.#type(first);
    };
    const short = /^vec([234])([fui])?$/.exec(name);
    if (short) {
      const letter = short[2] as keyof typeof LETTERS | undefined;
      return vector(Number(short[1]), letter ? LETTERS[letter] : (scalarOf(of()) ?? 'u32'));
    }
    if (name === 'array') {
      const count = template.length > 1 ? this.#number(template[1]) : undefined;
      return { kind: 'array', of: of(), count };
    }
    const inner = name === 'atomic' ? scalarOf(of()) : undefined;
    if (inner === 'u32' || inner === 'i32') return { kind: 'atomic', of: inner };
    throw new WgslError(line, `type "${name}" is not known here`);
  }

  #number(expression: Expression): number {
    const value = this.#value(expression);
    if (value.op !== 'literal') throw new WgslError(expression.line, 'expected a constant');
    return Number(value.value);
  }

  /** A value as another type: abstract numbers become what is asked for, others must be it. */
  #as(value: Value, type: Type, line: number): Value {
    if (same(value.type, type)) return value;
    if (isAbstract(value.type)) {
      if (value.op === 'literal' && type.kind === 'scalar' && (isFloat(type) || !isFloat(value.type)))
        return folded({ op: 'convert', type, of: value });
      if (value.op === 'make' && type.kind === 'vector')
        return { op: 'make', type, parts: value.parts.map((part) => this.#as(part, scalar(type.of), line)) };
      if (value.op === 'splat' && type.kind === 'vector')
        return { op: 'splat', type, of: this.#as(value.of, scalar(type.of), line) };
    }
    throw new WgslError(line, `expected ${nameOf(type)}, got ${nameOf(value.type)}`);
  }

  /** The value as WGSL takes it where nothing says more: whole numbers as i32, others as f32. */
  #concrete(value: Value, line: number): Value {
    const of = scalarOf(value.type);
    if (of !== 'int' && of !== 'float') return value;
    return this.#as(value, withScalar(value.type, of === 'int' ? 'i32' : 'f32'), line);
  }

  /** Brings values to one scalar: that of those that are not abstract. */
  #alike(values: readonly Value[], line: number): Value[] {
    const scalars = values.map(({ type }) => scalarOf(type));
    const of =
      scalars.find((one) => one !== 'int' && one !== 'float') ??
      scalars.find((one) => one === 'float') ??
      'int';
    return values.map((value) => this.#as(value, withScalar(value.type, of), line));
  }

  // Statements

  #block(statements: readonly Statement[]): Action[] {
    this.#scopes.push(new Map());
    const actions = statements.flatMap((statement) => this.#action(statement));
    this.#scopes.pop();
    return actions;
  }

  #initial({ word, type, value, line, name }: Declaration): [Type, Value] {
    if (!value) {
      if (!type) throw new WgslError(line, `${name} has neither a type nor a value`);
      const of = this.#type(type);
      return [of, { op: 'zero', type: of }];
    }
    const found = this.#value(value);
    const taken = type
      ? this.#as(found, this.#type(type), line)
      : word === 'const'
        ? found
        : this.#concrete(found, line);
    return [taken.type, taken];
  }

  #action(statement: Statement): Action[] {
    const { line } = statement;
    switch (statement.kind) {
      case 'declare': {
        const [type, value] = this.#initial(statement);
        if (statement.word === 'const') {
          this.#scopes[this.#scopes.length - 1].set(statement.name, { value });
          return [];
        }
        return [{ op: 'declare', variable: this.#declare(statement.name, type), value }];
      }
      case 'block':
        return [{ op: 'block', body: this.#block(statement.body) }];
      case 'assign':
        return [this.#assign(statement)];
      case 'call':
        return [{ op: 'evaluate', value: this.#value(statement.call) }];
      case 'if': {
        const condition = this.#as(this.#value(statement.condition), BOOL, line);
        const then = this.#block(statement.then);
        return [{ op: 'if', condition, then, otherwise: this.#block(statement.otherwise) }];
      }
      case 'for': {
        this.#scopes.push(new Map());
        const [start] = statement.start ? this.#action(statement.start) : [];
        const condition = statement.condition && this.#as(this.#value(statement.condition), BOOL, line);
        const [update] = statement.update ? this.#action(statement.update) : [];
        const body = this.#block(statement.body);
        this.#scopes.pop();
        return [{ op: 'for', start, condition, update, body }];
      }
      case 'loop': {
        // what the body declares is known in `continuing`
        this.#scopes.push(new Map());
        const body = statement.body.flatMap((one) => this.#action(one));
        const continuing = statement.continuing.flatMap((one) => this.#action(one));
        const breakIf = statement.breakIf && this.#as(this.#value(statement.breakIf), BOOL, line);
        this.#scopes.pop();
        return [{ op: 'loop', body, continuing, breakIf }];
      }
      case 'switch': {
        const selector = this.#concrete(this.#value(statement.selector), line);
        const clauses = statement.clauses.map(({ values, isDefault, body }) => ({
          values: values.map((value) => this.#number(value)),
          isDefault,
          body: this.#block(body),
        }));
        return [{ op: 'switch', selector, clauses }];
      }
      case 'return': {
        const value = statement.value && this.#as(this.#value(statement.value), this.#result, line);
        return [{ op: 'return', value }];
      }
      default:
        return [{ op: statement.kind }];
    }
  }

  #assign({ target, operator, value, line }: Extract<Statement, { kind: 'assign' }>): Action {
    if (!target) return { op: 'evaluate', value: this.#value(value) };
    const to = this.#target(target);
    const type = to.kind === 'local' ? to.type : to.place.type;
    const right = this.#value(value);
    const result = operator ? this.#binary(operator, this.#read(to), right, line) : right;
    const taken = this.#as(result, type, line);
    if (to.kind === 'local') return { op: 'assign', variable: to.variable, steps: to.steps, value: taken };
    return { op: 'store', place: to.place, value: taken };
  }

  #read(target: Target): Value {
    if (target.kind === 'memory') return { op: 'load', type: target.place.type, place: target.place };
    let value: Value = { op: 'variable', type: target.variable.type, variable: target.variable };
    for (const step of target.steps) {
      if ('member' in step) value = this.#member(value, step.member, 0);
      else if ('component' in step) value = this.#components(value, [step.component]);
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
  #target(expression: Expression): Target {
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
      const global = this.#globals.get(expression.name);
      if (!global || global.space === 'uniform') return undefined;
      this.#uses.add(global);
      return { kind: 'memory', place: { global, type: global.type, offset: 0, indices: [], line } };
    }
    if (expression.kind !== 'member' && expression.kind !== 'index') return undefined;
    const outer = this.#find(expression.of);
    if (!outer) return undefined;
    const type = outer.kind === 'local' ? outer.type : outer.place.type;
    if (expression.kind === 'index') {
      const index = this.#concrete(this.#value(expression.index), line);
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

  // Values

  #value(expression: Expression): Value {
    const { line } = expression;
    const target = this.#find(expression);
    if (target) return this.#read(target);
    switch (expression.kind) {
      case 'number':
        return literal(expression.text);
      case 'name': {
        if (expression.name === 'true' || expression.name === 'false')
          return { op: 'literal', type: BOOL, value: expression.name === 'true' };
        const meaning = this.#meaning(expression.name);
        if (meaning && 'value' in meaning) return meaning.value;
        const global = this.#globals.get(expression.name);
        if (global) return { op: 'uniform', type: global.type, global };
        throw new WgslError(line, `"${expression.name}" is not known`);
      }
      case 'member':
        return this.#member(this.#value(expression.of), expression.name, line);
      case 'index': {
        const of = this.#value(expression.of);
        const type = elementOf(of.type);
        if (!type) throw new WgslError(line, `${nameOf(of.type)} has no elements`);
        return { op: 'element', type, of, index: this.#concrete(this.#value(expression.index), line), line };
      }
      case 'unary': {
        if (!/^[-!~]$/.test(expression.operator))
          throw new WgslError(line, 'pointers are supported as arguments of builtin functions alone');
        const of = this.#value(expression.of);
        return folded({ op: 'unary', type: of.type, operator: expression.operator, of });
      }
      case 'binary':
        return this.#binary(
          expression.operator,
          this.#value(expression.left),
          this.#value(expression.right),
          line,
        );
      case 'call':
        return this.#call(expression);
    }
  }

  #member(of: Value, name: string, line: number): Value {
    if (of.type.kind === 'vector') {
      const at = placesOf(name);
      if (at) return this.#components(of, at);
    }
    const member = of.type.kind === 'struct' && of.type.members.find((one) => one.name === name);
    if (!member) throw new WgslError(line, `${nameOf(of.type)} has no member ${name}`);
    return { op: 'member', type: member.type, of, name };
  }

  #components(of: Value, at: readonly number[]): Value {
    const one = scalarOf(of.type)!;
    return { op: 'components', type: at.length === 1 ? scalar(one) : vector(at.length, one), of, at };
  }

  #binary(operator: string, left: Value, right: Value, line: number): Value {
    if (operator === '<<' || operator === '>>') {
      const by = this.#as(right, withScalar(right.type, 'u32'), line);
      const of = isAbstract(left.type) && by.op !== 'literal' ? this.#concrete(left, line) : left;
      return folded({ op: 'binary', type: of.type, operator, left: of, right: by });
    }
    let [a, b] = this.#alike([left, right], line);
    if (a.type.kind === 'vector' && b.type.kind === 'scalar') b = { op: 'splat', type: a.type, of: b };
    if (b.type.kind === 'vector' && a.type.kind === 'scalar') a = { op: 'splat', type: b.type, of: a };
    if (!same(a.type, b.type))
      throw new WgslError(line, `${nameOf(a.type)} ${operator} ${nameOf(b.type)} do not fit`);
    const type = /^([=!<>]=|[<>])$/.test(operator) ? withScalar(a.type, 'bool') : a.type;
    return folded({ op: 'binary', type, operator, left: a, right: b });
  }

  #call({ callee, args, line }: Extract<Expression, { kind: 'call' }>): Value {
    const { name } = callee;
    const called = this.#function(name);
    if (called) {
      for (const global of called.uses) this.#uses.add(global);
      this.#waits ||= called.waits;
      const values = args.map((arg, i) => this.#as(this.#value(arg), called.parameters[i].type, line));
      return { op: 'call', type: called.result, name, args: values };
    }
    if (name.startsWith('atomic')) return this.#atomic(name, args, line);
    if (BARRIERS.has(name)) {
      this.#waits = true;
      return { op: 'barrier', type: NONE, name, line };
    }
    if (name === 'workgroupUniformLoad') {
      this.#waits = true;
      const place = this.#pointed(args[0]);
      return { op: 'uniformLoad', type: loaded(place.type), place };
    }
    if (name === 'arrayLength') {
      const place = this.#pointed(args[0]);
      return { op: 'length', type: U32, place, stride: strideOf(elementOf(place.type)!) };
    }
    if (name in SUBGROUP_TYPES) {
      this.#waits = true;
      const values = args.map((arg) => this.#concrete(this.#value(arg), line));
      return { op: 'subgroup', type: SUBGROUP_TYPES[name] ?? values[0].type, name, args: values, line };
    }
    if (name === 'bitcast') {
      const type = this.#type(callee.template[0] as Name);
      return { op: 'bitcast', type, of: this.#concrete(this.#value(args[0]), line) };
    }
    const made = this.#made(callee, args, line);
    if (made) return made;
    const values = args.map((arg) => this.#value(arg));
    // what select chooses by is of another type than what it chooses from
    const alike = this.#alike(name === 'select' ? values.slice(0, 2) : values, line);
    return this.#builtin(name, [...alike, ...values.slice(alike.length)], line);
  }

  #builtin(name: string, values: Value[], line: number): Value {
    const type = builtinType(
      name,
      values.map((value) => value.type),
    );
    if (!type) throw new WgslError(line, `function "${name}" is not known here`);
    const taken = values.map((value) => this.#concrete(value, line));
    return { op: 'builtin', type: name in RESULTS ? type : taken[0].type, name, args: taken };
  }

  #pointed(expression: Expression): Place {
    const target =
      expression.kind === 'unary' && expression.operator === '&' ? this.#target(expression.of) : undefined;
    if (target?.kind !== 'memory') throw new WgslError(expression.line, 'expected a pointer to memory');
    return target.place;
  }

  #atomic(name: string, args: readonly Expression[], line: number): Value {
    const place = this.#pointed(args[0]);
    if (place.type.kind !== 'atomic') throw new WgslError(line, `${name} expected an atomic`);
    const of = scalar(place.type.of);
    const values = args.slice(1).map((arg) => this.#as(this.#value(arg), of, line));
    const type = name === 'atomicStore' ? NONE : of;
    return { op: 'atomic', type, name: name.slice('atomic'.length), place, args: values };
  }

  /** A value made by its type's name: conversions, vectors, arrays, structs. */
  #made(callee: Name, args: readonly Expression[], line: number): Value | undefined {
    const values = args.map((arg) => this.#value(arg));
    const bare = /^vec([234])$/.exec(callee.name);
    let type: Type;
    if (bare && callee.template.length === 0) {
      const alike = this.#alike(values, line);
      type = vector(Number(bare[1]), scalarOf(alike[0].type) ?? 'int');
    } else if (callee.name === 'array' && callee.template.length === 0) {
      const alike = this.#alike(values, line).map((value) => this.#concrete(value, line));
      return { op: 'make', type: { kind: 'array', of: alike[0].type, count: alike.length }, parts: alike };
    } else if (/^(u32|i32|f32|bool|array|vec[234][fui]?)$/.test(callee.name) || this.#types.has(callee.name))
      type = this.#type(callee);
    else return undefined;
    if (values.length === 0) return { op: 'zero', type };
    const of = scalarOf(type);
    if (type.kind === 'scalar') return converted(values[0], type);
    if (type.kind === 'vector') {
      if (values.length === 1 && values[0].type.kind === 'vector') return converted(values[0], type);
      const fit = (value: Value): Value =>
        isAbstract(value.type) || of === 'int' || of === 'float'
          ? this.#as(value, withScalar(value.type, of!), line)
          : value;
      if (values.length === 1) return { op: 'splat', type, of: fit(values[0]) };
      return { op: 'make', type, parts: values.map(fit) };
    }
    const inner = (i: number): Type =>
      type.kind === 'struct' ? type.members[i].type : (type as { readonly of: Type }).of;
    return { op: 'make', type, parts: values.map((value, i) => this.#as(value, inner(i), line)) };
  }
}

/** What a load gives: an atomic's number. */
const loaded = (type: Type): Type => (type.kind === 'atomic' ? scalar(type.of) : type);

function elementOf(type: Type): Type | undefined {
  if (type.kind === 'array') return type.of;
  return type.kind === 'vector' ? scalar(type.of) : undefined;
}

/** Which components letters name; undefined where they are no such letters. */
function placesOf(letters: string): number[] | undefined {
  const set = ['xyzw', 'rgba'].find((one) => [...letters].every((letter) => one.includes(letter)));
  return set === undefined ? undefined : [...letters].map((letter) => set.indexOf(letter));
}

function converted(value: Value, type: Type): Value {
  return same(value.type, type) ? value : folded({ op: 'convert', type, of: value });
}

function literal(text: string): Value {
  const hex = /^0[xX]/.test(text);
  const suffix = (hex ? /[ui]$/ : /[uif]$/).exec(text)?.[0];
  const value = Number(suffix ? text.slice(0, -1) : text);
  if (suffix)
    return {
      op: 'literal',
      type: scalar(LETTERS[suffix as 'f']),
      value: suffix === 'f' ? Math.fround(value) : value,
    };
  return { op: 'literal', type: scalar(!hex && /[.eE]/.test(text) ? 'float' : 'int'), value };
}
