import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { fwhtKernel, transformLength } from '../../ts/kernels/fwht.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { walshHadamard } from '../reference/fwht.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { FINITE, input, LARGE, table } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const BLOCKS = [1, 2, 8, 64, 1024, 4096, 8192];

function transform(x: Float32Array, block: number | 'whole', label: string): Case {
  const n = x.length;
  const total = transformLength(n, block);
  const params = { n, total, block: block === 'whole' ? total : block };
  return kernelCase(fwhtKernel, `${label} by ${block}`, { x }, { y: total }, params);
}

eachBackend('fwht', (test, open) => {
  test('whole: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(FINITE))
        if (kind !== 'finite') yield transform(input(kind, n), 'whole', `${kind} ${n}`);
      yield transform(input('normal', 2 ** 19 + 3), 'whole', 'normal 2^19 + 3');
    };
    await assertSameWords(await open(), cases());
  });

  test('by blocks: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(FINITE))
        if (n > 2) yield transform(input(kind, n), BLOCKS[n % BLOCKS.length], `${kind} ${n}`);
      for (const block of BLOCKS) yield transform(input('heavy', LARGE), block, `heavy ${LARGE}`);
    };
    await assertSameWords(await open(), cases());
  });

  test('refuses what has no finite transform', async () => {
    const host = hostOf(await open());
    const x = input('normal', 5000);
    x[17] = Infinity;
    assert.is((await rejects(kernels.fwht(host, x), NonFiniteError)).first, 17);
    await rejects(kernels.fwht(host, new Float32Array(64).fill(1e37)), RangeError, 'could pass');
    await kernels.fwht(host, new Float32Array(64).fill(1e36));
  });
});

const onJs = suite('fwht by its definition');

onJs('agrees with the sum over all signs in float64', async () => {
  const host = hostOf(openJs());
  for (const n of [1, 2, 3, 4, 5, 31, 32, 33, 64, 100, 1024]) {
    const x = input('normal', n);
    const y = await kernels.fwht(host, x);
    const padded = new Float64Array(y.length);
    padded.set(x);
    const exact = walshHadamard(padded);
    const size = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0) / y.length);
    for (let i = 0; i < y.length; i++)
      assert.ok(Math.abs(y[i] - exact[i]) <= size * 1e-6 * Math.log2(n + 2), `${n}: ${i}`);
  }
});

onJs('by blocks is the whole transform of each block', async () => {
  const host = hostOf(openJs());
  const x = input('normal', 200);
  const y = await kernels.fwht(host, x, { block: 64 });
  assert.is(y.length, 256);
  for (let first = 0; first < 256; first += 64) {
    const block = new Float32Array(64);
    block.set(x.subarray(first, first + 64));
    assert.equal([...y.subarray(first, first + 64)], [...(await kernels.fwht(host, block))]);
  }
});

onJs('magnitudes below 2^-102 count as +0', async () => {
  const host = hostOf(openJs());
  const y = await kernels.fwht(host, new Float32Array([2 ** -103, -(2 ** -102), -0, 1e-45]));
  assert.equal([...y], [-(2 ** -102), 2 ** -102, -(2 ** -102), 2 ** -102]);
});

onJs('wrong arguments are named', async () => {
  const host = hostOf(openJs());
  const x = new Float32Array(8);
  await rejects(kernels.fwht(host, x, { block: 3 }), RangeError, '"block" expected a power of two, got 3');
  await rejects(kernels.fwht(host, x, { block: 0 }), RangeError, '"block" expected an integer');
  await rejects(
    kernels.fwht(host, x, { block: '8' as unknown as number }),
    TypeError,
    '"block" expected an integer',
  );
  assert.is((await kernels.fwht(host, new Float32Array(0))).length, 0);
});

onJs.run();
