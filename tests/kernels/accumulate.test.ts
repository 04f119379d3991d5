import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { accumulateKernel, clearKernel, scaleOf } from '../../ts/kernels/accumulate.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { runOnJs } from '../reference/js.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { FINITE, input, LARGEST, some, table } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const SCALES = [1, -1, 0.1, -0.3, 0, 2 ** -126, 1e-20, 3e7];

eachBackend('accumulate', (test, open) => {
  test('the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(FINITE, ['normal'])) {
        const scale = scaleOf(SCALES[n % SCALES.length]);
        yield {
          label: `${kind} ${n}, scale ${scale}`,
          kernel: accumulateKernel,
          inputs: { x: input(kind, n) },
          changed: { y: input(kind, n, 2) },
          outputs: {},
          params: { n, scale },
        };
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('numbers up to the largest float32, beside which others are lost', async () => {
    const cases = function* (): Generator<Case> {
      for (const n of [5, 1025, 4097])
        for (const [x, y, scale] of [
          ['huge', 'subnormal', 0.75],
          ['huge', 'normal', 2 ** -30],
          ['heavy', 'huge', 2 ** -60],
        ] as const)
          yield {
            label: `${x} ${n} to ${y}`,
            kernel: accumulateKernel,
            inputs: { x: input(x, n) },
            changed: { y: input(y, n, 2) },
            outputs: {},
            params: { n, scale },
          };
    };
    await assertSameWords(await open(), cases());
  });

  test('clear: zeros over what was there', async () => {
    const cases = some([1, 5, 64, 1025, LARGEST]).map((n) =>
      kernelCase(clearKernel, `${n}`, {}, { y: n }, { n }),
    );
    await assertSameWords(await open(), cases);
  });
});

const onJs = suite('accumulate by its definition');

onJs('rounds the product, then the sum', async () => {
  const host = hostOf(openJs());
  const x = input('normal', 5000);
  const y = input('normal', 5000, 2);
  const sum = await kernels.accumulate(host, y, x, 0.1);
  assert.equal(
    sum,
    y.map((value, i) => value + Math.fround(Math.fround(0.1) * x[i])),
  );
  assert.equal(
    [...(await kernels.accumulate(host, new Float32Array([1, 2]), new Float32Array([4, 6]), 0.5))],
    [3, 5],
  );
});

onJs('what is tiny counts as +0: x, y and the product', async () => {
  const host = hostOf(openJs());
  const of = async (y: number, x: number, scale: number): Promise<number> =>
    (await kernels.accumulate(host, new Float32Array([y]), new Float32Array([x]), scale))[0];
  assert.is(await of(1, 2 ** -103, 2 ** 103), 1);
  assert.ok(Object.is(await of(2 ** -103, 0, 1), 0));
  assert.ok(Object.is(await of(-0, 2 ** -90, 2 ** -13), 0));
  assert.is(await of(0, 2 ** -90, 2 ** -12), 2 ** -102);
  assert.is(await of(5, 3, 2 ** -140), 5);
});

onJs('clear writes +0 over all', async () => {
  const { y } = await runOnJs(kernelCase(clearKernel, '', {}, { y: 5 }, { n: 5 }));
  assert.equal([...y], [0, 0, 0, 0, 0]);
});

onJs('wrong arguments are named', async () => {
  const host = hostOf(openJs());
  const y = new Float32Array(4);
  await rejects(
    kernels.accumulate(host, y, new Float32Array(3), 1),
    RangeError,
    '"x.length" expected an integer in 4..4, got 3',
  );
  await rejects(
    kernels.accumulate(host, y, y, Infinity),
    RangeError,
    '"scale" expected a finite float32, got Infinity',
  );
  await rejects(kernels.accumulate(host, y, y, 1e39), RangeError, '"scale"');
  assert.is((await kernels.accumulate(host, new Float32Array(0), new Float32Array(0), 1)).length, 0);
});

onJs.run();
