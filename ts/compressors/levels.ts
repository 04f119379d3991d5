/**
 * What quantisers' codecs share: codes of few bits as the levels that they stand for, in time that follows the length
 * of the vector.
 */
import { wordsOf, type Scope } from '../kernels/scope.ts';
import { unpackCodes } from '../packet/codes.ts';
import { codes, whole, type Decoded } from './decoded.ts';

/**
 * levelOf(code_i) as float32, of n >= 1 codes of `width` bits, 1 to 16. A vector shorter than the table of all
 * levels is looked up here, level by level, and no table is made: it might have 65,536 levels for one element.
 */
export function decodeLevels(
  scope: Scope,
  body: Uint32Array,
  n: number,
  width: number,
  levelOf: (code: number) => number,
): Decoded {
  const count = 2 ** width;
  const levels = new Float32Array(Math.min(n, count));
  if (n < count) {
    unpackCodes(body, n, width).forEach((code, i) => (levels[i] = levelOf(code)));
    return whole(scope, n, wordsOf(levels));
  }
  for (let code = 0; code < count; code++) levels[code] = levelOf(code);
  return codes(scope, n, { packed: body, table: wordsOf(levels), width });
}
