/** Claims on made-up vectors: what flattening is for, and how ExDyna comes back after a spike. */
import { exDyna } from '../../ts/algorithms/index.ts';
import { ditheredSign, flattenedOneBit, openDevice } from '../../ts/index.ts';
import { gradients } from '../../tests/reference/algorithms/gradients.ts';
import { crewOf, play } from '../../tests/reference/algorithms/play.ts';
import { openDraws, relativeError } from '../../tests/support/draws.ts';
import { table } from '../filled.ts';

/** Vectors of different shapes, an element by draws. */
const N = 2 ** 16;
const DRAWS = 10;

/** A table, and by how many times as much the largest of a row's errors is than the least, by compressor. */
export interface Shapes {
  readonly text: string;
  readonly spreads: ReadonlyMap<string, number>;
}

/** The relative squared error of one draw on vectors of different shapes, a mean over ten draws. */
export async function shapes(): Promise<Shapes> {
  const { uniform, normal } = openDraws(240511095);
  const kinds: Readonly<Record<string, () => number>> = {
    normal,
    'Student t, 2 degrees': () => normal() / Math.sqrt((normal() ** 2 + normal() ** 2) / 2),
    'log-normal, deviation 2': () => Math.sign(normal()) * Math.exp(2 * normal()),
    '99 % zeros': () => (uniform() < 0.01 ? normal() : 0),
  };
  const compressors = {
    "flattenedOneBit, lambda 'norm', c = 0.3": flattenedOneBit({ seed: 1 }),
    "flattenedOneBit, scale 'drive'": flattenedOneBit({ seed: 1, scale: 'drive' }),
    'ditheredSign: one bit, not flattened': ditheredSign({ seed: 1 }),
  };
  const device = await openDevice({ backend: 'wasm' });
  const vectors = Object.values(kinds).map((draw) => Float32Array.from({ length: N }, draw));
  const rows: string[][] = [];
  const spreads = new Map<string, number>();
  for (const [name, compressor] of Object.entries(compressors)) {
    const errors: number[] = [];
    for (const x of vectors) {
      let error = 0;
      for (let step = 0; step < DRAWS; step++) {
        const y = await device.decompress(await device.compress(compressor, x, { step }));
        error += relativeError(x, y) / DRAWS;
      }
      errors.push(error);
    }
    spreads.set(name, Math.max(...errors) / Math.min(...errors));
    const cell = (error: number): string =>
      error >= 1000 ? Math.round(error).toLocaleString('en-US') : error.toPrecision(3);
    rows.push([name, ...errors.map(cell)]);
  }
  device.close();
  return { text: table(['', ...Object.keys(kinds)], rows), spreads };
}

/** Steps before the spike, the last warm start far behind, and after it. */
const BEFORE = 200;
const AFTER = 1500;

/** Of so many steps so many may be off: of 40 elements each, they are by a factor of two now and then. */
const WINDOW = 20;
const OFF = 2;

/**
 * Steps that ExDyna takes until its density is back, after the gradient of one of four workers was a million times as
 * large for a step: of the 20 steps that follow at most two are off by more than a factor of two. `AFTER` where that
 * never is.
 */
export async function stepsAstray(recover: boolean): Promise<number> {
  const [n, workers, density] = [2000, 4, 0.02];
  const crew = crewOf(exDyna({ density, recover }), n, workers);
  const off: boolean[] = [];
  for (let step = 0; step <= BEFORE + AFTER; step++) {
    const given = gradients(n, workers, step);
    if (step === BEFORE) given[0] = given[0].map((value) => value * 1e6);
    await play(crew, given);
    const ratio = (crew.workers[0].report.union ?? 0) / density;
    if (step > BEFORE) off.push(ratio > 2 || ratio < 0.5);
  }
  const back = off.findIndex((_, i) => off.slice(i, i + WINDOW).filter(Boolean).length <= OFF);
  return back < 0 || back > AFTER - WINDOW ? AFTER : back;
}
