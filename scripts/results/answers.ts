/** How finished runs answer claims: what is counted of each seed, and the figures beside it. */
import { cuts } from '../../examples/mnist/cuts.ts';
import { megabytes, percent } from '../../examples/mnist/format.ts';
import { endOf, MEASURES, measureOf } from '../../examples/mnist/measure.ts';
import { smooth } from '../../examples/mnist/smooth.ts';
import type { Run } from '../../examples/mnist/train.ts';
import { joined, mean, range, verdictOf, written, writtenSigned, type Verdict } from './statistics.ts';

/** The runs of one data set: each system's, one a seed, in the order of the seeds. */
export type Runs = ReadonlyMap<string, readonly Run[]>;

/** What one data set answers. */
export interface Answer {
  readonly verdict: Verdict;
  /** The figure that was tested, with its standard error. */
  readonly tested: string;
  /** What it was made of. */
  readonly figures: string;
}

export type Ask = (runs: Runs) => Answer;

/** How far below dense training is as good as it: a share of pictures, and bits a character. */
const MARGINS = { accuracy: 0.01, bits: 0.05 } as const;

/** Where the steps that are looked at begin, once what is controlled has settled. */
const SETTLED = 0.2;

/** Of so many steps a density has to be met. */
const MET = 0.95;

/** Shares of a rival's bytes at which losses are compared: its second half. */
const COMPARED: readonly number[] = Array.from({ length: 51 }, (_, i) => 0.5 + i / 100);

/** The runs of a system. */
function of(runs: Runs, name: string): readonly Run[] {
  const found = runs.get(name);
  if (found === undefined) throw new Error(`there are no runs of ${name}`);
  return found;
}

/** By how much a system is better than another with each seed, what that is in words, and the scores of both. */
function advantage(
  runs: Runs,
  name: string,
  other: string,
): { better: number[]; format: (value: number) => string; unit: string; figures: string } {
  const [own, theirs] = [of(runs, name), of(runs, other)];
  const words = MEASURES[measureOf(own[0])];
  const sign = words.rises ? 1 : -1;
  return {
    better: own.map((run, seed) => sign * (endOf(run) - endOf(theirs[seed]))),
    format: words.rises ? (value) => (100 * value).toFixed(2) : words.format,
    unit: words.rises ? ' points' : ' bits',
    figures: [own, theirs]
      .map((all, i) => `${[name, other][i]} ${written(all.map(endOf), words.format)}`)
      .join(', '),
  };
}

/** Whether a system is as good as another, up to a margin. */
export function within(name: string, reference: string, margin?: number): Ask {
  return (runs) => {
    const { better, format, unit, figures } = advantage(runs, name, reference);
    const allowed = margin ?? MARGINS[measureOf(of(runs, name)[0])];
    return {
      verdict: verdictOf(better.map((value) => value + allowed)),
      tested: `${writtenSigned(better, format)}${unit}`,
      figures,
    };
  };
}

/** Whether a system is better than another. */
export function betterThan(name: string, rival: string): Ask {
  return (runs) => {
    const { better, format, unit, figures } = advantage(runs, name, rival);
    return { verdict: verdictOf(better), tested: `${writtenSigned(better, format)}${unit}`, figures };
  };
}

/** Bytes in both directions up to each step, and the smoothed loss there. */
function lossCurve({ history }: Run): { bytes: number; loss: number }[] {
  const losses = smooth(history.map(({ loss }) => loss));
  return history.map(({ bytesUp, bytesDown }, i) => ({ bytes: bytesUp + bytesDown, loss: losses[i] }));
}

/** The loss of the last step that ended within so many bytes; that of the first step where it did not. */
export function lossAt(run: Run, bytes: number): number {
  const curve = lossCurve(run);
  return (curve.findLast((point) => point.bytes <= bytes) ?? curve[0]).loss;
}

/** Whether a system's loss is below a rival's at equal bytes. */
export function lowerLoss(name: string, rival: string): Ask {
  return (runs) => {
    const [own, theirs] = [of(runs, name), of(runs, rival)];
    const totals = theirs.map(({ bytesUp, bytesDown }) => bytesUp + bytesDown);
    const losses = (all: readonly Run[], share: number): number[] =>
      all.map((run, seed) => lossAt(run, totals[seed] * share));
    const lower = COMPARED.map((share) => {
      const others = losses(theirs, share);
      return losses(own, share).map((loss, seed) => 1 - loss / others[seed]);
    });
    const bySeed = own.map((_, seed) => mean(lower.map((values) => values[seed])));
    const three = (value: number): string => value.toFixed(3);
    return {
      verdict: verdictOf(bySeed),
      tested: writtenSigned(bySeed, percent),
      figures: [0.5, 1]
        .map((share) => {
          const both = [own, theirs].map((all) => written(losses(all, share), three));
          return `at ${megabytes(totals[0] * share)} MB ${name} ${both[0]}, ${rival} ${both[1]}`;
        })
        .join('; '),
    };
  };
}

/** Whether what all workers send touches as many elements as they list, beside a system of which that is not so. */
export function noBuildUp(name: string, beside: string): Ask {
  return (runs) => {
    const disjoint = of(runs, name).every(({ history, workers, parameters }) =>
      history.every(({ density = NaN, union = NaN }) => {
        return Math.round(density * workers * parameters) === Math.round(union * parameters);
      }),
    );
    const unions = [name, beside].map((system) => {
      const means = of(runs, system).map(({ history }) => mean(history.map(({ union = NaN }) => union)));
      return `${system} ${written(means, percent)}`;
    });
    return {
      verdict: disjoint ? 'holds' : 'does not hold',
      tested: disjoint ? 'on every step' : 'not on every step',
      figures: `union of the elements: ${unions.join(', ')}`,
    };
  };
}

/** A run's densities as multiples of the target, once settled. */
function ratiosOf({ history }: Run, target: number): number[] {
  return history.slice(Math.floor(history.length * SETTLED)).map(({ union = NaN }) => union / target);
}

/** Whether the mean density is the target, up to a share of it. */
export function densityMean(name: string, target: number, tolerance: number): Ask {
  return (runs) => {
    const means = of(runs, name).map((run) => mean(ratiosOf(run, target)));
    return {
      verdict: verdictOf(means.map((ratio) => tolerance - Math.abs(ratio - 1))),
      tested: `${written(means, three)} of the target`,
      figures: `least and most of the seeds: ${range(means, three)}`,
    };
  };
}

/** Whether steps meet the target one by one, up to a share of it. */
export function densitySteps(name: string, target: number, tolerance: number): Ask {
  return (runs) => {
    const all = of(runs, name).map((run) => ratiosOf(run, target));
    const shares = all.map(
      (ratios) => ratios.filter((ratio) => Math.abs(ratio - 1) <= tolerance).length / ratios.length,
    );
    return {
      verdict: verdictOf(shares.map((share) => share - MET)),
      tested: `${written(shares, percent)} of the steps`,
      figures: `single steps: ${range(all.flat(), three)} of the target`,
    };
  };
}

/** Whether the busiest worker selects hardly more than the mean one. */
export function evenLoad(names: readonly string[], most: number): Ask {
  return (runs) => {
    const loads = names.map((name) =>
      of(runs, name).map(({ history }) =>
        mean(history.slice(Math.floor(history.length / 2)).map(({ imbalance = NaN }) => imbalance)),
      ),
    );
    const written_ = loads.map((values) => written(values, (value) => value.toFixed(2)));
    return {
      verdict: joined(loads.map((values) => verdictOf(values.map((value) => most - value)))),
      tested: `${written_.join(' and ')} times the mean`,
      figures: names.map((name, i) => `${name} ${written_[i]}`).join(', '),
    };
  };
}

/** The relative error of what the server received, a mean over the steps; and the bits an element that were sent up. */
function errorOf({ history, bytesUp, bytesDense }: Run): { error: number; bits: number } {
  return { error: mean(history.map(({ error = NaN }) => error)), bits: (64 * bytesUp) / bytesDense };
}

/** Bits an element as they were sent, and as they are where symbols are not coded. */
function bitsOf(name: string, sent: number): string {
  const packed = cuts.find((cut) => cut.name === name)?.packedBits;
  return `${sent.toFixed(2)} bits${packed === undefined ? '' : ` (packed ${packed})`}`;
}

/** Whether features are off by less than with each rival. */
export function lessError(name: string, rivals: readonly string[]): Ask {
  return (runs) => {
    const parts = [name, ...rivals].map((system) => ({ system, measured: of(runs, system).map(errorOf) }));
    const [own, ...others] = parts;
    const less = own.measured.map(
      ({ error }, seed) => Math.min(...others.map(({ measured }) => measured[seed].error)) - error,
    );
    return {
      verdict: verdictOf(less),
      tested: writtenSigned(less, three),
      figures: parts
        .map(({ system, measured }) => {
          const errors = measured.map(({ error }) => error);
          return `${system} ${written(errors, three)} at ${bitsOf(system, measured[0].bits)}`;
        })
        .join(', '),
    };
  };
}

const three = (value: number): string => value.toFixed(3);
