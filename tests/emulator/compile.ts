/** From a typed module to JavaScript: a function an entry point, a generator where invocations wait for each other. */
import type { Arithmetic } from './floats.ts';
import { reassociated } from './rewrite.ts';
import type { Mode } from './mode.ts';
import type { View } from './memory.ts';
import { INTEGERS, ScalarWriter } from './scalars.ts';
import { nameOf, type OfModule, ValueWriter } from './values.ts';
import type { Asked, Barrier, SubgroupSite, Waiting } from './waiting.ts';
import { check } from './wgsl/check.ts';
import { parse } from './wgsl/parse.ts';
import type { Action, Module, Step, TypedFunction, Value } from './wgsl/typed.ts';
import { scalarOf, type Type } from './wgsl/types.ts';

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
  // oxlint-disable-next-line typescript/no-implied-eval -- compiled code is what this file is for
  const make = new Function('F', 'R', 'I', text) as (...given: unknown[]) => Omit<Compiled, 'module'>;
  return { module, ...make(arithmetic, runtime, INTEGERS) };
}

class ModuleWriter implements OfModule {
  readonly #module: Module;
  readonly scalars: ScalarWriter;
  readonly waits = new Set<string>();
  readonly #sites: string[] = [];

  constructor(module: Module, arithmetic: Arithmetic) {
    this.#module = module;
    this.scalars = new ScalarWriter(arithmetic);
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
  readonly #function: TypedFunction;
  readonly #values: ValueWriter;
  /** For each loop around: what `continue` is there. */
  readonly #continues: string[] = [];
  #labels = 0;

  constructor(module: OfModule, one: TypedFunction) {
    this.#function = one;
    this.#values = new ValueWriter(module);
  }

  text(): string {
    const { name, parameters, body, waits } = this.#function;
    const inner = this.#block(body);
    const own = this.#values.temporaries;
    const declared = own.length > 0 ? `let ${own.join(',')};` : '';
    return `function${waits ? '*' : ''} f_${name}(${parameters.map(nameOf).join(',')}){${declared}\n${inner}}`;
  }

  #block(actions: readonly Action[]): string {
    return actions.map((action) => this.#action(action)).join('\n');
  }

  #action(action: Action): string {
    switch (action.op) {
      case 'declare':
        return `let ${nameOf(action.variable)}=${this.#values.value(action.value)};`;
      case 'assign':
      case 'store':
      case 'evaluate':
        return `${this.#effect(action)};`;
      case 'block':
        return `{${this.#block(action.body)}}`;
      case 'if': {
        const otherwise = action.otherwise.length > 0 ? `else{${this.#block(action.otherwise)}}` : '';
        return `if(${this.#values.value(action.condition)}){${this.#block(action.then)}}${otherwise}`;
      }
      case 'for': {
        const start = action.start ? this.#action(action.start) : '';
        const condition = action.condition ? this.#values.value(action.condition) : '';
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
            one.op === 'declare'
              ? `${nameOf(one.variable)}=${this.#values.value(one.value)};`
              : this.#action(one),
          )
          .join('\n');
        this.#continues.pop();
        const ends = action.breakIf ? `if(${this.#values.value(action.breakIf)})break;` : '';
        const declared = names.length > 0 ? `let ${names.join(',')};` : '';
        return `for(;;){${declared}${label}:{${body}}${this.#block(action.continuing)}${ends}}`;
      }
      case 'switch': {
        const clauses = action.clauses.map(({ values, isDefault, body }) => {
          const labels = [...values.map((value) => `case ${value}:`), ...(isDefault ? ['default:'] : [])];
          return `${labels.join('')}{${this.#block(body)}break;}`;
        });
        return `switch(${this.#values.value(action.selector)}){${clauses.join('')}}`;
      }
      case 'return':
        return action.value ? `return ${this.#values.value(action.value)};` : 'return;';
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
    if (action.op === 'store') return this.#values.accesses.store(action.place, action.value);
    if (action.op === 'evaluate') return this.#values.value(action.value);
    throw new Error(`${action.op} does not fit here`);
  }

  /** A local value with a part of it replaced: values do not change, variables do. */
  #changed(of: string, type: Type, steps: readonly Step[], value: Value): string {
    const [step, ...rest] = steps;
    if (step === undefined) return this.#values.value(value);
    if ('member' in step && type.kind === 'struct') {
      const members = type.members.map((member) => {
        const own = `${of}._${member.name}`;
        return `_${member.name}:${member.name === step.member ? this.#changed(own, member.type, rest, value) : own}`;
      });
      return `({${members.join(',')}})`;
    }
    if ('component' in step && type.kind === 'vector') {
      const parts = Array.from({ length: type.size }, (_, i) =>
        i === step.component ? this.#values.value(value) : `${of}[${i}]`,
      );
      return `[${parts.join(',')}]`;
    }
    if (!('index' in step)) throw new Error('a step that its type does not have');
    const at = this.#values.temporary();
    const inner = type.kind === 'array' ? type.of : ({ kind: 'scalar', of: scalarOf(type)! } as const);
    const part = this.#changed(`R.element(${of},${at},${step.line})`, inner, rest, value);
    return `(${at}=${this.#values.value(step.index)},R.replaced(${of},${at},${part},${step.line}))`;
  }
}
