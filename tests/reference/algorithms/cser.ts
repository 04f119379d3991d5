/** CSER (arXiv 2007.13221) in float64. Which elements are averaged is told to the simulation. */
import type { Model } from '../../../ts/algorithms/system.ts';
import { combine, exactly, meanOf, type Near } from './near.ts';

export interface CserSimulation {
  readonly parameters: Near[];
  readonly velocities: Near[];
  /** One step: gradients are averaged where `where`. The directions, which the models take. */
  step(gradients: readonly Float32Array[], where: readonly number[]): Near[];
  /** A reset: models and momentum buffers are averaged where `where`. */
  reset(where: readonly number[]): void;
}

/** Each vector with the mean of all where `where`. */
function averagedAt(vectors: readonly Near[], where: readonly number[]): Near[] {
  const mean = meanOf(vectors);
  return vectors.map(({ value, slack }) => {
    const mixed = { value: value.slice(), slack: slack.slice() };
    for (const i of where) {
      mixed.value[i] = mean.value[i];
      mixed.slack[i] = mean.slack[i];
    }
    return mixed;
  });
}

export function simulateCser(models: readonly Model[]): CserSimulation {
  const [{ learningRate: eta, momentum }] = models;
  let parameters = models.map((model) => exactly(model.parameters));
  let velocities = models.map((model) => exactly(model.velocity));
  return {
    get parameters() {
      return parameters;
    },
    get velocities() {
      return velocities;
    },
    step(gradients, where) {
      const directions = averagedAt(gradients.map(exactly), where);
      velocities = velocities.map((velocity, r) => combine([momentum, velocity], [1, directions[r]]));
      parameters = parameters.map((parameter, r) => combine([1, parameter], [-eta, velocities[r]]));
      return directions;
    },
    reset(where) {
      parameters = averagedAt(parameters, where);
      velocities = averagedAt(velocities, where);
    },
  };
}
