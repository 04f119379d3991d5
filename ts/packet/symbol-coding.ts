/**
 * Coded symbols (docs/packet.md): a section of few-bit symbols by their entropy, read back on the host. Interleaved
 * rANS (J. Duda, arXiv 0902.0271; F. Giesen, arXiv 1402.3392) in blocks that do not wait for each other.
 *
 *   table    which symbols occur, and how many of 2^precision slots each has
 *   lengths  the words of each block but the last
 *   blocks   the states of the lanes, a word each, then the halves that they take, in the order of decoding
 *
 * Symbol i of a block belongs to lane i modulo their number. A state x is 2^16 or more: x modulo 2^precision is a slot,
 * its owner the symbol s, and x becomes share_s floor(x / 2^precision) + slot - start_s; where that is less than 2^16
 * it takes the next half below it. Every state ends at 2^16, where the encoder (ts/kernels/entropy.ts), which goes
 * backwards, began. One symbol alone has a table and no blocks.
 */
import { PacketError } from '../errors.ts';

/** The widest symbols that are coded, in bits, and the most of them. */
export const WIDEST = 12;
export const MOST: number = 2 ** 26;

/** The largest powers of two that the header may say, and the least of a block. */
const PRECISION = 16;
const LANES = 5;
const BLOCK = { least: 5, most: 26 };

/** Where states begin, and end. */
const START = 2 ** 16;

/** Bits of the largest numbers of the table, behind their first: of symbols, and of a step between powers. */
const NUMBER_BITS = 12;
const STEP_BITS = 5;

/** How symbols are coded. */
export interface SymbolTable {
  /** Powers of two: the slots, the lanes of a block, the symbols of a block. */
  readonly precision: number;
  readonly lanes: number;
  readonly block: number;
  /** The symbols that occur, ascending. */
  readonly symbols: Uint32Array;
  /** The slots of each symbol, by symbol, and the first of them; 0 of one that does not occur. */
  readonly shares: Uint32Array;
  readonly starts: Uint32Array;
  /** Words that the table has in the section. */
  readonly words: number;
}

/** What codes symbols faster than this file, to the same words (`Coder` of ts/backends/backend.ts). */
export interface SymbolDecoder {
  /** The packed words; undefined where something is wrong with the blocks. */
  decode(coded: Uint32Array, table: SymbolTable, n: number, width: number): Uint32Array | undefined;
}

/**
 * The packed words of n symbols of `width` bits, isCodable, from a section of coded ones, which starts at byte
 * `offset` of its packet.
 * @throws PacketError where the section is not one of so many symbols
 */
export function decodeSymbols(
  coded: Uint32Array,
  n: number,
  width: number,
  offset: number,
  decoder?: SymbolDecoder,
): Uint32Array {
  const table = readTable(coded, n, width, offset);
  const ends = endsOf(coded, table, n, offset);
  const fast = ends.length > 0 ? decoder?.decode(coded, table, n, width) : undefined;
  if (fast !== undefined) return fast;
  const packed = new Uint32Array(Math.ceil((n * width) / 32));
  const put = putter(packed, width);
  if (table.symbols.length === 1) for (let i = 0; i < n; i++) put(table.symbols[0]);
  const slots = slotsOf(table);
  ends.forEach((end, j) => {
    const first = j === 0 ? table.words + ends.length - 1 : ends[j - 1];
    const count = Math.min(2 ** table.block, n - j * 2 ** table.block);
    decodeBlock(coded.subarray(first, end), count, { table, slots, offset: offset + first * 4 }, put);
  });
  return packed;
}

/** The word behind each block. @throws PacketError where they are not those of n symbols */
function endsOf(
  coded: Uint32Array,
  { block, lanes, symbols, words }: SymbolTable,
  n: number,
  offset: number,
): number[] {
  const refuse = (what: string, word: number): never => {
    throw new PacketError(`coded symbols: ${what}`, offset + word * 4);
  };
  if (symbols.length === 1) {
    if (coded.length !== words) refuse('words behind the table of one symbol', words);
    return [];
  }
  const blocks = Math.ceil(n / 2 ** block);
  let end = words + blocks - 1;
  if (end > coded.length) refuse(`the lengths of ${blocks} blocks pass the end`, words);
  const ends: number[] = [];
  for (let j = 0; j < blocks; j++) {
    const length = j < blocks - 1 ? coded[words + j] : coded.length - end;
    if (length < 2 ** lanes) refuse(`block ${j} has ${length} words, but 2^${lanes} lanes`, words + j);
    end += length;
    if (end > coded.length) refuse(`block ${j} passes the end`, words + j);
    ends.push(end);
  }
  return ends;
}

/** The symbol of each slot. */
function slotsOf({ precision, symbols, shares, starts }: SymbolTable): Uint16Array {
  const slots = new Uint16Array(2 ** precision);
  for (const symbol of symbols) slots.fill(symbol, starts[symbol], starts[symbol] + shares[symbol]);
  return slots;
}

/** Puts codes of `width` bits one behind the other into words that are zero. */
function putter(packed: Uint32Array, width: number): (code: number) => void {
  let word = 0;
  let bit = 0;
  return (code) => {
    packed[word] |= code << bit;
    bit += width;
    if (bit < 32) return;
    bit -= 32;
    word++;
    if (bit > 0) packed[word] = code >>> (width - bit);
  };
}

/** Decodes one block of `count` symbols, which starts at byte `offset`. */
function decodeBlock(
  block: Uint32Array,
  count: number,
  {
    table,
    slots,
    offset,
  }: { readonly table: SymbolTable; readonly slots: Uint16Array; readonly offset: number },
  put: (symbol: number) => void,
): void {
  const { precision, shares, starts } = table;
  const lanes = 2 ** table.lanes;
  const states = block.slice(0, lanes);
  const refuse = (what: string, word: number): never => {
    throw new PacketError(`coded symbols: ${what}`, offset + word * 4);
  };
  states.forEach((state, lane) => {
    if (state < START) refuse(`lane ${lane} has the state ${state}, expected at least ${START}`, lane);
  });
  const end = 2 * block.length;
  let at = 2 * lanes;
  for (let i = 0; i < count; i++) {
    const lane = i & (lanes - 1);
    const state = states[lane];
    const slot = state & (slots.length - 1);
    const symbol = slots[slot];
    let next = Math.imul(shares[symbol], state >>> precision) + slot - starts[symbol];
    if (next >>> 16 === 0) {
      if (at === end) refuse('a block ends before its last symbol', block.length);
      next = (next << 16) | ((block[at >>> 1] >>> ((at & 1) * 16)) & 0xffff);
      at++;
    }
    states[lane] = next;
    put(symbol);
  }
  states.forEach((state, lane) => {
    if (state !== START) refuse(`lane ${lane} ends in the state ${state}, expected ${START}`, lane);
  });
  if (end - at > 1) refuse(`${end - at} halves behind the last symbol of a block`, at >>> 1);
  if (end - at === 1 && block[block.length - 1] >>> 16 !== 0) refuse('an unused half is set', at >>> 1);
}

/**
 * The table of a section, in its first words.
 * @throws PacketError where it is not one of n symbols of `width` bits; `coded` starts at byte `offset`
 */
function readTable(coded: Uint32Array, n: number, width: number, offset: number): SymbolTable {
  let at = 0;
  const refuse = (what: string): never => {
    throw new PacketError(`coded symbols: ${what}`, offset + (at >>> 5) * 4);
  };
  const get = (bits: number): number => {
    let value = 0;
    if (at + bits > coded.length * 32) refuse('the table passes the end');
    for (let i = 0; i < bits; i++, at++) value += ((coded[at >>> 5] >>> (at & 31)) & 1) * 2 ** i;
    return value;
  };
  const getGamma = (most: number): number => {
    let bits = 0;
    while (get(1) === 0) if (++bits > most) refuse(`a number of more than ${most + 1} bits in the table`);
    return 2 ** bits + get(bits);
  };
  const precision = get(5);
  const lanes = get(3);
  const block = get(5);
  const used = get(12) + 1;
  if (used > 2 ** width) refuse(`${used} symbols of ${width} bits`);
  if (used > n) refuse(`${used} symbols, but n is ${n}`);
  if (precision > PRECISION) refuse(`a precision of ${precision}, expected 0..${PRECISION}`);
  if (lanes > LANES) refuse(`2^${lanes} lanes, expected at most 2^${LANES}`);
  if (block < BLOCK.least || block > BLOCK.most)
    refuse(`blocks of 2^${block}, expected 2^${BLOCK.least} to 2^${BLOCK.most}`);
  if (used === 1 && (precision !== 0 || lanes !== 0 || block !== BLOCK.least))
    refuse('one symbol alone, but a precision, lanes or blocks');
  const [shares, starts] = [new Uint32Array(2 ** width), new Uint32Array(2 ** width)];
  const symbols = new Uint32Array(used);
  let [end, rest, before, sum] = [0, 0, 0, 0];
  for (let i = 0; i < used; i++) {
    if (rest === 0) {
      // a run: the symbols between it and the last one, and how many follow each other
      end += getGamma(NUMBER_BITS) - (i === 0 ? 1 : 0);
      rest = getGamma(NUMBER_BITS);
      if (rest > used - i) refuse(`a run of ${rest} symbols, but ${used - i} are left`);
    }
    const symbol = end++;
    rest--;
    if (symbol >= 2 ** width) refuse(`the symbol ${symbol}, of ${width} bits`);
    const zigzagged = getGamma(STEP_BITS) - 1;
    const whole = before + (zigzagged % 2 === 1 ? -(zigzagged + 1) / 2 : zigzagged / 2);
    if (whole < 0 || whole > precision) refuse(`a share of 2^${whole} of 2^${precision} slots`);
    shares[symbol] = 2 ** whole + get(whole);
    starts[symbol] = sum;
    symbols[i] = symbol;
    sum += shares[symbol];
    before = whole;
  }
  if (sum !== 2 ** precision) refuse(`shares of ${sum} slots in all, expected ${2 ** precision}`);
  if ((at & 31) !== 0 && get(32 - (at & 31)) !== 0) refuse('a bit that fills up the table is set');
  return { precision, lanes, block, symbols, shares, starts, words: at >>> 5 };
}
