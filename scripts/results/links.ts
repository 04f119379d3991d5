/**
 * Time to a score over links of different speed: from the bytes that runs sent, and the seconds that gradients and
 * systems took, all measured; the link alone is reckoned.
 */
import { scoreOf } from '../../examples/mnist/measure.ts';
import type { Run } from '../../examples/mnist/train.ts';
import { mean } from './statistics.ts';

/** Links of a worker, in Mbit/s. */
export const LINKS: readonly number[] = [1, 10, 100, 1000];

/** Steps and bytes until a run reached a score. */
export interface Reached {
  /** May lie between two steps. */
  readonly step: number;
  /** That one worker sent and received until then. */
  readonly bytes: number;
}

/**
 * Where a run reached a score: between the first evaluation that has it and the one before on a straight line.
 * @returns undefined where it never did
 */
export function reached(run: Run, target: number, rises: boolean): Reached | undefined {
  const points = run.history.flatMap((entry) => {
    const score = scoreOf(entry);
    return score === undefined ? [] : [{ ...entry, score: rises ? score : -score }];
  });
  const goal = rises ? target : -target;
  const end = points.findIndex(({ score }) => score >= goal);
  if (end < 0) return undefined;
  const last = points[end];
  const first = points[end - 1] ?? last;
  const part = last === first ? 1 : (goal - first.score) / (last.score - first.score);
  const between = (from: number, to: number): number => from + part * (to - from);
  const bytes = ({ bytesUp, bytesDown }: typeof last): number => (bytesUp + bytesDown) / run.workers;
  return { step: between(first.step, last.step), bytes: between(bytes(first), bytes(last)) };
}

/** Seconds of one step without a link: a worker's gradient, its part of the system, and the server's. */
export function stepSeconds({ gradientSeconds, systemSeconds, steps }: Run): number {
  return (gradientSeconds + systemSeconds) / steps;
}

/**
 * Seconds until runs of a system reached a score, each worker on a machine and a link of its own: what a step takes,
 * and then its bytes up and down one after the other.
 * @param link Mbit/s
 * @returns the mean over the runs; undefined where one of them never did
 */
export function secondsTo(
  runs: readonly Run[],
  target: number,
  rises: boolean,
  link: number,
): number | undefined {
  const seconds = runs.map((run) => {
    const found = reached(run, target, rises);
    return found && found.step * stepSeconds(run) + (found.bytes * 8) / (link * 1e6);
  });
  return seconds.every((value) => value !== undefined) ? mean(seconds) : undefined;
}
