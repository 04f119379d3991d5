/** Grids, quantisations by them, and what is done with the codes, as cases of the kernels of quantize.ts. */
import { bitsOf } from '../../ts/kernels/float-bits.ts';
import { ORDERS } from '../../ts/kernels/order.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import {
  findMarkedKernel,
  GRID,
  lookupKernel,
  markKernel,
  quantizeKernel,
  ROUNDINGS,
  type Rounding,
} from '../../ts/kernels/quantize.ts';
import { extremesKernel, squareSumKernel } from '../../ts/kernels/reduce.ts';
import { levelGridKernel, maskGridKernel, SIGNED, uniformGridKernel } from '../../ts/kernels/scalars.ts';
import { exponentFor, scaled, tinyFor } from '../../ts/kernels/scaling.ts';
import { topKKernel } from '../../ts/kernels/select.ts';
import { runOnJs } from '../reference/js.ts';
import { type Grid, gridOf, wordsOfGrid } from '../reference/quantize.ts';
import { KEYS, type Key } from '../reference/random.ts';
import { POWERS, scaledInput } from '../reference/scaling.ts';
import { FINITE, input, randomWords, table, words } from '../support/inputs.ts';
import { kernelCase, type Case } from '../support/same-words.ts';

/** What a quantisation takes, x and its name aside. */
export interface Setting {
  readonly grid: Uint32Array;
  readonly width: number;
  readonly rounding: Rounding;
  readonly power: number;
  readonly fraction: number;
  readonly key: Key;
}

export const NO_TOP: number = bitsOf(Infinity) - 1;

export function quantization(x: Float32Array, setting: Setting, label: string): Case {
  const { grid, width, rounding, power, fraction, key } = setting;
  const n = x.length;
  const { limit, offset } = gridOf(grid);
  return kernelCase(
    quantizeKernel,
    `${label} to ${width} bits (${rounding}, times ${power}, fraction ${fraction}, ${limit} and ${offset} levels)`,
    { x, grid },
    { packed: packedWords(n, width) },
    { n, width, rounding: ROUNDINGS[rounding], power, fraction, ...key },
  );
}

/** Choices that follow from a seed. */
function chooser(seed: number): <T>(list: readonly T[]) => T {
  const next = words(seed);
  return (list) => list[next() % list.length];
}

export const WIDTHS: readonly number[] = Array.from({ length: 16 }, (_, i) => i + 1);
const FRACTIONS = Array.from({ length: 23 }, (_, i) => i);

/** Fractions that leave levels * 2^fraction at 2^22 or less; half of them 0. */
function fractionsFor(levels: number): number[] {
  const fine = FRACTIONS.filter((fraction) => Math.max(levels, 1) * 2 ** fraction <= 2 ** 22);
  return [...fine, ...fine.map(() => 0)];
}

/** A grid that no kernel would make, but any may lie in: p stays below 2^23. */
export function anySetting(x: Float32Array, power: number, seed: number): Setting {
  const choose = chooser(seed);
  const width = choose(WIDTHS);
  const most = 2 ** width - 1;
  const offset = choose([0, 0, most >> 1, Math.floor(most / 3)]);
  const limit = Math.min(most - offset, choose([most, most - 1, most >> 1]));
  const fraction = choose(fractionsFor(limit));
  const largest = x.reduce((max, value) => Math.max(max, Math.abs(scaled(bitsOf(value), power))), 0);
  const origin = Math.fround(largest * choose([0, 0, -0.5, 0.3]));
  const scale = (Math.max(limit, 1) * 2 ** fraction * choose([0.5, 1, 1.3])) / largest;
  const grid: Grid = {
    origin: Math.abs(origin) < 2 ** -126 ? 0 : origin,
    scale: largest === 0 ? choose([0, 1]) : Math.min(Math.max(Math.fround(scale), 2 ** -126), 2 ** 100),
    limit,
    offset,
    top: choose([NO_TOP, NO_TOP, bitsOf(largest), bitsOf(largest * 0.7), 0]),
  };
  const rounding = choose(['nearest', 'floor'] as const);
  return { grid: wordsOfGrid(grid), width, rounding, power, fraction, key: choose(KEYS) };
}

const gridFrom = async (made: Case): Promise<Uint32Array> => (await runOnJs(made)).grid;

/** The least and the greatest key of x, by an order. */
async function rangeIn(x: Float32Array | Uint32Array, order: number): Promise<Uint32Array> {
  const n = x.length;
  return (await runOnJs(kernelCase(extremesKernel, '', { x }, { range: 2 }, { n, order }))).range;
}

export async function uniformGridOf(x: Float32Array, bits: number, power: number): Promise<Uint32Array> {
  const range = await rangeIn(x, ORDERS.value);
  return gridFrom(kernelCase(uniformGridKernel, '', { range }, { grid: GRID }, { bits, power }));
}

/** The grid of mask symbols where the largest tenth of x is sent whole. */
export async function maskGridOf(
  x: Float32Array,
  order: number,
  params: { bits: number; signed: number; power: number },
): Promise<Uint32Array> {
  const n = x.length;
  const k = Math.ceil(n / 10);
  const top = kernelCase(topKKernel, '', { x }, { indices: k, values: k }, { n, k, order });
  const kept = await rangeIn((await runOnJs(top)).values, order);
  const range = await rangeIn(x, ORDERS.value);
  return gridFrom(kernelCase(maskGridKernel, '', { kept, range }, { grid: GRID }, params));
}

async function levelGridOf(
  x: Float32Array,
  params: { levels: number; fraction: number; power: number },
): Promise<Uint32Array> {
  const n = x.length;
  const { power } = params;
  const whole = { n, segment: n, tiny: tinyFor(-51, Math.log2(power)), scale: power };
  const { sums, max } = await runOnJs(kernelCase(squareSumKernel, '', { x }, { sums: 1, max: 1 }, whole));
  return gridFrom(kernelCase(levelGridKernel, '', { sums, max }, { grid: GRID }, params));
}

/** A grid that the kernels of scalars.ts make of x, scaled as a compressor does. */
export async function madeSetting(x: Float32Array, seed: number): Promise<Setting> {
  const choose = chooser(seed);
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const power = 2 ** exponentFor(bitsOf(largest));
  const width = choose(WIDTHS);
  const rounding = choose(['nearest', 'floor'] as const);
  const made = { width, rounding, power, fraction: 0, key: choose(KEYS) };
  switch (choose(['mask', 'mask', 'mask', 'uniform', 'levels'] as const)) {
    case 'uniform':
      return { ...made, grid: await uniformGridOf(x, width, power) };
    case 'mask': {
      const params = { bits: width, signed: choose(Object.values(SIGNED)), power };
      return { ...made, grid: await maskGridOf(x, choose(Object.values(ORDERS)), params) };
    }
    case 'levels': {
      const levels = Math.max(2 ** (width - 1) - 1, 1);
      const fraction = choose(fractionsFor(levels));
      const grid = await levelGridOf(x, { levels, fraction, power });
      return { ...made, width: Math.max(width, 2), fraction, grid };
    }
  }
}

/** Quantisations of the table below `end` elements, half of them by grids that are made from the data. */
export async function quantizations(
  end: number,
): Promise<{ x: Float32Array; setting: Setting; label: string }[]> {
  const found: { x: Float32Array; setting: Setting; label: string }[] = [];
  let turn = 0;
  for (const { n, kind } of table(FINITE).filter(({ n }) => n < end)) {
    const { x, power } = scaledInput(kind, n, turn++);
    found.push({ x, setting: anySetting(x, power, turn), label: `${kind} ${n} by any grid` });
    // a power that flushes, or holds to 2^126, most of x
    const wrong = anySetting(x, POWERS[(turn * 3) % POWERS.length], turn);
    if (kind === 'finite' || n < 9) found.push({ x, setting: wrong, label: `${kind} ${n} by any grid` });
    const data = turn % 2 === 0 ? x : input(kind, n);
    found.push({ x: data, setting: await madeSetting(data, turn), label: `${kind} ${n} by its grid` });
  }
  return found;
}

/** Indices below n in no order, about one in `every`, at least one. */
export function someIndices(n: number, every: number): Uint32Array {
  const random = randomWords(n, every);
  const found = Uint32Array.from({ length: n }, (_, i) => i).filter((i) => random[i] % every === 0);
  return found.length === 0 ? new Uint32Array([n - 1]) : found.sort((a, b) => random[a] - random[b]);
}

export function marking(packed: Uint32Array, indices: Uint32Array, n: number, width: number): Case {
  const params = { n, count: indices.length, width };
  const label = `${indices.length} of ${n} of ${width} bits`;
  return { label, kernel: markKernel, inputs: { indices }, changed: { packed }, outputs: {}, params };
}

export function search(packed: Uint32Array, n: number, width: number): Case {
  const outputs = { bits: Math.ceil(n / 32) };
  return kernelCase(findMarkedKernel, `${n} of ${width} bits`, { packed }, outputs, { n, width });
}

export function translation(packed: Uint32Array, values: Uint32Array, n: number, width: number): Case {
  const inputs = { packed, table: values };
  return kernelCase(lookupKernel, `${n} of ${width} bits`, inputs, { y: n }, { n, width });
}
