import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { scanKernel } from '../../ts/kernels/scan.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf } from '../support/host.ts';
import { LARGE, LARGEST, randomWords, table } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachBackend('scan', (test, open) => {
  test('the same words as js, sums that wrap around too', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n } of [...table(['normal']), { n: LARGE }, { n: LARGEST }])
        yield kernelCase(scanKernel, `${n}`, { x: randomWords(n) }, { sums: n, total: 1 }, { n });
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('scan by its definition');

onJs('sums are those of all elements before', async () => {
  const host = hostOf(openJs());
  assert.equal(await kernels.scan(host, new Uint32Array([3, 1, 4])), {
    sums: new Uint32Array([0, 3, 4]),
    total: 8,
  });
  assert.equal((await kernels.scan(host, new Uint32Array([0xffffffff, 2]))).total, 1);
  assert.equal(await kernels.scan(host, new Uint32Array(0)), { sums: new Uint32Array(0), total: 0 });
});

onJs.run();
