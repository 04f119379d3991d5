/**
 * How ExDyna's threshold d follows the density: scaled from step to step (arXiv 2402.13781), or measured, from a
 * histogram of all workers' magnitudes. Functions of numbers that all workers have in common, so that all decide alike.
 */

/** Steps at which a warm start measures: the residual grows tenfold at first, faster than the scaling follows. */
const WARM: ReadonlySet<number> = new Set([0, 10, 20, 40, 80, 160]);

/**
 * A density is astray where it is off by more than this factor. The runs of `npm start` stay between 0.39 and 2.9 of
 * the target (docs/guide/choosing.md), small synthetic ones below 5.
 */
const ASTRAY = 8;

/**
 * Steps astray, one after the other, after which d is measured: more than there are between a warm start's first two.
 */
const PATIENCE = 10;

/** `strayed` of a density that was not met yet: there is nothing to go back to. */
export const NEVER_MET = -1;

/** When d is measured rather than scaled. */
export interface Control {
  readonly exact: boolean;
  readonly warmStart: boolean;
  readonly recover: boolean;
}

/** Whether step t measures d, after `strayed` steps astray. */
export function measures({ exact, warmStart, recover }: Control, t: number, strayed: number): boolean {
  return exact || (warmStart && WARM.has(t)) || (recover && strayed >= PATIENCE);
}

/**
 * The steps astray after one that selected so many elements of k; NEVER_MET where no density has been met since d was
 * `measured` without success, or since the start. Of less than one element in a step, none is no sign.
 */
export function strayedAfter(strayed: number, selected: number, k: number, measured: boolean): number {
  const astray = selected > k * ASTRAY || selected * ASTRAY < Math.floor(k);
  if (!astray) return 0;
  return measured || strayed === NEVER_MET ? NEVER_MET : strayed + 1;
}

/** d scaled by e = k_prev / k, and not below 2^-10 of the largest magnitude of the last direction. */
export function scaledThreshold(d: number, kPrev: number, k: number, largest: number): number {
  return heldThreshold(d * factorFor(kPrev / k), largest * 2 ** -10);
}

function factorFor(e: number): number {
  if (e > 1.1) return 1.005;
  if (e > 1) return 1.00125;
  return e > 0.909 ? 0.9987 : 0.995;
}

/** A threshold as float32, within 2^-100 and 2^100, and not below `least`. */
export function heldThreshold(d: number, least: number): number {
  return Math.fround(Math.min(Math.max(d, 2 ** -100, least), 2 ** 100));
}
