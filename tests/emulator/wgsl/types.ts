/** Types of WGSL, and how they lie in memory, in 32-bit words. */

/** `int` and `float` are the abstract types of literals without a suffix. */
export type Scalar = 'u32' | 'i32' | 'f32' | 'bool' | 'int' | 'float';

export interface Member {
  readonly name: string;
  readonly type: Type;
  /** In words from the struct's start on. */
  readonly offset: number;
}

export type Type =
  | { readonly kind: 'scalar'; readonly of: Scalar }
  | { readonly kind: 'vector'; readonly size: number; readonly of: Scalar }
  /** Without a count: sized when it is bound. */
  | { readonly kind: 'array'; readonly of: Type; readonly count?: number }
  | { readonly kind: 'struct'; readonly name: string; readonly members: readonly Member[] }
  | { readonly kind: 'atomic'; readonly of: 'u32' | 'i32' }
  /** What a function without a result gives. */
  | { readonly kind: 'none' };

export const scalar = (of: Scalar): Type => ({ kind: 'scalar', of });
export const vector = (size: number, of: Scalar): Type => ({ kind: 'vector', size, of });
export const NONE: Type = { kind: 'none' };
export const U32: Type = scalar('u32');
export const BOOL: Type = scalar('bool');

/** As it is written: `vec2<f32>`. */
export function nameOf(type: Type): string {
  switch (type.kind) {
    case 'scalar':
      return type.of;
    case 'vector':
      return `vec${type.size}<${type.of}>`;
    case 'array':
      return `array<${nameOf(type.of)}${type.count === undefined ? '' : `, ${type.count}`}>`;
    case 'struct':
      return type.name;
    case 'atomic':
      return `atomic<${type.of}>`;
    case 'none':
      return 'nothing';
  }
}

export const same = (a: Type, b: Type): boolean => nameOf(a) === nameOf(b);

/** The scalar of a scalar or of a vector's components; undefined for other types. */
export function scalarOf(type: Type): Scalar | undefined {
  return type.kind === 'scalar' || type.kind === 'vector' ? type.of : undefined;
}

/** The type with another scalar in the place of its own: `vec2<f32>` and `u32` give `vec2<u32>`. */
export function withScalar(type: Type, of: Scalar): Type {
  return type.kind === 'vector' ? vector(type.size, of) : scalar(of);
}

export const isFloat = (type: Type): boolean => ['f32', 'float'].includes(scalarOf(type) ?? '');
export const isAbstract = (type: Type): boolean => ['int', 'float'].includes(scalarOf(type) ?? '');

const rounded = (words: number, to: number): number => Math.ceil(words / to) * to;

export function alignOf(type: Type): number {
  switch (type.kind) {
    case 'vector':
      return type.size === 2 ? 2 : 4;
    case 'array':
      return alignOf(type.of);
    case 'struct':
      return Math.max(...type.members.map((member) => alignOf(member.type)));
    default:
      return 1;
  }
}

/** Words of a value; of an array without a count, none. */
export function wordsOf(type: Type): number {
  switch (type.kind) {
    case 'vector':
      return type.size;
    case 'array':
      return strideOf(type.of) * (type.count ?? 0);
    case 'struct': {
      const last = type.members[type.members.length - 1];
      return rounded(last.offset + wordsOf(last.type), alignOf(type));
    }
    case 'none':
      return 0;
    default:
      return 1;
  }
}

/** Words from one element of an array to the next. */
export const strideOf = (of: Type): number => rounded(wordsOf(of), alignOf(of));

/** The members, each where it belongs. */
export function laidOut(members: readonly { readonly name: string; readonly type: Type }[]): Member[] {
  let offset = 0;
  return members.map(({ name, type }) => {
    const at = rounded(offset, alignOf(type));
    offset = at + wordsOf(type);
    return { name, type, offset: at };
  });
}
