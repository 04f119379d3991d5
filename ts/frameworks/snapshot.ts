/**
 * What an optimizer of TensorFlow.js and variables are at one moment, to go back or forth to. Clones share a tensor's
 * memory for as long as nothing else is assigned, so that taking a snapshot copies nothing. It is exact, which
 * `getWeights` and `setWeights` are not: they compute the powers of Adam's betas anew, and Adamax has neither.
 */
import { clone, dispose, keep, type Optimizer, type Tensor, type Variable } from '@tensorflow/tfjs-core';

/** A weight of an optimizer, as optimizers list them. */
interface Weight {
  readonly variable: Variable;
}

/** What optimizers have of their own: variables, lists of weights that grow in the first step, and a count of steps. */
type Own = Record<string, unknown> & { iterations_?: number };

export interface Snapshot {
  /** Goes back to it. Weights that the optimizer has gained since are disposed of, unless `keepGained`. */
  restore(keepGained?: boolean): void;
  /** Ends it; weights that are in no list of the optimizer any more go with it. */
  drop(): void;
}

/** The optimizer, and these variables, as they are now. */
export function snapshotOf(optimizer: Optimizer, variables: readonly Variable[]): Snapshot {
  const own = optimizer as unknown as Own;
  const lists = Object.values(own)
    .filter(Array.isArray)
    .map((list) => ({ list: list as Weight[], weights: [...(list as Weight[])] }));
  const all = [
    ...variables,
    ...Object.values(own).filter(isVariable),
    ...lists.flatMap(({ weights }) => weights.map(({ variable }) => variable)),
  ];
  const values = all.map((variable): Tensor => keep(clone(variable)));
  const iterations = own.iterations_;
  return {
    restore(keepGained = false) {
      for (const { list, weights } of lists) {
        const gained = list.filter((weight) => !weights.includes(weight));
        list.splice(0, list.length, ...weights);
        if (!keepGained) dispose(gained.map(({ variable }) => variable));
      }
      all.forEach((variable, i) => variable.assign(values[i]));
      own.iterations_ = iterations;
    },
    drop() {
      dispose(values);
      for (const { list, weights } of lists)
        dispose(weights.filter((weight) => !list.includes(weight)).map(({ variable }) => variable));
    },
  };
}

function isVariable(value: unknown): value is Variable {
  return typeof (value as Partial<Variable> | null)?.assign === 'function';
}
