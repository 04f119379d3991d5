/** The MNIST task of `fewbits serve` and `fewbits join`: `npm run build` makes dist/tasks/mnist.js of it. */
import type { Task, TaskOptions } from 'fewbits/mqtt';

import { openDigits } from './digits.ts';
import { readMnistFile } from './files.ts';

export function openTask(options: TaskOptions): Promise<Task> {
  return openDigits(options, readMnistFile);
}
