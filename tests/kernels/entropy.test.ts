import { codeSymbolsKernel } from '../../ts/kernels/entropy.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { pack } from '../reference/pack.ts';
import { eachBackend } from '../support/backends.ts';
import { LARGE, LARGEST, randomWords, some } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { DISTRIBUTIONS, drawn } from '../support/symbols.ts';

/** Around a row of lanes, around where there are more lanes, and where a block ends. */
const SIZES = [1, 2, 3, 31, 32, 33, 100, 255, 256, 1000, 1023, 1025, 4096, 9001, 32_767, 32_769];

function coding(symbols: Uint32Array, width: number, label: string): Case {
  const n = symbols.length;
  const words = packedWords(n, width);
  const packed = pack([...symbols], width);
  const outputs = { coded: words, size: 1 };
  return kernelCase(codeSymbolsKernel, `${n} of ${label}`, { packed }, outputs, { n, width });
}

eachBackend('entropy', (test, open) => {
  test('codeSymbols: the same words as js', async () => {
    const rows = DISTRIBUTIONS.flatMap((distribution, d) =>
      [...SIZES.filter((n, i) => n <= LARGE && (i + d) % 3 === 0), LARGE].map((n) => ({ distribution, n })),
    );
    const cases: Case[] = [];
    for (const { distribution, n } of some(rows))
      cases.push(coding(drawn(distribution, n, n), distribution.width, distribution.name));
    // every width, with few symbols and with all of them
    for (let width = 1; width <= 12; width++) {
      const any = randomWords(3000, width);
      cases.push(
        coding(
          any.map((word) => word % 2 ** width),
          width,
          `${width} bits`,
        ),
      );
      cases.push(
        coding(
          any.map((word) => Math.min(word, any[word % 3000]) >>> (32 - width)),
          width,
          'falling',
        ),
      );
    }
    await assertSameWords(await open(), cases);
  });

  test('codeSymbols: blocks that differ from each other, and runs of one symbol', async () => {
    const n = Math.min(LARGEST, 2 ** 17 + 7);
    const halves = Uint32Array.from({ length: n }, (_, i) => (i < n / 2 ? 3 : (i * 2_654_435_761) >>> 29));
    const rare = new Uint32Array(n).fill(1);
    rare[n - 1] = 2;
    const cases = [
      coding(halves, 3, 'two kinds of blocks'),
      coding(halves.reverse(), 3, 'the same backwards'),
      coding(rare, 2, 'one that differs'),
      coding(new Uint32Array(n).fill(4095), 12, 'one symbol'),
    ];
    await assertSameWords(await open(), cases);
  });
});
