import * as assert from 'uvu/assert';
import { blockCountsKernel } from '../../ts/kernels/counts.ts';
import { bitsOf } from '../../ts/kernels/float-bits.ts';
import { runOnJs } from '../reference/js.ts';
import { eachBackend } from '../support/backends.ts';
import { FINITE, input, table, WILD } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** Blocks of one element, of few, of odd and even lengths around the lanes of a vector, and longer than any x. */
const LENGTHS = [1, 3, 4, 5, 31, 32, 100, 1000, 4096, 16_384, 40_000, 2 ** 31];

/** The thresholds: all elements reach 0, and none the last. */
const THRESHOLDS = [0, 2 ** -149, 0.1, 1, 2, Infinity];

function counted(x: Float32Array, t: number, length: number, label: string): Case {
  const n = x.length;
  const name = `${label}, from ${t} on, blocks of ${length}`;
  const counts = Math.ceil(n / length);
  return kernelCase(blockCountsKernel, name, { x }, { counts }, { n, key: bitsOf(t), length });
}

eachBackend('counts', (test, open) => {
  test('blockCounts: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n, kind } of table([...FINITE, ...WILD], ['heavy', 'ties'])) {
        const x = input(kind, n);
        for (let i = 0; i < (n < 1000 ? 2 : 4); i++, turn++) {
          const t = THRESHOLDS[turn % THRESHOLDS.length];
          yield counted(x, t, LENGTHS[(turn * 5 + i) % LENGTHS.length], `${kind} ${n}`);
        }
      }
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('blocks by their definition');

onJs('each block has as many as reach the threshold in it', async () => {
  for (const kind of FINITE)
    for (const n of [1, 33, 3000])
      for (const length of LENGTHS)
        for (const t of THRESHOLDS) {
          const x = input(kind, n);
          const { counts } = await runOnJs(counted(x, t, length, kind));
          const expected: number[] = [];
          for (let start = 0; start < n; start += length)
            expected.push(x.slice(start, start + length).filter((value) => Math.abs(value) >= t).length);
          assert.equal([...counts], expected, `${kind} ${n}, ${length}, ${t}`);
        }
});

onJs.run();
