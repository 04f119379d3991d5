/**
 * Where the arrays of a model lie in the one flat float32 vector that compressors and systems take: end to end, in the
 * order given, which tree.ts makes that of their names. A layout is plain data, so that two machines can compare theirs
 * before the first gradient travels.
 */
import { requireFloat32Array, requireInteger, requireOneOf, shown } from '../arguments.ts';

/**
 * Types of arrays that go into a vector. What is float16 is widened on its way in, and rounded to the nearest on its
 * way out.
 */
export type LeafType = 'float32' | 'float16';

/** One array of a model, a leaf of its tree of parameters. */
export interface Leaf {
  /** Its path in the tree: `layers/0/kernel`. */
  readonly name: string;
  /** Lengths of its dimensions; none for a scalar. */
  readonly shape: readonly number[];
  readonly dtype: LeafType;
  /** Its first element in the vector. */
  readonly offset: number;
  /** Its elements: the product of the shape. */
  readonly length: number;
}

/** The arrays of a model, laid end to end. */
export interface Layout {
  readonly leaves: readonly Leaf[];
  /** Elements in all. */
  readonly length: number;
}

/** What there is to say of an array before it has its place. */
export interface Unplaced {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/**
 * Lays arrays end to end in the order given.
 * @throws TypeError where one is neither float32 nor float16, RangeError where two have one name
 */
export function laidOut(arrays: readonly Unplaced[]): Layout {
  const names = new Set<string>();
  const leaves: Leaf[] = [];
  let offset = 0;
  for (const { name, shape, dtype } of arrays) {
    if (dtype !== 'float32' && dtype !== 'float16')
      throw new TypeError(`"${name}" expected float32 or float16, got ${shown(dtype)}`);
    if (names.has(name))
      throw new RangeError(`"${name}" expected a name of its own, got that of another array`);
    names.add(name);
    const length = shape.reduce((product, size) => product * size, 1);
    leaves.push({ name, shape: [...shape], dtype, offset, length });
    offset += length;
  }
  return { leaves, length: offset };
}

/** The type of a leaf as errors show it: `float32 [128, 784]`. */
const written = ({ dtype, shape }: Leaf): string => `${dtype} [${shape.join(', ')}]`;

/**
 * Finds out where two layouts differ: in how many arrays they have, or in an array's name, shape or type. Where both
 * say the same, a vector laid out by one can be read by the other, on whatever machine.
 *
 * @throws RangeError that names the first array that differs
 * @example
 * requireSameLayout(layout, JSON.parse(JSON.stringify(layout)));
 */
export function requireSameLayout(own: Layout, other: Layout): void {
  if (!Array.isArray(other?.leaves)) throw new TypeError(`"other" expected a layout, got ${shown(other)}`);
  const others: readonly Leaf[] = other.leaves;
  for (const [i, leaf] of own.leaves.entries()) {
    const theirs = others[i] as Leaf | undefined;
    if (theirs === undefined)
      throw new RangeError(`"other" expected "${leaf.name}" as array ${i}, got ${others.length} arrays`);
    if (theirs.name !== leaf.name)
      throw new RangeError(`"other" expected "${leaf.name}" as array ${i}, got "${theirs.name}"`);
    if (written(theirs) !== written(leaf))
      throw new RangeError(`"${leaf.name}" expected ${written(leaf)}, got ${written(theirs)}`);
  }
  if (others.length > own.leaves.length)
    throw new RangeError(
      `"other" expected ${own.leaves.length} arrays, got "${others[own.leaves.length].name}" beside them`,
    );
}

/**
 * One array's part of a flat vector: a view, in the vector's memory.
 *
 * @throws RangeError where the layout has no array of that name, or the vector another length
 * @example
 * sliceOf(layout, new Float32Array(layout.length), 'bias').length; // 10
 */
export function sliceOf(layout: Layout, vector: Float32Array, name: string): Float32Array {
  requireVector('vector', vector, layout);
  const names = layout.leaves.map((leaf) => leaf.name);
  const { offset, length } = layout.leaves[names.indexOf(requireOneOf('name', name, names))];
  return vector.subarray(offset, offset + length);
}

/** @throws TypeError or RangeError unless `vector` is a Float32Array of the layout's length */
export function requireVector(name: string, vector: Float32Array, layout: Layout): Float32Array {
  requireInteger(`${name}.length`, requireFloat32Array(name, vector).length, layout.length, layout.length);
  return vector;
}
