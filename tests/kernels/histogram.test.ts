import * as assert from 'uvu/assert';
import { bitsOf, MAGNITUDE } from '../../ts/kernels/float-bits.ts';
import { BINS, keyCountsKernel } from '../../ts/kernels/histogram.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import * as reference from '../reference/histogram.ts';
import { runOnJs } from '../reference/js.ts';
import { eachBackend } from '../support/backends.ts';
import { FINITE, input, table, WILD } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

type Digit = reference.Digit;

/** The digits of a search from the top, each below those that are known. */
const SEARCH = [
  { known: 32, shift: 23, bins: BINS },
  { known: 23, shift: 17, bins: 64 },
  { known: 17, shift: 11, bins: 64 },
  { known: 11, shift: 5, bins: 64 },
  { known: 5, shift: 0, bins: 32 },
] as const;

/** Others: of one bin, of no known bits, of all of them, far below what is known, in the midst of it. */
const ODD = [
  { known: 23, shift: 0, bins: 1 },
  { known: 32, shift: 0, bins: BINS },
  { known: 32, shift: 31, bins: 2 },
  { known: 0, shift: 0, bins: 16 },
  { known: 29, shift: 3, bins: 128 },
  { known: 20, shift: 22, bins: 4 },
] as const;

/** A digit of x among the elements that share the known bits of one of them. */
function digitOf(x: Float32Array, digit: Omit<Digit, 'prefix'>): Digit {
  const key = wordsOf(x)[x.length >>> 1] & MAGNITUDE;
  // nobody looks at the prefix where nothing is known
  return { ...digit, prefix: digit.known === 32 ? 77 : key >>> digit.known };
}

function counted(x: Float32Array, digit: Digit, label: string): Case {
  const name = `${label}, bits ${digit.shift} on, ${digit.known} on known`;
  return kernelCase(keyCountsKernel, name, { x }, { counts: digit.bins }, { n: x.length, ...digit });
}

eachBackend('histogram', (test, open) => {
  test('keyCounts: the same words as js', async () => {
    const digits = [...SEARCH, ...ODD];
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n, kind } of table([...FINITE, ...WILD], ['heavy', 'ties'])) {
        const x = input(kind, n);
        for (let i = 0; i < (n < 1000 ? 1 : 3); i++)
          yield counted(x, digitOf(x, digits[turn++ % digits.length]), `${kind} ${n}`);
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('keyCounts: none, few and all of the elements in bins', async () => {
    const cases = function* (): Generator<Case> {
      const digit = { known: 23, prefix: bitsOf(1) >>> 23, shift: 17, bins: 64 };
      // of sixteen neighbours, which wasm looks at together, so many are from 1 to 2
      for (let few = 0; few <= 16; few++) {
        const x = Float32Array.from({ length: 5000 }, (_, i) => {
          return (i * 7) % 16 < few ? 1 + (i % 64) / 64 : (i % 3) * 4;
        });
        yield counted(x, digit, `${few} of 16`);
      }
      yield counted(new Float32Array(40_000).fill(-1.5), digit, 'all equal');
      yield counted(new Float32Array(40_000), { ...digit, prefix: 0 }, 'zeros');
      yield counted(input('normal', 5000), { ...digit, prefix: 2 ** 9 - 1 }, 'no such prefix');
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('histogram by its definition');

onJs('bins are magnitudes from one power, or part of it, to the next', async () => {
  for (const kind of FINITE)
    for (const digit of SEARCH) {
      const x = input(kind, 3000);
      const own = digitOf(x, digit);
      const { counts } = await runOnJs(counted(x, own, kind));
      assert.equal(counts, reference.keyCounts(x, own), `${kind}, ${digit.known}`);
    }
});

onJs('every number but zero is in a bin, NaN and infinity too', async () => {
  const x = Float32Array.of(0, -0, 1, -1, 1.5, 2, Infinity, -Infinity, NaN, 2 ** -149);
  const digit = { known: 32, prefix: 0, shift: 23, bins: BINS };
  const { counts } = await runOnJs(counted(x, digit, 'all kinds'));
  const expected = new Uint32Array(BINS);
  expected.set([3, 1], 127);
  expected[0] = 1;
  expected[255] = 3;
  assert.equal(counts, expected);
});

onJs.run();
