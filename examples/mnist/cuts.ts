/** The ways of split learning that are compared, each with what it makes of the features at the cut. */
import { float32 } from 'fewbits';
import { splitLearning, splitMask, splitQuantized, splitRandomized, splitTopK } from 'fewbits/algorithms';
import type { SplitSystem } from 'fewbits/algorithms';

/** A way of split learning by name. */
export interface Cut {
  readonly name: string;
  /** What the client sends, in a line. */
  readonly description: string;
  readonly standard: boolean;
  /** Bits an element where symbols are packed, not coded by their entropy as they are here. */
  readonly packedBits?: number;
  readonly system: SplitSystem;
}

/** Share of the features that top-k keeps in the bits of `ms`: 2.32 bits an element, 32 a value and about 5 a place. */
const EQUAL_SHARE = 0.0625;

/** The same in the bits of `ms` with its symbols coded by their entropy: about 0.88, most features being zero. */
const CODED_SHARE = 0.0234;

/** All of them, in the order in which they run and are shown. */
export const cuts: readonly Cut[] = [
  {
    name: 'split',
    description: 'features as float32',
    standard: true,
    system: splitLearning({ up: float32() }, 'split'),
  },
  {
    name: 'ms',
    description: 'MS: 1 % of the features whole, 2 bits for each other one',
    standard: true,
    packedBits: 2.32,
    system: splitMask({ ratio: 0.01, bits: 2 }),
  },
  {
    name: 'sp',
    description: 'SP: top-k alone, about as many bytes as MS with packed symbols',
    standard: false,
    system: splitTopK({ ratio: EQUAL_SHARE }),
  },
  {
    name: 'sp-coded',
    description: 'SP: top-k alone, about as many bytes as MS with coded symbols',
    standard: false,
    system: splitTopK({ ratio: CODED_SHARE }),
  },
  {
    name: 'qu',
    description: 'QU: uniform quantisation, 2 bits an element',
    standard: false,
    packedBits: 2,
    system: splitQuantized({ bits: 2 }),
  },
  {
    name: 'qu-3',
    description: 'QU of 3 bits an element',
    standard: false,
    packedBits: 3,
    system: splitQuantized({ bits: 3 }),
  },
  {
    name: 'qu-4',
    description: 'QU of 4 bits an element, about as many bytes as MS where both are coded',
    standard: false,
    packedBits: 4,
    system: splitQuantized({ bits: 4 }),
  },
  {
    name: 'rt',
    description: 'RT: randomised top-k, alpha 0.1, about as many bytes as MS with packed symbols',
    standard: false,
    system: splitRandomized({ ratio: EQUAL_SHARE, alpha: 0.1, seed: 7 }),
  },
  {
    name: 'rt-coded',
    description: 'RT: randomised top-k, alpha 0.1, about as many bytes as MS with coded symbols',
    standard: false,
    system: splitRandomized({ ratio: CODED_SHARE, alpha: 0.1, seed: 7 }),
  },
];
