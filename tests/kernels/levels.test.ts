import * as assert from 'uvu/assert';
import type { DeviceBuffer } from '../../ts/backends/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { INFINITE } from '../../ts/kernels/float-bits.ts';
import { levelOf, listLevelsKernel, STRANGE } from '../../ts/kernels/levels.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { Scope, type Steps } from '../../ts/kernels/scope.ts';
import { unpackCodes } from '../../ts/packet/codes.ts';
import { levelsOf } from '../reference/levels.ts';
import { eachBackend } from '../support/backends.ts';
import { input, LARGE, some } from '../support/inputs.ts';
import { shapes } from '../support/levels.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const SIZES = [1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 65, 1023, 1024, 1025, 4097, 9001];

function levels(values: Float32Array, bits: number, label: string): Case {
  const capacity = values.length;
  return kernelCase(
    listLevelsKernel,
    `${label}, ${capacity}, ${bits} bits`,
    { values, count: Uint32Array.of(capacity) },
    { levels: 1, packed: packedWords(capacity, bits) },
    { capacity, bits },
  );
}

function* cases(): Generator<Case> {
  for (const n of some(SIZES))
    for (const { name, values } of shapes(n)) for (const bits of [1, 2]) yield levels(values, bits, name);
  for (const kind of ['zeros', 'negativeZero', 'constant', 'normal'] as const)
    for (const bits of [1, 2]) yield levels(input(kind, 1100), bits, kind);
  for (const bits of [1, 2]) yield levels(input('normal', LARGE), bits, 'normal');
}

function* reading(scope: Scope, ...buffers: DeviceBuffer[]): Steps<Uint32Array[]> {
  return yield scope.read(...buffers);
}

/** The levels and codes of the first `count` of these values, in a buffer with room for all. */
async function found(
  scope: Scope,
  values: Float32Array,
  count: number,
  bits: number,
): Promise<[levels: number, packed: Uint32Array]> {
  const [word, packed] = [scope.take(1), scope.take(packedWords(values.length, bits))];
  const buffers = {
    values: scope.put(values),
    count: scope.put(Uint32Array.of(count)),
    levels: word,
    packed,
  };
  scope.run(listLevelsKernel, buffers, { capacity: values.length, bits });
  const [[levels], codes] = await scope.finish(reading(scope, word, packed));
  return [levels, codes.slice(0, packedWords(count, bits))];
}

eachBackend('levels', (test, open) => {
  test('listLevels: the same words as js', async () => {
    await assertSameWords(await open(), cases());
  });

  test('listLevels: of the first values alone, and of none', async () => {
    const scope = new Scope(await open());
    const js = new Scope(openJs());
    const values = input('heavy', 5000);
    // what lies behind the count is no value
    for (const count of [0, 1, 33, 1024, 1500, 4999])
      for (const bits of [1, 2]) {
        const spoilt = values.map((value, i) => (i < count ? value : NaN));
        const expected = await found(js, values.slice(0, Math.max(count, 1)), count, bits);
        assert.equal(await found(scope, spoilt, count, bits), expected, `${count}, ${bits} bits`);
        if (count === 0) assert.equal(expected, [0, new Uint32Array(0)]);
      }
    scope.end();
    js.end();
  });

  test('listLevels: NaN and infinity are said', async () => {
    const scope = new Scope(await open());
    for (const strange of [NaN, -NaN, Infinity, -Infinity])
      for (const bits of [1, 2]) {
        const values = input('normal', 3000);
        values[2100] = strange;
        assert.is((await found(scope, values, 3000, bits))[0], STRANGE);
        assert.is.not((await found(scope, values, 2100, bits))[0], STRANGE);
      }
    scope.end();
  });
});

const test = suite('levels by their definition');

test('listLevels: the means of two classes, or of all', async () => {
  const scope = new Scope(openJs());
  for (const n of some(SIZES))
    for (const { name, values } of shapes(n))
      for (const bits of [1, 2]) {
        const [word, packed] = await found(scope, values, n, bits);
        const { low, high, codes } = levelsOf([...values], bits);
        const label = `${name}, ${n}, ${bits} bits`;
        assert.equal([word & 0xffff, word >>> 16], [low, high], label);
        assert.equal([...unpackCodes(packed, n, bits)], codes, label);
      }
  scope.end();
});

test('levelOf: to the nearest bfloat16, half to even, finite, not subnormal', () => {
  for (const [mean, level] of [
    [0, 0],
    [2 ** -127, 0],
    [2 ** -126 * (1 - 2 ** -24), 0x80],
    [2 ** -126, 0x80],
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [2 ** 128, 0x7f7f],
    [(2 - 2 ** -23) * 2 ** 127, 0x7f7f],
  ])
    assert.is(levelOf(mean), level, String(mean));
  assert.ok(levelOf(Infinity) < INFINITE >>> 16);
});

test.run();
