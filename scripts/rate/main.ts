/**
 * `npm run docs:rate`: measures each compressor at several settings on five kinds of data, on wasm, and writes
 * docs/rate-distortion.jsonl, the plots of error against bits in docs/images, and two tables of docs/compressors.md.
 * About a minute of one core; the same figures in each run. `-- --draw` draws anew what was measured before.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openDevice } from '../../ts/index.ts';
import { KINDS, openVectors } from './data.ts';
import { docsOf, MEASURED, readMeasured } from './docs.ts';
import { measureAll, type Measured } from './measure.ts';
import { figure } from './tables.ts';

const { draw } = parseArgs({ options: { draw: { type: 'boolean', default: false } } }).values;

function print({ setting, points }: Measured): void {
  const figures = KINDS.map((kind) => `${figure(points[kind].bits)} ${figure(points[kind].error)}`);
  console.log(`${setting.padEnd(52)} ${figures.join('  ')}`);
}

async function measured(): Promise<Measured[]> {
  const device = await openDevice({ backend: 'wasm' });
  console.log(`bits and error of ${KINDS.join(', ')}; two networks are trained first`);
  const all = await measureAll(device, await openVectors(), print);
  device.close();
  writeFileSync(MEASURED, all.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return all;
}

for (const [file, text] of await docsOf(draw ? readMeasured() : await measured())) writeFileSync(file, text);
