/** Symbols of several distributions, for tests of their coding. */
import { codedOf } from '../reference/coded-symbols.ts';
import { Words } from '../reference/packet-words.ts';
import { unpack } from '../reference/pack.ts';
import { words } from './inputs.ts';

/** How symbols are drawn: the number of them, and the share of each, which need not sum up to 1. */
export interface Distribution {
  readonly name: string;
  readonly width: number;
  readonly shares: readonly number[];
}

const of = (name: string, width: number, shareOf: (symbol: number) => number): Distribution => ({
  name,
  width,
  shares: Array.from({ length: 2 ** width }, (_, symbol) => shareOf(symbol)),
});

/** A bell around the middle symbol. */
const bell = (width: number, deviation: number): Distribution =>
  of(`bell of ${deviation}`, width, (s) => Math.exp(-(((s - 2 ** (width - 1)) / deviation) ** 2) / 2));

/** The uncodable, the nearly constant, and what lies between them. */
export const DISTRIBUTIONS: readonly Distribution[] = [
  of('uniform', 8, () => 1),
  of('uniform', 1, () => 1),
  of('a coin of a tenth', 1, (s) => [0.9, 0.1][s]),
  of('masks of features', 2, (s) => [0.66, 0.22, 0.11, 0.01][s]),
  of('all symbols of four bits, falling', 4, (s) => 0.6 ** s),
  bell(8, 30),
  bell(8, 2),
  bell(11, 1.2),
  bell(12, 300),
  bell(12, 600),
  of('heavy tails', 8, (s) => 1 / (1 + Math.abs(s - 128) ** 3)),
  of('features', 8, (s) => (s === 0 ? 128 : Math.exp(-((s / 60) ** 2) / 2))),
  of('one in a thousand', 4, (s) => (s === 7 ? 1000 : s === 8 || s === 6 ? 0.5 : 0)),
  of('few of many', 12, (s) => (s === 5 ? 50 : s % 512 === 0 ? 1 : 0)),
  of('an outlier', 12, (s) => (s === 0 ? 2 ** 18 : s === 4095 ? 1 : 0)),
];

/** n symbols of a distribution. */
export function drawn({ shares }: Distribution, n: number, seed: number): Uint32Array {
  const next = words(seed);
  const ends: number[] = [];
  let sum = 0;
  for (const share of shares) ends.push((sum += share));
  return Uint32Array.from({ length: n }, () => {
    const at = (next() / 2 ** 32) * sum;
    let [low, high] = [0, ends.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}

/** The entropy of all symbols together, by how often each occurs, in bytes. */
export function entropyOf(symbols: Uint32Array): number {
  const counts = new Map<number, number>();
  for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  const n = symbols.length;
  return [...counts.values()].reduce((bits, count) => bits + count * Math.log2(n / count), 0) / 8;
}

/**
 * The symbols of a section, packed or coded, of a packet whose parameters are `count` and that of coded symbols, read
 * as the documentation says.
 */
export function symbolsIn(
  { n, parameters }: { readonly n: number; readonly parameters: Uint32Array },
  count: number,
  section: Uint32Array,
  width: number,
): number[] {
  return parameters.length > count ? codedOf(new Words([...section]), n, width) : unpack(section, n, width);
}
