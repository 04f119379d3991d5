/** From a typed module to JavaScript: a function an entry point, a generator where invocations wait for each other. */
import type { Arithmetic } from './floats.ts';
import { reassociated } from './rewrite.ts';
import type { Mode } from './mode.ts';
import type { View } from './memory.ts';
import { check } from './wgsl/check.ts';
import { parse } from './wgsl/parse.ts';
import type { Action, Module, Place, Step, TypedFunction, Value, Variable } from './wgsl/typed.ts';
import { scalarOf, strideOf, type Type } from './wgsl/types.ts';

/** A barrier in the source. Two invocations wait at the same one where they gave the same object. */
export interface Barrier {
  readonly barrier: string;
  readonly line: number;
}

/** An operation on subgroups in the source. */
export interface SubgroupSite {
  readonly subgroup: string;
  readonly of: string;
  readonly line: number;
}

/** A scalar, or a vector's components. */
export type Scalars = number | boolean | readonly (number | boolean)[];

/** What an invocation gives to its subgroup, just before it waits there: a value and the second argument. */
export interface Asked {
  value: Scalars;
  by: number;
}

/** An invocation, which stops where it waits: at a barrier, or for the result of an operation on its subgroup. */
export type Waiting = Generator<Barrier | SubgroupSite, void, Scalars | undefined>;

export interface Compiled {
  readonly module: Module;
  /** Gives the functions the memory and uniforms of a dispatch. */
  bind(views: Readonly<Record<string, View>>, uniforms: Readonly<Record<string, unknown>>): void;
  readonly functions: Readonly<Record<string, (...args: unknown[]) => Waiting | undefined>>;
}

/** What compiled code calls, beside the arithmetic of floats. */
export interface Runtime {
  readonly asked: Asked;
  /** Element i of an array or vector; out of bounds it is reported and another one. */
  element<T>(of: readonly T[], i: number, line: number): T;
  /** A copy with element i replaced. */
  replaced<T>(of: readonly T[], i: number, value: T, line: number): T[];
}

/** @throws WgslError where the source is not right or not supported */
export function compile(source: string, mode: Mode, arithmetic: Arithmetic, runtime: Runtime): Compiled {
  const checked = check(parse(source));
  const module = mode.association ? reassociated(checked, mode.association) : checked;
  const text = new ModuleWriter(module, arithmetic).text();
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- compiled code is what this file is for
  const make = new Function('F', 'R', 'I', text) as (...given: unknown[]) => Omit<Compiled, 'module'>;
  return { module, ...make(arithmetic, runtime, INTEGERS) };
}

/** Functions of integers that JavaScript does not have as operators. */
const INTEGERS = {
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

/** Parts of a vector as texts, each to be used once, and what must be evaluated before them. */
interface Parts {
  readonly before: readonly string[];
  readonly parts: readonly string[];
}

const nameOf = ({ name, id }: Variable): string => `${name}_${id < 0 ? `n${-id}` : id}`;
const viewOf = (place: Place): string => `m_${place.global.name}`;
const inOrder = (before: readonly string[], last: string): string =>
  before.length === 0 ? last : `(${[...before, last].join(',')})`;

class ModuleWriter {
  readonly #module: Module;
  readonly arithmetic: Arithmetic;
  readonly waits = new Set<string>();
  readonly #sites: string[] = [];

  constructor(module: Module, arithmetic: Arithmetic) {
    this.#module = module;
    this.arithmetic = arithmetic;
    for (const { name, waits } of module.functions) if (waits) this.waits.add(name);
  }

  text(): string {
    const { globals, functions } = this.#module;
    const bodies = functions.map((one) => new FunctionWriter(this, one).text());
    const memory = globals.filter(({ space }) => space !== 'uniform').map(({ name }) => name);
    const uniforms = globals.filter(({ space }) => space === 'uniform').map(({ name }) => name);
    const names = [...memory.map((name) => `m_${name}`), ...uniforms.map((name) => `u_${name}`)];
    return [
      '"use strict";',
      ...(names.length > 0 ? [`let ${names.join(',')};`] : []),
      ...this.#sites,
      ...bodies,
      'return {bind(views,uniforms){',
      ...memory.map((name) => `m_${name}=views.${name};`),
      ...uniforms.map((name) => `u_${name}=uniforms.${name};`),
      `},functions:{${functions.map(({ name }) => `${name}:f_${name}`).join(',')}}};`,
    ].join('\n');
  }

  /** A constant object of the module, for a barrier or an operation on subgroups. */
  site(what: Barrier | SubgroupSite): string {
    const name = `site${this.#sites.length}`;
    this.#sites.push(`const ${name}=${JSON.stringify(what)};`);
    return name;
  }
}

class FunctionWriter {
  readonly #module: ModuleWriter;
  readonly #function: TypedFunction;
  #temporaries = 0;
  /** For each loop around: what `continue` is there. */
  readonly #continues: string[] = [];
  #labels = 0;

  constructor(module: ModuleWriter, one: TypedFunction) {
    this.#module = module;
    this.#function = one;
  }

  text(): string {
    const { name, parameters, body, waits } = this.#function;
    const inner = this.#block(body);
    const own = Array.from({ length: this.#temporaries }, (_, i) => `t${i}`);
    const declared = own.length > 0 ? `let ${own.join(',')};` : '';
    return `function${waits ? '*' : ''} f_${name}(${parameters.map(nameOf).join(',')}){${declared}\n${inner}}`;
  }

  #temporary(): string {
    return `t${this.#temporaries++}`;
  }

  // Actions

  #block(actions: readonly Action[]): string {
    return actions.map((action) => this.#action(action)).join('\n');
  }

  #action(action: Action): string {
    switch (action.op) {
      case 'declare':
        return `let ${nameOf(action.variable)}=${this.#value(action.value)};`;
      case 'assign':
      case 'store':
      case 'evaluate':
        return `${this.#effect(action)};`;
      case 'block':
        return `{${this.#block(action.body)}}`;
      case 'if': {
        const otherwise = action.otherwise.length > 0 ? `else{${this.#block(action.otherwise)}}` : '';
        return `if(${this.#value(action.condition)}){${this.#block(action.then)}}${otherwise}`;
      }
      case 'for': {
        const start = action.start ? this.#action(action.start) : '';
        const condition = action.condition ? this.#value(action.condition) : '';
        const update = action.update ? this.#effect(action.update) : '';
        this.#continues.push('continue;');
        const body = this.#block(action.body);
        this.#continues.pop();
        return `{${start}for(;${condition};${update}){${body}}}`;
      }
      case 'loop': {
        const label = `l${this.#labels++}`;
        this.#continues.push(`break ${label};`);
        // what the body declares is known behind it, so its declarations move out of the labelled block
        const names = action.body.flatMap((one) => (one.op === 'declare' ? [nameOf(one.variable)] : []));
        const body = action.body
          .map((one) =>
            one.op === 'declare' ? `${nameOf(one.variable)}=${this.#value(one.value)};` : this.#action(one),
          )
          .join('\n');
        this.#continues.pop();
        const ends = action.breakIf ? `if(${this.#value(action.breakIf)})break;` : '';
        const declared = names.length > 0 ? `let ${names.join(',')};` : '';
        return `for(;;){${declared}${label}:{${body}}${this.#block(action.continuing)}${ends}}`;
      }
      case 'switch': {
        const clauses = action.clauses.map(({ values, isDefault, body }) => {
          const labels = [...values.map((value) => `case ${value}:`), ...(isDefault ? ['default:'] : [])];
          return `${labels.join('')}{${this.#block(body)}break;}`;
        });
        return `switch(${this.#value(action.selector)}){${clauses.join('')}}`;
      }
      case 'return':
        return action.value ? `return ${this.#value(action.value)};` : 'return;';
      case 'break':
        return 'break;';
      case 'continue':
        return this.#continues[this.#continues.length - 1];
    }
  }

  /** An action that is an expression in JavaScript. */
  #effect(action: Action): string {
    if (action.op === 'assign') {
      const name = nameOf(action.variable);
      return `${name}=${this.#changed(name, action.variable.type, action.steps, action.value)}`;
    }
    if (action.op === 'store') return this.#store(action.place, action.value);
    if (action.op === 'evaluate') return this.#value(action.value);
    throw new Error(`${action.op} does not fit here`);
  }

  /** A local value with a part of it replaced: values do not change, variables do. */
  #changed(of: string, type: Type, steps: readonly Step[], value: Value): string {
    const [step, ...rest] = steps;
    if (step === undefined) return this.#value(value);
    if ('member' in step && type.kind === 'struct') {
      const members = type.members.map((member) => {
        const own = `${of}._${member.name}`;
        return `_${member.name}:${member.name === step.member ? this.#changed(own, member.type, rest, value) : own}`;
      });
      return `({${members.join(',')}})`;
    }
    if ('component' in step && type.kind === 'vector') {
      const parts = Array.from({ length: type.size }, (_, i) =>
        i === step.component ? this.#value(value) : `${of}[${i}]`,
      );
      return `[${parts.join(',')}]`;
    }
    if (!('index' in step)) throw new Error('a step that its type does not have');
    const at = this.#temporary();
    const inner = type.kind === 'array' ? type.of : ({ kind: 'scalar', of: scalarOf(type)! } as const);
    const part = this.#changed(`R.element(${of},${at},${step.line})`, inner, rest, value);
    return `(${at}=${this.#value(step.index)},R.replaced(${of},${at},${part},${step.line}))`;
  }

  // Memory

  /** The word that a place starts at, from the start of its global on. */
  #offset({ global, indices, offset, line }: Place): string {
    const [first] = indices;
    const view = `m_${global.name}`;
    // an array of words needs no check of its own: the access makes it
    if (indices.length === 1 && offset === 0 && first.stride === 1 && global.type.kind === 'array')
      return this.#index(first.index);
    const terms = indices.map(({ index, stride, count }) => {
      const most = count ?? `${view}.elements(${offset},${stride})`;
      return `${view}.index(${this.#index(index)},${most},${line})*${stride}`;
    });
    return offset > 0 || terms.length === 0 ? [offset, ...terms].join('+') : terms.join('+');
  }

  #index(index: Value): string {
    const text = this.#value(index);
    return scalarOf(index.type) === 'i32' ? `(${text}>>>0)` : text;
  }

  #load(place: Place): string {
    const { type, line } = place;
    const view = viewOf(place);
    if (type.kind === 'scalar' || type.kind === 'atomic')
      return this.#word(view, type, this.#offset(place), line);
    const at = this.#temporary();
    return `(${at}=${this.#offset(place)},${this.#loaded(view, type, at, 0, line)})`;
  }

  #word(view: string, type: Type, at: string, line: number): string {
    const of = type.kind === 'atomic' ? type.of : scalarOf(type);
    return of === 'bool' ? `(${view}.u32(${at},${line})!==0)` : `${view}.${of}(${at},${line})`;
  }

  #loaded(view: string, type: Type, at: string, offset: number, line: number): string {
    switch (type.kind) {
      case 'vector': {
        const of = { kind: 'scalar', of: type.of } as const;
        const parts = Array.from({ length: type.size }, (_, i) =>
          this.#word(view, of, `${at}+${offset + i}`, line),
        );
        return `[${parts.join(',')}]`;
      }
      case 'struct': {
        const members = type.members.map(
          (member) => `_${member.name}:${this.#loaded(view, member.type, at, offset + member.offset, line)}`,
        );
        return `({${members.join(',')}})`;
      }
      case 'array': {
        const parts = Array.from({ length: type.count ?? 0 }, (_, i) =>
          this.#loaded(view, type.of, at, offset + i * strideOf(type.of), line),
        );
        return `[${parts.join(',')}]`;
      }
      default:
        return this.#word(view, type, `${at}+${offset}`, line);
    }
  }

  #store(place: Place, value: Value): string {
    const { type, line } = place;
    const view = viewOf(place);
    if (type.kind === 'scalar')
      return this.#setWord(view, type, this.#offset(place), this.#value(value), line);
    const [at, from] = [this.#temporary(), this.#temporary()];
    const stores = this.#stored(view, type, at, 0, from, line);
    return `(${[`${at}=${this.#offset(place)}`, `${from}=${this.#value(value)}`, ...stores].join(',')})`;
  }

  #setWord(view: string, type: Type, at: string, value: string, line: number): string {
    const of = scalarOf(type);
    if (of === 'f32') return `${view}.setF32(${at},${this.#settled(value)},${line})`;
    return `${view}.setU32(${at},${of === 'bool' ? `${value}?1:0` : value},${line})`;
  }

  #stored(view: string, type: Type, at: string, offset: number, from: string, line: number): string[] {
    switch (type.kind) {
      case 'vector': {
        const of = { kind: 'scalar', of: type.of } as const;
        return Array.from({ length: type.size }, (_, i) =>
          this.#setWord(view, of, `${at}+${offset + i}`, `${from}[${i}]`, line),
        );
      }
      case 'struct':
        return type.members.flatMap((member) =>
          this.#stored(view, member.type, at, offset + member.offset, `${from}._${member.name}`, line),
        );
      case 'array':
        return Array.from({ length: type.count ?? 0 }, (_, i) =>
          this.#stored(view, type.of, at, offset + i * strideOf(type.of), `${from}[${i}]`, line),
        ).flat();
      default:
        return [this.#setWord(view, type, `${at}+${offset}`, from, line)];
    }
  }

  #settled(value: string): string {
    return this.#module.arithmetic.lazy ? `F.settle(${value})` : value;
  }

  // Values

  #value(value: Value): string {
    if (value.type.kind === 'vector' && !isWhole(value)) {
      const { before, parts } = this.#parts(value);
      return inOrder(before, `[${parts.join(',')}]`);
    }
    return this.#whole(value);
  }

  /** A vector's components, without making the vector where an operation goes by components. */
  #parts(value: Value): Parts {
    const size = value.type.kind === 'vector' ? value.type.size : 1;
    const each = (inner: readonly Parts[], make: (...parts: string[]) => string): Parts => ({
      before: inner.flatMap(({ before }) => before),
      parts: Array.from({ length: size }, (_, i) => make(...inner.map(({ parts }) => parts[i]))),
    });
    switch (value.op) {
      case 'splat': {
        if (value.of.op === 'literal' || isPath(value.of))
          return { before: [], parts: new Array<string>(size).fill(this.#value(value.of)) };
        const one = this.#temporary();
        return { before: [`${one}=${this.#value(value.of)}`], parts: new Array<string>(size).fill(one) };
      }
      case 'make': {
        const inner = value.parts.map((part) =>
          part.type.kind === 'vector' ? this.#parts(part) : { before: [], parts: [this.#value(part)] },
        );
        return { before: inner.flatMap(({ before }) => before), parts: inner.flatMap(({ parts }) => parts) };
      }
      case 'zero':
        return { before: [], parts: new Array<string>(size).fill(zeroOf(value.type, 0)) };
      case 'components': {
        const [name, before] = this.#named(value.of);
        return { before, parts: value.at.map((i) => `${name}[${i}]`) };
      }
      case 'binary':
        return each([this.#parts(value.left), this.#parts(value.right)], (left, right) =>
          this.#binary(value.operator, scalarOf(value.left.type)!, left, right),
        );
      case 'unary':
        return each([this.#parts(value.of)], (of) => this.#unary(value.operator, scalarOf(value.type)!, of));
      case 'convert': {
        const from = scalarOf(value.of.type)!;
        return each([this.#parts(value.of)], (of) => this.#converted(of, from, scalarOf(value.type)!));
      }
      case 'bitcast': {
        const from = scalarOf(value.of.type)!;
        return each([this.#parts(value.of)], (of) => this.#bits(of, from, scalarOf(value.type)!));
      }
      case 'builtin':
        if (value.name === 'select') {
          const [no, yes, condition] = value.args.map((arg) =>
            arg.type.kind === 'vector' ? this.#parts(arg) : this.#repeated(arg, size),
          );
          return each([no, yes, condition], (no, yes, condition) => `(${condition}?${yes}:${no})`);
        }
        return each(
          value.args.map((arg) => this.#parts(arg)),
          (...args) => this.#function1(value.name, scalarOf(value.args[0].type)!, args),
        );
      default: {
        const [name, before] = this.#named(value);
        return { before, parts: Array.from({ length: size }, (_, i) => `${name}[${i}]`) };
      }
    }
  }

  #repeated(value: Value, size: number): Parts {
    const [name, before] = this.#named(value);
    return { before, parts: new Array<string>(size).fill(name) };
  }

  /** A name that can stand for a value several times, and what must be evaluated before. */
  #named(value: Value): [name: string, before: readonly string[]] {
    if (isPath(value)) return [this.#whole(value), []];
    const name = this.#temporary();
    return [name, [`${name}=${this.#value(value)}`]];
  }

  #whole(value: Value): string {
    switch (value.op) {
      case 'literal':
        return literal(value.value);
      case 'zero':
        return zeroOf(value.type);
      case 'variable':
        return nameOf(value.variable);
      case 'uniform':
        return `u_${value.global.name}`;
      case 'load':
        return this.#load(value.place);
      case 'length':
        return `${viewOf(value.place)}.elements(${value.place.offset},${value.stride})`;
      case 'member':
        return `${this.#value(value.of)}._${value.name}`;
      case 'components': {
        const { before, parts } = this.#parts(value);
        return inOrder(before, parts[0]);
      }
      case 'element':
        return `R.element(${this.#value(value.of)},${this.#index(value.index)},${value.line})`;
      case 'unary':
        return this.#unary(value.operator, scalarOf(value.type)!, this.#value(value.of));
      case 'binary':
        return this.#binary(
          value.operator,
          scalarOf(value.left.type)!,
          this.#value(value.left),
          this.#value(value.right),
        );
      case 'convert':
        return this.#converted(this.#value(value.of), scalarOf(value.of.type)!, scalarOf(value.type)!);
      case 'bitcast':
        return this.#bits(this.#value(value.of), scalarOf(value.of.type)!, scalarOf(value.type)!);
      case 'make': {
        const parts = value.parts.map((part) => this.#value(part));
        if (value.type.kind !== 'struct') return `[${parts.join(',')}]`;
        return `({${value.type.members.map(({ name }, i) => `_${name}:${parts[i]}`).join(',')}})`;
      }
      case 'call': {
        const call = `f_${value.name}(${value.args.map((arg) => this.#value(arg)).join(',')})`;
        return this.#module.waits.has(value.name) ? `(yield* ${call})` : call;
      }
      case 'builtin':
        return this.#builtin(value);
      case 'atomic': {
        const { place, name, args } = value;
        const signed =
          scalarOf(value.type) === 'i32' || (place.type.kind === 'atomic' && place.type.of === 'i32');
        const given = args.length > 0 ? this.#value(args[0]) : '0';
        return `${viewOf(place)}.atomic('${name}',${signed},${this.#offset(place)},${given},${place.line})`;
      }
      case 'uniformLoad': {
        const { line } = value.place;
        const [before, after] = ['before', 'after'].map((when) =>
          this.#module.site({ barrier: `workgroupUniformLoad, ${when}`, line }),
        );
        const found = this.#temporary();
        return `((yield ${before}),${found}=${this.#load(value.place)},(yield ${after}),${found})`;
      }
      case 'barrier':
        return `(yield ${this.#module.site({ barrier: value.name, line: value.line })})`;
      case 'subgroup': {
        const [first, second] = value.args;
        const of = first ? scalarOf(first.type)! : 'bool';
        const site = this.#module.site({ subgroup: value.name, of, line: value.line });
        const given = first ? this.#value(first) : 'true';
        const settled = of === 'f32' && first.type.kind === 'scalar' ? this.#settled(given) : given;
        const [own, by] = [this.#temporary(), second ? this.#value(second) : '0'];
        // the second argument may itself ask the subgroup
        return `(${own}=${settled},R.asked.by=${by},R.asked.value=${own},yield ${site})`;
      }
      case 'splat':
        throw new Error('a splat is a vector');
    }
  }

  #unary(operator: string, of: string, text: string): string {
    if (operator === '!') return `(!${text})`;
    if (operator === '~') return of === 'u32' ? `(~${text}>>>0)` : `(~${text})`;
    if (of !== 'f32') return `(-${text}|0)`;
    return this.#module.arithmetic.plain ? `(-${text})` : `F.neg(${text})`;
  }

  #binary(operator: string, of: string, a: string, b: string): string {
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
    const { plain } = this.#module.arithmetic;
    if (operator in orders) {
      if (!plain) return `F.${orders[operator as '<']}(${a},${b})`;
      return `(${a}${operator === '==' || operator === '!=' ? `${operator}=` : operator}${b})`;
    }
    if (plain && /^[-+*]$/.test(operator)) return `Math.fround(${a}${operator}${b})`;
    return `F.${names[operator as '+']}(${a},${b})`;
  }

  #converted(text: string, from: string, to: string): string {
    if (from === to) return text;
    if (to === 'bool') return from === 'f32' ? `F.ne(${text},0)` : `(${text}!==0)`;
    if (from === 'bool') return `(${text}?1:0)`;
    if (to === 'f32')
      return this.#module.arithmetic.plain ? `Math.fround(${text})` : `F.fromInteger(${text})`;
    if (from === 'f32') return to === 'u32' ? `F.toU32(${text})` : `F.toI32(${text})`;
    return to === 'u32' ? `(${text}>>>0)` : `(${text}|0)`;
  }

  #bits(text: string, from: string, to: string): string {
    if (from === to) return text;
    if (from === 'f32') return to === 'u32' ? `F.bits(${text})` : `(F.bits(${text})|0)`;
    if (to === 'f32') return from === 'u32' ? `F.float(${text})` : `F.float(${text}>>>0)`;
    return to === 'u32' ? `(${text}>>>0)` : `(${text}|0)`;
  }

  #builtin({ name, args, type }: Extract<Value, { op: 'builtin' }>): string {
    if (name === 'select') {
      const [no, yes, condition] = args.map((arg) => this.#value(arg));
      return `(${condition}?${yes}:${no})`;
    }
    if (name === 'all' || name === 'any') {
      const { before, parts } = this.#parts(args[0]);
      return inOrder(before, `(${parts.join(name === 'all' ? '&&' : '||')})`);
    }
    const of = scalarOf(args[0].type)!;
    if (name === 'dot') {
      const [left, right] = args.map((arg) => this.#parts(arg));
      const products = left.parts.map((part, i) => this.#binary('*', of, part, right.parts[i]));
      const sum = products.reduce((so, product) => this.#binary('+', scalarOf(type)!, so, product));
      return inOrder([...left.before, ...right.before], sum);
    }
    return this.#function1(
      name,
      of,
      args.map((arg) => this.#value(arg)),
    );
  }

  /** A function of scalars. */
  #function1(name: string, of: string, args: readonly string[]): string {
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

/** Whether a vector is there as a whole, so that nothing is gained by its components. */
function isWhole({ op }: Value): boolean {
  return ['variable', 'uniform', 'load', 'member', 'element', 'call', 'uniformLoad', 'subgroup'].includes(op);
}

/** Whether a value is a variable or a member of one: it can be read several times. */
function isPath(value: Value): boolean {
  if (value.op === 'member') return isPath(value.of);
  return value.op === 'variable' || value.op === 'uniform';
}

function literal(value: number | boolean): string {
  if (typeof value === 'boolean') return String(value);
  return value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? '-0' : value})` : String(value);
}

/** The zero of a type; of a component of a vector, where one is asked for. */
function zeroOf(type: Type, component?: number): string {
  switch (type.kind) {
    case 'vector': {
      const one = type.of === 'bool' ? 'false' : '0';
      return component === undefined ? `[${new Array<string>(type.size).fill(one).join(',')}]` : one;
    }
    case 'array':
      return `[${new Array<string>(type.count ?? 0).fill(zeroOf(type.of)).join(',')}]`;
    case 'struct':
      return `({${type.members.map((member) => `_${member.name}:${zeroOf(member.type)}`).join(',')}})`;
    default:
      return type.kind === 'scalar' && type.of === 'bool' ? 'false' : '0';
  }
}
