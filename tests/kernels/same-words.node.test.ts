/** The comparison of kernels' words: it finds a wrong word of a case that js has done for another backend, too. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Backend } from '../../ts/backends/backend.ts';
import { fwhtKernel } from '../../ts/kernels/fwht.ts';
import { withRun } from '../../ts/verify/kernels.ts';
import { input } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('same words');

const N = 256;
const one = (seed: number, label = `seed ${seed}`): Case => {
  const x = input('normal', N, seed);
  return kernelCase(fwhtKernel, label, { x }, { y: N }, { n: N, total: N, block: 64 });
};

/** js, which leaves another last bit in one word of y in its call of this number. */
function wrongIn(wrong: number): Backend & { calls(): number } {
  const js = openJs();
  let calls = 0;
  const backend = withRun(js, (kernel, buffers, params) => {
    js.run(kernel, buffers, params);
    if (calls++ !== wrong) return;
    const { y } = buffers as unknown as Record<'y', (typeof buffers)[keyof typeof buffers]>;
    const words = new Uint32Array(N);
    void js.read([{ buffer: y, into: words }]);
    words[77] ^= 1;
    js.write(y, words);
  });
  return Object.assign(backend, { calls: () => calls });
}

test('a wrong word is named, the first time that a case is compared and later', async () => {
  for (let turn = 0; turn < 2; turn++) {
    const found = await assertSameWords(wrongIn(2), [one(1), one(2), one(3), one(4)]).catch(
      (error: unknown) => error,
    );
    assert.match((found as Error).message, /seed 3, y: word 77 is 0x[0-9a-f]{8}, expected 0x/);
    // those before it are known now
    const all = wrongIn(-1);
    await assertSameWords(all, [one(1), one(2), one(3), one(4)]);
    assert.is(all.calls(), 4, 'the backend does each case all the same');
  }
});

test('a case of the same label with other inputs is another case', async () => {
  await assertSameWords(openJs(), [one(5, 'label'), one(6, 'label')]);
  await assertSameWords(openJs(), [one(6, 'label'), one(5, 'label')]);
});

test.run();
