/** What a test that wraps a worker's steps passes on as it is. */
import type { Worker } from '../../../ts/algorithms/index.ts';
import type { Vector } from '../../../ts/algorithms/vectors.ts';

/** The methods of a worker beside send and receive; nothing of what it says of its steps. */
export function restOf<Where extends Vector>(
  worker: Worker<Where>,
): Omit<Worker, 'send' | 'receive' | 'wantsModel'> {
  return {
    follow: (model) => worker.follow(model),
    check: (message, rank) => worker.check(message, rank),
    save: () => worker.save(),
    load: (state) => worker.load(state),
    share: () => worker.share(),
    adopt: (shared, taken) => worker.adopt(shared, taken),
    takeBack: () => worker.takeBack(),
    free: () => worker.free(),
    report: {},
  };
}
