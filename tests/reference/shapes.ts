/** Data of several shapes, for claims that hold whatever the shape. */
import { words } from '../support/inputs.ts';

/** Numbers in 0..1, without the ends. */
function uniform(seed: number): () => number {
  const next = words(seed);
  return () => (next() + 0.5) / 2 ** 32;
}

/** Normal numbers, by Box and Muller. */
function normal(seed: number): () => number {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
}

export type Shape = 'dense' | 'studentT2' | 'logNormal' | 'sparse' | 'relu' | 'heavyRelu';

/** n float32 of a shape. */
export function shaped(shape: Shape, n: number, seed = 1): Float32Array {
  const gauss = normal(seed);
  const next = uniform(seed + 1);
  const draw: Record<Shape, () => number> = {
    dense: gauss,
    // Student's t with two degrees of freedom, whose distribution has an inverse
    studentT2: () => {
      const p = next();
      return (2 * p - 1) / Math.sqrt(2 * p * (1 - p));
    },
    logNormal: () => Math.exp(2 * gauss()) * (next() < 0.5 ? -1 : 1),
    sparse: () => (next() < 0.01 ? gauss() : 0),
    relu: () => Math.max(gauss(), 0),
    heavyRelu: () => Math.max(gauss(), 0) * Math.exp(0.5 * gauss()),
  };
  return Float32Array.from({ length: n }, draw[shape]);
}

/** |y - x|_2^2 */
export function squaredError(y: ArrayLike<number>, x: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (y[i] - x[i]) ** 2;
  return sum;
}
