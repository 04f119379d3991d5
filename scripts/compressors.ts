/**
 * `npm run docs:compressors`: measures bias and speed of every compressor on wasm and writes the first table of
 * docs/compressors.md, with bits and errors as `npm run docs:rate` has left them. Bias repeats from run to run; times
 * are a class, from the ratio to a copy of the vector measured in the same run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Compressor } from '../ts/compressors/compressor.ts';
import { openDevice } from '../ts/index.ts';
import { ALL_COMPRESSORS } from '../tests/support/all-compressors.ts';
import { relativeError } from '../tests/support/draws.ts';
import { filled, formatted } from './filled.ts';
import { settingOf } from './rate/curves.ts';
import { randomVectors } from './rate/data.ts';
import { readMeasured } from './rate/docs.ts';
import { measuredOf } from './rate/measure.ts';
import { compressorTable } from './rate/tables.ts';

const device = await openDevice({ backend: 'wasm' });
const { normal } = randomVectors();

/**
 * The squared error of the mean of many draws, in units of what chance alone leaves of it: about 1 where a compressor
 * is unbiased, far above where it is not.
 */
async function bias(compressor: Compressor): Promise<number> {
  const draws = 3000;
  const x = normal.slice(0, 512);
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

const copied = new Float32Array(normal.length);
const copy = await milliseconds(() => copied.set(normal));
const speedClass = (copies: number): string => (copies <= 10 ? 'A' : copies <= 30 ? 'B' : 'C');

const measured = readMeasured();
const rows: { setting: string; biased: string; speed: string }[] = [];
for (const compressor of ALL_COMPRESSORS) {
  const setting = settingOf(compressor);
  measuredOf(measured, setting);
  const off = await bias(compressor);
  const biased = off === 0 ? 'exact' : off < 1.5 ? `no (${off.toFixed(2)})` : 'yes';
  const copies = (await milliseconds(() => device.compress(compressor, normal))) / copy;
  rows.push({ setting, biased, speed: speedClass(copies) });
  console.log(`${setting.padEnd(52)} ${biased} ${copies.toFixed(1)} copies`);
}
device.close();

const file = fileURLToPath(new URL('../docs/compressors.md', import.meta.url));
const page = readFileSync(file, 'utf8');
const table = compressorTable(measured, rows);
writeFileSync(file, await formatted(filled(page, '<!-- table -->', table, '<!-- end -->'), file));
