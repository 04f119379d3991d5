import * as assert from 'uvu/assert';
import { scaleOf } from '../../ts/kernels/accumulate.ts';
import { compensateKernel } from '../../ts/kernels/compensate.ts';
import { bitsOf, floatOf, MAGNITUDE } from '../../ts/kernels/float-bits.ts';
import { floatsOf, Scope, wordsOf } from '../../ts/kernels/scope.ts';
import { runOnJs } from '../reference/js.ts';
import { eachBackend } from '../support/backends.ts';
import { beside, FINITE, input, LARGE, table, type InputKind } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const SCALES = [1, -1, 0.9, -0.3, 0, 2 ** -126, 1e-20, 3e7];

function compensation(x: Float32Array, error: Float32Array, scale: number, label = ''): Case {
  const n = x.length;
  const params = { n, scale: scaleOf(scale) };
  return kernelCase(compensateKernel, label, { x, error }, { y: n, keys: 2 }, params);
}

/** The largest key of a vector. */
function largestKey(x: Float32Array): number {
  return wordsOf(x).reduce((most, bits) => Math.max(most, bits & MAGNITUDE), 0);
}

eachBackend('compensate', (test, open) => {
  test('the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const [i, { n, kind }] of table(FINITE, ['normal']).entries()) {
        const scale = SCALES[n % SCALES.length];
        // the error is of another kind: tiny beside large, zeros beside numbers
        const other = beside(kind, i);
        yield compensation(
          input(kind, n),
          input(other, n, 2),
          scale,
          `${kind} ${n} and ${other} by ${scale}`,
        );
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('numbers up to the largest float32, beside which others are lost', async () => {
    const cases = function* (): Generator<Case> {
      for (const n of [5, 1025, LARGE])
        for (const [x, error, scale] of [
          ['huge', 'normal', 2 ** 90],
          ['normal', 'huge', 2 ** -30],
          ['subnormal', 'huge', 0.9],
          ['huge', 'negativeZero', -1],
        ] as const)
          yield compensation(input(x, n), input(error, n, 2), scale, `${x} and ${error}, ${n}`);
    };
    await assertSameWords(await open(), cases());
  });

  test('the keys are those of the words as they are, of NaN and infinity, too', async () => {
    const backend = await open();
    const scope = new Scope(backend);
    try {
      for (const n of [1, 70, 4097])
        for (const [one, other] of [
          ['nonFinite', 'normal'],
          ['normal', 'nonFinite'],
          ['subnormal', 'nonFinite'],
          ['zeros', 'huge'],
        ] satisfies [InputKind, InputKind][]) {
          const [x, error] = [input(one, n), input(other, n, 2)];
          const keys = scope.put(new Uint32Array([MAGNITUDE, MAGNITUDE]));
          const buffers = { x: scope.put(x), error: scope.put(error), y: scope.take(n), keys };
          scope.run(compensateKernel, buffers, { n, scale: 0.75 });
          const [found] = await backend.read(scope.read(keys));
          assert.equal([...found], [largestKey(x), largestKey(error)], `${one} and ${other}, ${n}`);
        }
    } finally {
      scope.end();
    }
  });
});

const onJs = suite('compensate by its definition');

async function compensated(x: Float32Array, error: Float32Array, scale: number): Promise<Float32Array> {
  return floatsOf((await runOnJs(compensation(x, error, scale))).y);
}

onJs('rounds the product, then the sum', async () => {
  const [x, error] = [input('normal', 5000), input('normal', 5000, 2)];
  assert.equal(
    await compensated(x, error, 0.9),
    x.map((value, i) => value + Math.fround(Math.fround(0.9) * error[i])),
  );
});

onJs('what is tiny counts as +0: x, error and the product; a sum of zero is +0', async () => {
  const of = async (x: number, error: number, scale: number): Promise<number> =>
    bitsOf((await compensated(new Float32Array([x]), new Float32Array([error]), scale))[0]);
  assert.is(await of(2 ** -103, 0, 1), 0);
  assert.is(await of(-(2 ** -103), 2 ** -140, 1), 0);
  assert.is(await of(1, 2 ** -103, 2 ** 103), bitsOf(1));
  assert.is(await of(-0, 2 ** -90, 2 ** -13), 0);
  assert.is(await of(0, 2 ** -90, -(2 ** -12)), bitsOf(-(2 ** -102)));
  assert.is(await of(-0, -0, 1), 0);
  assert.is(await of(3, 3, -1), 0);
  assert.is(await of(-5, 3, 0), bitsOf(-5));
});

onJs('keys: the largest magnitude of x and of error, bit by bit', async () => {
  const x = new Float32Array([1, -7, 2]);
  const error = new Float32Array([-0, 2 ** -140, -(2 ** -149)]);
  const { keys } = await runOnJs(compensation(x, error, 1));
  assert.equal([...keys].map(floatOf), [7, 2 ** -140]);
  const nan = wordsOf(new Float32Array(3)).fill(0xffc00001);
  assert.equal([...(await runOnJs(compensation(floatsOf(nan), x, 1))).keys], [0x7fc00001, bitsOf(7)]);
});

onJs.run();
