/**
 * The rules of docs/packet.md one by one, each by a packet made by hand: what is sound decodes to these bits on every
 * backend and in Python, what is not is refused.
 */
import * as assert from 'uvu/assert';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { writePacket } from '../../ts/packet/packet.ts';
import { decodePacket, Refused } from '../reference/packet.ts';
import { eachBackend } from '../support/backends.ts';
import { decodeInPython } from '../support/python-decoder.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';

/** A packet by its parts, and the bits of its vector; 'refused' where it breaks the rule. */
type Rule = readonly [
  rule: string,
  packet: readonly [compressor: number, n: number, parameters: readonly number[], body: readonly number[]],
  expected: readonly number[] | 'refused',
];

const ONE = 0x3f800000;
const TWO = 0x40000000;
const MINUS = 0x80000000;
const INFINITE = 0x7f800000;
const NAN = 0x7fc00000;
const LAST = 0xffffffff;

const zeros = (n: number): number[] => new Array<number>(n).fill(0);
/** A vector of n elements with some that are not zero. */
const vector = (n: number, at: Readonly<Record<number, number>>): number[] =>
  Array.from({ length: n }, (_, i) => at[i] ?? 0);
/** The head of a block: r, and the bits of its unary part. */
const head = (r: number, bits: number): number => r | (bits << 5);

const RULES: readonly Rule[] = [
  // index lists: 12 is the list alone, its last parameter a tag
  ['a list of one, r = 0', [12, 4, [1, 0, 0, 2, 9], [head(0, 2), 0b10]], vector(4, { 1: ONE })],
  ['an empty list has coding 0', [12, 40, [0, 0, 0, 0, 9], []], zeros(40)],
  ['an empty list has coding 0, of no elements too', [12, 0, [0, 0, 0, 0, 9], []], []],
  ['a bitmap of no elements', [12, 40, [0, 1, 0, 0, 9], [0, 0]], 'refused'],
  ['a bitmap of no elements, n = 0', [12, 0, [0, 1, 0, 0, 9], []], 'refused'],
  ['threshold: an empty list', [3, 40, [0, 0, 0, 0, 0], []], zeros(40)],
  ['threshold: a bitmap of no elements', [3, 40, [0, 1, 0, 0, 0], [0, 0]], 'refused'],
  ['topK: an empty list of some elements', [1, 40, [0, 0, 0, 0, 0], []], 'refused'],
  ['topK: n = 0', [1, 0, [0, 0, 0, 0, 2], []], []],
  ['topK: n = 0 with coding 1', [1, 0, [0, 1, 0, 0, 2], []], 'refused'],
  ['a coding that is not known', [12, 40, [1, 2, 0, 1, 0], [head(0, 1), 1]], 'refused'],
  ['k above n', [12, 1, [2, 0, 0, 2, 0], [head(0, 2), 0b11]], 'refused'],
  ['a bitmap', [12, 33, [2, 1, 0, 0, 0], [1, 1]], vector(33, { 0: ONE, 32: ONE })],
  ['a bitmap with a one too many', [12, 33, [1, 1, 0, 0, 0], [1, 1]], 'refused'],
  ['a bitmap with a one too few', [12, 33, [3, 1, 0, 0, 0], [1, 1]], 'refused'],
  ['a bitmap with a one beyond n', [12, 33, [2, 1, 0, 0, 0], [1, 2]], 'refused'],
  ['lengths beside a bitmap: low', [12, 32, [1, 1, 1, 0, 0], [1]], 'refused'],
  ['lengths beside a bitmap: unary', [12, 32, [1, 1, 0, 1, 0], [1]], 'refused'],
  [
    'the last one at the end of its word',
    [12, 32, [1, 0, 0, 32, 0], [head(0, 32), MINUS]],
    vector(32, { 31: ONE }),
  ],
  ['the last one is missing at the end of its word', [12, 64, [1, 0, 0, 32, 0], [head(0, 32), 0]], 'refused'],
  ['the last one is missing, ones before it', [12, 64, [2, 0, 0, 32, 0], [head(0, 32), 1]], 'refused'],
  ['the last one is missing, r = 1', [12, 99, [2, 0, 1, 32, 0], [head(1, 32), 0b01, 1]], 'refused'],
  [
    'the last one is missing before values',
    [1, 64, [1, 0, 0, 32, 0], [head(0, 32), 0, LAST >>> 9]],
    'refused',
  ],
  ['a one too many', [12, 32, [1, 0, 0, 2, 0], [head(0, 2), 0b11]], 'refused'],
  ['a block whose bits are fewer than it says', [12, 32, [1, 0, 0, 3, 0], [head(0, 3), 0b010]], 'refused'],
  ['unary bits that no block has', [12, 32, [1, 0, 0, 3, 0], [head(0, 2), 0b010]], 'refused'],
  ['a block of more bits than unary has', [12, 32, [1, 0, 0, 1, 0], [head(0, 2), 0b010]], 'refused'],
  ['a bit that fills up unary', [12, 32, [1, 0, 0, 2, 0], [head(0, 2), 0b110]], 'refused'],
  ['an unused half of the heads', [12, 32, [1, 0, 0, 2, 0], [head(0, 2) | (1 << 16), 0b10]], 'refused'],
  ['low bits', [12, 32, [1, 0, 1, 1, 0], [head(3, 1), 0b101, 1]], vector(32, { 5: ONE })],
  ['a bit that fills up low', [12, 32, [1, 0, 1, 1, 0], [head(3, 1), 0b1101, 1]], 'refused'],
  ['words of low that no block has', [12, 32, [1, 0, 2, 1, 0], [head(3, 1), 0b101, 0, 1]], 'refused'],
  ['low that ends before its block', [12, 32, [1, 0, 0, 1, 0], [head(3, 1), 1]], 'refused'],
  ['r of 31', [12, 1, [1, 0, 1, 1, 0], [head(31, 1), 0, 1]], [ONE]],
  ['an index that is n', [12, 5, [1, 0, 1, 1, 0], [head(3, 1), 0b101, 1]], 'refused'],
  ['a gap beyond 2^32', [12, LAST >>> 22, [1, 0, 1, 8, 0], [head(31, 8), 5, 0x80]], 'refused'],
  // values
  ['-0 that is sent stays -0', [1, 2, [1, 0, 0, 1, 0], [head(0, 1), 1, MINUS]], [MINUS, 0]],
  ['a subnormal that is sent stays itself', [1, 2, [1, 0, 0, 1, 0], [head(0, 1), 1, 1]], [1, 0]],
  ['bfloat16: -0', [1, 2, [1, 0, 0, 1, 1], [head(0, 1), 1, 0x8000]], [MINUS, 0]],
  ['float16: -0 and the least', [1, 2, [2, 0, 0, 2, 2], [head(0, 2), 0b11, 0x00018000]], [MINUS, 0x33800000]],
  ['an unused half of the values', [1, 2, [1, 0, 0, 1, 2], [head(0, 1), 1, 0x10000]], 'refused'],
  ['a format that is not known', [1, 2, [1, 0, 0, 1, 5], [head(0, 1), 1, ONE]], 'refused'],
  // values of few bits, as one segment
  ['sign', [1, 2, [2, 0, 0, 2, 3], [head(0, 2), 0b11, 0x3f80, 0b10]], [ONE, 0xbf800000]],
  ['sign: a level of 0 has no sign', [3, 1, [1, 0, 0, 1, 3], [head(0, 1), 1, 0, 1]], [0]],
  ['sign: an unused half of the levels', [1, 1, [1, 0, 0, 1, 3], [head(0, 1), 1, ONE, 0]], 'refused'],
  ['sign: a bit beyond the codes', [1, 1, [1, 0, 0, 1, 3], [head(0, 1), 1, 0, 2]], 'refused'],
  ['sign: a negative level', [1, 1, [1, 0, 0, 1, 3], [head(0, 1), 1, 0x8000, 0]], 'refused'],
  ['sign: a level too few', [1, 1, [1, 0, 0, 1, 3], [head(0, 1), 1, 0]], 'refused'],
  ['sign: no element', [3, 5, [0, 0, 0, 0, 3], []], zeros(5)],
  ['sign: levels of no element', [3, 5, [0, 0, 0, 0, 3], [0]], 'refused'],
  ['levels', [6, 2, [2, 0, 0, 2, 4], [head(0, 2), 0b11, 0x40003f80, 0b1001]], [0xbf800000, TWO]],
  ['levels: low above high', [1, 1, [1, 0, 0, 1, 4], [head(0, 1), 1, 0x3f804000, 0]], 'refused'],
  ['levels: NaN', [1, 1, [1, 0, 0, 1, 4], [head(0, 1), 1, 0x7fc00000, 0]], 'refused'],
  ['levels: a bit beyond the codes', [1, 1, [1, 0, 0, 1, 4], [head(0, 1), 1, 0, 4]], 'refused'],
  ['levels: no element of an empty vector', [1, 0, [0, 0, 0, 0, 4], []], []],
  ['randomK: signs', [4, 1, [1, 1, 2, 3, 3], [0x3f80, 0]], 'refused'],
  ['float32: infinity', [1, 2, [1, 0, 0, 1, 0], [head(0, 1), 1, INFINITE]], 'refused'],
  ['bfloat16: NaN', [1, 2, [1, 0, 0, 1, 1], [head(0, 1), 1, 0xffc0]], 'refused'],
  ['float16: infinity', [1, 2, [1, 0, 0, 1, 2], [head(0, 1), 1, 0x7c00]], 'refused'],
  ['float32: the vector bit by bit', [5, 3, [], [MINUS, 1, 0xff7fffff]], [MINUS, 1, 0xff7fffff]],
  ['float32: NaN', [5, 1, [], [NAN]], 'refused'],
  ['float32: n = 0', [5, 0, [], []], []],
  ['randomK: -0 where all are drawn', [4, 2, [2, 1, 2, 3, 0], [MINUS, ONE]], [MINUS, ONE]],
  ['randomK: an unused half', [4, 1, [1, 1, 2, 3, 1], [0x10000]], 'refused'],
  ['randomK: no element of some', [4, 1, [0, 1, 2, 3, 0], []], 'refused'],
  ['randomizedTopK as topK', [6, 2, [1, 0, 0, 1, 0], [head(0, 1), 1, MINUS]], [MINUS, 0]],
  // scales and signs
  ['scaledSign: -0 of a scale of 0', [2, 2, [0], [0, 0b10]], [0, MINUS]],
  ['scaledSign: a subnormal scale', [2, 2, [0], [3, 0b10]], [3, 0x80000003]],
  ['scaledSign: a scale with its sign set', [2, 2, [0], [MINUS, 0]], 'refused'],
  ['scaledSign: an infinite scale', [2, 2, [0], [INFINITE, 0]], 'refused'],
  ['scaledSign: a bit beyond n', [2, 2, [0], [ONE, 0b100]], 'refused'],
  ['scaledSign: a block longer than n', [2, 2, [LAST], [ONE, 0b10]], [ONE, 0xbf800000]],
  ['scaledSign: a scale too few', [2, 3, [2], [ONE, 0]], 'refused'],
  ['ditheredSign', [10, 2, [TWO], [0b01]], [0xc0000000, TWO]],
  ['ditheredSign: lambda of NaN', [10, 2, [NAN], [0]], 'refused'],
  ['ditheredSign: lambda of -0', [10, 2, [MINUS], [0]], 'refused'],
  ['ditheredSign: a bit beyond n', [10, 2, [TWO], [0b100]], 'refused'],
  ['ditheredSign: n = 0, lambda in range', [10, 0, [TWO], []], []],
  ['ditheredSign: n = 0, lambda of NaN', [10, 0, [NAN], []], 'refused'],
  ['flattenedOneBit: a scale of 0 gives +0', [11, 2, [2, 1, 2, 3, 2], [0, 0b11]], [0, 0]],
  ['flattenedOneBit: a kind of scale that is not known', [11, 2, [2, 1, 2, 3, 3], [0, 0b11]], 'refused'],
  ['flattenedOneBit: a subnormal scale', [11, 2, [2, 1, 2, 3, 0], [0x7fffff, 0]], 'refused'],
  ['flattenedOneBit: a scale of -0', [11, 2, [2, 1, 2, 3, 0], [MINUS, 0]], 'refused'],
  ['flattenedOneBit: an infinite scale', [11, 2, [2, 1, 2, 3, 0], [INFINITE, 0]], 'refused'],
  ['flattenedOneBit: a bit beyond the padding', [11, 3, [4, 1, 2, 3, 0], [0, 0b10000]], 'refused'],
  ['flattenedOneBit: bits of the padding', [11, 3, [4, 1, 2, 3, 0], [0, 0b1000]], [0, 0, 0]],
  ['flattenedOneBit: no power of two', [11, 3, [3, 1, 2, 3, 0], [0, 0]], 'refused'],
  ['flattenedOneBit: an order of 2 n', [11, 2, [4, 1, 2, 3, 0], [0, 0]], 'refused'],
  ['flattenedOneBit: n = 0', [11, 0, [1, 1, 2, 3, 0], []], []],
  ['flattenedOneBit: n = 0 with another order', [11, 0, [2, 1, 2, 3, 0], []], 'refused'],
  // coded symbols: header 5 << 8 is p = 0, l = 0, j = 5, u = 1; then 0, 1, 0 for symbol 1, a run of 1, a share of 1
  ['quantized: one symbol alone', [8, 3, [2, 0, 0x40400000, 1], [0x34000500]], [ONE, ONE, ONE]],
  ['quantized: a word behind one symbol', [8, 3, [2, 0, 0x40400000, 2], [0x34000500, 0]], 'refused'],
  ['quantized: a bit behind the table', [8, 3, [2, 0, 0x40400000, 1], [0x74000500]], 'refused'],
  ['quantized: blocks of 2^4 of one symbol', [8, 3, [2, 0, 0x40400000, 1], [0x34000400]], 'refused'],
  ['quantized: slots of one symbol', [8, 3, [2, 0, 0x40400000, 1], [0x34000501]], 'refused'],
  ['quantized: a symbol of 1 of 1 bit', [8, 3, [1, 0, ONE, 1], [0x34000500]], [ONE, ONE, ONE]],
  ['quantized: symbol 2 of 1 bit', [8, 3, [1, 0, ONE, 1], [0x3c000500]], 'refused'],
  ['quantized: coded symbols of 13 bits', [8, 3, [13, 0, ONE, 1], [0x34000500]], 'refused'],
  ['quantized: no coded symbols', [8, 0, [2, 0, 0, 0], []], 'refused'],
  ['quantized: a section of another length', [8, 3, [2, 0, 0x40400000, 2], [0x34000500]], 'refused'],
  ['quantized: two parameters more', [8, 3, [2, 0, 0x40400000, 1, 0], [0x34000500]], 'refused'],
  ['qsgd: one symbol alone', [9, 2, [1, ONE, 0, 1], [0x34000500]], [0, 0]],
  ['qsgd: a code above 2 levels alone', [9, 2, [1, ONE, 0, 2], [0x10000500, 0x3]], 'refused'],
  ['maskEncoded: all are kept', [7, 2, [2, 1, 0, 1], [ONE, TWO, 0x34000500]], [ONE, TWO]],
  ['maskEncoded: fewer kept than symbols say', [7, 2, [1, 1, 0, 1], [ONE, 0x34000500]], 'refused'],
  ['flattenedLevels: a code', [14, 1, [1, 1, 2, 3, 2, 0, 0], [ONE, 0b01]], [0x42c20000]],
  ['flattenedLevels: a scale of 0 gives +0', [14, 2, [2, 1, 2, 3, 2, 1, 0], [0, 0b1001]], [0, 0]],
  ['flattenedLevels: a kind of scale that is not known', [14, 1, [1, 1, 2, 3, 2, 2, 0], [0, 0]], 'refused'],
  ['flattenedLevels: a coding that is not known', [14, 1, [1, 1, 2, 3, 2, 0, 2], [0, 0]], 'refused'],
  ['flattenedLevels: two codings', [14, 1, [1, 1, 2, 3, 2, 0, 2, 1], [0, 0x34000500]], 'refused'],
  ['flattenedLevels: one symbol', [14, 1, [1, 1, 2, 3, 2, 0, 1, 1], [ONE, 0x34000500]], [0x42c20000]],
  ['flattenedLevels: symbols of the padding', [14, 3, [4, 1, 2, 3, 4, 0, 1, 1], [0, 0x34000500]], [0, 0, 0]],
  [
    'flattenedLevels: symbols, said to be packed',
    [14, 1, [1, 1, 2, 3, 2, 0, 0, 1], [ONE, 0x34000500]],
    'refused',
  ],
  ['flattenedLevels: codes, said to be coded', [14, 1, [1, 1, 2, 3, 2, 0, 1], [ONE, 0b01]], 'refused'],
  ['flattenedLevels: no symbols', [14, 0, [1, 1, 2, 3, 3, 1, 1, 0], []], 'refused'],
  [
    'flattenedLevels: symbols behind the end',
    [14, 1, [1, 1, 2, 3, 2, 0, 1, 2], [ONE, 0x34000500]],
    'refused',
  ],
  ['flattenedLevels: codes of one bit', [14, 1, [1, 1, 2, 3, 1, 0, 0], [0, 0]], 'refused'],
  ['flattenedLevels: codes of 5 bits', [14, 1, [1, 1, 2, 3, 5, 0, 0], [0, 0]], 'refused'],
  ['flattenedLevels: a subnormal scale', [14, 1, [1, 1, 2, 3, 2, 0, 0], [0x7fffff, 0]], 'refused'],
  ['flattenedLevels: a scale of -0', [14, 1, [1, 1, 2, 3, 2, 0, 0], [MINUS, 0]], 'refused'],
  ['flattenedLevels: an infinite scale', [14, 1, [1, 1, 2, 3, 2, 0, 0], [INFINITE, 0]], 'refused'],
  ['flattenedLevels: a bit beyond the padding', [14, 1, [1, 1, 2, 3, 3, 0, 0], [0, 0b1000]], 'refused'],
  ['flattenedLevels: codes of the padding', [14, 3, [4, 1, 2, 3, 4, 0, 0], [0, 0xf000]], [0, 0, 0]],
  ['flattenedLevels: no power of two', [14, 3, [3, 1, 2, 3, 2, 0, 0], [0, 0]], 'refused'],
  ['flattenedLevels: an order of 2 n', [14, 2, [4, 1, 2, 3, 2, 0, 0], [0, 0]], 'refused'],
  ['flattenedLevels: n = 0', [14, 0, [1, 1, 2, 3, 3, 1, 0], []], []],
  ['flattenedLevels: n = 0 with another order', [14, 0, [2, 1, 2, 3, 3, 1, 0], []], 'refused'],
  // levels of blocks
  [
    'blockTopK: levels and signs',
    [13, 2, [1, 0, 0, 1, 64, 32, 2, 0], [head(0, 1), 1, 0x40003f80, 0b11]],
    [0xc0000000, 0],
  ],
  [
    'blockTopK: a level of 0 gives +0',
    [13, 2, [1, 0, 0, 1, 64, 32, 2, 0], [head(0, 1), 1, 0x3f800000, 1]],
    [0, 0],
  ],
  ['blockTopK: a subnormal level', [13, 1, [1, 0, 0, 1, 64, 1, 1, 0], [head(0, 1), 1, 1, 1]], [0x80010000]],
  [
    'blockTopK: one bit, an unused half',
    [13, 1, [1, 0, 0, 1, 64, 1, 1, 0], [head(0, 1), 1, 0x10001, 1]],
    'refused',
  ],
  ['blockTopK: values', [13, 1, [1, 0, 0, 1, 64, 1, 0, 0], [head(0, 1), 1, MINUS]], [MINUS]],
  ['blockTopK: a format beside bits', [13, 1, [1, 0, 0, 1, 64, 1, 1, 1], [head(0, 1), 1, 1, 1]], 'refused'],
  [
    'blockTopK: a low level above the high one',
    [13, 1, [1, 0, 0, 1, 64, 1, 2, 0], [head(0, 1), 1, 1, 0]],
    'refused',
  ],
  ['blockTopK: a negative level', [13, 1, [1, 0, 0, 1, 64, 1, 1, 0], [head(0, 1), 1, 0x8000, 0]], 'refused'],
  [
    'blockTopK: a negative high level',
    [13, 1, [1, 0, 0, 1, 64, 1, 2, 0], [head(0, 1), 1, MINUS, 0]],
    'refused',
  ],
  ['blockTopK: an infinite level', [13, 1, [1, 0, 0, 1, 64, 1, 1, 0], [head(0, 1), 1, 0x7f80, 0]], 'refused'],
  ['blockTopK: a bit beyond the codes', [13, 1, [1, 0, 0, 1, 64, 1, 2, 0], [head(0, 1), 1, 0, 4]], 'refused'],
  [
    'blockTopK: one of each block',
    [13, 65, [2, 1, 0, 0, 64, 1, 1, 0], [2, 0, 1, 0x40003f80, 0]],
    vector(65, { 1: ONE, 64: TWO }),
  ],
  ['blockTopK: two of one block', [13, 65, [2, 1, 0, 0, 64, 1, 1, 0], [6, 0, 0, 0x40003f80, 0]], 'refused'],
  [
    'blockTopK: fewer than its share',
    [13, 65, [1, 1, 0, 0, 64, 1, 1, 0], [2, 0, 0, 0x40003f80, 0]],
    'refused',
  ],
  ['blockTopK: a block of 96', [13, 1, [1, 0, 0, 1, 96, 1, 1, 0], [head(0, 1), 1, 1, 1]], 'refused'],
  ['blockTopK: k above its block', [13, 1, [1, 0, 0, 1, 64, 65, 1, 0], [head(0, 1), 1, 1, 1]], 'refused'],
  ['blockTopK: n = 0', [13, 0, [0, 0, 0, 0, 64, 1, 2, 0], []], []],
  // codes
  ['maskEncoded: -0 that is sent stays -0', [7, 2, [1, 1, 1], [MINUS, 0b10]], [0, MINUS]],
  ['maskEncoded: a symbol too many', [7, 2, [1, 1, 0], [ONE, 0b11]], 'refused'],
  ['maskEncoded: a symbol too few', [7, 2, [1, 1, 0], [ONE, 0]], 'refused'],
  ['maskEncoded: an infinite value', [7, 2, [1, 1, 0], [INFINITE, 0b10]], 'refused'],
  ['maskEncoded: a bit beyond the symbols', [7, 2, [1, 1, 0], [ONE, 0b110]], 'refused'],
  ['maskEncoded: symbols of 9 bits', [7, 1, [1, 9, 0], [ONE, 511]], 'refused'],
  ['maskEncoded: signed of 2', [7, 2, [1, 1, 2], [ONE, 0b10]], 'refused'],
  ['maskEncoded: n = 0', [7, 0, [0, 4, 0], []], []],
  ['quantized: the ends', [8, 2, [1, 0xbf800000, TWO], [0b10]], [0xbf800000, TWO]],
  ['quantized: an end of -0 decodes to +0', [8, 2, [1, MINUS, ONE], [0b10]], [0, ONE]],
  ['quantized: low above high', [8, 2, [1, TWO, ONE], [0]], 'refused'],
  ['quantized: an end of NaN', [8, 2, [1, ONE, NAN], [0]], 'refused'],
  ['quantized: an infinite end', [8, 2, [1, ONE, INFINITE], [0]], 'refused'],
  ['quantized: a bit beyond the codes', [8, 2, [1, 0, ONE], [0b100]], 'refused'],
  ['quantized: codes of 17 bits', [8, 1, [17, 0, ONE], [0]], 'refused'],
  ['quantized: n = 0', [8, 0, [3, 0, 0], []], []],
  ['quantized: n = 0, ends that no encoder writes', [8, 0, [3, ONE, TWO], []], []],
  ['quantized: n = 0, ends out of their order', [8, 0, [3, TWO, ONE], []], 'refused'],
  ['qsgd: a code above 2 levels', [9, 1, [1, ONE, 0], [0b11]], 'refused'],
  ['qsgd: the levels', [9, 3, [1, ONE, 0], [0b100100]], [0xbf800000, 0, ONE]],
  ['qsgd: a level that rounds to zero is +0', [9, 1, [2, 1, 12], [0]], [0]],
  ['qsgd: held to the finite float32', [9, 1, [1, 0x7f7fffff, LAST], [0b10]], [0x7f7fffff]],
  ['qsgd: no level', [9, 1, [0, ONE, 0], [0]], 'refused'],
  ['qsgd: a norm with its sign set', [9, 1, [1, MINUS, 0], [0]], 'refused'],
  ['qsgd: an exponent of 97', [9, 1, [1, ONE, 97], [0]], 'refused'],
  ['qsgd: an exponent of -127', [9, 1, [1, ONE, LAST - 126], [0]], 'refused'],
  // plans: a row is elements, compressor and words of parameters, words of sections
  ['plan: one part', [15, 2, [1], [2, 5, 2, MINUS, ONE]], [MINUS, ONE]],
  [
    'plan: parts with parameters, each from its own first element',
    [15, 4, [2], [1, 5, 1, 3, 0x10002, 2, TWO, 0, ONE, 0b101]],
    [TWO, 0xbf800000, ONE, 0xbf800000],
  ],
  [
    'plan: a part that is an index list',
    [15, 2, [1], [2, 0x5000c, 2, 1, 0, 0, 2, 9, 2 << 5, 0b10]],
    [0, ONE],
  ],
  ['plan: n = 0', [15, 0, [0], []], []],
  ['plan: n = 0 with a part', [15, 0, [1], [0, 5, 0]], 'refused'],
  ['plan: no part of some elements', [15, 2, [0], []], 'refused'],
  ['plan: a part without elements', [15, 1, [2], [1, 5, 1, 0, 5, 0, ONE]], 'refused'],
  ['plan: more parts than elements', [15, 1, [2], [1, 5, 1, 1, 5, 1, ONE, ONE]], 'refused'],
  ['plan: a part of more elements than are left', [15, 1, [1], [2, 5, 2, ONE, ONE]], 'refused'],
  ['plan: elements that no part has', [15, 2, [1], [1, 5, 1, ONE]], 'refused'],
  ['plan: a plan in a plan', [15, 1, [1], [1, 0x1000f, 4, 1, 1, 5, 1, ONE]], 'refused'],
  ['plan: a compressor that is not known', [15, 1, [1], [1, 200, 1, ONE]], 'refused'],
  ['plan: bits beside the compressor', [15, 1, [1], [1, 0x105, 1, ONE]], 'refused'],
  ['plan: a part that passes the end', [15, 1, [1], [1, 5, 2, ONE]], 'refused'],
  ['plan: a word that no part has', [15, 1, [1], [1, 5, 1, ONE, ONE]], 'refused'],
  ['plan: sections too short for their part', [15, 2, [1], [2, 5, 1, ONE]], 'refused'],
  ['plan: a value of a part that is not finite', [15, 2, [2], [1, 5, 1, 1, 5, 1, ONE, NAN]], 'refused'],
  ['plan: a parameter too many for its part', [15, 1, [1], [1, 0x10005, 1, 0, ONE]], 'refused'],
  ['plan: a table that passes the end', [15, 9, [9], [9, 5, 9]], 'refused'],
  ['plan: a parameter too many', [15, 1, [1, 1], [1, 5, 1, ONE]], 'refused'],
  // the frame
  ['a compressor that is not known', [200, 1, [], [0]], 'refused'],
  ['a compressor that is not known, the last number', [255, 1, [], [0]], 'refused'],
  ['a parameter too many', [5, 1, [0], [0]], 'refused'],
  ['a word too many', [5, 1, [], [0, 0]], 'refused'],
  ['a word too few', [5, 2, [], [0]], 'refused'],
];

const MOST = 1200;

const packetOf = ([, [id, n, parameters, body]]: Rule): Uint8Array =>
  writePacket({ id, n, parameters, sections: [Uint32Array.from(body)] });

/** Rules that a decoder does not keep, in words. */
function broken(found: readonly (Uint32Array | undefined)[]): string[] {
  return RULES.flatMap(([rule, , expected], i) => {
    const said = found[i] === undefined ? 'refused' : [...found[i]];
    return JSON.stringify(said) === JSON.stringify(expected) ? [] : [`${rule}: ${String(said)}`];
  });
}

eachBackend('the rules of packets', (test, open) => {
  test('each is kept', async () => {
    const device = new Device({ backend: 'js' }, { backend: await open(), reasons: {} });
    const found: (Uint32Array | undefined)[] = [];
    for (const rule of RULES)
      try {
        const y = await device.decompress(packetOf(rule), { maxElements: MOST });
        found.push(new Uint32Array(y.buffer, y.byteOffset, y.length));
      } catch (error) {
        if (!(error instanceof PacketError)) throw error;
        found.push(undefined);
      }
    assert.equal(broken(found), []);
  });
});

const test = suite('the rules of packets in Python, and by the reference');

test('each is kept in Python', async () => {
  const interpreter = await findPython();
  if (interpreter === undefined) return skip(NO_PYTHON);
  assert.equal(broken(await decodeInPython(interpreter, RULES.map(packetOf), MOST)), []);
});

test('each is kept by the reference', () => {
  const found = RULES.map((rule) => {
    try {
      return decodePacket(packetOf(rule), MOST);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return undefined;
    }
  });
  assert.equal(broken(found), []);
});

test.run();
