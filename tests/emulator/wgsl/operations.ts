/** Typed values made of typed values: conversions, members, operators and builtin functions. No names. */
import { builtinType, RESULTS } from './builtins.ts';
import { folded } from './constant.ts';
import { WgslError } from './tokens.ts';
import type { Value } from './typed.ts';
import {
  isAbstract,
  isFloat,
  nameOf,
  same,
  scalar,
  scalarOf,
  type Type,
  vector,
  withScalar,
} from './types.ts';

/** What a letter stands for behind a number or the name of a vector. */
export const LETTERS = { f: 'f32', u: 'u32', i: 'i32' } as const;

/** A value as another type: abstract numbers become what is asked for, others must be it. */
export function valueAs(value: Value, type: Type, line: number): Value {
  if (same(value.type, type)) return value;
  if (isAbstract(value.type)) {
    if (value.op === 'literal' && type.kind === 'scalar' && (isFloat(type) || !isFloat(value.type)))
      return folded({ op: 'convert', type, of: value });
    if (value.op === 'make' && type.kind === 'vector')
      return { op: 'make', type, parts: value.parts.map((part) => valueAs(part, scalar(type.of), line)) };
    if (value.op === 'splat' && type.kind === 'vector')
      return { op: 'splat', type, of: valueAs(value.of, scalar(type.of), line) };
  }
  throw new WgslError(line, `expected ${nameOf(type)}, got ${nameOf(value.type)}`);
}

/** The value as WGSL takes it where nothing says more: whole numbers as i32, others as f32. */
export function concrete(value: Value, line: number): Value {
  const of = scalarOf(value.type);
  if (of !== 'int' && of !== 'float') return value;
  return valueAs(value, withScalar(value.type, of === 'int' ? 'i32' : 'f32'), line);
}

/** Brings values to one scalar: that of those that are not abstract. */
export function unified(values: readonly Value[], line: number): Value[] {
  const scalars = values.map(({ type }) => scalarOf(type));
  const of =
    scalars.find((one) => one !== 'int' && one !== 'float') ??
    scalars.find((one) => one === 'float') ??
    'int';
  return values.map((value) => valueAs(value, withScalar(value.type, of), line));
}

export function memberOf(of: Value, name: string, line: number): Value {
  if (of.type.kind === 'vector') {
    const at = placesOf(name);
    if (at) return componentsOf(of, at);
  }
  const member = of.type.kind === 'struct' && of.type.members.find((one) => one.name === name);
  if (!member) throw new WgslError(line, `${nameOf(of.type)} has no member ${name}`);
  return { op: 'member', type: member.type, of, name };
}

export function componentsOf(of: Value, at: readonly number[]): Value {
  const one = scalarOf(of.type)!;
  return { op: 'components', type: at.length === 1 ? scalar(one) : vector(at.length, one), of, at };
}

export function binaryOf(operator: string, left: Value, right: Value, line: number): Value {
  if (operator === '<<' || operator === '>>') {
    const by = valueAs(right, withScalar(right.type, 'u32'), line);
    const of = isAbstract(left.type) && by.op !== 'literal' ? concrete(left, line) : left;
    return folded({ op: 'binary', type: of.type, operator, left: of, right: by });
  }
  let [a, b] = unified([left, right], line);
  if (a.type.kind === 'vector' && b.type.kind === 'scalar') b = { op: 'splat', type: a.type, of: b };
  if (b.type.kind === 'vector' && a.type.kind === 'scalar') a = { op: 'splat', type: b.type, of: a };
  if (!same(a.type, b.type))
    throw new WgslError(line, `${nameOf(a.type)} ${operator} ${nameOf(b.type)} do not fit`);
  const type = /^([=!<>]=|[<>])$/.test(operator) ? withScalar(a.type, 'bool') : a.type;
  return folded({ op: 'binary', type, operator, left: a, right: b });
}

export function builtinOf(name: string, values: Value[], line: number): Value {
  const type = builtinType(
    name,
    values.map((value) => value.type),
  );
  if (!type) throw new WgslError(line, `function "${name}" is not known here`);
  const taken = values.map((value) => concrete(value, line));
  return { op: 'builtin', type: name in RESULTS ? type : taken[0].type, name, args: taken };
}

/** The type of the elements of an array, or of the components of a vector. */
export function elementOf(type: Type): Type | undefined {
  if (type.kind === 'array') return type.of;
  return type.kind === 'vector' ? scalar(type.of) : undefined;
}

/** Which components letters name; undefined where they are no such letters. */
export function placesOf(letters: string): number[] | undefined {
  const set = ['xyzw', 'rgba'].find((one) => [...letters].every((letter) => one.includes(letter)));
  return set === undefined ? undefined : [...letters].map((letter) => set.indexOf(letter));
}

export function converted(value: Value, type: Type): Value {
  return same(value.type, type) ? value : folded({ op: 'convert', type, of: value });
}

/** A number as it is written, with its suffix. */
export function literalOf(text: string): Value {
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
