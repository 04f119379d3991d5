import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { flips } from '../../ts/backends/js/random.ts';
import * as kernels from '../../ts/kernels/index.ts';
import { pcg4d, randomBitsKernel, type RandomKey } from '../../ts/kernels/random.ts';
import * as reference from '../reference/random.ts';
import { KEYS, type Key } from '../reference/random.ts';
import { eachBackend } from '../support/backends.ts';
import { hostOf, rejects } from '../support/host.ts';
import { LARGEST, randomWords, table } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachBackend('random', (test, open) => {
  test('randomBits: the same words as js', async () => {
    const cases = function* (): Generator<Case> {
      for (const { n } of [...table(['normal']), { n: LARGEST }])
        yield kernelCase(randomBitsKernel, `${n}`, {}, { bits: n }, { n, ...KEYS[n % KEYS.length] });
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('the random generator');
const draw = (n: number, key: RandomKey): Promise<Uint32Array> =>
  kernels.randomBits(hostOf(openJs()), n, key);

onJs('is pcg4d in big integers, with the documented places', async () => {
  for (const key of KEYS) {
    const bits = await draw(100, key);
    for (let i = 0; i < 100; i++) assert.is(bits[i], reference.wordOf(i, key), `word ${i}`);
  }
});

onJs('one hash is that of big integers, for any counter and key', () => {
  const hash = new Int32Array(4);
  const edges = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff];
  const inputs = [...randomWords(2000), ...edges.flatMap((a) => edges.flatMap((b) => [a, b, b, a]))];
  for (let i = 0; i < inputs.length; i += 4) {
    const [counter, seed, step, stream] = inputs.slice(i, i + 4);
    pcg4d(counter, seed, step, stream, hash);
    assert.equal([...new Uint32Array(hash.buffer)], reference.pcg4d(counter, seed, step, stream));
  }
});

/** The first n flips, 1 for a sign that changes. */
function flipsOf(n: number, key: Key): Uint8Array {
  const found = new Uint8Array(n);
  flips(n, key, (i, flip) => (found[i] = flip >>> 31));
  return found;
}

onJs('flips are bits of pcg4d in big integers, with the documented places', () => {
  for (const key of KEYS) {
    const found = flipsOf(300, key);
    for (let i = 0; i < 300; i++) assert.is(found[i], reference.flipOf(i, key), `flip ${i}`);
  }
});

onJs('the known answer of docs/packet.md', async () => {
  assert.is((await draw(1, { seed: 0 }))[0], 0xb9457c59);
});

onJs('a word depends on its place alone', async () => {
  const long = await draw(5000, { seed: 3 });
  for (const n of [1, 17, 4999]) assert.equal(await draw(n, { seed: 3 }), long.slice(0, n));
});

onJs('seed, step and stream each change everything', async () => {
  const base = await draw(1000, { seed: 1, step: 1, stream: 1 });
  for (const other of [
    { seed: 2, step: 1, stream: 1 },
    { seed: 1, step: 2, stream: 1 },
    { seed: 1, step: 1, stream: 2 },
  ]) {
    const bits = await draw(1000, other);
    assert.ok(bits.filter((word, i) => word === base[i]).length <= 1);
  }
});

/** |z| of a sum of `n` fair bits: 5 is passed by chance once in two million tests. */
const SIGMAS = 5;
const N = 2 ** 18;

onJs('each of the 32 bits is fair, and so are the bits of neighbours together', async () => {
  for (const key of KEYS) {
    const bits = await draw(N, key);
    for (let bit = 0; bit < 32; bit++) {
      for (const lag of [0, 1, 4, 16, 64]) {
        let ones = 0;
        for (let i = lag; i < N; i++) ones += ((lag === 0 ? bits[i] : bits[i] ^ bits[i - lag]) >>> bit) & 1;
        const z = (2 * ones - (N - lag)) / Math.sqrt(N - lag);
        assert.ok(Math.abs(z) < SIGMAS, `seed ${key.seed}, bit ${bit}, lag ${lag}: ${z} standard deviations`);
      }
    }
  }
});

onJs('flips are fair, and so are neighbours, elements of one hash and of one component together', () => {
  for (const key of KEYS) {
    const found = flipsOf(N, key);
    for (const lag of [0, 1, 2, 3, 4, 8, 64, 124, 128, 4096]) {
      let ones = 0;
      for (let i = lag; i < N; i++) ones += lag === 0 ? found[i] : found[i] ^ found[i - lag];
      const z = (2 * ones - (N - lag)) / Math.sqrt(N - lag);
      assert.ok(Math.abs(z) < SIGMAS, `seed ${key.seed}, lag ${lag}: ${z} standard deviations`);
    }
  }
});

onJs(
  'flips of keys that differ in one bit are unrelated, and so are flips and words of one key',
  async () => {
    const key = { seed: 100, step: 100, stream: 100 };
    const base = flipsOf(N, key);
    const agree = (other: (i: number) => number, what: string): void => {
      let differ = 0;
      for (let i = 0; i < N; i++) differ += base[i] ^ other(i);
      const z = (2 * differ - N) / Math.sqrt(N);
      assert.ok(Math.abs(z) < SIGMAS, `${what}: ${z} standard deviations`);
    };
    for (const name of ['seed', 'step', 'stream'] as const)
      for (const change of [1, 2, 2 ** 16, 2 ** 31]) {
        const other = flipsOf(N, { ...key, [name]: (100 ^ change) >>> 0 });
        agree((i) => other[i], `${name} ^ ${change}`);
      }
    const bits = await draw(N, key);
    for (const bit of [0, 15, 31]) agree((i) => (bits[i] >>> bit) & 1, `bit ${bit} of the words`);
  },
);

onJs('pairs of bits of one word are independent', async () => {
  const bits = await draw(N, { seed: 5 });
  for (let a = 0; a < 32; a++)
    for (let b = a + 1; b < 32; b++) {
      let differ = 0;
      for (let i = 0; i < N; i++) differ += ((bits[i] >>> a) ^ (bits[i] >>> b)) & 1;
      assert.ok(Math.abs(2 * differ - N) / Math.sqrt(N) < SIGMAS, `bits ${a} and ${b}`);
    }
});

onJs('bytes, and pairs of high bytes of neighbours, are uniform (chi-square)', async () => {
  const bits = await draw(2 ** 20, { seed: 11, step: 4 });
  const statistic = (cells: number, cellOf: (i: number) => number): number => {
    const counts = new Float64Array(cells);
    for (let i = 1; i < bits.length; i++) counts[cellOf(i)]++;
    const expected = (bits.length - 1) / cells;
    const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    return (chi - (cells - 1)) / Math.sqrt(2 * (cells - 1));
  };
  for (const shift of [0, 8, 16, 24])
    assert.ok(Math.abs(statistic(256, (i) => (bits[i] >>> shift) & 255)) < SIGMAS);
  assert.ok(Math.abs(statistic(65536, (i) => ((bits[i] >>> 24) << 8) | (bits[i - 1] >>> 24))) < SIGMAS);
});

onJs('keys that differ in one bit give unrelated words', async () => {
  for (const name of ['seed', 'step', 'stream'] as const)
    for (const flip of [1, 2, 2 ** 16, 2 ** 31]) {
      const key = { seed: 100, step: 100, stream: 100 };
      const a = await draw(N, key);
      const b = await draw(N, { ...key, [name]: (100 ^ flip) >>> 0 });
      for (let bit = 0; bit < 32; bit++) {
        let differ = 0;
        for (let i = 0; i < N; i++) differ += ((a[i] ^ b[i]) >>> bit) & 1;
        const z = (2 * differ - N) / Math.sqrt(N);
        assert.ok(Math.abs(z) < SIGMAS, `${name} ^ ${flip}, bit ${bit}: ${z} standard deviations`);
      }
    }
});

onJs('wrong keys are named', async () => {
  await rejects(draw(4, { seed: -1 }), RangeError, '"seed" expected an integer in 0..4294967295, got -1');
  await rejects(draw(4, { seed: 1, step: 0.5 }), RangeError, '"step"');
  await rejects(draw(4, { seed: '1' as unknown as number }), TypeError, '"seed"');
  assert.is((await draw(0, { seed: 1 })).length, 0);
});

onJs.run();
