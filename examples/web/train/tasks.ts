/** What the page can train, in words; digits.ts and text.ts are the problems themselves. */
import type { DatasetName } from '../../mnist/datasets.ts';
import type { Measure } from '../../mnist/measure.ts';
import { BATCH } from '../../mnist/mnist.ts';
import { CONTEXT, PASSAGES, SCORED, SCORED_BEFORE } from '../../text/passages.ts';

export interface Task {
  /** As one chooses it. */
  readonly title: string;
  /** The network, what it learns, and what is fetched. */
  readonly description: string;
  /** What is fetched, within a sentence. */
  readonly data: string;
  /** Whose learning rates are taken. */
  readonly dataset: DatasetName;
  readonly measure: Measure;
}

export type TaskName = 'digits' | 'text';

export const TASKS: Readonly<Record<TaskName, Task>> = {
  digits: {
    title: 'digits (MNIST)',
    description:
      `A network of 784, 128 and 10 units learns to name digits, ${BATCH} pictures a worker and step. They are fetched ` +
      'at the first step, 11 MB.',
    data: 'the digits',
    dataset: 'mnist',
    measure: 'accuracy',
  },
  text: {
    title: 'text (King James Bible)',
    description:
      `A transformer learns to name each next character, ${PASSAGES} passages of ${CONTEXT} a worker and step. It is ` +
      `scored on ${SCORED_BEFORE} passages of chapters that it does not train on, at the end on ${SCORED}. The text is ` +
      'fetched at the first step, 1.2 MB.',
    data: 'the King James Bible',
    dataset: 'bible',
    measure: 'bits',
  },
};
