/**
 * Argument rules in one form, `"k" expected an integer in 1..n, got 0`: TypeError for a wrong type, RangeError for a
 * wrong value.
 */
import type { GpuRange } from './backends/backend.ts';
import { nearest } from './nearest.ts';
import type { WasmModule } from './platform.ts';

/** A value as an error message shows it: short, and never the contents of an array. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return value.name ? `a function named ${value.name}` : 'a function';
  if (value === null || typeof value !== 'object') return String(value);
  return value.constructor?.name ? `a value of type ${value.constructor.name}` : 'an object';
}

/** @throws TypeError unless `value` is a number, RangeError unless it is an integer in `least..most` */
export function requireInteger(name: string, value: unknown, least: number, most: number): number {
  const message = `"${name}" expected an integer in ${least}..${most}, got ${shown(value)}`;
  if (typeof value !== 'number') throw new TypeError(message);
  if (!Number.isInteger(value) || value < least || value > most) throw new RangeError(message);
  return value;
}

/** @throws TypeError unless `value` is a number, RangeError unless it is finite and `holds` */
export function requireNumber(
  name: string,
  value: unknown,
  expected: string,
  holds: (value: number) => boolean,
): number {
  const message = `"${name}" expected ${expected}, got ${shown(value)}`;
  if (typeof value !== 'number') throw new TypeError(message);
  if (!Number.isFinite(value) || !holds(value)) throw new RangeError(message);
  return value;
}

/** @throws TypeError unless `value` is a string, RangeError unless it is one of `choices` */
export function requireOneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const message = `"${name}" expected one of ${choices.join(', ')}, got ${shown(value)}`;
  if (typeof value !== 'string') throw new TypeError(message);
  if (!choices.includes(value as T)) throw new RangeError(message + meant(value, choices));
  return value as T;
}

/** @throws TypeError unless `value` is true or false */
export function requireBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean')
    throw new TypeError(`"${name}" expected true or false, got ${shown(value)}`);
  return value;
}

/** @throws TypeError unless `value` is a Float32Array */
export function requireFloat32Array(name: string, value: unknown): Float32Array {
  if (!isView(value, 'Float32Array'))
    throw new TypeError(`"${name}" expected a Float32Array, got ${shown(value)}`);
  return value as Float32Array;
}

/** Whether a vector is given as a range of a GPU buffer. Every typed array has a `buffer` too, but is a view. */
export function isGpuRange(x: unknown): x is GpuRange {
  return typeof x === 'object' && x !== null && 'buffer' in x && !ArrayBuffer.isView(x);
}

/** @throws TypeError unless `value` is a Uint32Array */
export function requireUint32Array(name: string, value: unknown): Uint32Array {
  if (!isView(value, 'Uint32Array'))
    throw new TypeError(`"${name}" expected a Uint32Array, got ${shown(value)}`);
  return value as Uint32Array;
}

/** @throws TypeError unless `value` is a Uint8Array (a Node Buffer is one) */
export function requireBytes(name: string, value: unknown): Uint8Array {
  if (!isView(value, 'Uint8Array'))
    throw new TypeError(`"${name}" expected a Uint8Array, got ${shown(value)}`);
  return value as Uint8Array;
}

/** @throws TypeError unless `value` is a compiled module, of this realm or another */
export function requireModule(name: string, value: unknown): WasmModule {
  if (Object.prototype.toString.call(value) !== '[object WebAssembly.Module]')
    throw new TypeError(`"${name}" expected a WebAssembly.Module, got ${shown(value)}`);
  return value as WasmModule;
}

/** Whether `value` is a view of that type, made in this realm or another (an iframe, a vm context). */
function isView(value: unknown, type: string): boolean {
  return (
    ArrayBuffer.isView(value) && (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === type
  );
}

/**
 * Options that a factory takes, unchecked beside their names; none where they are left out.
 * @throws TypeError unless `options` is an object (or undefined), RangeError where it has a name not in `names`
 */
export function requireOptions(owner: string, options: unknown, names: readonly string[]): void {
  if (options === undefined) return;
  // a list, a Map or a Date is an object too, though one whose contents would be overlooked
  if (Object.prototype.toString.call(options) !== '[object Object]')
    throw new TypeError(`${owner} expected an object of options, got ${shown(options)}`);
  // of what is frequently mistaken for options: a system with a compressor of its own is given another
  const { name: compressor, encode } = options as { name?: unknown; encode?: unknown };
  if (typeof encode === 'function' && typeof compressor === 'string')
    throw new TypeError(
      `${owner} expected ${names.length > 0 ? `options, ${names.join(', ')}` : 'no options'}, got the compressor ${compressor}`,
    );
  for (const name of Object.keys(options as object))
    if (!names.includes(name))
      throw new RangeError(
        `${owner} has no option "${name}"; it has ${names.length ? names.join(', ') : 'none'}` +
          meant(name, names),
      );
}

/** What follows an error about `given` where one of `names` is likely meant; nothing where none is. */
function meant(given: string, names: readonly string[]): string {
  const name = nearest(given, names);
  return name === undefined ? '' : `. Did you mean "${name}"?`;
}
