/** Scaling by powers of two, as ts/kernels/scaling.ts has it: +0 below 2^-126, held to 2^126, exact otherwise. */
import { MAGNITUDE, SIGN } from './float-bits';

/** The least normal float32, and the largest magnitude. */
const LEAST: f64 = 1.1754943508222875e-38;
export const MOST: f64 = 8.507059173023462e37;

/** The float32 with these bits times `power`, in float64 where every product of the two is exact. */
export function scaled(bits: u32, power: f32): f32 {
  const magnitude = min(<f64>reinterpret<f32>(bits & MAGNITUDE) * <f64>power, MOST);
  if (magnitude < LEAST) return 0;
  return reinterpret<f32>(reinterpret<u32>(<f32>magnitude) | (bits & SIGN));
}
