/** Codes as terms of a sum. */
import * as assert from 'uvu/assert';
import { bitsOf } from '../../ts/kernels/float-bits.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { addLookupKernel } from '../../ts/kernels/quantize.ts';
import { pack } from '../reference/pack.ts';
import { runOnJs } from '../reference/js.ts';
import { eachBackend } from '../support/backends.ts';
import {
  beside,
  FINITE,
  input,
  LARGE,
  LARGEST,
  randomWords,
  table,
  type InputKind,
} from '../support/inputs.ts';
import { assertSameWords, assertWords, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

function addition(
  y: Float32Array,
  packed: Uint32Array,
  table: Float32Array,
  width: number,
  label = '',
): Case {
  const n = y.length;
  const inputs = { packed, table };
  return { label, kernel: addLookupKernel, inputs, changed: { y }, outputs: {}, params: { n, width } };
}

/** Random codes, which have all values. */
function codes(n: number, width: number): Uint32Array {
  return randomWords(packedWords(n, width), width);
}

eachBackend('codes as terms', (test, open) => {
  test('addLookup: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const [i, { n, kind }] of table(FINITE).entries()) {
        const width = 1 + (i % 16);
        const other = beside(kind, i);
        const label = `${other} to ${kind}, ${n} of ${width} bits`;
        yield addition(input(kind, n), codes(n, width), input(other, 2 ** width, 2), width, label);
      }
      for (const width of [1, 2, 3, 4, 7, 8, 16]) {
        const [n, values] = [LARGE, input('normal', 2 ** width, 2)];
        yield addition(input('normal', n), codes(n, width), values, width, `${n} of ${width} bits`);
      }
      const values = input('normal', 16, 2);
      yield addition(input('normal', LARGEST), codes(LARGEST, 4), values, 4, `${LARGEST} of 4 bits`);
    };
    await assertSameWords(await open(), cases());
  });

  test('tables that are tiny, and numbers up to the largest float32', async () => {
    const cases = function* (): Generator<Case> {
      for (const n of [5, 4100, LARGE])
        for (const width of [2, 4, 5, 8])
          for (const [y, values] of [
            ['normal', 'subnormal'],
            ['subnormal', 'subnormal'],
            ['huge', 'normal'],
            ['subnormal', 'huge'],
            ['negativeZero', 'negativeZero'],
          ] satisfies [InputKind, InputKind][])
            yield addition(
              input(y, n),
              codes(n, width),
              input(values, 2 ** width, 2),
              width,
              `${values} to ${y}, ${n} of ${width} bits`,
            );
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('codes as terms by their definition');

onJs('addLookup adds what codes stand for, tiny numbers as +0', async () => {
  const n = 1001;
  for (const width of [1, 4, 7, 11]) {
    const y = input('normal', n);
    const values = input('normal', 2 ** width, 2);
    const own = randomWords(n, 5).map((word) => word % 2 ** width);
    const found = (await runOnJs(addition(y, pack(own, width), values, width))).y;
    assertWords(
      found,
      y.map((value, i) => value + values[own[i]]),
      `${width} bits`,
    );
  }
  const small = new Float32Array([2 ** -103, -0, 1, -(2 ** -140)]);
  const tiny = new Float32Array([2 ** -103, -(2 ** -103)]);
  const found = (await runOnJs(addition(small, new Uint32Array([0b0110]), tiny, 1))).y;
  assert.equal([...found], [0, 0, bitsOf(1), 0]);
});

onJs.run();
