/** LIEC-SGD as its page has it (arXiv 2402.11857), in float64. What C gave is told to the simulation. */
import type { Model } from '../../../ts/algorithms/system.ts';
import { combine, exactly, meanOf, zeros, type Near } from './near.ts';

export interface LiecSimulation {
  /** The models, and their momentum buffers. */
  readonly parameters: Near[];
  readonly velocities: Near[];
  readonly serverError: Near;
  /** Step 2: what the server compresses, of what the workers sent. */
  server(c: readonly Float32Array[]): Near;
  /** Steps 2 and 3: the server answered q. The workers' directions, which their models take. */
  compressed(gradients: readonly Float32Array[], c: readonly Float32Array[], q: Float32Array): Near[];
  /** Step 4. */
  averaged(gradients: readonly Float32Array[]): void;
}

export function simulateLiec(n: number, models: readonly Model[]): LiecSimulation {
  const [{ learningRate: eta, momentum }] = models;
  const parameters = models.map((model) => exactly(model.parameters));
  const velocities = models.map((model) => exactly(model.velocity));
  let serverError = zeros(n);
  const server = (c: readonly Float32Array[]): Near =>
    combine([1, meanOf(c.map((vector) => exactly(vector)))], [1, serverError]);
  return {
    parameters,
    velocities,
    get serverError() {
      return serverError;
    },
    server,
    compressed(gradients, c, q) {
      serverError = combine([1, server(c)], [-1, exactly(q)]);
      return gradients.map((gradient, r) => {
        const lost = combine([1, exactly(gradient)], [-1, exactly(c[r])]);
        const direction = combine([1, exactly(q)], [1, lost]);
        velocities[r] = combine([momentum, velocities[r]], [1, direction]);
        parameters[r] = combine([1, parameters[r]], [-eta, velocities[r]]);
        return direction;
      });
    },
    averaged(gradients) {
      const ahead = gradients.map((gradient, r) =>
        combine([momentum, velocities[r]], [1, exactly(gradient)]),
      );
      const models = ahead.map((velocity, r) => combine([1, parameters[r]], [-eta, velocity]));
      // E is a part of the gradient that all take
      const parameter = combine([1, meanOf(models)], [-eta, serverError]);
      const velocity = combine([1, meanOf(ahead)], [1, serverError]);
      serverError = zeros(n);
      parameters.fill(parameter);
      velocities.fill(velocity);
    },
  };
}
