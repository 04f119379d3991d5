/**
 * `npm run vectors`: writes the golden packets (ts/verify/golden.ts) to tests/vectors, made by the js backend. For each packet
 * NAME.fb, its vector as little-endian float32 in NAME.f32, and an entry in index.json; the checksums of both go to
 * ts/verify/golden-sums.ts. What a test compares with these files cannot change unseen from one release to the next, in this
 * language or another.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openJs } from '../ts/backends/js/index.ts';
import { Device } from '../ts/device.ts';
import { inspect } from '../ts/inspect.ts';
import { goldenInputs, makeGolden, type GoldenInput } from '../ts/verify/golden.ts';
import { packetSum, sumOf } from '../ts/verify/sums.ts';
import type { Golden } from '../tests/support/golden.ts';

const PAIRS_IN_A_LINE = 6;

function nameOf({ compressor, options, n, input: { kind } }: GoldenInput): string {
  const settings = Object.entries(options).map(([key, value]) => `-${key}-${String(value)}`);
  return `${compressor}${settings.join('')}-${kind}-${n}`;
}

const folder = fileURLToPath(new URL('../tests/vectors', import.meta.url));
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) if (/\.(fb|f32|json)$/.test(file)) rmSync(`${folder}/${file}`);

const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
const index: Golden[] = [];
const sums: string[] = [];
let size = 0;
for (const made of goldenInputs()) {
  const name = nameOf(made);
  const packet = await makeGolden(device, made);
  const vector = new Uint8Array((await device.decompress(packet)).buffer);
  writeFileSync(`${folder}/${name}.fb`, packet);
  writeFileSync(`${folder}/${name}.f32`, vector);
  const { parameters, bytes } = inspect(packet);
  const crc = packetSum(packet);
  index.push({ name, ...made, parameters, bytes, crc });
  sums.push(crc + sumOf(vector));
  size += bytes + vector.byteLength;
}
device.close();
writeFileSync(
  `${folder}/index.json`,
  `[\n${index.map((golden) => `  ${JSON.stringify(golden)}`).join(',\n')}\n]\n`,
);
const lines = Array.from({ length: Math.ceil(sums.length / PAIRS_IN_A_LINE) }, (_, i) =>
  sums.slice(i * PAIRS_IN_A_LINE, (i + 1) * PAIRS_IN_A_LINE).join(' '),
);
writeFileSync(
  fileURLToPath(new URL('../ts/verify/golden-sums.ts', import.meta.url)),
  `/** For each golden packet the CRC-32C of its bytes, and of its vector's. Written by \`npm run vectors\`. */
export const GOLDEN_SUMS: string = \`
${lines.join('\n')}
\`;
`,
);
console.log(`tests/vectors: ${index.length} packets, ${(size / 1000).toFixed(0)} kB with their vectors`);
