/** What the report of `npm start` says in words, where these depend on what was trained. */
import { CONTEXT, PASSAGES, SCORED, SCORED_BEFORE } from '../text/passages.ts';
import type { DatasetName } from './datasets.ts';
import { whole } from './format.ts';
import type { Measure } from './measure.ts';
import { BATCH } from './mnist.ts';
import type { Run } from './train.ts';

/** The systems of the papers, each with those of its variants that start with its name. */
const PAPERS: Readonly<Record<string, string>> = {
  'fo-sgd':
    'FO-SGD (arXiv 2405.11095): gradients are flattened by random signs and a Walsh-Hadamard transform, then sent as ' +
    'one bit an element, to a server and back; nothing is carried from step to step.',
  'liec-sgd':
    'LIEC-SGD (arXiv 2402.11857): compressed to a server and back; each worker adds what its own compression left out ' +
    'to its model at once, and models are averaged every so many steps.',
  'ex-dyna':
    'ExDyna (arXiv 2402.13781): among peers; each worker selects, in a part of the gradient that is its own, the elements ' +
    'above a threshold, which follows the density asked for.',
  ms:
    'MS (arXiv 2408.13787): of the features that split learning sends, the largest go whole and all others as symbols ' +
    'of a few bits, which entropy coding shortens.',
};

/** A line for each of the papers' systems among these runs. */
export function papersOf(runs: readonly Run[]): string[] {
  return Object.entries(PAPERS).flatMap(([name, line]) =>
    runs.some(({ algorithm }) => algorithm === name || algorithm.startsWith(`${name}-`)) ? [line] : [],
  );
}

/** What scores against traffic show. */
export const CAPTIONS: Readonly<Record<Measure, string>> = {
  accuracy:
    'Share of the held-out pictures that the network names right, against all that was sent up to then.',
  bits:
    `Bits that a character of held-out text takes (of ${SCORED_BEFORE} passages before the end, ${SCORED} at the end), ` +
    'against all that was sent up to then; less is better.',
};

/** What is trained on what. */
interface Words {
  readonly network: string;
  /** What a worker takes a step. */
  readonly batch: string;
  readonly data: string;
}

const PICTURE_WORDS: Words = {
  network: '784 - 128 - 10, ReLU, softmax cross entropy',
  batch: `${BATCH} pictures`,
  data: '70,000 pictures, of which 10,000 are held out to test with',
};

export const WORDS: Readonly<Record<DatasetName, Words>> = {
  mnist: PICTURE_WORDS,
  fashion: PICTURE_WORDS,
  bible: {
    network: 'transformer: two layers of width 64, four heads, 64 characters of context',
    batch: `${PASSAGES} passages of ${CONTEXT} characters`,
    data: '1,189 chapters, of which every twentieth is held out to test with, and another to choose settings by',
  },
};

/** `1 step`, `20 steps` */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** In what runs differ: what is sent, and the learning rate, where each has its own. */
export function difference(runs: readonly Run[], sent: string, searched: boolean): string {
  const by = 'chosen by a search with data that are neither trained on nor tested with';
  if (runs.length === 1) return searched ? `Its learning rate was ${by}.` : '';
  return searched
    ? `The runs differ in ${sent}, and in the learning rate: each has its own, ${by}.`
    : `The runs differ in ${sent}.`;
}

/** What the columns of the table are. */
export function legend(isSplit: boolean): string {
  const [who, they, where] = isSplit
    ? ['the client', 'it', 'client and server']
    : ['all workers', 'they', 'all workers in turn'];
  return (
    `Up: what ${who} sent; down: what ${they} received; MB: 10<sup>6</sup> bytes, summed over all steps. Float32 takes ` +
    `4 bytes an element each way. Seconds: what passed from a run's first step to its end in one process, which computes ` +
    `${where}: training, compression and scores, but no network. Runs that go side by side slow each other.`
  );
}
