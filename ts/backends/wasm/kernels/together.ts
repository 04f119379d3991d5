/** Several of a kernel in turn, over one y that all of them change: one call a tile, over a list in memory. */
import type { Exports } from '../../../generated/wasm-exports.ts';
import { TILE, type Args } from '../task.ts';
import type { Together } from './kernel.ts';

/**
 * The plan of kernels of which the module's function takes a list, so many words for each: those of `entryOf`. Each
 * thread has a list of its own.
 */
export function overList<Buffers extends string, Params extends string>(
  words: number,
  entryOf: (args: Args<Buffers | Params>) => readonly number[],
  call: (exports: Exports, part: Args<'list' | 'count' | 'y' | 'from' | 'n'>) => void,
): Together<Buffers | 'y', Params | 'n'> {
  return ({ exports, view }, all) => {
    const [{ y, n }]: readonly Args<'y' | 'n'>[] = all;
    const part = { list: 0, count: all.length, y, from: 0, n: 0 };
    return {
      input: 'y',
      n,
      outputs: { y: TILE },
      local: words * all.length,
      tile(_y, first, count, list) {
        if (part.list === 0)
          for (const [i, args] of all.entries()) view(list + i * words * 4, words).set(entryOf(args));
        part.list = list;
        part.from = first;
        part.n = first + count;
        call(exports, part);
      },
    };
  };
}
