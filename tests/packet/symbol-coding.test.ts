import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { codeSymbols } from '../../ts/backends/js/entropy.ts';
import { PacketError } from '../../ts/errors.ts';
import { MOST_SYMBOLS, WIDEST_SYMBOL } from '../../ts/kernels/entropy.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { decodeSymbols, MOST, WIDEST } from '../../ts/packet/symbol-coding.ts';
import { codedOf } from '../reference/coded-symbols.ts';
import { Words } from '../reference/packet-words.ts';
import { pack } from '../reference/pack.ts';
import { whole } from '../support/inputs.ts';
import { DISTRIBUTIONS, drawn, entropyOf } from '../support/symbols.ts';
import { suite } from '../support/suite.ts';

const test = suite('symbol coding');

/** The section of coded symbols; undefined where they stay packed. */
function coded(symbols: Uint32Array, width: number): Uint32Array | undefined {
  const n = symbols.length;
  const memory = (words: Uint32Array): { words: Uint32Array; floats: Float32Array } => ({
    words,
    floats: new Float32Array(words.buffer),
  });
  const [packed, out, size] = [
    pack([...symbols], width),
    new Uint32Array(packedWords(n, width)),
    new Uint32Array(1),
  ];
  codeSymbols({ packed: memory(packed), coded: memory(out), size: memory(size) }, { n, width });
  if (size[0] > 0) return out.slice(0, size[0]);
  assert.equal(out, packed);
  return undefined;
}

/** Words that are no section of n symbols, and what is wrong with them. */
const refused = (words: readonly number[], n: number, width: number, why: string): void =>
  assert.throws(
    () => decodeSymbols(Uint32Array.from(words), n, width, 100),
    (error: unknown) => error instanceof PacketError && error.message.includes(why),
    why,
  );

test('kernels and packets agree on what may be coded', () => {
  assert.is(MOST, MOST_SYMBOLS);
  assert.is(WIDEST, WIDEST_SYMBOL);
});

test('what is coded comes back, here and by the decoder written from the documentation', () => {
  for (const distribution of DISTRIBUTIONS)
    for (const n of [1, 2, 31, 100, 1000, 4096, 4097, 9001, 20_000]) {
      const { name, width } = distribution;
      const symbols = drawn(distribution, n, n);
      const section = coded(symbols, width);
      if (section === undefined) continue;
      const label = `${n} of ${name}`;
      assert.equal(decodeSymbols(section, n, width, 0), pack([...symbols], width), label);
      if (n < 10_000) assert.equal(codedOf(new Words([...section]), n, width), [...symbols], label);
    }
});

test('within 2 % of the entropy and 300 bytes from n = 2^16 on', () => {
  for (const n of whole ? [2 ** 16, 2 ** 18 + 7, 2 ** 20] : [2 ** 16, 2 ** 17 + 7])
    for (const distribution of DISTRIBUTIONS) {
      const { name, width } = distribution;
      const symbols = drawn(distribution, n, 5);
      const least = entropyOf(symbols);
      const bytes = 4 * (coded(symbols, width)?.length ?? packedWords(n, width));
      assert.ok(bytes <= least * 1.02 + 300, `${n} of ${name}: ${bytes} bytes, the entropy is ${least | 0}`);
    }
});

test('blocks differ from each other, and one symbol alone has none', () => {
  const n = 40_000;
  const symbols = Uint32Array.from({ length: n }, (_, i) => (i < 20_000 ? 3 : (i * 2_654_435_761) >>> 28));
  const section = coded(symbols, 4)!;
  assert.equal(decodeSymbols(section, n, 4, 0), pack([...symbols], 4));
  const alone = coded(new Uint32Array(n).fill(9), 4)!;
  assert.is(alone.length, 2);
  assert.equal(decodeSymbols(alone, n, 4, 0), pack(new Array<number>(n).fill(9), 4));
});

test('few symbols gain too', () => {
  const masks = DISTRIBUTIONS.find(({ name }) => name === 'masks of features')!;
  for (const n of [300, 1000, 3000]) {
    const section = coded(drawn(masks, n, 2), 2);
    assert.ok(section !== undefined && section.length < packedWords(n, 2) - 2, `${n}`);
  }
});

test('any symbols come back, and never as more words', () => {
  const any = fc.record({
    width: fc.integer({ min: 1, max: 12 }),
    seed: fc.nat(),
    n: fc.integer({ min: 1, max: 3000 }),
    tilt: fc.double({ min: 0.001, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(any, ({ width, seed, n, tilt }) => {
      const shares = Array.from({ length: 2 ** width }, (_, s) => tilt ** (s % 50));
      const symbols = drawn({ name: '', width, shares }, n, seed);
      const section = coded(symbols, width);
      if (section === undefined) return;
      assert.ok(section.length <= packedWords(n, width) - 2);
      assert.equal(decodeSymbols(section, n, width, 0), pack([...symbols], width));
    }),
    { numRuns: 300, seed: 1 },
  );
});

test('what is not as it should be is refused by name', () => {
  const masks = DISTRIBUTIONS.find(({ name }) => name === 'masks of features')!;
  const n = 70_000;
  const section = [...coded(drawn(masks, n, 2), 2)!];
  const changed = (word: number, value: number): number[] => section.with(word, value >>> 0);
  // p = 12, l = 5, j = 16 or 17, u = 4
  const header = section[0];
  refused(changed(0, header ^ 1), n, 2, 'slots in all');
  refused(changed(0, (header & ~31) | 17), n, 2, 'a precision of 17');
  refused(changed(0, (header & ~(7 << 5)) | (6 << 5)), n, 2, '2^6 lanes');
  refused(changed(0, (header & ~(31 << 8)) | (4 << 8)), n, 2, 'blocks of 2^4');
  refused(changed(0, (header & ~(31 << 8)) | (27 << 8)), n, 2, 'blocks of 2^27');
  refused(changed(0, header | (4 << 13)), n, 2, 'symbols of 2 bits');
  refused(section, 3, 2, 'but n is 3');
  refused(section.slice(0, 1), n, 2, 'the table passes the end');
  refused(section.slice(0, -1), n, 2, 'a block ends before its last symbol');
  refused([...section, 0], n, 2, 'halves behind the last symbol');
  refused([...section, 1], n, 2, 'halves behind the last symbol');
  refused(section, n + 1, 2, 'coded symbols: ');
  refused(section, n - 1, 2, 'ends in the state');
  refused(
    changed(0, (header & ~(31 << 8)) | (5 << 8)),
    2 ** 26,
    2,
    'the lengths of 2097152 blocks pass the end',
  );
  const alone = [...coded(new Uint32Array(n).fill(1), 2)!];
  refused([...alone, 0], n, 2, 'behind the table of one symbol');
  refused(alone.with(0, alone[0] | 32), n, 2, 'one symbol alone');
  refused(alone.with(0, alone[0] | (1 << 27)), n, 1, 'the symbol 2, of 1 bits');
  const [table, lengths] = [3, Math.ceil(n / 2 ** ((header >>> 8) & 31)) - 1];
  const state = table + lengths;
  refused(changed(state + 3, 65_535), n, 2, 'lane 3 has the state 65535');
  refused(changed(state + 3, section[state + 3] ^ (2 ** 12)), n, 2, 'coded symbols: ');
});

test.run();
