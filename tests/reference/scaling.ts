/** Scaling by powers of two, in big integers. */
import { bitsOf } from '../../ts/kernels/float-bits.ts';
import { exponentFor } from '../../ts/kernels/scaling.ts';
import { input, type InputKind } from '../support/inputs.ts';
import { nearest, units } from './exact.ts';

/** Powers by which vectors are scaled: none, the ends of both ranges, and some between. */
export const POWERS: readonly number[] = [0, -126, -100, -40, 28, 60, 96].map((e) => 2 ** e);

/** x * power, +0 below 2^-126, its magnitude at most 2^126. */
export function scaled(x: number, power: number): number {
  const product = units(x) * units(power);
  const size = product < 0n ? -product : product;
  if (size < units(2 ** -126) << 149n) return 0;
  const most = units(2 ** 126) << 149n;
  return Math.sign(x) * nearest(size < most ? size : most, -298);
}

/** A vector that `power` brings back to about x, or to an eighth of it; what passes float32 is held to its largest. */
export function spreadBy(x: Float32Array, power: number): Float32Array {
  const factor = power < 1 ? 0.125 / power : 1 / power;
  const largest = (2 - 2 ** -23) * 2 ** 127;
  return x.map((value) => Math.min(Math.max(value * factor, -largest), largest));
}

/** Data for kernels that scale, and the power: each of POWERS in turn, or the one that kinds of wide range need. */
export function scaledInput(kind: InputKind, n: number, turn: number): { x: Float32Array; power: number } {
  const x = input(kind, n);
  if (kind !== 'finite' && kind !== 'subnormal') {
    const power = POWERS[turn % POWERS.length];
    return { x: spreadBy(x, power), power };
  }
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { x, power: 2 ** exponentFor(bitsOf(largest)) };
}
