/** Codes of few bits as the levels that they stand for, in time that follows the length of the vector. */
import type { DeviceBuffer } from '../backends/backend.ts';
import { lookupKernel } from '../kernels/quantize.ts';
import { wordsOf, type Scope } from '../kernels/scope.ts';
import { unpackCodes } from '../packet/codes.ts';

/**
 * y_i = levelOf(code_i) as float32, of n >= 1 codes of `width` bits, 1 to 16. A vector shorter than the table of all
 * levels is looked up here, level by level, and no table is made: it might have 65,536 levels for one element.
 */
export function decodeLevels(
  scope: Scope,
  body: Uint32Array,
  n: number,
  width: number,
  levelOf: (code: number) => number,
): DeviceBuffer {
  const codes = 2 ** width;
  const levels = new Float32Array(Math.min(n, codes));
  if (n < codes) {
    unpackCodes(body, n, width).forEach((code, i) => (levels[i] = levelOf(code)));
    return scope.put(levels);
  }
  for (let code = 0; code < codes; code++) levels[code] = levelOf(code);
  const y = scope.take(n);
  scope.run(lookupKernel, { packed: scope.put(body), table: scope.put(wordsOf(levels)), y }, { n, width });
  return y;
}
