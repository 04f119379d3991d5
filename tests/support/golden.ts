/** Golden packets (tests/vectors): what an entry of index.json says of one. ts/verify/golden.ts has how they are made. */
import type { GoldenInput } from '../../ts/verify/golden.ts';

export { allKept, makeGolden, type ListOptions } from '../../ts/verify/golden.ts';

/** One golden packet: how it was made, what `inspect` says of it, and its CRC. */
export interface Golden extends GoldenInput {
  readonly name: string;
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly bytes: number;
  /** The last word of the packet, in hexadecimal. */
  readonly crc: string;
}
