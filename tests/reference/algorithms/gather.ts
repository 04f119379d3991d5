/**
 * Sparsified SGD with error feedback whose workers tell each other what they selected: in float32 where vectors are.
 */
import { topK } from '../select.ts';
import { exactly, meanOf, type Near } from './near.ts';

/** One step: what each rank sent, as indices of what it has, what it keeps, and where all go. */
export interface Gathered {
  readonly lists: readonly (readonly number[])[];
  readonly residuals: readonly Float32Array[];
  readonly direction: Near;
}

type Simulation = (gradients: readonly Float32Array[]) => Gathered;

/** acc = residual + gradient, and what becomes of it once it is known which elements are sent. */
function withResiduals(
  n: number,
  workers: number,
  listsOf: (accs: readonly Float32Array[], t: number) => readonly (readonly number[])[],
): Simulation {
  let residuals = Array.from({ length: workers }, () => new Float32Array(n));
  let t = 0;
  return (gradients) => {
    const accs = residuals.map((residual, r) => residual.map((value, i) => value + gradients[r][i]));
    const lists = listsOf(accs, t++);
    const sent = accs.map((acc, r) => {
      const vector = new Float32Array(n);
      for (const i of lists[r]) vector[i] = acc[i];
      return vector;
    });
    residuals = accs.map((acc, r) => acc.map((value, i) => (lists[r].includes(i) ? 0 : value)));
    return { lists, residuals, direction: meanOf(sent.map(exactly)) };
  };
}

/** Each worker's own k largest. */
export function simulateTopK(n: number, workers: number, k: number): Simulation {
  return withResiduals(n, workers, (accs) => accs.map((acc) => topK(acc, k, Math.abs)));
}

/** All |acc_i| >= t of each worker. */
export function simulateThreshold(n: number, workers: number, t: number): Simulation {
  return withResiduals(n, workers, (accs) =>
    accs.map((acc) => Array.from(acc.keys()).filter((i) => Math.abs(acc[i]) >= t)),
  );
}

/** The k largest of rank t mod N, for all. */
export function simulateCltK(n: number, workers: number, k: number): Simulation {
  return withResiduals(n, workers, (accs, t) => {
    const list = topK(accs[t % workers], k, Math.abs);
    return accs.map(() => list);
  });
}
