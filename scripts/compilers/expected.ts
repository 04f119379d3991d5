/** The entry points in which a compiler may fuse, each with the reason why the words stay the same. */

/** Where a product and the sum behind it may be rounded once: the product is exact (docs/same-bytes.md, rule 3). */
export interface Expected {
  readonly shader: string;
  readonly entry: string;
  /** Such pairs of operations in the source; an unrolled loop has a multiple of them. */
  readonly pairs: number;
  readonly reason: string;
}

const SCALED = 'a magnitude times a power of two is exact';
const SQUARE = 'a product of 12 significant bits by 12 is exact';

/** A pair is counted for each component of a vector. */
export const EXPECTED: readonly Expected[] = [
  ...['reduce', 'reduce-subgroups'].flatMap((shader) => [
    { shader, entry: 'sumMagnitudes', pairs: 4, reason: SCALED },
    { shader, entry: 'packAndSum', pairs: 4, reason: SCALED },
    { shader, entry: 'sumSquares', pairs: 8, reason: SQUARE },
  ]),
  { shader: 'flatten', entry: 'flattenNorm', pairs: 2, reason: SQUARE },
  { shader: 'flatten', entry: 'flattenDrive', pairs: 2, reason: SQUARE },
];
