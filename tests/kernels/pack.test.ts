import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import * as kernels from '../../ts/kernels/index.ts';
import {
  addSignsKernel,
  packBitsKernel,
  packedWords,
  packSignsKernel,
  unpackBitsKernel,
  unpackSignsKernel,
  WIDEST,
} from '../../ts/kernels/pack.ts';
import { floatsOf } from '../../ts/kernels/scope.ts';
import { runOnJs } from '../reference/js.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { beside, FINITE, input, LARGE, randomWords, table, WILD } from '../support/inputs.ts';
import { assertSameWords, assertWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachBackend('pack', (test, open) => {
  test('packSigns: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table([...FINITE, ...WILD], ['normal']))
        yield kernelCase(
          packSignsKernel,
          `${kind} ${n}`,
          { x: input(kind, n) },
          { bits: packedWords(n, 1) },
          { n },
        );
    };
    await assertSameWords(await open(), cases());
  });

  test('unpackSigns: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(['normal'], ['normal']))
        for (const segment of new Set([n, Math.ceil(n / 3), 32, 100, 0])) {
          const scales = input(kind, segment === 0 ? 1 : Math.ceil(n / segment), 2);
          const bits = randomWords(packedWords(n, 1));
          yield kernelCase(
            unpackSignsKernel,
            `${n} by ${segment}`,
            { bits, scales },
            { y: n },
            { n, segment },
          );
        }
    };
    await assertSameWords(await open(), cases());
  });

  test('addSigns: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n, kind } of table(FINITE, ['normal']))
        for (const segment of new Set([n, Math.ceil(n / 3), 32, 100])) {
          // every other time the scales are of another kind: tiny ones beside numbers, numbers beside tiny ones
          const other = n % 2 === 0 ? kind : beside(kind, n);
          const scales = input(other, Math.ceil(n / segment), 2);
          const inputs = { bits: randomWords(packedWords(n, 1)), scales };
          const label = `${other} to ${kind}, ${n} by ${segment}`;
          const changed = { y: input(kind, n) };
          yield { label, kernel: addSignsKernel, inputs, changed, outputs: {}, params: { n, segment } };
        }
    };
    await assertSameWords(await open(), cases());
  });

  test('packBits and unpackBits: the same words as js, for every width', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n } of [...table(['normal']), { n: LARGE }])
        for (let width = 1; width <= WIDEST; width++) {
          if (n < LARGE && (n + width) % 4 !== 0) continue;
          const packed = packedWords(n, width);
          const params = { n, width };
          yield kernelCase(packBitsKernel, `${n} of ${width}`, { codes: randomWords(n) }, { packed }, params);
          yield kernelCase(
            unpackBitsKernel,
            `${n} of ${width}`,
            { packed: randomWords(packed) },
            { codes: n },
            params,
          );
        }
    };
    await assertSameWords(await open(), cases());
  });

  test('what is packed unpacks', async () => {
    const host = hostOf(await open());
    const codes = randomWords(1001).map((word) => word & 31);
    const packed = await kernels.packBits(host, codes, 5);
    assert.is(packed.length, Math.ceil((1001 * 5) / 32));
    assert.equal(await kernels.unpackBits(host, packed, 1001, 5), codes);
    const x = input('normal', 1001);
    const signs = await kernels.unpackSigns(host, await kernels.packSigns(host, x), 1001, 0.5);
    assert.ok(signs.every((sign, i) => sign === (x[i] < 0 ? -0.5 : 0.5)));
  });
});

const onJs = suite('pack by its definition');

onJs('bits lie lowest first, codes without a gap', async () => {
  const host = hostOf(openJs());
  assert.equal([...(await kernels.packBits(host, new Uint32Array([1, 2, 3]), 4))], [0x321]);
  const wide = await kernels.packBits(host, new Uint32Array([0xabc, 0xdef, 0x123]), 12);
  assert.equal([...wide], [0x23defabc, 0x1]);
  assert.equal([...(await kernels.packBits(host, new Uint32Array([0xfff5]), 4))], [5]);
});

onJs('addSigns adds a scale or its opposite, tiny ones as +0', async () => {
  const [n, segment] = [1001, 100];
  const [y, scales] = [input('normal', n), input('normal', 11, 2)];
  const bits = randomWords(packedWords(n, 1));
  const added = async (y: Float32Array, scales: Float32Array): Promise<Uint32Array> => {
    const params = { n: y.length, segment };
    const one = { label: '', kernel: addSignsKernel, inputs: { bits, scales }, outputs: {}, params };
    return (await runOnJs({ ...one, changed: { y } })).y;
  };
  const sign = (i: number): number => ((bits[i >>> 5] >>> (i & 31)) & 1 ? -1 : 1);
  assertWords(
    await added(y, scales),
    y.map((value, i) => value + sign(i) * scales[Math.floor(i / segment)]),
    'addSigns',
  );
  const small = new Float32Array([2 ** -103, -0, 1, -(2 ** -140)]);
  assertWords(await added(small, new Float32Array([-(2 ** -103)])), new Float32Array([0, 0, 1, 0]), 'tiny');
});

onJs('a sign bit is 1 where x < 0, so 0 for -0', async () => {
  const x = new Float32Array([1, -2, -0, 0, -1e-45, -Infinity]);
  assert.equal([...(await kernels.packSigns(hostOf(openJs()), x))], [0b110010]);
});

onJs('a segment of 0 gives signs without scales', async () => {
  const inputs = { bits: new Uint32Array([0b110010]), scales: new Float32Array([7]) };
  const { y } = await runOnJs(kernelCase(unpackSignsKernel, '', inputs, { y: 6 }, { n: 6, segment: 0 }));
  assert.equal([...floatsOf(y)], [1, -1, 1, 1, -1, -1]);
});

onJs('wrong arguments are named', async () => {
  const host = hostOf(openJs());
  const codes = new Uint32Array(8);
  await rejects(
    kernels.packBits(host, codes, 17),
    RangeError,
    '"width" expected an integer in 1..16, got 17',
  );
  await rejects(
    kernels.unpackBits(host, codes, 8, 4),
    RangeError,
    '"packed.length" expected an integer in 1..1, got 8',
  );
  await rejects(kernels.unpackSigns(host, codes, 8, 1), RangeError, '"bits.length"');
  await rejects(
    kernels.unpackSigns(host, codes, 256, Infinity),
    RangeError,
    '"scale" expected a finite number',
  );
  await rejects(
    kernels.packBits(host, [1] as unknown as Uint32Array, 4),
    TypeError,
    '"codes" expected a Uint32Array',
  );
  assert.is((await kernels.packBits(host, new Uint32Array(0), 4)).length, 0);
  assert.is((await kernels.unpackSigns(host, new Uint32Array(0), 0, 1)).length, 0);
});

onJs.run();
