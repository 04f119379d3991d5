import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { addAtKernel, gatherKernel, placeKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
import { runOnJs } from '../reference/js.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { FINITE, input, randomWords, table, WILD } from '../support/inputs.ts';
import { assertSameWords, assertWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** About one index in `every`, ascending; at least one. */
function indicesBelow(n: number, every: number): Uint32Array {
  const found = Uint32Array.from({ length: n }, (_, i) => i).filter(
    (i) => randomWords(1, i)[0] % every === 0,
  );
  return found.length === 0 ? new Uint32Array([n - 1]) : found;
}

/** Puts `values` over elements of y, which keeps the others. */
function placement(
  y: Float32Array,
  indices: Uint32Array,
  values: Float32Array,
  label: string,
  n = y.length,
): Case {
  const params = { n, count: indices.length };
  return { label, kernel: placeKernel, inputs: { indices, values }, changed: { y }, outputs: {}, params };
}

/** Adds `values` to elements of y, which keeps the others. */
function addition(y: Float32Array, indices: Uint32Array, values: Float32Array, label: string): Case {
  return { ...placement(y, indices, values, label), kernel: addAtKernel };
}

eachBackend('sparse', (test, open) => {
  test('gather and scatter: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table([...FINITE, ...WILD], ['finite'])) {
        const indices = indicesBelow(n, 1 + (n % 5));
        const count = indices.length;
        const label = `${kind} ${n}`;
        yield kernelCase(
          gatherKernel,
          label,
          { x: input(kind, n), indices },
          { values: count },
          { n, count },
        );
        yield kernelCase(
          scatterKernel,
          label,
          { indices, values: input(kind, count) },
          { y: n },
          { n, count },
        );
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('place: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table([...FINITE, ...WILD], ['nonFinite'])) {
        const indices = indicesBelow(n, 1 + (n % 5));
        const values = input(kind, indices.length, 2);
        yield placement(input(kind, n), indices, values, `${kind} ${n}`);
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('addAt: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(FINITE, ['normal'])) {
        const indices = indicesBelow(n, 1 + (n % 5));
        yield addition(input(kind, n), indices, input(kind, indices.length, 2), `${kind} ${n}`);
      }
      for (const [y, values] of [
        ['nonFinite', 'subnormal'],
        ['huge', 'normal'],
        ['subnormal', 'huge'],
      ] as const) {
        // where nothing is added, NaN and subnormals stay as they are
        const own = input(y, 5000);
        const indices = indicesBelow(5000, 7).filter((i) => Number.isFinite(own[i]));
        yield addition(own, indices, input(values, indices.length, 2), `${values} to ${y}`);
      }
    };
    await assertSameWords(await open(), cases());
  });

  test('indices past the end are left out', async () => {
    const indices = new Uint32Array([1, 5, 6, 0xffffffff]);
    const x = input('normal', 5);
    await assertSameWords(await open(), [
      kernelCase(gatherKernel, 'past the end', { x, indices }, { values: 4 }, { n: 5, count: 4 }),
      kernelCase(
        scatterKernel,
        'past the end',
        { indices, values: input('normal', 4) },
        { y: 5 },
        { n: 5, count: 4 },
      ),
      kernelCase(
        scatterKernel,
        'of nothing',
        { indices: new Uint32Array(0), values: new Uint32Array(0) },
        { y: 5 },
        { n: 5, count: 0 },
      ),
      placement(x, indices, input('normal', 4, 2), 'past the end'),
      placement(x, new Uint32Array(0), new Float32Array(0), 'of nothing'),
      addition(x, indices, input('normal', 4, 2), 'past the end'),
      addition(x, new Uint32Array(0), new Float32Array(0), 'of nothing'),
    ]);
  });
});

const onJs = suite('sparse by its definition');

onJs('gather takes elements, scatter puts them back', async () => {
  const host = hostOf(openJs());
  const indices = new Uint32Array([0, 2]);
  assert.equal([...(await kernels.gather(host, new Float32Array([5, 6, 7]), indices))], [5, 7]);
  assert.equal([...(await kernels.scatter(host, indices, new Float32Array([5, 7]), 4))], [5, 0, 7, 0]);
  await rejects(
    kernels.gather(host, new Float32Array(2), indices),
    RangeError,
    '"indices" expected to ascend in 0..1, got 2',
  );
  await rejects(
    kernels.scatter(host, new Uint32Array([1, 1]), new Float32Array(2), 4),
    RangeError,
    'got 1 after 1',
  );
  await rejects(kernels.scatter(host, indices, new Float32Array(1), 4), RangeError, '"indices.length"');
});

onJs('scatter writes zeros over what was there', async () => {
  const inputs = { indices: new Uint32Array([1]), values: new Float32Array([5]) };
  const { y } = await runOnJs(kernelCase(scatterKernel, '', inputs, { y: 3 }, { n: 3, count: 1 }));
  assert.equal([...y], [0, wordsOf(inputs.values)[0], 0]);
});

onJs('place changes the elements it names, bit by bit, and leaves the others', async () => {
  for (const kind of [...FINITE, ...WILD]) {
    const y = input(kind, 1000);
    const inside = indicesBelow(997, 4);
    const indices = new Uint32Array([...inside, 997, 999, 1000, 0xffffffff]);
    const values = input(kind, indices.length, 2);
    const expected = wordsOf(y).slice();
    inside.forEach((index, j) => (expected[index] = wordsOf(values)[j]));
    assertWords((await runOnJs(placement(y, indices, values, kind, 997))).y, expected, kind);
  }
});

onJs('addAt adds to the elements it names, tiny ones as +0, and leaves the others, every bit', async () => {
  const y = new Float32Array([1, 2 ** -140, -0, 2 ** -103, -3, 2 ** -103, 5]);
  const indices = new Uint32Array([0, 3, 4, 5, 7]);
  const values = new Float32Array([0.5, 2 ** -103, 3, -4, 9]);
  const found = (await runOnJs(addition(y, indices, values, ''))).y;
  assertWords(found, new Float32Array([1.5, 2 ** -140, -0, 0, 0, -4, 5]), 'addAt');
  const x = input('normal', 500);
  const all = Uint32Array.from({ length: 500 }, (_, i) => i);
  const sum = (await runOnJs(addition(x, all, input('normal', 500, 2), ''))).y;
  assertWords(
    sum,
    x.map((value, i) => value + input('normal', 500, 2)[i]),
    'addAt of all',
  );
});

onJs.run();
