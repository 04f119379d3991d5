/** Coded symbols, read as docs/packet.md says, bit by bit. */
import { need, words, Words } from './packet-words.ts';

/** Symbols by their entropy. */
export function codedOf(section: Words, n: number, width: number): number[] {
  need(width <= 12 && n >= 1 && n <= 2 ** 26, 'symbols that are not coded');
  let at = 0;
  const get = (bits: number): number => section.number((at += bits) - bits, bits);
  const gamma = (most: number): number => {
    let m = 0;
    while (get(1) === 0) m++;
    const v = 2 ** m + get(m);
    need(v <= most, 'a number of the table');
    return v;
  };
  const [p, l, j, used] = [get(5), get(3), get(5), get(12) + 1];
  need(p <= 16 && l <= 5 && j >= 5 && j <= 26 && used <= n && used <= 2 ** width, 'the header');
  const owners: { symbol: number; share: number; start: number }[] = [];
  let [symbol, run, e, start] = [-1, 0, 0, 0];
  for (let i = 0; i < used; i++, run--) {
    if (run === 0) {
      symbol += gamma(2 ** 12) - (i === 0 ? 1 : 0);
      run = gamma(2 ** 12);
      need(run <= used - i, 'a run');
    }
    symbol++;
    const z = gamma(33) - 1;
    e += z % 2 === 0 ? z / 2 : -(z + 1) / 2;
    need(symbol < 2 ** width && e >= 0 && e <= p, 'a symbol of the table');
    const share = 2 ** e + get(e);
    owners.push({ symbol, share, start });
    start += share;
  }
  need(start === 2 ** p, 'the sum of the shares');
  const table = words(at);
  for (; at < 32 * table; at++) need(section.bit(at) === 0, 'bits that fill up the table');
  if (used === 1) {
    need(p === 0 && l === 0 && j === 5 && section.words.length === table, 'one symbol alone');
    return new Array<number>(n).fill(symbol);
  }
  const slots = owners.flatMap((owner) => new Array<typeof owner>(owner.share).fill(owner));
  const blocks = Math.ceil(n / 2 ** j);
  const symbols: number[] = [];
  let first = table + blocks - 1;
  for (let b = 0; b < blocks; b++) {
    const length = b < blocks - 1 ? section.at(table + b) : section.words.length - first;
    need(length >= 2 ** l && first + length <= section.words.length, 'the length of a block');
    const own = new Words(section.words.slice(first, first + length));
    const states = Array.from({ length: 2 ** l }, (_, lane) => own.at(lane));
    need(
      states.every((x) => x >= 2 ** 16),
      'a state',
    );
    let half = 2 * 2 ** l;
    for (let i = 0; i < Math.min(2 ** j, n - b * 2 ** j); i++) {
      const x = states[i % 2 ** l];
      const owner = slots[x % 2 ** p];
      let next = owner.share * Math.floor(x / 2 ** p) + (x % 2 ** p) - owner.start;
      if (next < 2 ** 16) next = next * 2 ** 16 + own.half(half++);
      states[i % 2 ** l] = next;
      symbols.push(owner.symbol);
    }
    need(
      states.every((x) => x === 2 ** 16),
      'a last state',
    );
    need(2 * length - half < 2, 'the halves of a block');
    own.zerosFrom(16 * half, 'a block');
    first += length;
  }
  return symbols;
}
