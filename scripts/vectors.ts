/**
 * `npm run vectors`: writes golden packets to tests/vectors, made by the js backend from the inputs of the tests. For
 * each packet NAME.fb, its vector as little-endian float32 in NAME.f32, and an entry in index.json. What a test compares
 * with these files cannot change unseen from one release to the next, in this language or another.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openJs } from '../ts/backends/js/index.ts';
import type { Compressor, Draw } from '../ts/compressors/compressor.ts';
import { Device } from '../ts/device.ts';
import {
  ditheredSign,
  flattenedOneBit,
  float32,
  maskEncoded,
  qsgd,
  quantized,
  randomizedTopK,
  randomK,
  scaledSign,
  threshold,
  topK,
  type MaskOptions,
} from '../ts/index.ts';
import { inspect } from '../ts/inspect.ts';
import { makeGolden, type Golden, type ListOptions } from '../tests/support/golden.ts';
import { FINITE, type InputKind } from '../tests/support/inputs.ts';

/**
 * The compressors, and lists of indices, each with several options. The first gets all kinds of input, the first two the medium one, the last
 * of several the large one.
 */
const TABLE: readonly (readonly Pick<Compressor, 'name' | 'options'>[])[] = [
  [
    topK({ ratio: 0.1 }),
    topK({ ratio: 0.6 }),
    topK({ k: 1 }),
    topK({ ratio: 1, values: 'bfloat16' }),
    topK({ ratio: 0.2, values: 'float16' }),
    topK({ ratio: 0.05 }),
  ],
  [scaledSign(), ...[1, 7, 100, 4096].map((block) => scaledSign({ block }))],
  [
    ...[0.5, 0, 1000].map((t) => threshold({ t })),
    threshold({ t: 1, values: 'bfloat16' }),
    threshold({ t: 2.5 }),
  ],
  [
    randomK({ ratio: 0.1, seed: 7 }),
    randomK({ k: 1, seed: 0 }),
    randomK({ ratio: 1, seed: 1 }),
    randomK({ ratio: 0.4, seed: 5, values: 'float16' }),
    randomK({ ratio: 0.03, seed: 2 ** 32 - 1 }),
  ],
  [float32()],
  [
    randomizedTopK({ ratio: 0.1, alpha: 0.2, seed: 3 }),
    randomizedTopK({ ratio: 0.9, alpha: 1, seed: 0 }),
    randomizedTopK({ k: 1, alpha: 0, seed: 2 ** 32 - 1, values: 'bfloat16' }),
  ],
  [
    maskEncoded({ ratio: 0.1, bits: 2 }),
    maskEncoded({ ratio: 0.01, bits: 3, rounding: 'floor' }),
    maskEncoded({ ratio: 0.5, bits: 1 }),
    maskEncoded({ ratio: 0.1, bits: 4, signed: false }),
    maskEncoded({ ratio: 0.03, bits: 5, signed: true }),
    { name: 'maskEncoded', options: { ratio: 1, bits: 7 } satisfies MaskOptions },
    maskEncoded({ ratio: 0.01, bits: 8 }),
  ],
  [4, 1, 2, 3, 7, 16, 8].map((bits) => quantized({ bits })),
  [7, 1, 2, 100, 32767, 3].map((levels) => qsgd({ levels, seed: levels })),
  [
    ditheredSign({ seed: 7 }),
    ditheredSign({ seed: 0, lambda: 1 }),
    ditheredSign({ seed: 1, lambda: 2 ** -30 }),
  ],
  [
    flattenedOneBit({ seed: 9 }),
    flattenedOneBit({ seed: 9, lambda: 'max', block: 64 }),
    flattenedOneBit({ seed: 1, lambda: 0.5, block: 'whole' }),
    flattenedOneBit({ seed: 2, scale: 'mean', block: 128 }),
    flattenedOneBit({ seed: 3, scale: 'drive', block: 1 }),
    flattenedOneBit({ seed: 2 ** 32 - 1, lambda: 'norm', c: 1, block: 2 }),
    flattenedOneBit({ seed: 5, lambda: 2 ** -60, block: 64 }),
    flattenedOneBit({ seed: 6, lambda: 'norm', c: 2 ** 20, block: 16 }),
    flattenedOneBit({ seed: 4, scale: 'drive', block: 1024 }),
  ],
  (
    [
      { t: 1, tag: 0 },
      { t: 0, tag: 7 },
      { t: 2, tag: 2 ** 32 - 1 },
    ] satisfies ListOptions[]
  ).map((options) => ({ name: 'indexList', options })),
];

const DRAW: Draw = { step: 3, stream: 2 };

const SEED = 1;
/** Around a word, and around a block of the index coding. */
const SMALL = [0, 1, 2, 31, 32, 33, 127, 128, 129];
/** Two blocks of the index coding, and no multiple of anything. */
const ODD = 211;
/** Long enough for several blocks of everything. */
const MEDIUM = 1000;
const LARGE = 5000;
const KINDS = [...FINITE, 'huge'] as const;

/** The inputs of one compressor, the `row`th of `rows` of its kind. Kinds take turns over the sizes. */
function inputsOf(row: number, rows: number): { kind: InputKind; n: number }[] {
  const inputs: { kind: InputKind; n: number }[] = SMALL.map((n, s) => ({
    n,
    kind: KINDS[(row * 5 + s) % KINDS.length],
  }));
  if (row === 0) for (const kind of KINDS) inputs.push({ n: ODD, kind });
  if (row < 2) inputs.push({ n: MEDIUM, kind: row === 0 ? 'normal' : 'sparse' });
  if (row > 0 && row === rows - 1) inputs.push({ n: LARGE, kind: 'normal' });
  return inputs;
}

function nameOf({ name, options }: (typeof TABLE)[number][number], kind: InputKind, n: number): string {
  const settings = Object.entries(options).map(([key, value]) => `-${key}-${String(value)}`);
  return `${name}${settings.join('')}-${kind}-${n}`;
}

const folder = fileURLToPath(new URL('../tests/vectors', import.meta.url));
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) if (/\.(fb|f32|json)$/.test(file)) rmSync(`${folder}/${file}`);

const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
const index: Golden[] = [];
let size = 0;
for (const compressors of TABLE)
  for (const [row, compressor] of compressors.entries())
    for (const { kind, n } of inputsOf(row, compressors.length)) {
      const name = nameOf(compressor, kind, n);
      const made = {
        compressor: compressor.name,
        options: compressor.options,
        n,
        input: { kind, seed: SEED },
        draw: DRAW,
      };
      const packet = await makeGolden(device, made);
      const vector = await device.decompress(packet);
      writeFileSync(`${folder}/${name}.fb`, packet);
      writeFileSync(`${folder}/${name}.f32`, new Uint8Array(vector.buffer));
      const { parameters, bytes } = inspect(packet);
      const crc = new DataView(packet.buffer).getUint32(bytes - 4, true);
      index.push({ name, ...made, parameters, bytes, crc: crc.toString(16).padStart(8, '0') });
      size += bytes + vector.byteLength;
    }
device.close();
writeFileSync(
  `${folder}/index.json`,
  `[\n${index.map((golden) => `  ${JSON.stringify(golden)}`).join(',\n')}\n]\n`,
);
console.log(`tests/vectors: ${index.length} packets, ${(size / 1000).toFixed(0)} kB with their vectors`);
