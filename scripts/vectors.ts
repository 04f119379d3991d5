/**
 * `npm run test:vectors`: writes the golden packets (ts/verify/golden.ts) to tests/vectors, made by the js backend: for
 * each compressor a file COMPRESSOR.vVERSION.jsonl, named by the version of the packet format, with a line a packet
 * (tests/support/golden.ts). The checksums of packets and vectors go to ts/verify/golden-sums.ts. What a test compares
 * with these files cannot change unseen from one release to the next, in this language or another.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openJs } from '../ts/backends/js/index.ts';
import { Device } from '../ts/device.ts';
import { inspect } from '../ts/inspect.ts';
import { goldenInputs, makeGolden, type GoldenInput } from '../ts/verify/golden.ts';
import { packetSum, sumOf } from '../ts/verify/sums.ts';
import { fileOf, FOLDER, lineOf } from '../tests/support/golden.ts';

const PAIRS_IN_A_LINE = 6;

function nameOf({ compressor, options, n, input: { kind } }: GoldenInput): string {
  const settings = Object.entries(options).map(([key, value]) => `-${key}-${String(value)}`);
  return `${compressor}${settings.join('')}-${kind}-${n}`;
}

const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
const files = new Map<string, string>();
const sums: string[] = [];
for (const made of goldenInputs()) {
  const packet = await makeGolden(device, made);
  const vector = await device.decompress(packet);
  const { parameters, bytes } = inspect(packet);
  const crc = packetSum(packet);
  const file = fileOf(made.compressor, packet);
  const line = lineOf({ name: nameOf(made), ...made, parameters, bytes, crc, packet, vector });
  files.set(file, `${files.get(file) ?? ''}${line}\n`);
  sums.push(crc + sumOf(new Uint8Array(vector.buffer)));
}
device.close();

mkdirSync(FOLDER, { recursive: true });
for (const file of readdirSync(FOLDER)) if (file.endsWith('.jsonl')) rmSync(`${FOLDER}/${file}`);
for (const [file, lines] of files) writeFileSync(`${FOLDER}/${file}`, lines);

const lines = Array.from({ length: Math.ceil(sums.length / PAIRS_IN_A_LINE) }, (_, i) =>
  sums.slice(i * PAIRS_IN_A_LINE, (i + 1) * PAIRS_IN_A_LINE).join(' '),
);
writeFileSync(
  fileURLToPath(new URL('../ts/verify/golden-sums.ts', import.meta.url)),
  `/** For each golden packet the CRC-32C of its bytes, and of its vector's. Written by \`npm run test:vectors\`. */
export const GOLDEN_SUMS: string = \`
${lines.join('\n')}
\`;
`,
);
const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
console.log(`tests/vectors: ${sums.length} packets in ${files.size} files, ${(size / 1000).toFixed(0)} kB`);
