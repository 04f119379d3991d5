import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { compactKernel } from '../../ts/kernels/compact.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { LARGE, LARGEST, randomWords, table } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** Bitmaps of a density of about 2^-sparsity. */
function bitmap(n: number, sparsity: number): Uint32Array {
  const bits = randomWords(Math.ceil(n / 32));
  for (let s = 1; s < sparsity; s++) {
    const other = randomWords(bits.length, s + 1);
    bits.forEach((word, i) => (bits[i] = word & other[i]));
  }
  return bits;
}

function compaction(bits: Uint32Array, n: number, capacity: number, label: string): Case {
  let found = 0;
  for (let i = 0; i < n; i++) found += (bits[i >>> 5] >>> (i & 31)) & 1;
  const outputs = { indices: capacity, count: 1 };
  return {
    ...kernelCase(compactKernel, label, { bits }, outputs, { n, capacity }),
    defined: { indices: Math.min(found, capacity) },
  };
}

eachBackend('compact', (test, open) => {
  test('the same words as js, at every density', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n } of [...table(['normal']), { n: LARGE }]) {
        yield compaction(bitmap(n, 1 + (n % 6)), n, n, `${n}`);
        if (n % 7 === 0)
          yield compaction(new Uint32Array(Math.ceil(n / 32)).fill(0xffffffff), n, n, `${n} full`);
        if (n % 11 === 0) yield compaction(new Uint32Array(Math.ceil(n / 32)), n, n, `${n} empty`);
        if (n % 5 === 0) yield compaction(bitmap(n, 1), n, Math.ceil(n / 8), `${n} of little capacity`);
      }
      yield compaction(bitmap(LARGEST, 4), LARGEST, LARGEST, `${LARGEST}`);
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('compact by its definition');

onJs('indices are the places of the ones', async () => {
  const host = hostOf(openJs());
  assert.equal([...(await kernels.compact(host, new Uint32Array([0b1010]), 4))], [1, 3]);
  assert.equal([...(await kernels.compact(host, new Uint32Array([0xffffffff]), 3))], [0, 1, 2]);
  assert.equal([...(await kernels.compact(host, new Uint32Array([0, 1]), 33))], [32]);
  await rejects(
    kernels.compact(host, new Uint32Array(2), 32),
    RangeError,
    '"bits.length" expected an integer in 1..1, got 2',
  );
});

onJs.run();
