/**
 * `npx tsx scripts/drive-bias.ts`: how far the mean of many packets of flattenedOneBit with `scale: 'drive'` stays from
 * the vector, by kind of data and elements of a block. docs/compressors.md has the table; some minutes, and the same
 * numbers in each run.
 */
import { flattenedOneBit, openDevice } from '../ts/index.ts';
import { openDraws, relativeError } from '../tests/support/draws.ts';

const DRAWS = 3000;
const VECTORS = 8;
const BLOCKS = [16, 64, 256, 1024, 4096] as const;

const { normal } = openDraws(20240829);
const studentT = (freedom: number): number => {
  let squares = 0;
  for (let i = 0; i < freedom; i++) squares += normal() ** 2;
  return normal() / Math.sqrt(squares / freedom);
};
const DATA: Readonly<Record<string, () => number>> = {
  normal,
  't, three degrees of freedom': () => studentT(3),
};

const device = await openDevice({ backend: 'wasm' });

/** |mean of the draws - x|^2 / |x|^2, without what chance leaves of it: 0 where there is no bias. */
async function bias(x: Float32Array): Promise<number> {
  const compressor = flattenedOneBit({ seed: 1, scale: 'drive' });
  const mean = new Float64Array(x.length);
  let errors = 0;
  for (let step = 0; step < DRAWS; step++) {
    const y = await device.decompress(await device.compress(compressor, x, { step }));
    errors += relativeError(x, y) / DRAWS;
    for (let i = 0; i < x.length; i++) mean[i] += y[i] / DRAWS;
  }
  return relativeError(x, mean) - errors / DRAWS;
}

for (const [kind, draw] of Object.entries(DATA))
  for (const n of BLOCKS) {
    const found: number[] = [];
    for (let v = 0; v < VECTORS; v++) found.push(await bias(Float32Array.from({ length: n }, draw)));
    found.sort((a, b) => a - b);
    const median = (found[VECTORS / 2 - 1] + found[VECTORS / 2]) / 2;
    console.log(
      `${kind}, one block of ${n}: median ${median.toFixed(5)}, most ${found[VECTORS - 1].toFixed(5)} of |x|^2`,
    );
  }
device.close();
