import * as assert from 'uvu/assert';
import type { DeviceBuffer } from '../../ts/backends/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { blockLevelsKernel, blockTopKKernel, keptOf, LONGEST, SHORTEST } from '../../ts/kernels/blocks.ts';
import { STRANGE } from '../../ts/kernels/levels.ts';
import { Scope, type Steps, wordsOf } from '../../ts/kernels/scope.ts';
import * as reference from '../reference/blocks.ts';
import { levelsOf } from '../reference/levels.ts';
import { eachBackend } from '../support/backends.ts';
import { FINITE, input, LARGEST, some, table, WILD, words } from '../support/inputs.ts';
import { shapes } from '../support/levels.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** Shortest and longest, with the least, the usual and the most of them kept. */
const SETTINGS = [
  { block: 64, k: 1 },
  { block: 64, k: 7 },
  { block: 64, k: 64 },
  { block: 256, k: 100 },
  { block: 1024, k: 33 },
  { block: 4096, k: 64 },
  { block: 4096, k: 1 },
  { block: 4096, k: 2000 },
  { block: 4096, k: 4096 },
] as const;

function selection(x: Float32Array, block: number, k: number, label: string): Case {
  const n = x.length;
  const kept = keptOf(n, block, k);
  return kernelCase(
    blockTopKKernel,
    `${label}, k = ${k} of ${block}`,
    { x },
    { indices: kept, values: kept },
    { n, block, k },
  );
}

/** On a GPU in software, and where js is compared with itself, one setting for each long vector. */
function* selections(slow: boolean): Generator<Case> {
  const rows = table([...FINITE, ...WILD]).map(({ n, kind }, i) => ({ n, kind, i }));
  for (const { n, kind, i } of rows)
    for (const turn of n > 5000 && !slow ? [0, 3, 6] : [0]) {
      const { block, k } = SETTINGS[(i + turn) % SETTINGS.length];
      yield selection(input(kind, n), block, k, `${kind} ${n}`);
    }
  for (const { block, k } of SETTINGS) {
    const n = block * 5 + 1;
    yield selection(input('normal', n), block, k, `normal ${n}`);
    // one block of each kind beside another: no guess from the block before holds
    yield selection(mixed(9 * block + 33), block, k, 'mixed');
  }
  yield selection(input('normal', LARGEST), 4096, 64, `normal ${LARGEST}`);
  yield selection(input('ties', 9001), 64, 5, 'ties');
}

/** Runs of 4096 elements of very different sizes, zeros and equal ones among them. */
function mixed(n: number): Float32Array {
  const [normal, ties] = [input('normal', n), input('ties', n)];
  const sizes = [1, 2 ** -100, 0, 2 ** 60, -1];
  return normal.map((value, i) => {
    const size = sizes[(i >> 8) % sizes.length];
    return size < 0 ? ties[i] : value * size;
  });
}

function levels(values: Float32Array, k: number, bits: number, label: string): Case {
  const count = values.length;
  const segments = Math.ceil(count / k);
  return kernelCase(
    blockLevelsKernel,
    `${label}, ${count} of ${k}, ${bits} bits`,
    { values },
    { levels: segments, codes: count },
    { count, k, bits },
  );
}

function* levelCases(): Generator<Case> {
  const sizes = some([1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 1023, 1024, 1025, 2500, 4096]);
  for (const k of sizes)
    for (const { name, values } of shapes(2 * k + Math.ceil(k / 3)))
      for (const bits of [1, 2]) yield levels(values, k, bits, name);
  yield levels(input('normal', 20_001), 64, 2, 'normal');
  yield levels(input('normal', 1000), 1, 2, 'normal');
}

function* reading(scope: Scope, ...buffers: DeviceBuffer[]): Steps<Uint32Array[]> {
  return yield scope.read(...buffers);
}

eachBackend('blocks', (test, open, over) => {
  test('blockTopK: the same words as js', async () => {
    await assertSameWords(await open(), selections(over === 'js' || over.startsWith('webgpu')));
  });

  test('blockLevels: the same words as js', async () => {
    await assertSameWords(await open(), levelCases());
  });

  test('blockLevels: a segment with NaN or infinity says so, others beside it do not', async () => {
    const values = input('normal', 300);
    values[70] = NaN;
    values[299] = -Infinity;
    const scope = new Scope(await open());
    const [found, codes] = [scope.take(5), scope.take(300)];
    for (const bits of [1, 2]) {
      scope.run(
        blockLevelsKernel,
        { values: scope.put(values), levels: found, codes },
        { count: 300, k: 64, bits },
      );
      const [said] = await scope.finish(reading(scope, found));
      assert.equal(
        [...said].map((word) => word === STRANGE),
        [false, true, false, false, true],
      );
    }
    scope.end();
  });
});

const test = suite('blocks by their definition');

/** The words of the outputs of a case on js, by name. */
function onJs({ kernel, inputs, outputs, params }: Case): Record<string, Uint32Array> {
  const scope = new Scope(openJs());
  const names = Object.keys(outputs);
  const buffers = Object.fromEntries([
    ...Object.entries(inputs).map(([name, data]) => [name, scope.put(data)] as const),
    ...names.map((name) => [name, scope.take(outputs[name])] as const),
  ]);
  scope.run(kernel, buffers, params);
  const found = scope.finishNow(reading(scope, ...names.map((name) => buffers[name])));
  return Object.fromEntries(names.map((name, i) => [name, found[i]]));
}

test('blockTopK: the k largest of each block, ties to the lowest index', () => {
  for (const kind of FINITE)
    for (const n of some([1, 63, 64, 65, 200, 4095, 4096, 4097, 9001]))
      for (const { block, k } of SETTINGS) {
        const x = input(kind, n);
        const found = onJs(selection(x, block, k, kind));
        const expected = reference.blockTopK(x, block, k);
        assert.equal([...found.indices], expected, `${kind} ${n}, ${k} of ${block}`);
        assert.equal(
          found.values,
          Uint32Array.from(expected, (i) => wordsOf(x)[i]),
        );
      }
});

test('keptOf: k of a whole block, a share of the last, one at least', () => {
  const next = words(5);
  for (let i = 0; i < 3000; i++) {
    const block = 2 ** (6 + (next() % 7));
    const [k, n] = [1 + (next() % block), next() % 20_000];
    const expected = reference.keptOfEach(n, block, k).reduce((a, b) => a + b, 0);
    assert.is(keptOf(n, block, k), expected, `${n}, ${k} of ${block}`);
  }
  assert.is(keptOf(2 ** 32 - 1, LONGEST, LONGEST), 2 ** 32 - 1);
  assert.is(keptOf(2 ** 32 - 1, SHORTEST, 1), 2 ** 26);
});

test('blockLevels: the means of two classes, or of all', () => {
  for (const k of some([1, 2, 3, 5, 32, 33, 64, 100, 1024, 1500, 4096]))
    for (const { name, values } of shapes(k + Math.ceil(k / 2)))
      for (const bits of [1, 2]) {
        const found = onJs(levels(values, k, bits, name));
        for (let s = 0; s * k < values.length; s++) {
          const { low, high, codes } = levelsOf([...values.slice(s * k, s * k + k)], bits);
          const label = `${name}, ${k}, ${bits} bits, segment ${s}`;
          assert.equal([found.levels[s] & 0xffff, found.levels[s] >>> 16], [low, high], label);
          assert.equal([...found.codes.slice(s * k, s * k + k)], codes, label);
        }
      }
});

test.run();
