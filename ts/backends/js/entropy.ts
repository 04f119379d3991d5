/** Coding of symbols in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import * as rules from '../../kernels/entropy.ts';
import { packedWords } from '../../kernels/pack.ts';
import type { Memory } from './memory.ts';
import { get } from './pack.ts';

/** How symbols are coded: three powers of two, and of each symbol its slots and the first of them. */
interface Table {
  readonly precision: number;
  readonly lanes: number;
  readonly block: number;
  /** The symbols that occur, ascending. */
  readonly used: readonly number[];
  readonly shares: Uint32Array;
  readonly starts: Uint32Array;
}

export const codeSymbols: Implementations<Memory>['codeSymbols'] = (
  { packed, coded, size },
  { n, width },
) => {
  const words = packedWords(n, width);
  const section = sectionOf(packed.words, n, width, words - 2);
  size.words[0] = section?.length ?? 0;
  coded.words.fill(0, 0, words);
  coded.words.set(section ?? packed.words.subarray(0, words));
};

/** The section of n symbols, unless it has more than `most` words. */
function sectionOf(packed: Uint32Array, n: number, width: number, most: number): Uint32Array | undefined {
  const symbols = Uint16Array.from({ length: n }, (_, i) => get(packed, i, width));
  const counts = new Uint32Array(2 ** width);
  for (const symbol of symbols) counts[symbol]++;
  const table = tableFor(counts, n);
  const blocks: Uint32Array[] = [];
  const length = table.used.length === 1 ? Infinity : 2 ** table.block;
  for (let first = 0; first < n && length < Infinity; first += length)
    blocks.push(blockOf(symbols.subarray(first, first + length), table));
  const lengths = Uint32Array.from(blocks.slice(0, -1), (block) => block.length);
  const parts = [headOf(table), lengths, ...blocks];
  const words = parts.reduce((sum, part) => sum + part.length, 0);
  if (words > most) return undefined;
  const section = new Uint32Array(words);
  let at = 0;
  for (const part of parts) {
    section.set(part, at);
    at += part.length;
  }
  return section;
}

const bitsIn = (v: number): number => 32 - Math.clz32(v);

function tableFor(counts: Uint32Array, n: number): Table {
  const used = [...counts.keys()].filter((symbol) => counts[symbol] > 0);
  const [shares, starts] = [new Uint32Array(counts.length), new Uint32Array(counts.length)];
  if (used.length === 1) {
    shares[used[0]] = 1;
    return { precision: 0, lanes: 0, block: rules.SHORTEST_BLOCK, used, shares, starts };
  }
  const u = used.length;
  const most = used.reduce((largest, symbol) => Math.max(largest, counts[symbol]), 0);
  const fine = Math.max(rules.SPARE + bitsIn(u) + bitsIn(n) - bitsIn(n - most), rules.LEAST_PRECISION);
  const precision = Math.min(fine, rules.MOST_PRECISION, Math.max(bitsIn(n) - rules.COARSE, bitsIn(u) + 1));
  // each has a slot, and of the others what its count is worth beyond one
  const weightOf = (symbol: number): number => Math.max(0, counts[symbol] - (n >>> precision));
  const weight = used.reduce((sum, symbol) => sum + weightOf(symbol), 0);
  const k = Math.max(0, bitsIn(weight) - 16);
  const startOf = (rank: number, below: number): number =>
    rank + Math.floor(((below >>> k) * (2 ** precision - u)) / (weight >>> k));
  let below = 0;
  let bits = 0;
  used.forEach((symbol, rank) => {
    const count = counts[symbol];
    starts[symbol] = startOf(rank, below);
    below += weightOf(symbol);
    shares[symbol] = startOf(rank + 1, below) - starts[symbol];
    bits += costOf(count, shares[symbol], precision, Math.max(0, bitsIn(n) - 16));
  });
  let block = rules.LEAST_BLOCK;
  while ((n - 1) >>> block >= Math.max(1, bits >>> rules.BLOCK_BITS)) block++;
  const lanes = bitsIn(Math.max(1, bits >>> rules.LANE_BITS, n >>> rules.LANE_SYMBOLS)) - 1;
  return { precision, lanes: Math.min(lanes, rules.MOST_LANES), block, used, shares, starts };
}

/** About the bits of `count` symbols of one share. */
function costOf(count: number, share: number, precision: number, k: number): number {
  // of most slots: -log2(1 - d) is about 1.5 d
  if (2 * share > 2 ** precision)
    return (((((count >>> k) * (2 ** precision - share)) >>> precision) * 3) >>> 1) * 2 ** k;
  // in sixteenths, between powers of two by a straight line
  const whole = bitsIn(share) - 1;
  const each = 16 * (precision - whole) - (((share - 2 ** whole) * 16) >>> whole);
  return (count >>> 8) * 16 * each + (((count & 255) * each) >>> 4);
}

/** The header and the table. */
function headOf({ precision, lanes, block, used, shares }: Table): Uint32Array {
  const bits: number[] = [];
  const put = (value: number, width: number): void => {
    for (let bit = 0; bit < width; bit++) bits.push((value >>> bit) & 1);
  };
  /** v >= 1: a zero for each bit behind its first, a one, those bits. */
  const putGamma = (v: number): void => {
    const rest = bitsIn(v) - 1;
    put(2 ** rest, rest + 1);
    put(v, rest);
  };
  put(precision, rules.PRECISION_FIELD);
  put(lanes, rules.LANES_FIELD);
  put(block, rules.BLOCK_FIELD);
  put(used.length - 1, rules.USED_FIELD);
  let end = 0;
  let before = 0;
  used.forEach((symbol, i) => {
    // the first of a run: those between it and the last run, and how many follow each other
    if (i === 0 || symbol > end) {
      putGamma(i === 0 ? symbol + 1 : symbol - end);
      end = symbol;
      while (used[i + end - symbol] === end) end++;
      putGamma(end - symbol);
    }
    const whole = bitsIn(shares[symbol]) - 1;
    putGamma((whole < before ? 2 * (before - whole) - 1 : 2 * (whole - before)) + 1);
    before = whole;
    put(shares[symbol], whole);
  });
  const words = new Uint32Array(Math.ceil(bits.length / 32));
  bits.forEach((bit, i) => (words[i >>> 5] |= bit << (i & 31)));
  return words;
}

/** A block: the states of its lanes, then the halves, the last one taken first. */
function blockOf(symbols: Uint16Array, { precision, lanes, shares, starts }: Table): Uint32Array {
  const count = 2 ** lanes;
  const states = new Uint32Array(count).fill(rules.START);
  const halves = new Uint16Array(symbols.length);
  let taken = 0;
  for (let i = symbols.length - 1; i >= 0; i--) {
    const symbol = symbols[i];
    const share = shares[symbol];
    let state = states[i % count];
    if (state >= share * 2 ** (32 - precision)) {
      halves[taken++] = state;
      state >>>= 16;
    }
    states[i % count] = Math.floor(state / share) * 2 ** precision + (state % share) + starts[symbol];
  }
  const block = new Uint32Array(count + Math.ceil(taken / 2));
  block.set(states);
  for (let i = 0; i < taken; i++) block[count + (i >>> 1)] |= halves[taken - 1 - i] << (16 * (i & 1));
  return block;
}
