/** The tables that every kernel is tested over: sizes around each boundary, and kinds of data (ts/verify/data.ts). */
import { FINITE, words, type InputKind } from '../../ts/verify/data.ts';
import { settings } from './settings.ts';

export { FINITE, input, WILD, words, type InputKind } from '../../ts/verify/data.ts';

const { every = 1, emulator } = settings;
/** Whether this run takes whole tables and long tests: for tests that are shorter otherwise. */
export const whole: boolean = every === 1;
/** In the emulator: more than two tiles of the largest kind, and no multiple of anything. */
const EMULATED = 9_001;

/** Every length across one group of 32 and of 64, and around 128. */
const SMALL: readonly number[] = Array.from({ length: 70 }, (_, i) => i + 1).concat([127, 128, 129]);
/** Around a workgroup, a block of the tree, and a tile. */
const BOUNDARIES: readonly number[] = [255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097];
/** Several tiles, the last of one element. */
export const LARGE: number = emulator === undefined ? 65_537 : EMULATED;
/** Several levels of everything, and no multiple of anything. */
export const LARGEST: number = emulator !== undefined ? EMULATED : every === 1 ? 2 ** 20 + 7 : 2 ** 17 + 7;

/**
 * Pairs of size and kind: each small size with three kinds in turn, boundaries and the large size with all. In the
 * emulator a small size has one kind, and each kind is at every other boundary: all are at each tile's. Behind them the
 * largest size with each of `largest`, in every run.
 */
export function table(
  kinds: readonly InputKind[],
  largest: readonly InputKind[] = [],
): { n: number; kind: InputKind }[] {
  const rows: { n: number; kind: InputKind }[] = [];
  const turns = emulator === undefined ? 3 : 1;
  for (const n of SMALL)
    for (let i = 0; i < turns; i++) rows.push({ n, kind: kinds[(n * 3 + i) % kinds.length] });
  BOUNDARIES.forEach((n, b) => {
    const some = emulator === undefined ? kinds : kinds.filter((_, k) => (k + b) % 2 === 0);
    for (const kind of some.length > 0 ? some : kinds) rows.push({ n, kind });
  });
  for (const kind of kinds) rows.push({ n: LARGE, kind });
  return [...some(rows), ...largest.map((kind) => ({ n: LARGEST, kind }))];
}

/** The rows of a table that this run takes: all, or every `settings.every`th from the first on. */
export function some<Row>(rows: readonly Row[]): Row[] {
  return rows.filter((_, i) => i % every === 0);
}

/** How many of `all` drawn cases this run takes; one or more. */
export const share = (all: number): number => Math.ceil(all / every);

/** n random words. */
export function randomWords(n: number, seed = 1): Uint32Array {
  const next = words(seed * 1_000_003 + n);
  return Uint32Array.from({ length: n }, next);
}

/** A kind of finite data beside another: each in its turn. */
export function beside(kind: InputKind, turn: number): InputKind {
  return FINITE[((FINITE as readonly InputKind[]).indexOf(kind) + turn) % FINITE.length];
}
