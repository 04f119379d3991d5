/**
 * Symbols of few bits by their entropy: interleaved rANS (J. Duda, arXiv 0902.0271; F. Giesen, arXiv 1402.3392) in
 * blocks, each with lanes of its own, so that a decoder need not wait for one block to read another
 * (docs/packet.md, "Coded symbols").
 *
 *   counts    c_s: how many symbols are s; u symbols occur, `most` is the largest count, bits(v) = those of v in binary
 *   slots     2^p of them: p = 0 where u = 1, else the least of 16, max(bits(n) - 4, bits(u) + 1) and
 *             max(12, 5 + bits(u) + bits(n) - bits(n - most))
 *   weights   w_s = max(0, c_s - (n >> p)), what a symbol is worth beyond one slot; W their sum
 *   starts    start_s = r + floor((C >> k) (2^p - u) / (W >> k)), k = max(0, bits(W) - 16), r and C the number and the
 *             weights of the used symbols below s; share_s up to the start of the next, 2^p behind the last
 *   bits      about what all symbols take together: the sum over the used symbols of
 *               ((((c >> m) (2^p - share)) >> p) 3 >> 1) << m    where 2 share > 2^p, m = max(0, bits(n) - 16)
 *               (c >> 8) 16 v + ((c & 255) v >> 4)               else, with e = floor(log2 share) and
 *                                                                v = 16 (p - e) - (((share - 2^e) 16) >> e)
 *   blocks    of 2^j symbols: the least j from 15 on with (n - 1) >> j below max(1, bits >> 17); 5 where u = 1
 *   lanes     2^l: l = min(5, bits(max(1, bits >> 10, n >> 12)) - 1); 0 where u = 1
 *
 * All numbers are below 2^32, shifts drop bits, and nothing is rounded: each backend finds the same.
 *
 * A block is coded backwards. The state x of each lane is 2^16 at first. Symbol i belongs to lane i modulo 2^l: where x
 * is share_s 2^(32 - p) or more, the half x & 0xffff is put in front of those of the block, and x >>= 16; then x
 * becomes floor(x / share_s) 2^p + x mod share_s + start_s.
 *
 * Here: what all backends give. How: ts/backends/js/entropy.ts, assembly/entropy.ts and wgsl/entropy.wgsl. The decoder
 * is the host's: ts/packet/symbol-coding.ts.
 */
import type { Kernel } from './kernel.ts';

/**
 * coded = the section of coded symbols and size[0] its words, where these are at most 2 fewer than those of `packed`;
 * else coded = packed, and size[0] = 0. The words behind the section are 0. `packed` holds n codes of `width` bits
 * (pack.ts); 1 <= n <= MOST_SYMBOLS, 1 <= width <= WIDEST_SYMBOL; coded has as many words as packed, size one.
 */
export const codeSymbolsKernel: Kernel<'packed' | 'coded' | 'size', 'n' | 'width'> = {
  name: 'codeSymbols',
  buffers: ['packed', 'coded', 'size'],
  params: ['n', 'width'],
};

/** The widest symbols that are coded, in bits: the counts of 4096 fill what a GPU has for a workgroup. */
export const WIDEST_SYMBOL = 12;

/** The most symbols that are coded: costs stay below 2^32, and every GPU can bind what they take as a whole. */
export const MOST_SYMBOLS: number = 2 ** 26;

/** Where the states of lanes begin. */
export const START: number = 2 ** 16;

/** Bits of slots: no fewer for few symbols, since their shares would be coarse, and no more than a half has. */
export const LEAST_PRECISION = 12;
export const MOST_PRECISION = 16;

/** A slot is worth so many symbols, as a power of two, or more: finer ones would cost more in the table. */
export const COARSE = 4;

/** Bits of slots for each symbol that occurs: the shares of rare ones, at least a slot, cost others 1 % at most. */
export const SPARE = 5;

/** Bits of a block, as a power of two: of 16 KiB the states of 32 lanes are 0.8 %. */
export const BLOCK_BITS = 17;

/** Symbols of a block, as a power of two: the least, so that the blocks of n symbols are n / 32768 at most. */
export const LEAST_BLOCK = 15;

/** The block of one symbol alone: no other says less. */
export const SHORTEST_BLOCK = 5;

/** Lanes of a block, as a power of two: a workgroup of a GPU has 32 threads or more. */
export const MOST_LANES = 5;

/** Bits and symbols of each lane, as powers of two, where they are too few for all lanes. */
export const LANE_BITS = 10;
export const LANE_SYMBOLS = 12;

/** Bits of the fields of the header, from the lowest on; the last has the used symbols but one. */
export const PRECISION_FIELD = 5;
export const LANES_FIELD = 3;
export const BLOCK_FIELD = 5;
export const USED_FIELD = 12;

/** Whether n symbols of `width` bits may be coded; others are packed. */
export function isCodable(n: number, width: number): boolean {
  return n >= 1 && n <= MOST_SYMBOLS && width <= WIDEST_SYMBOL;
}
