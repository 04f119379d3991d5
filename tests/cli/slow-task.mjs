/** A task for tests of `serve` and `join`, as users write one in JavaScript: least squares, 20 ms a gradient. */
import { pSgd } from 'fewbits/algorithms';

export const openTask = async () => ({
  system: pSgd(),
  model: { parameters: new Float32Array(50), velocity: new Float32Array(50), learningRate: 0.1, momentum: 0 },
  steps: 100_000,
  async gradient({ parameters }) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    return parameters.map((value, i) => value - i);
  },
  evaluate: async (parameters) => Math.min(1, parameters[1]),
});
