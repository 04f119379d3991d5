/** One compressor on one vector: how many bits an element its packet takes, on what, and how far off it decodes. */
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { inspect, type Device } from '../../ts/index.ts';
import { relativeError } from '../../tests/support/draws.ts';
import { callOf, CURVES } from './curves.ts';
import type { Kind } from './data.ts';

/** What a packet is made of. */
export const PARTS = ['places', 'values', 'symbols', 'scales', 'header'] as const;
export type Part = (typeof PARTS)[number];

/** The part that each section of a packet is, by its name in docs/packet.md. */
const SECTIONS: Readonly<Record<string, Part>> = {
  head: 'places',
  low: 'places',
  unary: 'places',
  bitmap: 'places',
  values: 'values',
  masks: 'symbols',
  codes: 'symbols',
  coded: 'symbols',
  bits: 'symbols',
  scales: 'scales',
  levels: 'scales',
};

/** A packet's size by its parts, in bytes. */
export type Sizes = Readonly<Record<Part, number>>;

/** A packet of a curve: bits an element, and |decoded - x|^2 / |x|^2. */
export interface Point {
  readonly bits: number;
  readonly error: number;
}

/** One setting on all kinds of data: a line of docs/rate-distortion.jsonl. */
export interface Measured {
  readonly curve: string;
  readonly setting: string;
  readonly points: Readonly<Record<string, Point>>;
  /** Of the usual setting of a curve, on `PARTED`. */
  readonly sizes?: Sizes;
}

/**
 * What was measured of a setting.
 * @throws Error where it was not
 */
export function measuredOf(all: readonly Measured[], setting: string): Measured {
  const found = all.find((measured) => measured.setting === setting);
  if (found === undefined) throw new Error(`${setting} was not measured: npm run docs:rate`);
  return found;
}

/** The kind whose packets are taken apart. */
export const PARTED: Kind = 'gradient';

/** Digits of what is written: more than a plot shows, and the same from run to run. */
const DIGITS = 6;
const rounded = (value: number): number => Number(value.toPrecision(DIGITS));

/**
 * The parts of a packet.
 * @throws Error where a section is of no known part
 */
export function sizesOf(packet: Uint8Array): Sizes {
  const { bytes, sections } = inspect(packet);
  const sizes: Record<Part, number> = { places: 0, values: 0, symbols: 0, scales: 0, header: bytes };
  for (const section of sections) {
    const part = SECTIONS[section.name];
    if (part === undefined)
      throw new Error(`"${section.name}" is no part that scripts/rate/measure.ts knows`);
    sizes[part] += section.bytes;
    sizes.header -= section.bytes;
  }
  return sizes;
}

/** The root of the mean square. */
export function rmsOf(x: Float32Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
}

export async function measure(
  device: Device,
  compressor: Compressor,
  x: Float32Array,
): Promise<Point & { readonly packet: Uint8Array }> {
  const packet = await device.compress(compressor, x);
  const error = relativeError(x, await device.decompress(packet));
  return { bits: rounded((8 * packet.length) / x.length), error: rounded(error), packet };
}

/** All settings of all curves on all kinds of data; `report` is told of each setting. */
export async function measureAll(
  device: Device,
  vectors: Readonly<Record<string, Float32Array>>,
  report: (measured: Measured) => void,
): Promise<Measured[]> {
  const kinds = Object.entries(vectors).map(([kind, x]) => ({ kind, x, rms: rmsOf(x) }));
  const all: Measured[] = [];
  for (const { name, settings, usual, scaled } of CURVES)
    for (const [i, shown] of settings(1).entries()) {
      const points: Record<string, Point> = {};
      let sizes: Sizes | undefined;
      for (const { kind, x, rms } of kinds) {
        const { bits, error, packet } = await measure(device, settings(rms)[i], x);
        points[kind] = { bits, error };
        if (i === usual && kind === PARTED) sizes = sizesOf(packet);
      }
      const measured = { curve: name, setting: callOf(shown, scaled), points, ...(sizes && { sizes }) };
      all.push(measured);
      report(measured);
    }
  return all;
}
