/** What server and pages of the example have in common: the tensors by name, and what compresses both ways. */
import { flattenedLevels, type Compressor, type TensorLayout } from 'fewbits';

const SHAPES = { 'hidden/bias': [32], 'hidden/kernel': [784, 32], 'out/bias': [10], 'out/kernel': [32, 10] };

let offset = 0;
export const layout: TensorLayout = {
  leaves: Object.entries(SHAPES).map(([name, shape]) => {
    const length = shape.reduce((all, size) => all * size);
    offset += length;
    return { name, shape, offset: offset - length, length };
  }),
};
/** Numbers in all. */
export const n: number = offset;
export const up: Compressor = flattenedLevels({ seed: 1, bits: 2, scale: 'least' });
export const down: Compressor = flattenedLevels({ seed: 2, bits: 2, scale: 'least' });
