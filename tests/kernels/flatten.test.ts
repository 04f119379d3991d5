import * as assert from 'uvu/assert';
import { flattenSignsKernel, unflattenSignsKernel, WAYS, type Way } from '../../ts/kernels/flatten.ts';
import { transformLength } from '../../ts/kernels/fwht.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Backend } from '../../ts/backends/backend.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { floatsOf, Scope } from '../../ts/kernels/scope.ts';
import { walshHadamard } from '../reference/fwht.ts';
import { runOnJs } from '../reference/js.ts';
import { unpack } from '../reference/pack.ts';
import { flipOf, KEYS, type Key, wordOf } from '../reference/random.ts';
import { scaledInput } from '../reference/scaling.ts';
import { eachBackend } from '../support/backends.ts';
import { FINITE, input, LARGE, LARGEST, randomWords, table, type InputKind } from '../support/inputs.ts';
import { assertSameWords, assertWords, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const BLOCKS = [1, 2, 8, 16, 64, 1024, 2048, 4096, 8192];
const NAMES = Object.keys(WAYS) as Way[];
const WIDTH = new Float32Array([0.75]);

/** flattenSigns of x times `power`; the width that is given is WIDTH. */
function flattening(x: Float32Array, block: number, way: Way, key: Key, power: number, label: string): Case {
  const n = x.length;
  const total = transformLength(n, block);
  const blocks = total / block;
  const widths: Record<string, number> = way === 'given' ? {} : { widths: blocks };
  const squares = way === 'drive' ? blocks : 1;
  return {
    label: `${label} by ${block}, ${way}, seed ${key.seed}, times ${power}`,
    kernel: flattenSignsKernel,
    inputs: { x, ...(way === 'given' ? { widths: WIDTH } : {}) },
    outputs: { bits: Math.ceil(total / 32), max: 1, squares, ...widths },
    params: { n, total, block, ...key, scale: power, way: WAYS[way], factor: Math.fround(0.3) },
  };
}

/** Zero, the least and the greatest that a scale may be, and some between. */
const SCALES = [1, 0.1, 0, 2 ** -126, 2 ** 127, 3e-20, 2 ** 104, 7e37, 2 ** -103, 2 ** 114];

const scalesOf = (blocks: number, turn: number): Float32Array =>
  Float32Array.from({ length: blocks }, (_, s) => SCALES[(s + turn) % SCALES.length]);

const FACTORS = [1, -1, 0.25, -0.3, 0, 2 ** -126, 1e-20].map(Math.fround);
const ADDED: readonly InputKind[] = ['normal', 'subnormal', 'sparse', 'heavy', 'zeros'];

/** unflattenSigns of random bits, written where there is no factor, else added to numbers of every kind in turn. */
function decoding(n: number, block: number, key: Key, turn: number, factor?: number): Case {
  const total = transformLength(n, block);
  const scales = scalesOf(total / block, turn);
  const add = factor === undefined ? 0 : 1;
  return {
    label: `${n} by ${block}, seed ${key.seed}, turn ${turn}, ${add ? `plus, times ${factor}` : 'written'}`,
    kernel: unflattenSignsKernel,
    // bits behind the last element are nothing
    inputs: { bits: randomWords(packedWords(total, 1), turn + 1), scales },
    outputs: add ? {} : { y: n },
    changed: add ? { y: input(ADDED[turn % ADDED.length], n, 2) } : {},
    params: { n, total, block, ...key, add, factor: factor ?? 1 },
  };
}

/** A vector to which several decoded ones are added, one after the other, with nothing between them. */
async function sumOfDecoded(backend: Backend, n: number, block: number): Promise<Uint32Array> {
  const scope = new Scope(backend);
  try {
    const total = transformLength(n, block);
    const y = scope.put(input('normal', n));
    const packets = FACTORS.map((factor, turn) => ({
      bits: scope.put(randomWords(packedWords(total, 1), turn + 1)),
      scales: scope.put(Float32Array.from({ length: total / block }, (_, s) => 0.5 + ((s + turn) % 7))),
      params: { n, total, block, ...KEYS[turn % KEYS.length], add: 1, factor },
    }));
    for (const { bits, scales, params } of packets)
      scope.run(unflattenSignsKernel, { bits, scales, y }, params);
    return (await backend.read(scope.read(y)))[0];
  } finally {
    scope.end();
  }
}

eachBackend('flatten', (test, open) => {
  for (const [turned, way] of NAMES.entries())
    test(`flattenSigns, ${way}: the same words as js`, async () => {
      const cases = function* (): Generator<Case> {
        let turn = turned;
        for (const { n, kind } of table(FINITE).filter((_, i) => i % NAMES.length === turned || i > 210)) {
          const { x, power } = scaledInput(kind, n, turn);
          const block = BLOCKS[turn % BLOCKS.length];
          yield flattening(x, block, way, KEYS[turn++ % KEYS.length], power, `${kind} ${n}`);
        }
        for (const block of BLOCKS)
          yield flattening(input('normal', 9001), block, way, KEYS[1], 1, 'normal 9001');
        for (const block of [4096, 2 ** 17])
          yield flattening(input('heavy', LARGE), block, way, KEYS[2], 1, `heavy ${LARGE}`);
      };
      await assertSameWords(await open(), cases());
    });

  test('flattenSigns of a long vector: the same words as js', async () => {
    const x = input('normal', LARGEST);
    await assertSameWords(await open(), [flattening(x, 4096, 'norm', KEYS[1], 1, `normal ${LARGEST}`)]);
  });

  for (const add of [false, true])
    test(`unflattenSigns, ${add ? 'added' : 'written'}: the same words as js`, async () => {
      const cases = function* (): Generator<Case> {
        let turn = 0;
        const factorOf = (turn: number): number | undefined =>
          add ? FACTORS[turn % FACTORS.length] : undefined;
        for (const { n } of table(['normal', 'heavy'])) {
          const [block, key] = [BLOCKS[turn % BLOCKS.length], KEYS[turn % KEYS.length]];
          yield decoding(n, block, key, turn, factorOf(turn++));
        }
        for (const block of [...BLOCKS, 4, 32, 128, 256, 512, transformLength(9001, 'whole')])
          for (const n of [9001, 4 * block, 3 * block + 1])
            if (n <= LARGEST) yield decoding(n, block, KEYS[turn % KEYS.length], turn, factorOf(turn++));
        for (const block of [64, 4096, 2 ** 14, 2 ** 17])
          yield decoding(LARGE, block, KEYS[2], turn, factorOf(turn++));
        // scales of every kind with factors of every kind
        for (let more = 0; more < SCALES.length * FACTORS.length; more++)
          yield decoding(200, 64, KEYS[1], turn++, factorOf(more));
      };
      await assertSameWords(await open(), cases());
    });

  test('unflattenSigns of a long vector: the same words as js', async () => {
    await assertSameWords(await open(), [
      decoding(LARGEST, 4096, KEYS[1], 0),
      decoding(LARGEST, 4096, KEYS[1], 1, -0.5),
    ]);
  });

  test('unflattenSigns added several times to one vector: the same words as js', async () => {
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
      for (const way of NAMES)
        for (const last of [2 ** -149, Infinity, NaN]) {
          const x = new Float32Array(5000);
          x[4999] = last;
          // what the rest is of such a vector no backend promises
          const { outputs, ...one } = flattening(x, 4096, way, KEYS[1], 1, `ends in ${last}`);
          const defined = Object.fromEntries(
            Object.keys(outputs).map((name) => [name, name === 'max' ? 1 : 0]),
          );
          yield { ...one, outputs, defined };
        }
    };
    await assertSameWords(await open(), cases());
  });
});

const onJs = suite('flatten by its definition');

/** Whole numbers, so that all of z is exact. */
const wholes = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => ((i * 37) % 23) - 11);

/** z of whole numbers in float64. */
function flattened(x: Float32Array, block: number, key: Key): number[] {
  const padded = Float64Array.from({ length: transformLength(x.length, block) }, (_, i) =>
    i < x.length ? (flipOf(i, key) ? -x[i] : x[i]) : 0,
  );
  return Array.from({ length: padded.length / block }, (_, s) => [
    ...walshHadamard(padded.subarray(s * block, (s + 1) * block)),
  ]).flat();
}

const sumOf = (values: readonly number[], of: (value: number) => number): number =>
  values.reduce((sum, value) => sum + of(value), 0);

/** The block s of `values`. */
const blockOf = (values: ArrayLike<number>, block: number, s: number): number[] =>
  Array.from(values).slice(s * block, (s + 1) * block);

onJs('widths, squares and the largest key are those of their definitions', async () => {
  for (const key of KEYS)
    for (const [n, block] of [
      [5, 8],
      [100, 16],
      [300, 128],
    ]) {
      const x = wholes(n);
      const z = flattened(x, block, key);
      const expected: Record<Exclude<Way, 'given'>, (s: number) => number> = {
        norm: (s) => Math.fround(0.3) * Math.sqrt(sumOf(blockOf(x, block, s), (value) => value * value)),
        max: (s) => Math.max(...blockOf(z, block, s).map(Math.abs)),
        mean: (s) => sumOf(blockOf(z, block, s), Math.abs),
        drive: (s) => sumOf(blockOf(z, block, s), Math.abs),
      };
      for (const way of ['norm', 'max', 'mean', 'drive'] as const) {
        const found = await runOnJs(flattening(x, block, way, key, 1, ''));
        floatsOf(found.widths).forEach((width, s) => {
          const wanted = expected[way](s);
          assert.ok(
            Math.abs(width - wanted) <= wanted * 2 ** -23,
            `${way} of ${n} by ${block}: ${width}, ${wanted}`,
          );
        });
        assert.is(floatsOf(found.max)[0], 11);
        if (way === 'drive')
          floatsOf(found.squares).forEach((sum, s) =>
            assert.is(
              sum,
              sumOf(blockOf(x, block, s), (value) => value * value),
            ),
          );
      }
    }
});

onJs('bits are the signs of z, or of z with its dither', async () => {
  for (const key of KEYS)
    for (const [n, block] of [
      [5, 8],
      [100, 16],
      [300, 128],
    ]) {
      const x = wholes(n);
      const z = flattened(x, block, key);
      for (const way of NAMES) {
        const { bits, widths } = await runOnJs(flattening(x, block, way, key, 1, ''));
        const noise = (i: number): number => {
          if (way === 'mean' || way === 'drive') return 0;
          const width = way === 'given' ? WIDTH[0] : floatsOf(widths)[Math.floor(i / block)];
          return Math.fround(((2 * Math.floor(wordOf(i, key) / 2 ** 9) + 1 - 2 ** 23) * width) / 2 ** 23);
        };
        const expected = z.map((value, i) => Number(value < noise(i)));
        assert.equal(unpack(bits, z.length, 1), expected, `${way} of ${n} by ${block}, seed ${key.seed}`);
      }
    }
});

onJs('what is decoded is H of the signs with its flips, times the scale', async () => {
  for (const key of KEYS)
    for (const [n, block] of [
      [1, 1],
      [5, 8],
      [100, 16],
      [300, 128],
    ]) {
      const total = transformLength(n, block);
      const bits = randomWords(packedWords(total, 1));
      const scales = Float32Array.from({ length: total / block }, (_, s) => 0.1 + s);
      const signs = Float32Array.from(unpack(bits, total, 1), (bit) => 1 - 2 * bit);
      const t = Array.from({ length: total / block }, (_, s) => [
        ...walshHadamard(Float64Array.from(signs.subarray(s * block, (s + 1) * block))),
      ]).flat();
      const expected = Float32Array.from({ length: n }, (_, i) => {
        const value = t[i] * scales[Math.floor(i / block)];
        return flipOf(i, key) && value !== 0 ? -value : value;
      });
      const params = { n, total, block, ...key, add: 0, factor: 1 };
      const one = { label: '', kernel: unflattenSignsKernel, inputs: { bits, scales }, params };
      const { y } = await runOnJs({ ...one, outputs: { y: n } });
      assertWords(y, expected, `${n} by ${block}`);
      const factor = Math.fround(-0.3);
      const before = input('normal', n);
      const added = await runOnJs({
        ...one,
        outputs: {},
        changed: { y: before },
        params: { ...params, add: 1, factor },
      });
      const sum = before.map((value, i) => value + Math.fround(factor * expected[i]));
      assertWords(added.y, sum, `${n} by ${block}, added`);
    }
});

onJs.run();
