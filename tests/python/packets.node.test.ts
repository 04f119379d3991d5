/** python/fewbits.py makes the packets that JavaScript makes, at sizes that golden files are too small for. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { writeIndexList } from '../../ts/compressors/index-list.ts';
import {
  blockTopK,
  flattenedLevels,
  flattenedOneBit,
  float32,
  quantized,
  scaledSign,
  topK,
} from '../../ts/index.ts';
import { input, whole, words } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { device, pythonFor } from './interpreter.ts';

const test = suite('python, packets');
const python = pythonFor(test);

/** Runs of non-zeros with gaps between them, so that a block's mean gap is far from most of its gaps. */
function clustered(n: number): Float32Array {
  const next = words(3);
  const x = new Float32Array(n);
  for (let i = 0; i < n; i += next() % 20 === 0 ? 1 + (next() % 2000) : 1) x[i] = 1 + (next() % 5);
  return x;
}

/** A compressor, and the call that is the same in Python. */
type Pair = [compressor: Compressor, call: string];

const PLAIN: Pair[] = [
  [topK({ k: 1 }), 'top_k(x, k=1)'],
  [topK({ ratio: 0.017 }), 'top_k(x, ratio=0.017)'],
  [topK({ ratio: 0.001 }), 'top_k(x, ratio=0.001)'],
  [topK({ ratio: 0.07 }), 'top_k(x, ratio=0.07)'],
  [topK({ ratio: 0.5 }), 'top_k(x, ratio=0.5)'],
  [topK({ ratio: 0.6, values: 'bfloat16' }), "top_k(x, ratio=0.6, values='bfloat16')"],
  [topK({ ratio: 0.3, values: 'sign' }), "top_k(x, ratio=0.3, values='sign')"],
  [topK({ ratio: 0.3, values: 'levels' }), "top_k(x, ratio=0.3, values='levels')"],
  [topK({ ratio: 0.9, values: 'float16' }), "top_k(x, ratio=0.9, values='float16')"],
  [blockTopK(), 'block_top_k(x)'],
  [blockTopK({ block: 64, k: 5, bits: 1 }), 'block_top_k(x, block=64, k=5, bits=1)'],
  [blockTopK({ block: 64, k: 1 }), 'block_top_k(x, block=64, k=1)'],
  [blockTopK({ block: 4096, k: 3000 }), 'block_top_k(x, k=3000)'],
  [blockTopK({ block: 512, values: 'float16' }), "block_top_k(x, block=512, values='float16')"],
  [scaledSign(), 'scaled_sign(x)'],
  [scaledSign({ block: 33 }), 'scaled_sign(x, block=33)'],
  [scaledSign({ block: 3000 }), 'scaled_sign(x, block=3000)'],
  [float32(), 'float32(x)'],
  ...[1, 3, 8, 16].map((bits): Pair => [quantized({ bits }), `quantized(x, ${bits})`]),
];

/** What flattenedOneBit and flattenedLevels draw from beside their seed. */
const DRAW = { step: 5, stream: 2 ** 32 - 1 };

/** Every scale and lambda, in blocks of each length. */
const FLATTENED: Pair[] = [64, 4096, 'whole' as const].flatMap((block) =>
  [
    {},
    { lambda: 'norm', c: 0.01 } as const,
    { lambda: 'max' } as const,
    { lambda: 0.75 },
    { lambda: 2 ** -60 },
    { scale: 'mean' } as const,
    { scale: 'drive' } as const,
  ].map((options): Pair => {
    const given = Object.entries({ block, ...options, ...DRAW });
    const said = given.map(
      ([key, value]) => `${key === 'lambda' ? 'lambda_' : key}=${JSON.stringify(value)}`,
    );
    return [flattenedOneBit({ seed: 9, block, ...options }), `flattened_one_bit(x, 9, ${said.join(', ')})`];
  }),
);

/** Every width, scale and coding of flattenedLevels, in blocks of each length. */
const LEVELS: Pair[] = [64, 4096, 'whole' as const].flatMap((block) =>
  ([2, 3, 4] as const).flatMap((bits) =>
    (['unbiased', 'least'] as const).map((scale, i): Pair => {
      // each coding with either scale
      const coding = (['entropy', 'packed'] as const)[(i + bits) % 2];
      const options = { bits, block, scale, coding };
      const said = Object.entries({ ...options, ...DRAW }).map(
        ([key, value]) => `${key}=${JSON.stringify(value)}`,
      );
      return [flattenedLevels({ seed: 9, ...options }), `flattened_levels(x, 9, ${said.join(', ')})`];
    }),
  ),
);

/** Blocks that need scaling up, down and not at all, in one vector. */
function mixed(n: number): Float32Array {
  const x = new Float32Array(3 * n);
  for (const [i, kind] of (['huge', 'finite', 'subnormal'] as const).entries()) x.set(input(kind, n), i * n);
  return x;
}

const LENGTH = 70_001;
const ALL = [...PLAIN, ...FLATTENED, ...LEVELS];
const CASES: [label: string, x: () => Float32Array, pairs: Pair[]][] = [
  ['clustered', () => clustered(LENGTH), PLAIN],
  ['sparse', () => input('sparse', LENGTH, 5), PLAIN],
  ['zeros of both signs', () => input('negativeZero', LENGTH), ALL],
  ['normal', () => input('normal', LENGTH, 5), ALL],
  ['huge', () => input('huge', LENGTH, 5), ALL],
  ['subnormal', () => input('subnormal', LENGTH, 5), ALL],
  ['huge, then finite, then subnormal', () => mixed(30_000), ALL],
];

/** In short runs one row of five for each vector: the five that take all rows have each once. */
const dealt = (pairs: readonly Pair[], turn: number): readonly Pair[] =>
  whole ? pairs : pairs.filter((_, i) => i % 5 === turn % 5);

for (const [turn, [label, make, all]] of CASES.entries())
  test(`makes the same packets at sizes that golden files are too small for: ${label}`, async () => {
    if (python.missing) return skip(python.missing);
    const pairs = dealt(all, turn);
    const x = make();
    writeFileSync(python.at('x'), new Uint8Array(x.buffer));
    await python.script(
      "x = np.fromfile('x', '<f4')",
      ...pairs.map(([, call], i) => `open('p${i}', 'wb').write(fewbits.compress_${call})`),
      ...pairs.map((_, i) => `fewbits.decompress(open('p${i}', 'rb').read()).tofile('y${i}')`),
    );
    for (const [i, [compressor, call]] of pairs.entries()) {
      const packet = await device.compress(compressor, x, DRAW);
      assert.ok(readFileSync(python.at(`p${i}`)).equals(packet), `${call} of ${label}: packets differ`);
      const vector = new Float32Array(new Uint8Array(readFileSync(python.at(`y${i}`))).buffer);
      assertWords(vector, await device.decompress(packet), `${call} of ${label}: decoded`);
    }
  });

test('index lists go both ways between the two, sparse, dense and clustered, with their tags', async () => {
  if (python.missing) return skip(python.missing);
  const lists: [n: number, places: (i: number) => boolean][] = [
    [0, () => false],
    [100, () => false],
    [100, () => true],
    [LENGTH, (i) => i % 97 === 3],
    [LENGTH, (i) => i % 3 === 0],
    [LENGTH, (i) => i % 5000 < 40],
    [2 ** 24 + 1, (i) => i % 2 ** 22 === 0],
  ];
  const made = lists.map(([n, holds], i) => {
    const indices = Uint32Array.from({ length: n }, (_, j) => j).filter(holds);
    const packet = writeIndexList(indices, n, 2 ** 32 - 1 - i);
    writeFileSync(python.at(`list${i}`), packet);
    return { n, indices, packet };
  });
  const said = await python.script(
    `for i in range(${lists.length}):`,
    "    indices, n, tag = fewbits.read_index_list(open(f'list{i}', 'rb').read())",
    "    indices.astype('<u4').tofile(f'indices{i}')",
    "    open(f'again{i}', 'wb').write(fewbits.write_index_list(indices, n, tag))",
    '    print(indices.dtype, n, tag)',
  );
  for (const [i, { n, indices, packet }] of made.entries()) {
    assert.is(said.split('\n')[i], `int64 ${n} ${2 ** 32 - 1 - i}`);
    assert.equal(new Uint32Array(new Uint8Array(readFileSync(python.at(`indices${i}`))).buffer), indices);
    assert.ok(readFileSync(python.at(`again${i}`)).equals(packet), `list ${i}: packets differ`);
  }
});

test.run();
