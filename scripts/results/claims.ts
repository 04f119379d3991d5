/** The papers' claims as questions to finished runs: what each asks, and when it holds. */
import {
  betterThan,
  densityMean,
  densitySteps,
  evenLoad,
  lessError,
  lowerLoss,
  noBuildUp,
  within,
  type Ask,
} from './answers.ts';

export interface Claim {
  readonly paper: string;
  readonly title: string;
  /** What is counted, so that more than 0 speaks for it. */
  readonly criterion: string;
  /** What would have to be different, where it does not hold, or why that is so. */
  readonly why?: string;
  /** Whether the text answers it too; else pictures alone. */
  readonly text?: boolean;
  readonly ask: Ask;
}

const FO_SGD = 'FO-SGD (arXiv 2405.11095)';
const LIEC_SGD = 'LIEC-SGD (arXiv 2402.11857)';
const EX_DYNA = 'ExDyna (arXiv 2402.13781)';
const MS = 'MS (arXiv 2408.13787)';
const SPARSE_LO_CO = 'SparseLoCo (arXiv 2508.15706)';

const POINT = 'a point, or 0.05 bits a character, less its distance below dense training';

export const claims: readonly Claim[] = [
  {
    paper: FO_SGD,
    title: 'one bit an element up and down trains as dense training does',
    criterion: POINT,
    text: true,
    ask: within('fo-sgd', 'dense'),
  },
  {
    paper: FO_SGD,
    title: 'also with dither, as in the paper, and a lambda that clips (c = 0.3)',
    criterion: POINT,
    ask: within('fo-sgd-dither', 'dense'),
  },
  {
    paper: FO_SGD,
    title: 'also with a lambda that clips nothing (c = 1), for which the bounds are proved',
    criterion: POINT,
    why: 'The variance of an element is lambda^2 - z^2: without clipping it is eleven times that of c = 0.3. More workers, larger batches or many more steps at a small rate would average it out.',
    ask: within('fo-sgd-unbiased', 'dense'),
  },
  {
    paper: LIEC_SGD,
    title: 'one bit up and down with immediate error compensation trains as dense training does',
    criterion: POINT,
    text: true,
    ask: within('liec-sgd', 'dense'),
  },
  {
    paper: LIEC_SGD,
    title: 'at equal bytes its loss is below that of DoubleSqueeze',
    criterion:
      'the loss of DoubleSqueeze less its own, as a share of the former, a mean over the second half of the bytes that DoubleSqueeze sends; the averages of models and momentum are counted, losses are means over the last fifth of the steps so far',
    why: 'Both have the rate that suits them best. Averages of models and momentum cost as much as 64 steps of signs.',
    text: true,
    ask: lowerLoss('liec-sgd', 'double-squeeze'),
  },
  {
    paper: LIEC_SGD,
    title: 'at equal bytes its loss is below that of MEM-SGD',
    criterion: 'as above, against MEM-SGD, whose server answers in float32',
    text: true,
    ask: lowerLoss('liec-sgd', 'mem-sgd'),
  },
  {
    paper: LIEC_SGD,
    title: 'at equal bytes its loss is below that of DoubleSqueeze, also without momentum',
    criterion: 'as above, both without momentum',
    why: 'Without momentum an error that is fed back late does little harm, and DoubleSqueeze sends no averages of models. It would take fewer of these, so a longer averagePeriod, or workers that drift apart less.',
    ask: lowerLoss('liec-sgd-plain', 'double-squeeze-plain'),
  },
  {
    paper: EX_DYNA,
    title: '1 % of the elements train as dense training does, 4 workers',
    criterion: `${POINT} without momentum`,
    text: true,
    ask: within('ex-dyna', 'dense-plain'),
  },
  {
    paper: EX_DYNA,
    title: 'so do 5 %',
    criterion: `${POINT} without momentum`,
    ask: within('ex-dyna-5', 'dense-plain'),
  },
  {
    paper: EX_DYNA,
    title: 'so does 1 % with 8 workers',
    criterion: `${POINT} without momentum`,
    ask: within('ex-dyna of 8', 'dense-plain of 8'),
  },
  {
    paper: EX_DYNA,
    title: 'so does 1 % with momentum 0.9',
    criterion: POINT,
    why: 'An element waits in the residual for about a hundred steps, and momentum then carries on what is old: it takes momentum that is corrected for the wait, or none.',
    ask: within('ex-dyna-momentum', 'dense'),
  },
  {
    paper: EX_DYNA,
    title: 'no build-up: the union of all lists is as long as their sum',
    criterion: 'on every step; beside it the union of local top-k',
    text: true,
    ask: noBuildUp('ex-dyna', 'top-k'),
  },
  {
    paper: EX_DYNA,
    title: "the paper's control keeps the mean density at the target",
    criterion: '10 % less the distance of the mean over the last 80 % of the steps from the target',
    text: true,
    ask: densityMean('ex-dyna', 0.01, 0.1),
  },
  {
    paper: EX_DYNA,
    title: "the paper's control keeps each step within 10 % of the target",
    criterion: 'the share of the last 80 % of the steps that are within it, less 95 %',
    why: 'Gradients differ from step to step by more than the half percent by which a step scales the threshold: it takes larger batches, or the next claim.',
    text: true,
    ask: densitySteps('ex-dyna', 0.01, 0.1),
  },
  {
    paper: EX_DYNA,
    title: "control: 'exact' keeps each step within 2 % of it (of this package, not of the paper)",
    criterion: 'the share of the last 80 % of the steps that are within it, less 95 %',
    ask: densitySteps('ex-dyna-exact', 0.01, 0.02),
  },
  {
    paper: EX_DYNA,
    title: "the load of 4 and 8 workers is even with the paper's rule",
    criterion:
      '1.1 less how many times as much as the mean worker the busiest one selects, a mean over the second half of the steps',
    why: 'A block moves between neighbours only where one is 5 % above the mean and the other 5 % below it, so that chains of slowly falling loads stay as they are.',
    ask: evenLoad(['ex-dyna', 'ex-dyna of 8'], 1.1),
  },
  {
    paper: EX_DYNA,
    title: "it is even with balance: 'exact' (of this package)",
    criterion: 'as above',
    ask: evenLoad(['ex-dyna-balanced', 'ex-dyna-balanced of 8'], 1.1),
  },
  {
    paper: MS,
    title: 'masks train as features that are sent whole',
    criterion: 'half a point less its distance below them',
    ask: within('ms', 'split', 0.005),
  },
  {
    paper: MS,
    title: 'SP, top-k of as many bytes, falls short of masks',
    criterion: 'the accuracy of masks less that of SP, both packed',
    ask: betterThan('ms', 'sp'),
  },
  {
    paper: MS,
    title: 'also SP of as few bytes as masks that are coded by their entropy',
    criterion: 'the accuracy of masks less that of SP of the coded size',
    ask: betterThan('ms', 'sp-coded'),
  },
  {
    paper: MS,
    title: 'QU, quantisation in about as many bits, falls short of masks',
    criterion: 'the accuracy of masks less that of QU of 2 bits',
    ask: betterThan('ms', 'qu'),
  },
  {
    paper: MS,
    title: 'also QU of as many bytes, where both are coded by their entropy',
    criterion: 'the accuracy of masks less that of QU of 4 bits',
    why: 'Where most features are zero, entropy coding gives uniform levels for next to nothing: it takes features that are spread.',
    ask: betterThan('ms', 'qu-4'),
  },
  {
    paper: MS,
    title: 'RT, randomised top-k of as many bytes, falls short of masks',
    criterion: 'the accuracy of masks less that of RT, both packed',
    ask: betterThan('ms', 'rt'),
  },
  {
    paper: MS,
    title: 'masks are off by less than SP, QU and RT of the same size',
    criterion:
      'the least error of the others less that of masks, |received - sent| / |sent|, a mean over the steps',
    ask: lessError('ms', ['sp', 'qu', 'rt']),
  },
  {
    paper: MS,
    title: 'also than SP, QU and RT where all are coded by their entropy',
    criterion: 'as above',
    ask: lessError('ms', ['sp-coded', 'qu-4', 'rt-coded']),
  },
  {
    paper: SPARSE_LO_CO,
    title: '2 bits of one element in 64 every 25 steps train as dense training in every step does',
    criterion: POINT,
    text: true,
    ask: within('sparse-lo-co', 'dense'),
  },
  {
    paper: SPARSE_LO_CO,
    title: 'they do as well as DiLoCo, which sends all of it in float32',
    criterion: 'a point, or 0.05 bits a character, less its distance below DiLoCo',
    text: true,
    ask: within('sparse-lo-co', 'di-lo-co'),
  },
  {
    paper: SPARSE_LO_CO,
    title: 'the error memory is what makes it so',
    criterion: 'how much better it is than without',
    text: true,
    ask: betterThan('sparse-lo-co', 'sparse-lo-co-forgets'),
  },
];
