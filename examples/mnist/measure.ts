/** What runs are judged by on held-out data. */
import { percent } from './format.ts';

/** The share of pictures that are named right, or the bits that a character of text takes. */
export type Measure = 'accuracy' | 'bits';

/** What was measured of a run, or after a step: one of them, or none. */
export type Scored = { readonly [Key in Measure]?: number };

/** A measure in words. */
export interface MeasureWords {
  /** A heading of its own. */
  readonly title: string;
  /** Within a line that names it. */
  readonly short: string;
  readonly format: (score: number) => string;
  /** Whether more is better. */
  readonly rises: boolean;
  /** What an axis of it is called, and by how much a score is multiplied on it. */
  readonly axis: string;
  readonly scale: number;
}

export const MEASURES: Readonly<Record<Measure, MeasureWords>> = {
  accuracy: {
    ...{ title: 'test accuracy', short: 'accuracy', format: percent },
    ...{ rises: true, axis: 'test accuracy (%)', scale: 100 },
  },
  bits: {
    ...{ title: 'bits a character', short: 'bits a character', format: (bits: number) => bits.toFixed(3) },
    ...{ rises: false, axis: 'bits a character of held-out text', scale: 1 },
  },
};

/** What a run is judged by: one that has diverged has no score, and says it. */
export function measureOf({ bits, measure }: Scored & { readonly measure?: Measure }): Measure {
  return measure ?? (bits === undefined ? 'accuracy' : 'bits');
}

/** How well a run did in the end, or was after a step: undefined where that was not measured. */
export function scoreOf({ accuracy, bits }: Scored): number | undefined {
  return bits ?? accuracy;
}

/** The score at the end of a run, in words. */
export function endText(run: Scored): string {
  const end = scoreOf(run);
  return end === undefined ? 'diverged' : MEASURES[measureOf(run)].format(end);
}

/** The score at the end of a run; NaN where it diverged. */
export function endOf(run: Scored): number {
  return scoreOf(run) ?? NaN;
}
