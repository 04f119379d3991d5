/** The papers' claims as questions to finished runs: what each asks, when it holds, the figures that say so. */
import { megabytes, percent } from '../../examples/mnist/format.ts';
import { smooth } from '../../examples/mnist/smooth.ts';
import type { HistoryEntry, Run } from '../../examples/mnist/train.ts';

/** The runs of one set of pictures: each system's, one a seed, in the order of the seeds. */
export type Runs = ReadonlyMap<string, readonly Run[]>;

/** What one set of pictures answers. */
export interface Answer {
  readonly holds: boolean;
  readonly figures: string;
}

export interface Claim {
  readonly paper: string;
  readonly title: string;
  /** When it is said to hold. */
  readonly criterion: string;
  /** Why it comes out as it does, where that is not plain. */
  readonly why?: string;
  answer(runs: Runs): Answer;
}

/** How far accuracies of the same may be apart, as a share. */
const POINT = 0.01;

/** Steps of a mean density, and where the steps that are looked at begin. */
const WINDOW = 20;
const SETTLED = 0.2;

export const claims: readonly Claim[] = [
  {
    paper: 'FO-SGD (arXiv 2405.11095)',
    title: 'one bit an element in both directions trains to the accuracy of dense training',
    criterion: 'within a point of it with every seed, with the DRIVE scale and with dither at c = 0.3',
    answer: within(['fo-sgd', 'fo-sgd-dither'], 'dense'),
  },
  {
    paper: 'FO-SGD (arXiv 2405.11095)',
    title: 'also with a lambda that clips nothing, c = 1',
    criterion: 'within a point of dense training with every seed',
    why: 'The variance of an element is lambda^2 - z^2: without clipping it is eleven times that of c = 0.3.',
    answer: within(['fo-sgd-unbiased'], 'dense'),
  },
  {
    paper: 'SparseLoCo (arXiv 2508.15706)',
    title:
      'workers that exchange 2 bits of one element in 64 every 25 steps train to the accuracy of dense training',
    criterion: 'within a point of it with every seed',
    answer: within(['sparse-lo-co'], 'dense'),
  },
  {
    paper: 'LIEC-SGD (arXiv 2402.11857)',
    title: 'the accuracy of dense training',
    criterion: 'within a point of it with every seed',
    answer: within(['liec-sgd'], 'dense'),
  },
  {
    paper: 'LIEC-SGD (arXiv 2402.11857)',
    title: 'at equal megabytes its loss is below that of DoubleSqueeze and MEM-SGD',
    criterion:
      'at each megabyte of the second half of what DoubleSqueeze sends, with every seed; the averages of models and momentum are counted; means over the last fifth of the steps so far',
    why: 'An average of models and momentum costs as much as 64 steps of signs: where one has just been paid, the lead is smallest.',
    answer: below('liec-sgd', ['double-squeeze', 'mem-sgd']),
  },
  {
    paper: 'LIEC-SGD (arXiv 2402.11857)',
    title: 'also without momentum',
    criterion: 'as above, against DoubleSqueeze without momentum at a rate that suits it',
    answer: below('liec-sgd-plain', ['double-squeeze-plain']),
  },
  {
    paper: 'ExDyna (arXiv 2402.13781)',
    title: 'the accuracy of dense training at 1 % and 5 %',
    criterion: 'within a point of dense training at the same rate, without momentum, with every seed',
    answer: within(['ex-dyna', 'ex-dyna-5'], 'dense-plain'),
  },
  {
    paper: 'ExDyna (arXiv 2402.13781)',
    title: 'also at 1 % with momentum 0.9',
    criterion: 'within a point of dense training with momentum, with every seed',
    why: 'An element waits in the residual for about a hundred steps, and momentum then carries on what is old.',
    answer: within(['ex-dyna-momentum'], 'dense'),
  },
  {
    paper: 'ExDyna (arXiv 2402.13781)',
    title: 'no build-up: the union of the lists is their sum',
    criterion: 'on every step',
    answer: noBuildUp,
  },
  {
    paper: 'ExDyna (arXiv 2402.13781)',
    title: "the density follows the target with the paper's control",
    criterion: 'the mean of 20 steps is within 15 % of it over the last 80 % of the steps',
    why: 'A step scales the threshold by half a percent at most, ten percent in 20 steps.',
    answer: (runs) => densities(runs, { 'ex-dyna': 0.01, 'ex-dyna-5': 0.05 }, WINDOW, 0.15, SETTLED),
  },
  {
    paper: 'ExDyna (arXiv 2402.13781)',
    title: "each single step is within 10 % of the target with the paper's control",
    criterion: 'over the last 80 % of the steps',
    why: 'Gradients differ from step to step by more than the half percent by which a step scales the threshold.',
    answer: (runs) => densities(runs, { 'ex-dyna': 0.01, 'ex-dyna-5': 0.05 }, 1, 0.1, SETTLED),
  },
  {
    paper: 'ExDyna (arXiv 2402.13781)',
    title: "each single step is within 2 % of the target with control: 'exact'",
    criterion: 'on every step',
    answer: (runs) => densities(runs, { 'ex-dyna-exact': 0.01 }, 1, 0.02, 0),
  },
  {
    paper: 'ExDyna (arXiv 2402.13781)',
    title: 'the load is even',
    criterion:
      'the busiest worker selects at most 1.1 times the mean worker, a mean over the second half of the steps',
    why: 'A block moves between neighbours only where one is 5 % above the mean and the other 5 % below it, so that chains of slowly falling loads stay as they are.',
    answer: evenLoad,
  },
  {
    paper: 'MS (arXiv 2408.13787)',
    title: 'the accuracy of features that are sent as they are, where top-k of the same size falls short',
    criterion: 'within half a point of it, and above SP, in the mean over the seeds',
    why: 'After so few steps the spread from seed to seed is larger than what separates MS from SP on MNIST.',
    answer: masksReach,
  },
  {
    paper: 'MS (arXiv 2408.13787)',
    title: 'less error than top-k and quantisation of the same size',
    criterion: 'below SP of about the same size and QU of 2 bits, with every seed',
    answer: (runs) => lessError(runs, ['sp', 'qu', 'rt']),
  },
  {
    paper: 'MS (arXiv 2408.13787)',
    title: 'less error than quantisation of 3 bits, at 2.32 bits',
    criterion: 'below QU of 3 bits, with every seed',
    why: 'Not at equal size: QU has 29 % more bits here, and twice the levels.',
    answer: (runs) => lessError(runs, ['qu-3']),
  },
];

/** The runs of a system. */
function of(runs: Runs, name: string): readonly Run[] {
  const found = runs.get(name);
  if (found === undefined) throw new Error(`there are no runs of ${name}`);
  return found;
}

/** The least and the greatest of some numbers, as `format` writes them: one where they are the same. */
export function range(values: readonly number[], format: (value: number) => string): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(format);
  return least === most ? least : `${least} to ${most}`;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A mean over the seeds, and between what they lie. */
export function spread(values: readonly number[], format: (value: number) => string): string {
  return values.length === 1 ? format(values[0]) : `${format(mean(values))} (${range(values, format)})`;
}

const accuracies = (runs: readonly Run[]): number[] => runs.map(({ accuracy }) => accuracy);

function within(names: readonly string[], reference: string): Claim['answer'] {
  return (runs) => {
    const dense = accuracies(of(runs, reference));
    const parts = names.map((name) => ({ name, reached: accuracies(of(runs, name)) }));
    return {
      holds: parts.every(({ reached }) => reached.every((value, i) => value >= dense[i] - POINT)),
      figures: [...parts, { name: reference, reached: dense }]
        .map(({ name, reached }) => `${name} ${spread(reached, percent)}`)
        .join(', '),
    };
  };
}

/** Bytes in both directions up to each step, and the smoothed loss there. */
function lossCurve({ history }: Run): { bytes: number; loss: number }[] {
  const losses = smooth(history.map(({ loss }) => loss));
  return history.map(({ bytesUp, bytesDown }, i) => ({ bytes: bytesUp + bytesDown, loss: losses[i] }));
}

/** The loss of the last step that ended within so many bytes; undefined where the first did not. */
export function lossAt(run: Run, bytes: number): number | undefined {
  return lossCurve(run).findLast((point) => point.bytes <= bytes)?.loss;
}

/** Traffic at which curves are compared: the second half of the first rival's. */
const COMPARED = Array.from({ length: 51 }, (_, i) => 0.5 + i / 100);

/** Whether a system's loss is below its rivals' at equal bytes. */
function below(name: string, rivals: readonly string[]): Claim['answer'] {
  return (runs) => {
    const own = of(runs, name);
    const total = of(runs, rivals[0]).map(({ bytesUp, bytesDown }) => bytesUp + bytesDown);
    const losses = (which: readonly Run[], share: number): number[] =>
      which.map((run, seed) => lossAt(run, total[seed] * share) ?? Infinity);
    // at how many of the points, of all seeds and against all rivals
    const points = rivals.flatMap((rival) =>
      COMPARED.flatMap((share) => {
        const theirs = losses(of(runs, rival), share);
        return losses(own, share).map((loss, seed) => loss < theirs[seed]);
      }),
    );
    const lower = points.filter(Boolean).length / points.length;
    const three = (value: number): string => value.toFixed(3);
    const figures = [0.5, 0.75, 1].map((share) => {
      const each = [name, ...rivals].map((system) => {
        return `${system} ${spread(losses(of(runs, system), share), three)}`;
      });
      return `at ${megabytes(total[0] * share)} MB ${each.join(', ')}`;
    });
    return { holds: lower === 1, figures: `below at ${percent(lower)} of the points; ${figures.join('; ')}` };
  };
}

function noBuildUp(runs: Runs): Answer {
  const union = (run: Run): number => mean(run.history.map((entry) => entry.union ?? NaN));
  const disjoint = ['ex-dyna', 'ex-dyna-5', 'ex-dyna-exact'].every((name) =>
    of(runs, name).every(({ history, workers, parameters }) =>
      history.every(
        (entry) =>
          Math.round((entry.density ?? NaN) * workers * parameters) ===
          Math.round((entry.union ?? NaN) * parameters),
      ),
    ),
  );
  const beside = ['ex-dyna', 'top-k'].map((name) => {
    const all = of(runs, name);
    const down = all.map(({ bytesDown }) => bytesDown);
    return `${name} touches ${spread(all.map(union), percent)} of the elements a step and receives ${megabytes(mean(down))} MB`;
  });
  return { holds: disjoint, figures: beside.join(', ') };
}

/** The means of `width` values each, from the share `from` of the way on. */
export function windowMeans(values: readonly number[], width: number, from: number): number[] {
  const settled = values.slice(Math.floor(values.length * from));
  return Array.from({ length: Math.max(0, settled.length - width + 1) }, (_, i) =>
    mean(settled.slice(i, i + width)),
  );
}

function densities(
  runs: Runs,
  targets: Readonly<Record<string, number>>,
  width: number,
  tolerance: number,
  from: number,
): Answer {
  const parts = Object.entries(targets).map(([name, target]) => ({
    name,
    ratios: of(runs, name).flatMap(({ history }) =>
      windowMeans(
        history.map(({ union = NaN }) => union / target),
        width,
        from,
      ),
    ),
  }));
  return {
    holds: parts.every(({ ratios }) => ratios.every((ratio) => Math.abs(ratio - 1) <= tolerance)),
    figures: parts
      .map(({ name, ratios }) => {
        const near = ratios.filter((ratio) => Math.abs(ratio - 1) <= tolerance).length / ratios.length;
        return `${name} ${range(ratios, (value) => value.toFixed(3))} of the target, ${percent(near)} of them within`;
      })
      .join('; '),
  };
}

const ofSecondHalf = (history: readonly HistoryEntry[], key: 'imbalance'): number =>
  mean(history.slice(Math.floor(history.length / 2)).map((entry) => entry[key] ?? NaN));

function evenLoad(runs: Runs): Answer {
  const loads = ['ex-dyna', 'ex-dyna-5', 'ex-dyna of 8 workers'].map((name) => ({
    name,
    values: of(runs, name).map(({ history }) => ofSecondHalf(history, 'imbalance')),
  }));
  return {
    holds: loads.every(({ values }) => values.every((value) => value <= 1.1)),
    figures: loads
      .map(({ name, values }) => `${name} ${spread(values, (value) => value.toFixed(2))}`)
      .join(', '),
  };
}

function masksReach(runs: Runs): Answer {
  const [plain, ms, sp] = ['split', 'ms', 'sp'].map((name) => accuracies(of(runs, name)));
  return {
    holds: mean(ms) >= mean(plain) - POINT / 2 && mean(ms) > mean(sp),
    figures: `ms ${spread(ms, percent)}, split ${spread(plain, percent)}, sp ${spread(sp, percent)}`,
  };
}

/** |received - sent| / |sent|, a mean over the steps; and the bits an element that were sent up. */
function errorOf({ history, bytesUp, bytesDense }: Run): { error: number; bits: number } {
  return { error: mean(history.map(({ error = NaN }) => error)), bits: (64 * bytesUp) / bytesDense };
}

function lessError(runs: Runs, rivals: readonly string[]): Answer {
  const parts = ['ms', ...rivals].map((name) => ({ name, measured: of(runs, name).map(errorOf) }));
  const [ms, ...others] = parts;
  return {
    holds: others.every(({ measured }) =>
      measured.every(({ error }, seed) => ms.measured[seed].error < error),
    ),
    figures: parts
      .map(({ name, measured }) => {
        const errors = measured.map(({ error }) => error);
        return `${name} ${spread(errors, (value) => value.toFixed(3))} at ${measured[0].bits.toFixed(2)} bits`;
      })
      .join(', '),
  };
}
