/**
 * Values of WGSL as JavaScript: an expression each, and the components of a vector without the vector where that will
 * do.
 */
import { AccessWriter } from './accesses.ts';
import type { ScalarWriter } from './scalars.ts';
import type { Barrier, SubgroupSite } from './waiting.ts';
import type { Value, Variable } from './wgsl/typed.ts';
import { scalarOf, type Type } from './wgsl/types.ts';

/** What a value needs of the module that it stands in. */
export interface OfModule {
  readonly scalars: ScalarWriter;
  /** The functions that wait, themselves or in what they call. */
  readonly waits: ReadonlySet<string>;
  /** A constant object of the module, for a barrier or an operation on subgroups. */
  site(what: Barrier | SubgroupSite): string;
}

/** Parts of a vector as texts, each to be used once, and what must be evaluated before them. */
interface Parts {
  readonly before: readonly string[];
  readonly parts: readonly string[];
}

export const nameOf = ({ name, id }: Variable): string => `${name}_${id < 0 ? `n${-id}` : id}`;

const inOrder = (before: readonly string[], last: string): string =>
  before.length === 0 ? last : `(${[...before, last].join(',')})`;

/** The values of one function, and the temporaries that they take. */
export class ValueWriter {
  readonly accesses: AccessWriter;
  readonly #module: OfModule;
  readonly #scalars: ScalarWriter;
  #temporaries = 0;

  constructor(module: OfModule) {
    this.#module = module;
    this.#scalars = module.scalars;
    this.accesses = new AccessWriter({
      scalars: module.scalars,
      temporary: () => this.temporary(),
      value: (value) => this.value(value),
    });
  }

  /** Those that were taken, for the function to declare. */
  get temporaries(): string[] {
    return Array.from({ length: this.#temporaries }, (_, i) => `t${i}`);
  }

  temporary(): string {
    return `t${this.#temporaries++}`;
  }

  value(value: Value): string {
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
          return { before: [], parts: new Array<string>(size).fill(this.value(value.of)) };
        const one = this.temporary();
        return { before: [`${one}=${this.value(value.of)}`], parts: new Array<string>(size).fill(one) };
      }
      case 'make': {
        const inner = value.parts.map((part) =>
          part.type.kind === 'vector' ? this.#parts(part) : { before: [], parts: [this.value(part)] },
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
          this.#scalars.binary(value.operator, scalarOf(value.left.type)!, left, right),
        );
      case 'unary':
        return each([this.#parts(value.of)], (of) =>
          this.#scalars.unary(value.operator, scalarOf(value.type)!, of),
        );
      case 'convert': {
        const from = scalarOf(value.of.type)!;
        return each([this.#parts(value.of)], (of) =>
          this.#scalars.converted(of, from, scalarOf(value.type)!),
        );
      }
      case 'bitcast': {
        const from = scalarOf(value.of.type)!;
        return each([this.#parts(value.of)], (of) => this.#scalars.bits(of, from, scalarOf(value.type)!));
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
          (...args) => this.#scalars.called(value.name, scalarOf(value.args[0].type)!, args),
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
    const name = this.temporary();
    return [name, [`${name}=${this.value(value)}`]];
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
        return this.accesses.load(value.place);
      case 'length':
        return this.accesses.length(value.place, value.stride);
      case 'member':
        return `${this.value(value.of)}._${value.name}`;
      case 'components': {
        const { before, parts } = this.#parts(value);
        return inOrder(before, parts[0]);
      }
      case 'element':
        return `R.element(${this.value(value.of)},${this.accesses.index(value.index)},${value.line})`;
      case 'unary':
        return this.#scalars.unary(value.operator, scalarOf(value.type)!, this.value(value.of));
      case 'binary':
        return this.#scalars.binary(
          value.operator,
          scalarOf(value.left.type)!,
          this.value(value.left),
          this.value(value.right),
        );
      case 'convert':
        return this.#scalars.converted(this.value(value.of), scalarOf(value.of.type)!, scalarOf(value.type)!);
      case 'bitcast':
        return this.#scalars.bits(this.value(value.of), scalarOf(value.of.type)!, scalarOf(value.type)!);
      case 'make': {
        const parts = value.parts.map((part) => this.value(part));
        if (value.type.kind !== 'struct') return `[${parts.join(',')}]`;
        return `({${value.type.members.map(({ name }, i) => `_${name}:${parts[i]}`).join(',')}})`;
      }
      case 'call': {
        const call = `f_${value.name}(${value.args.map((arg) => this.value(arg)).join(',')})`;
        return this.#module.waits.has(value.name) ? `(yield* ${call})` : call;
      }
      case 'builtin':
        return this.#builtin(value);
      case 'atomic': {
        const { place, name, args } = value;
        const signed =
          scalarOf(value.type) === 'i32' || (place.type.kind === 'atomic' && place.type.of === 'i32');
        const given = args.length > 0 ? this.value(args[0]) : '0';
        return this.accesses.atomic(name, signed, place, given);
      }
      case 'uniformLoad': {
        const { line } = value.place;
        const [before, after] = ['before', 'after'].map((when) =>
          this.#module.site({ barrier: `workgroupUniformLoad, ${when}`, line }),
        );
        const found = this.temporary();
        return `((yield ${before}),${found}=${this.accesses.load(value.place)},(yield ${after}),${found})`;
      }
      case 'barrier':
        return `(yield ${this.#module.site({ barrier: value.name, line: value.line })})`;
      case 'subgroup': {
        const [first, second] = value.args;
        const of = first ? scalarOf(first.type)! : 'bool';
        const site = this.#module.site({ subgroup: value.name, of, line: value.line });
        const given = first ? this.value(first) : 'true';
        const settled = of === 'f32' && first.type.kind === 'scalar' ? this.#scalars.settled(given) : given;
        const [own, by] = [this.temporary(), second ? this.value(second) : '0'];
        // the second argument may itself ask the subgroup
        return `(${own}=${settled},R.asked.by=${by},R.asked.value=${own},yield ${site})`;
      }
      case 'splat':
        throw new Error('a splat is a vector');
    }
  }

  #builtin({ name, args, type }: Extract<Value, { op: 'builtin' }>): string {
    if (name === 'select') {
      const [no, yes, condition] = args.map((arg) => this.value(arg));
      return `(${condition}?${yes}:${no})`;
    }
    if (name === 'all' || name === 'any') {
      const { before, parts } = this.#parts(args[0]);
      return inOrder(before, `(${parts.join(name === 'all' ? '&&' : '||')})`);
    }
    const of = scalarOf(args[0].type)!;
    if (name === 'dot') {
      const [left, right] = args.map((arg) => this.#parts(arg));
      const products = left.parts.map((part, i) => this.#scalars.binary('*', of, part, right.parts[i]));
      const sum = products.reduce((so, product) => this.#scalars.binary('+', scalarOf(type)!, so, product));
      return inOrder([...left.before, ...right.before], sum);
    }
    return this.#scalars.called(
      name,
      of,
      args.map((arg) => this.value(arg)),
    );
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
