import * as assert from 'uvu/assert';
import type { Backend } from '../../ts/backends/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { flattenKernel, TINY, transformLength } from '../../ts/kernels/fwht.ts';
import {
  edgesOf,
  flattenLevelsKernel,
  levelsOf,
  packLevelsKernel,
  tableOf,
  unflattenLevelsKernel,
} from '../../ts/kernels/centroids.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { floatsOf, Scope } from '../../ts/kernels/scope.ts';
import { walshHadamard } from '../reference/fwht.ts';
import { runOnJs } from '../reference/js.ts';
import * as reference from '../reference/centroids.ts';
import { unpack } from '../reference/pack.ts';
import { flipOf, KEYS, type Key } from '../reference/random.ts';
import { squareSum } from '../reference/reduce.ts';
import { scaledInput } from '../reference/scaling.ts';
import { eachBackend } from '../support/backends.ts';
import { FINITE, input, LARGE, LARGEST, randomWords, table, type InputKind } from '../support/inputs.ts';
import { assertSameWords, assertWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const BLOCKS = [1, 2, 8, 16, 32, 64, 256, 1024, 2048, 4096, 8192, 16384];
const BITS = [1, 2, 3, 4];

/** packLevels of z by segments; roots near those of z, with zeros and far ones among them. */
function packing(z: Float32Array, segment: number, bits: number, label: string): Case {
  const n = z.length;
  const roots = Float32Array.from({ length: n / segment }, (_, s) => {
    const near = Math.sqrt(squareSum(z.subarray(s * segment, (s + 1) * segment)) / segment);
    const root = s % 5 === 3 ? near * 2 ** (s % 7) : near;
    return s % 11 === 4 || root < 2 ** -51 ? 0 : Math.min(root, 2 ** 60);
  });
  const tallied = (n / segment) * 2 ** (bits - 1);
  return kernelCase(
    packLevelsKernel,
    `${label} by ${segment}, ${bits} bits`,
    { z, roots },
    { codes: packedWords(n, bits), sums: tallied, counts: tallied },
    { n, segment, bits },
  );
}

/** flattenLevels of x times `power`. */
function flattening(
  x: Float32Array,
  block: number,
  bits: number,
  key: Key,
  power: number,
  label: string,
): Case {
  const n = x.length;
  const total = transformLength(n, block);
  const blocks = total / block;
  const tallied = blocks * 2 ** (bits - 1);
  return kernelCase(
    flattenLevelsKernel,
    `${label} by ${block}, ${bits} bits, seed ${key.seed}, times ${power}`,
    { x },
    { codes: packedWords(total, bits), squares: blocks, sums: tallied, counts: tallied, max: 1 },
    { n, total, block, bits, ...key, scale: power },
  );
}

/** Zero, the least and the greatest that a scale may be, and some between. */
const SCALES = [1, 0.1, 0, 2 ** -126, 2 ** 127, 3e-20, 2 ** 104, 7e37, 2 ** -103, 2 ** 114];
const FACTORS = [1, -1, 0.25, -0.3, 0, 2 ** -126, 1e-20].map(Math.fround);
const ADDED: readonly InputKind[] = ['normal', 'subnormal', 'sparse', 'heavy', 'zeros'];

/** unflattenLevels of random codes, written where there is no factor, else added to numbers of every kind in turn. */
function decoding(n: number, block: number, bits: number, key: Key, turn: number, factor?: number): Case {
  const total = transformLength(n, block);
  const scales = Float32Array.from({ length: total / block }, (_, s) => SCALES[(s + turn) % SCALES.length]);
  const add = factor === undefined ? 0 : 1;
  return {
    label: `${n} by ${block}, ${bits} bits, turn ${turn}, ${add ? `plus, times ${factor}` : 'written'}`,
    kernel: unflattenLevelsKernel,
    // bits behind the last element are nothing
    inputs: { codes: randomWords(packedWords(total, bits), turn + 1), table: tableOf(bits), scales },
    outputs: add ? {} : { y: n },
    changed: add ? { y: input(ADDED[turn % ADDED.length], n, 2) } : {},
    params: { n, total, block, bits, ...key, add, factor: factor ?? 1 },
  };
}

/** A vector to which several decoded ones are added, one after the other, with nothing between them. */
async function sumOfDecoded(backend: Backend, n: number, block: number): Promise<Uint32Array> {
  const scope = new Scope(backend);
  try {
    const total = transformLength(n, block);
    const y = scope.put(input('normal', n));
    const packets = FACTORS.map((factor, turn) => {
      const bits = 1 + (turn % 4);
      return {
        codes: scope.put(randomWords(packedWords(total, bits), turn + 1)),
        table: scope.put(tableOf(bits)),
        scales: scope.put(Float32Array.from({ length: total / block }, (_, s) => 0.5 + ((s + turn) % 7))),
        params: { n, total, block, bits, ...KEYS[turn % KEYS.length], add: 1, factor },
      };
    });
    for (const { codes, table, scales, params } of packets)
      scope.run(unflattenLevelsKernel, { codes, table, scales, y }, params);
    return (await backend.read(scope.read(y)))[0];
  } finally {
    scope.end();
  }
}

eachBackend(
  'centroids',
  (test, open, over) => {
    // js is what all are compared with, and a GPU in software takes its time: long vectors have one width each there
    const slow = over === 'js' || over.startsWith('webgpu');
    const widths = (turn: number): readonly number[] => (slow ? [BITS[turn % BITS.length]] : BITS);

    test('packLevels: the same words as js', async () => {
      const cases = function* (): Generator<Case> {
        let turn = 0;
        for (const { n, kind } of table(FINITE)) {
          const segment = BLOCKS[turn % BLOCKS.length];
          const z = input(kind, transformLength(n, segment)).map((value) => Math.fround(value * 2 ** -40));
          yield packing(z, segment, BITS[turn++ % 4], `${kind} ${n}`);
        }
        for (const [i, segment] of [1, 16, 64, 1024, 4096, 2 ** 17].entries())
          for (const bits of widths(i))
            yield packing(input('normal', transformLength(9001, segment)), segment, bits, 'normal 9001');
      };
      await assertSameWords(await open(), cases());
    });

    for (const bits of BITS)
      test(`flattenLevels of ${bits} bits: the same words as js`, async () => {
        const cases = function* (): Generator<Case> {
          let turn = bits;
          for (const { n, kind } of table(FINITE).filter((_, i) => i % 4 === bits - 1 || i > 210)) {
            const { x, power } = scaledInput(kind, n, turn);
            const block = BLOCKS[turn % BLOCKS.length];
            yield flattening(x, block, bits, KEYS[turn++ % KEYS.length], power, `${kind} ${n}`);
          }
          for (const block of BLOCKS)
            yield flattening(input('normal', 9001), block, bits, KEYS[1], 1, 'normal 9001');
          for (const [i, block] of [4096, 2 ** 17].entries())
            if (!slow || i === bits % 2)
              yield flattening(input('heavy', LARGE), block, bits, KEYS[2], 1, `heavy ${LARGE}`);
        };
        await assertSameWords(await open(), cases());
      });

    test('flattenLevels of a long vector: the same words as js', async () => {
      const x = input('normal', LARGEST);
      await assertSameWords(await open(), [
        flattening(x, 4096, 4, KEYS[1], 1, `normal ${LARGEST}`),
        flattening(x, 64, 3, KEYS[1], 1, `normal ${LARGEST}`),
        flattening(x, transformLength(LARGEST, 'whole'), 2, KEYS[1], 1, `normal ${LARGEST}`),
      ]);
    });

    for (const add of [false, true])
      test(`unflattenLevels, ${add ? 'added' : 'written'}: the same words as js`, async () => {
        const cases = function* (): Generator<Case> {
          let turn = 0;
          const factorOf = (turn: number): number | undefined =>
            add ? FACTORS[turn % FACTORS.length] : undefined;
          for (const { n } of table(['normal', 'heavy'])) {
            const [block, key] = [BLOCKS[turn % BLOCKS.length], KEYS[turn % KEYS.length]];
            yield decoding(n, block, BITS[(turn >> 1) % 4], key, turn, factorOf(turn++));
          }
          for (const block of [...BLOCKS, 4, 128, 512, transformLength(9001, 'whole')])
            for (const n of [9001, 4 * block, 3 * block + 1])
              if (n <= LARGEST)
                yield decoding(n, block, BITS[turn % 4], KEYS[turn % KEYS.length], turn, factorOf(turn++));
          for (const [i, block] of [64, 4096, 2 ** 14, 2 ** 17].entries())
            for (const bits of widths(i)) yield decoding(LARGE, block, bits, KEYS[2], turn, factorOf(turn++));
          // scales of every kind with factors of every kind
          for (let more = 0; more < SCALES.length * FACTORS.length; more++)
            yield decoding(200, 64, BITS[more % 4], KEYS[1], turn++, factorOf(more));
        };
        await assertSameWords(await open(), cases());
      });

    test('unflattenLevels of a long vector: the same words as js', async () => {
      await assertSameWords(await open(), [
        decoding(LARGEST, 4096, 3, KEYS[1], 0),
        decoding(LARGEST, 4096, 4, KEYS[1], 1, -0.5),
      ]);
    });

    test('unflattenLevels added several times to one vector: the same words as js', async () => {
      const js = openJs();
      for (const [n, block] of [
        [9001, 4096],
        [LARGE, 4096],
        [LARGE, 32],
        [LARGE, 2 ** 14],
        [LARGE, 2 ** 15],
      ]) {
        const expected = await sumOfDecoded(js, n, block);
        assertWords(await sumOfDecoded(await open(), n, block), expected, `${n} by ${block}`);
      }
      js.close();
    });

    test('the largest key is that of x as it is: subnormal, infinite or not a number', async () => {
      const cases = function* (): Generator<Case> {
        for (const block of [64, 4096, 2 ** 15])
          for (const last of [2 ** -149, Infinity, NaN]) {
            const x = new Float32Array(5000);
            x[4999] = last;
            // what the rest is of such a vector no backend promises
            const { outputs, ...one } = flattening(x, block, 3, KEYS[1], 1, `ends in ${last}`);
            const defined = Object.fromEntries(
              Object.keys(outputs).map((name) => [name, name === 'max' ? 1 : 0]),
            );
            yield { ...one, outputs, defined };
          }
      };
      await assertSameWords(await open(), cases());
    });
  },
  { threads: true },
);

const onJs = suite('levels by their definition');

onJs('codes, sums and counts are those of the definition, around each edge too', async () => {
  for (const bits of BITS)
    for (const [n, segment] of [
      [8, 1],
      [96, 32],
      [512, 64],
      [4096, 2048],
    ]) {
      const z = input('normal', n);
      const roots = Float32Array.from({ length: n / segment }, (_, s) => (s % 3 === 2 ? 0 : 0.7 + s));
      roots.forEach((root, s) => {
        // on an edge and beside it, and zeros of both signs
        const near = edgesOf(bits).flatMap((edge) => {
          const at = Math.fround(edge * root);
          return [at, -at, at * (1 - 2 ** -24), at * (1 + 2 ** -23)];
        });
        z.set([...near, 0, -0, 2 ** -103].slice(0, segment), s * segment);
      });
      const label = `${n} by ${segment}, ${bits} bits`;
      const tallied = (n / segment) * 2 ** (bits - 1);
      const found = await runOnJs({
        ...{ label, kernel: packLevelsKernel, inputs: { z, roots }, params: { n, segment, bits } },
        outputs: { codes: packedWords(n, bits), sums: tallied, counts: tallied },
      });
      const expected = Array.from(roots, (root, s) =>
        reference.levelled(z.subarray(s * segment, (s + 1) * segment), root, bits),
      );
      assert.equal(
        unpack(found.codes, n, bits),
        expected.flatMap(({ codes }) => codes),
        label,
      );
      assert.equal(
        [...floatsOf(found.sums)],
        expected.flatMap(({ sums }) => sums),
        label,
      );
      assert.equal(
        [...found.counts],
        expected.flatMap(({ counts }) => counts),
        label,
      );
    }
});

onJs('levels and edges are those of the definition, and edges are exact', () => {
  for (const bits of BITS) {
    assert.equal([...levelsOf(bits)], reference.levels(bits));
    assert.ok(edgesOf(bits).every((edge) => Math.fround(edge) === edge));
    assert.equal(
      [...tableOf(bits)],
      Array.from({ length: 2 ** bits }, (_, c) => reference.valueOf(c, bits)),
    );
  }
});

onJs('what is flattened first is z of flatten, and the root that of the squares', async () => {
  for (const [n, block] of [
    [5, 8],
    [300, 128],
    [5000, 2048],
  ]) {
    const [x, key, bits] = [input('heavy', n), KEYS[2], 3];
    const one = flattening(x, block, bits, key, 1, '');
    const found = await runOnJs(one);
    const total = transformLength(n, block);
    const { y: z } = await runOnJs({
      ...{ label: '', kernel: flattenKernel, inputs: { x }, outputs: { y: total } },
      params: { n, total, block, ...key, tiny: TINY, scale: 1 },
    });
    floatsOf(found.squares).forEach((square, s) => {
      const exact = squareSum(x.subarray(s * block, (s + 1) * block));
      assert.ok(Math.abs(square / exact - 1) < 2 ** -20, `${square}, expected ${exact}`);
      const own = floatsOf(z).subarray(s * block, (s + 1) * block);
      const { codes, sums, counts } = reference.levelled(own, Math.fround(Math.sqrt(square)), bits);
      assert.equal(unpack(found.codes, total, bits).slice(s * block, (s + 1) * block), codes);
      assert.equal([...floatsOf(found.sums).subarray(s * 4, s * 4 + 4)], sums);
      assert.equal([...found.counts.subarray(s * 4, s * 4 + 4)], counts);
    });
  }
});

onJs('what is decoded is H of the levels with its flips, times the scale', async () => {
  for (const bits of BITS)
    for (const [n, block] of [
      [1, 1],
      [5, 8],
      [300, 128],
    ]) {
      const [total, key] = [transformLength(n, block), KEYS[bits % KEYS.length]];
      const codes = randomWords(packedWords(total, bits));
      const scales = Float32Array.from({ length: total / block }, (_, s) => 0.1 + s);
      const q = Float64Array.from(unpack(codes, total, bits), (code) => reference.valueOf(code, bits));
      const t = Array.from({ length: total / block }, (_, s) => [
        ...walshHadamard(q.subarray(s * block, (s + 1) * block)),
      ]).flat();
      const expected = Float32Array.from({ length: n }, (_, i) => {
        const value = t[i] * scales[Math.floor(i / block)];
        return flipOf(i, key) && value !== 0 ? -value : value;
      });
      const params = { n, total, block, bits, ...key, add: 0, factor: 1 };
      const inputs = { codes, table: tableOf(bits), scales };
      const one = { label: '', kernel: unflattenLevelsKernel, inputs, params };
      const { y } = await runOnJs({ ...one, outputs: { y: n } });
      assertWords(y, expected, `${n} by ${block}, ${bits} bits`);
    }
});

onJs.run();
