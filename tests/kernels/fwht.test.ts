import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { flattenKernel, fwhtKernel, transformLength, unflattenKernel } from '../../ts/kernels/fwht.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { tinyFor } from '../../ts/kernels/scaling.ts';
import { floatsOf } from '../../ts/kernels/scope.ts';
import { nearest, units } from '../reference/exact.ts';
import { walshHadamard } from '../reference/fwht.ts';
import { runOnJs } from '../reference/js.ts';
import { flipOf, KEYS, type Key } from '../reference/random.ts';
import { scaled, scaledInput } from '../reference/scaling.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { FINITE, input, LARGE, LARGEST, randomWords, table } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { settings } from '../support/settings.ts';
import { suite } from '../support/suite.ts';

const BLOCKS = [1, 2, 8, 64, 1024, 4096, 8192];

function transform(x: Float32Array, block: number | 'whole', label: string): Case {
  const n = x.length;
  const total = transformLength(n, block);
  const params = { n, total, block: block === 'whole' ? total : block };
  return kernelCase(fwhtKernel, `${label} by ${block}`, { x }, { y: total }, params);
}

function flattening(x: Float32Array, block: number | 'whole', key: Key, power: number, label: string): Case {
  const n = x.length;
  const total = transformLength(n, block);
  const scaling = { tiny: tinyFor(-102, Math.log2(power)), scale: power };
  const params = { n, total, block: block === 'whole' ? total : block, ...key, ...scaling };
  const detail = `${label} by ${block}, seed ${key.seed}, times ${power}`;
  return kernelCase(flattenKernel, detail, { x }, { y: total }, params);
}

function unflattening(t: Float32Array, scales: Float32Array, segment: number, key: Key, label: string): Case {
  const n = t.length;
  const detail = `${label} by ${segment}, seed ${key.seed}`;
  return kernelCase(unflattenKernel, detail, { t, scales }, { y: n }, { n, segment, ...key });
}

const SEGMENTS = [1, 7, 32, 1000, 4096];
/** Zero, the least and the greatest that a scale may be, and some between. */
const SCALES = [1, 0.1, 0, 2 ** -126, 2 ** 127, 3e-20, 2 ** 104, 7e37];

/** Whole numbers of every size up to 2^31, zeros of either sign among them. */
function wholes(n: number): Float32Array {
  return Float32Array.from(randomWords(n), (word) => Math.trunc(((word | 0) >> 3) / 2 ** (word & 31)));
}

const scalesOf = (count: number, turn: number): Float32Array =>
  Float32Array.from({ length: count }, (_, s) => SCALES[(s + turn) % SCALES.length]);

eachBackend('fwht', (test, open, over) => {
  test('whole: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(FINITE))
        if (kind !== 'finite') yield transform(input(kind, n), 'whole', `${kind} ${n}`);
      // in windows of the emulator each stage beyond a window is passes of its own, and one pass is like the next
      const longest =
        settings.emulator !== undefined && over === 'webgpu in windows' ? 2 ** 14 + 3 : 2 ** 19 + 3;
      yield transform(input('normal', longest), 'whole', `normal ${longest}`);
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

  test('flatten: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n, kind } of table(FINITE)) {
        const { x, power } = scaledInput(kind, n, turn);
        const block = [...BLOCKS, 'whole' as const, 'whole' as const][turn % (BLOCKS.length + 2)];
        yield flattening(x, block, KEYS[turn++ % KEYS.length], power, `${kind} ${n}`);
      }
      for (const block of [64, 'whole'] as const)
        yield flattening(input('normal', LARGEST), block, KEYS[1], 1, `normal ${LARGEST}`);
    };
    await assertSameWords(await open(), cases());
  });

  test('unflatten: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      let turn = 0;
      for (const { n } of [...table(['normal']), { n: LARGEST }])
        for (const segment of new Set([n, SEGMENTS[turn % SEGMENTS.length]])) {
          const scales = scalesOf(Math.ceil(n / segment), turn);
          yield unflattening(wholes(n), scales, segment, KEYS[turn++ % KEYS.length], `${n}`);
        }
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

/** H D x in float64, padded with zeros to blocks. */
function flattened(x: Float32Array, block: number, key: Key, power: number): number[] {
  const total = transformLength(x.length, block);
  const v = Float64Array.from({ length: total }, (_, i) => {
    const value = i < x.length ? scaled(x[i], power) : 0;
    return flipOf(i, key) ? -value : value;
  });
  return Array.from({ length: total / block }, (_, b) => [
    ...walshHadamard(v.subarray(b * block, (b + 1) * block)),
  ]).flat();
}

onJs('flatten is the transform of what is flipped, exact for whole numbers times a power', async () => {
  let turn = 0;
  for (const power of [1, 2 ** -126, 2 ** -40, 2 ** 28, 2 ** 96])
    for (const [n, block] of [
      [1, 1],
      [5, 8],
      [300, 64],
      [300, 512],
      [1000, 1],
      [1024, 1024],
    ]) {
      const key = KEYS[turn++ % KEYS.length];
      const x = Float32Array.from(randomWords(n), (word) => ((word & 1023) - 511) / power / 512);
      const { y } = await runOnJs(flattening(x, block, key, power, ''));
      // + 0 for the zeros of flipped zeros, which are positive
      const expected = flattened(x, block, key, power).map((value) => value + 0);
      assert.equal([...floatsOf(y)], expected, `${n} by ${block} times ${power}`);
    }
});

onJs('flatten of any numbers is near the float64 transform', async () => {
  for (const kind of ['normal', 'heavy', 'sparse', 'subnormal', 'finite'] as const) {
    const { x, power } = scaledInput(kind, 500, 3);
    const y = floatsOf((await runOnJs(flattening(x, 512, KEYS[2], power, kind))).y);
    const exact = flattened(x, 512, KEYS[2], power);
    const size = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0) / 512);
    y.forEach((value, i) => assert.ok(Math.abs(value - exact[i]) <= size * 1e-5, `${kind}: ${i}`));
  }
});

onJs('flatten counts what is tiny after scaling as +0, whatever its flip', async () => {
  const x = new Float32Array(200).fill(-(2 ** -103));
  const { y } = await runOnJs(flattening(x, 1, KEYS[1], 1, ''));
  assert.ok(y.every((word) => word === 0));
  const least = new Float32Array(200).fill(-(2 ** -102));
  assert.ok((await runOnJs(flattening(least, 1, KEYS[1], 1, ''))).y.every((word) => word !== 0));
  const kept = floatsOf((await runOnJs(flattening(x, 1, KEYS[1], 2 ** 28, ''))).y);
  assert.ok(kept.every((value, i) => value === (flipOf(i, KEYS[1]) ? 2 ** -75 : -(2 ** -75))));
});

onJs('unflatten brings back what was flattened twice', async () => {
  for (const [n, block] of [
    [1, 1],
    [33, 64],
    [1000, 1024],
    [1000, 128],
  ])
    for (const key of KEYS) {
      const x = Float32Array.from(
        randomWords(n),
        (word) => (word & 1 ? 1 : -1) * (word % 3 === 0 ? 0 : 1) + 0,
      );
      const t = floatsOf((await runOnJs(flattening(x, block, key, 1, ''))).y);
      const { total, twice } = { total: t.length, twice: new Float32Array(t.length) };
      for (let first = 0; first < total; first += block)
        twice.set(walshHadamard(t.subarray(first, first + block)), first);
      const scales = new Float32Array(Math.ceil(n / block)).fill(1 / block);
      const back = await runOnJs(unflattening(twice.slice(0, n), scales, block, key, ''));
      assert.equal([...floatsOf(back.y)], [...x], `${n} by ${block}`);
    }
});

onJs('unflatten rounds products once, holds them to the largest number, and has no -0', async () => {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  for (const key of KEYS) {
    const t = wholes(1000);
    const scales = scalesOf(Math.ceil(1000 / 7), 1);
    const y = floatsOf((await runOnJs(unflattening(t, scales, 7, key, ''))).y);
    y.forEach((value, i) => {
      const product = nearest(units(t[i]) * units(scales[Math.floor(i / 7)]), -298);
      const held = Math.max(Math.min(product, largest), -largest);
      const expected = (flipOf(i, key) ? -held : held) + 0;
      assert.ok(Object.is(value, expected), `${i}: ${value} for ${expected}`);
    });
  }
});

onJs('unflatten at the end of float32', async () => {
  const of = async (t: number, scale: number): Promise<number> => {
    const one = unflattening(new Float32Array([t]), new Float32Array([scale]), 1, KEYS[0], '');
    const value = floatsOf((await runOnJs(one)).y)[0];
    return value !== 0 && flipOf(0, KEYS[0]) ? -value : value;
  };
  const largest = (2 - 2 ** -23) * 2 ** 127;
  assert.is(await of(1, 2 ** 127), 2 ** 127);
  assert.is(await of(2, 2 ** 127), largest);
  assert.is(await of(-3, 2 ** 127), -largest);
  assert.is(await of(2 ** 24 - 1, 2 ** 104), largest);
  assert.is(await of(-(2 ** 24), 2 ** 104), -largest);
  assert.is(await of(-5, 2 ** -126), -5 * 2 ** -126);
  for (const [t, scale] of [
    [0, 1],
    [-0, 1],
    [-5, 0],
    [5, 0],
  ])
    assert.ok(Object.is(await of(t, scale), 0), `${t} * ${scale}`);
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
