/**
 * Trees of arrays, as frameworks hold the parameters of a model: an array alone, a list, a record, or any nesting of
 * these. The keys of a record are laid out in the order of their UTF-16 units, not in that of their making, so that
 * machines that built the same tree in another order lay it out alike; a tree that is built from a layout has them in
 * the order of making.
 */
import { shown } from '../arguments.ts';
import { laidOut, type Layout } from './layout.ts';

/**
 * A tree whose arrays are replaced by their places in `leaves`. Arrays that are left out of a layout are null in a
 * list, where the places of others stay, and no key in a record.
 */
export type Structure = number | null | readonly Structure[] | { readonly [key: string]: Structure };

/** The layout of a tree of type `Tree`, from which a tree of the same structure can be built. */
export interface TreeLayout<Tree = unknown> extends Layout {
  readonly structure: Structure;
  /** Never there: it carries the type of the tree. */
  readonly like?: Tree;
}

/** What a framework's arrays have in common. */
interface Typed {
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** What arrays are in a framework. */
export interface Kind<Leaf> {
  readonly is: (value: unknown) => value is Leaf;
  /** In words: `an array of jax-js`. */
  readonly called: string;
}

/**
 * The arrays of a tree in the order of their layout, and that layout; of those for which `isPart` is true, or of all.
 * @throws TypeError where a leaf is no array, or one of a type that has no place in a vector; RangeError where two
 * leaves have one path
 */
export function takeApart<Leaf extends Typed, Tree>(
  tree: Tree,
  kind: Kind<Leaf>,
  isPart: (leaf: Leaf) => boolean = () => true,
): { readonly leaves: readonly Leaf[]; readonly layout: TreeLayout<Tree> } {
  const named: { name: string; leaf: Leaf }[] = [];
  const walk = (node: unknown, path: readonly (string | number)[]): Structure => {
    if (kind.is(node)) return isPart(node) ? named.push({ name: path.join('/'), leaf: node }) - 1 : null;
    if (Array.isArray(node)) return node.map((child, i) => walk(child, [...path, i]));
    if (isRecord(node)) {
      // places by sorted keys, but the keys as they were: frameworks pair the leaves of two trees in the order of
      // making
      const places = new Map(
        Object.keys(node)
          .sort()
          .map((key) => [key, walk(node[key], [...path, key])]),
      );
      return Object.fromEntries(
        Object.keys(node).flatMap((key) => {
          const place = places.get(key) as Structure;
          return place === null ? [] : [[key, place] as const];
        }),
      );
    }
    throw new TypeError(
      `"${path.length === 0 ? 'tree' : path.join('/')}" expected ${kind.called}, got ${shown(node)}`,
    );
  };
  const structure = walk(tree, []);
  const layout = laidOut(named.map(({ name, leaf: { shape, dtype } }) => ({ name, shape, dtype })));
  return { leaves: named.map(({ leaf }) => leaf), layout: { ...layout, structure } };
}

/** A tree of this structure with these leaves. */
export function putTogether<Leaf>(structure: Structure, leaves: readonly Leaf[]): unknown {
  if (structure === null) return null;
  if (typeof structure === 'number') return leaves[structure];
  if (Array.isArray(structure)) return structure.map((child: Structure) => putTogether(child, leaves));
  return Object.fromEntries(
    Object.entries(structure).map(([key, child]) => [key, putTogether(child, leaves)]),
  );
}

function isRecord(node: unknown): node is Record<string, unknown> {
  if (typeof node !== 'object' || node === null) return false;
  const prototype: unknown = Object.getPrototypeOf(node);
  return prototype === Object.prototype || prototype === null;
}
