/** The plan of the coding of symbols (../entropy.ts, wgsl/entropy.wgsl, wgsl/entropy-blocks.wgsl). */
import { type codeSymbolsKernel, LEAST_BLOCK } from '../entropy.ts';
import { ceilDiv } from '../kernel.ts';
import { packedWords } from '../pack.ts';
import { pass, type Plan, type PlanFor } from './plan.ts';
import { part } from './windows.ts';

/** Words of a table by symbol, of numbers, header and table of a section, and of what is known of each block. */
const PAIR = 2;
const HEAD = 4096 + 16;
const ROOM = 34;

/** Symbols that a workgroup counts: many, since each adds its counts to those of all. */
const SPAN = { step: 8192, groups: 256 };

/** The symbols of each workgroup, where n are counted. */
function spanFor(n: number): number {
  return ceilDiv(n, SPAN.groups * SPAN.step) * SPAN.step;
}

/**
 * Blocks may be as long as n, and start where that suits the symbols: buffers are bound as a whole. n is at most
 * MOST_SYMBOLS, so that none has more words than every GPU binds.
 */
function codeSymbolsPlan({ n, width }: { n: number; width: number }): Plan {
  const [words, symbols, blocks] = [packedWords(n, width), 2 ** width, ceilDiv(n, 2 ** LEAST_BLOCK)];
  const span = spanFor(n);
  const packed = part('packed', words);
  return {
    scratch: {
      counts: symbols,
      table: PAIR * symbols,
      head: HEAD,
      halves: ceilDiv(n, 2),
      parts: ROOM * blocks,
    },
    steps: [
      { clear: 'counts' },
      { clear: 'head' },
      pass(
        'entropy',
        'countSymbols',
        ceilDiv(n, span),
        { packed, counts: 'counts' },
        { n, width, span, symbols },
      ),
      pass('entropy', 'makeTable', 1, { found: 'counts', table: 'table', head: 'head' }, { n, symbols }),
      pass(
        'entropy-blocks',
        'codeBlocks',
        blocks,
        { packed, tableIn: 'table', headIn: 'head', halves: 'halves', parts: 'parts' },
        { n, width },
      ),
      pass('entropy-blocks', 'placeBlocks', 1, { headIn: 'head', parts: 'parts', size: 'size' }, { words }),
      pass(
        'entropy-blocks',
        'joinBlocks',
        blocks,
        {
          ...{ packed, headIn: 'head', halvesIn: 'halves', partsIn: 'parts', sizeIn: 'size' },
          coded: part('coded', words),
        },
        { width, words },
      ),
    ],
  };
}

export const plans: { readonly codeSymbols: PlanFor<typeof codeSymbolsKernel> } = {
  codeSymbols: codeSymbolsPlan,
};
