/** Options that several commands have, and what is made of them. */
import type { Device } from '../device.ts';
import { openQuietly } from './gpu.ts';
import type { Inspection } from '../inspect.ts';
import { columns, type FlagOption, type TextOption } from './command.ts';
import { examples, parseCount } from './specification.ts';

export const BACKEND: { readonly backend: TextOption } = {
  backend: {
    type: 'string',
    short: 'b',
    value: 'NAME',
    about: 'auto (default), webgpu, wasm or js; the result is the same',
  },
};

export const JSON_REPORT: { readonly json: FlagOption } = {
  json: { type: 'boolean', about: 'the report as JSON' },
};

export const STEP: { readonly step: TextOption } = {
  step: { type: 'string', value: 'N', about: 'the step that random draws are keyed by (default 0)' },
};

/** The options of what writes a file. */
export const FILES: {
  readonly output: TextOption;
  readonly map: TextOption;
  readonly force: FlagOption;
  readonly 'max-elements': TextOption;
} = {
  output: {
    type: 'string',
    short: 'o',
    value: 'FILE',
    about: 'where the result goes: a file, a symbolic link to one, a device or a pipe',
  },
  map: {
    type: 'string',
    value: 'FILE',
    about: "where the map is that keeps shapes, names and types (default: the packet's name and .json)",
  },
  force: { type: 'boolean', about: 'write even over an input' },
  'max-elements': {
    type: 'string',
    value: 'N',
    about: 'the most elements of a vector, as 1000000, 1e6 or 2^20 (default 2^28)',
  },
};

export const BASE: { readonly base: TextOption } = {
  base: {
    type: 'string',
    value: 'FILE',
    about: 'the .safetensors file that a model as one file is the difference to',
  },
};

const LAST_WORD = 2 ** 32 - 1;

/** The value of --max-elements. */
export function maxElementsOf(text: string | undefined): number {
  return text === undefined ? 2 ** 28 : parseCount('--max-elements', text, LAST_WORD);
}

/** Where the map beside a packet is. */
export function mapOf(packet: string, map: string | undefined): string {
  return map ?? `${packet}.json`;
}

/** A compressor's option in the help. */
export const SPECIFICATIONS: string = `SPEC is a name and its options:\n${columns(
  examples().map((example) => ['', example]),
  6,
)}
Others: values=levels, values=sign, values=bfloat16; coding=packed; signed, scale (docs/compressors.md)`;

export async function withDevice(
  backend: string | undefined,
  work: (device: Device) => Promise<void>,
): Promise<void> {
  const device = await openQuietly(backend);
  try {
    await work(device);
  } finally {
    device.close();
  }
}

/** A report as JSON. */
export function printJson(report: unknown): void {
  console.log(JSON.stringify(report, undefined, 2));
}

/** What a packet is, in a line. */
export function summary({ compressor, parameters, n, bytes, bitsPerElement }: Inspection): string {
  const options = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const times = n === 0 ? '' : `, ${((n * 4) / bytes).toFixed(2)} times smaller than float32`;
  return `${compressor} (${options.join(', ')}), n = ${n}: ${bytes} bytes, ${bitsPerElement.toFixed(3)} bits an element${times}`;
}

/** A count with its noun: `1 value`, `2 values`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A line on standard error. */
export function note(text: string): void {
  console.error(`fewbits: ${text}`);
}
