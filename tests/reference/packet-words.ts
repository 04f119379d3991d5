/** What the decoder written from docs/packet.md reads words by: whatever lies beyond an end is refused. */

/** The packet is not one of version 1. */
export class Refused extends Error {}

export function need(holds: boolean, what: string): void {
  if (!holds) throw new Refused(what);
}

/** Words that are read one by one, none beyond the last. */
export class Words {
  readonly words: readonly number[];
  constructor(words: readonly number[]) {
    this.words = words;
  }
  at(i: number): number {
    need(i >= 0 && i < this.words.length, `word ${i} of ${this.words.length}`);
    return this.words[i];
  }
  bit(i: number): number {
    return (this.at(Math.floor(i / 32)) >>> (i % 32)) & 1;
  }
  /** `count` bits from bit `first` on, the lowest first. */
  number(first: number, count: number): number {
    let value = 0;
    for (let j = 0; j < count; j++) value += this.bit(first + j) * 2 ** j;
    return value;
  }
  half(i: number): number {
    return this.number(16 * i, 16);
  }
  zerosFrom(bit: number, what: string): void {
    for (let i = bit; i < 32 * this.words.length; i++) need(this.bit(i) === 0, `${what}: bit ${i} is set`);
  }
}

/** Words that so many bits take. */
export const words = (bits: number): number => Math.ceil(bits / 32);

/** CRC-32C, a bit at a time. */
export function crc(bytes: Uint8Array): number {
  let register = 0xffffffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ (register & 1 ? 0x82f63b78 : 0);
  }
  return ~register >>> 0;
}
