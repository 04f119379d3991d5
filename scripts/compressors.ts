/**
 * `npm run docs:compressors`: measures every compressor on wasm and writes the table of docs/compressors.md. Bytes,
 * errors and bias repeat from run to run; times are a class, from the ratio to a copy of the vector measured in the
 * same run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { Compressor } from '../ts/compressors/compressor.ts';
import { openDevice } from '../ts/index.ts';
import { ALL_COMPRESSORS } from '../tests/support/all-compressors.ts';
import { openDraws, relativeError } from '../tests/support/draws.ts';

const N = 2 ** 20;

const { normal } = openDraws(20240829);
/** Kinds of data by the name of their column. */
const DATA: Readonly<Record<string, () => number>> = {
  // sums of values of many sizes, as in a dense gradient
  normal,
  // Student's t with three degrees of freedom: a gradient with heavy tails
  'heavy tails': () => normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3),
  // a feature map behind a rectifier
  ReLU: () => Math.max(0, normal()),
};

const device = await openDevice({ backend: 'wasm' });
const vectors = Object.values(DATA).map((draw) => Float32Array.from({ length: N }, draw));

/**
 * The squared error of the mean of many draws, in units of what chance alone leaves of it: about 1 where a compressor
 * is unbiased, far above where it is not.
 */
async function bias(compressor: Compressor): Promise<number> {
  const draws = 3000;
  const x = vectors[0].slice(0, 512);
  const mean = new Float64Array(x.length);
  let errors = 0;
  for (let step = 0; step < draws; step++) {
    const y = await device.decompress(await device.compress(compressor, x, { step }));
    errors += relativeError(x, y) / draws;
    for (let i = 0; i < x.length; i++) mean[i] += y[i] / draws;
  }
  return errors === 0 ? 0 : relativeError(x, mean) / (errors / draws);
}

/** The least of several times of one call, in milliseconds. */
async function milliseconds(call: () => unknown): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    await call();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

const copied = new Float32Array(N);
const copy = await milliseconds(() => copied.set(vectors[0]));
const speedClass = (copies: number): string => (copies <= 10 ? 'A' : copies <= 30 ? 'B' : 'C');

function call({ name, options }: Compressor): string {
  const given = Object.entries(options).filter(([key]) => key !== 'seed');
  const shown = given.map(
    ([key, value]) => `${key}: ${typeof value === 'string' ? `'${value}'` : String(value)}`,
  );
  return shown.length ? `${name}({ ${shown.join(', ')} })` : `${name}()`;
}

const rows: string[][] = [
  ['compressor', 'bits an element', ...Object.keys(DATA).map((name) => `error, ${name}`), 'biased', 'speed'],
];
rows.push(rows[0].map(() => '---'));
for (const compressor of ALL_COMPRESSORS) {
  const packets = await Promise.all(vectors.map((x) => device.compress(compressor, x)));
  const errors: string[] = [];
  for (const [v, packet] of packets.entries())
    errors.push(relativeError(vectors[v], await device.decompress(packet)).toPrecision(3));
  const measured = await bias(compressor);
  const biased = measured === 0 ? 'exact' : measured < 1.5 ? `no (${measured.toFixed(2)})` : 'yes';
  const time = await milliseconds(() => device.compress(compressor, vectors[0]));
  const bits = ((packets[0].length * 8) / N).toFixed(3);
  rows.push([
    `\`${call(compressor)}\``,
    bits,
    ...errors.map(Number).map(String),
    biased,
    speedClass(time / copy),
  ]);
  console.log(
    `${call(compressor).padEnd(52)} ${bits.padStart(7)} ${errors.join(' ')} ${biased} ${(time / copy).toFixed(1)} copies`,
  );
}
device.close();

const file = fileURLToPath(new URL('../docs/compressors.md', import.meta.url));
const START = '<!-- table -->';
const END = '<!-- end -->';
const page = readFileSync(file, 'utf8');
const before = page.slice(0, page.indexOf(START) + START.length);
const after = page.slice(page.indexOf(END));
const table = rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
const text = `${before}\n\n${table}\n\n${after}`;
writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'markdown' }));
