/** Elements as levels, in plain TypeScript: codes by the edges of their segment, and the sums of each level. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { bitsOf, MAGNITUDE } from '../../kernels/float-bits.ts';
import { TINY } from '../../kernels/fwht.ts';
import { edgesOf } from '../../kernels/centroids.ts';
import { memoryOf, type Memory } from './memory.ts';
import { put } from './pack.ts';
import { absSum } from './reduce.ts';

export const packLevels: Implementations<Memory>['packLevels'] = (
  { z, roots, codes, sums, counts },
  { n, segment, bits },
) => {
  const levels = 2 ** (bits - 1);
  codes.words.fill(0, 0, Math.ceil((n * bits) / 32));
  for (let s = 0; s * segment < n; s++) {
    const cuts = edgesOf(bits).map((edge) => bitsOf(Math.fround(edge * roots.floats[s])));
    const words = z.words.subarray(s * segment, (s + 1) * segment);
    const keys = words.map((word) => word & MAGNITUDE);
    const levelOf = keys.map((key) => cuts.reduce((level, cut) => level + Number(key >= cut), 0));
    words.forEach((word, j) => {
      put(codes.words, s * segment + j, bits, levelOf[j] + (word > 0x80000000 ? levels : 0));
    });
    for (let l = 0; l < levels; l++) {
      const own = memoryOf(keys.map((key, j) => (levelOf[j] === l ? key : 0)));
      const [sum, max] = [memoryOf(new Uint32Array(1)), memoryOf(new Uint32Array(1))];
      absSum({ x: own, sums: sum, max }, { n: segment, segment, tiny: TINY, scale: 1 });
      sums.words[s * levels + l] = sum.words[0];
      counts.words[s * levels + l] = levelOf.reduce((count, level) => count + Number(level === l), 0);
    }
  }
};
