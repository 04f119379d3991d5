/** Parameters of a network as one flat vector, which is what compressors and updates take. */
import { numpy as np } from '@jax-js/jax';

import { openRandom } from './random.ts';

/** Arrays of these shapes, laid end to end in this order. */
export interface Layout {
  /** Numbers in all. */
  readonly size: number;
  /** The arrays of a vector, for jax-js, which owns them from then on. */
  upload(vector: Float32Array): np.Array[];
  /** Writes arrays, which it uses up, into a vector. */
  download(arrays: readonly np.Array[], vector: Float32Array): Promise<void>;
  /**
   * Starting values: He's initialisation for weights, deviation sqrt(2 / inputs); arrays of one dimension start at 0.
   */
  initial(seed: number, stream: number): Float32Array;
}

/** The layout of arrays of `shapes`, whose first axis are outputs. */
export function layoutOf(shapes: readonly (readonly number[])[]): Layout {
  const sizes = shapes.map((shape) => shape.reduce((product, length) => product * length, 1));
  const size = sizes.reduce((sum, length) => sum + length, 0);
  return {
    size,
    upload(vector) {
      let start = 0;
      return shapes.map((shape, i) =>
        np.array(vector.subarray(start, (start += sizes[i])), { shape: [...shape] }),
      );
    },
    async download(arrays, vector) {
      let start = 0;
      for (const array of arrays) {
        const numbers = (await array.data()) as Float32Array;
        vector.set(numbers, start);
        start += numbers.length;
      }
    },
    initial(seed, stream) {
      const random = openRandom(seed, stream);
      const vector = new Float32Array(size);
      let start = 0;
      for (const [i, shape] of shapes.entries()) {
        const inputs = sizes[i] / shape[0];
        if (inputs > 1)
          for (let j = start; j < start + sizes[i]; j++) vector[j] = Math.sqrt(2 / inputs) * random.normal();
        start += sizes[i];
      }
      return vector;
    },
  };
}
