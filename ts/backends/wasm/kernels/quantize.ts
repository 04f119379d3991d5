/** How codes are made, looked up, marked and found on the wasm backend (the ways: kernel.ts). */
import * as module from '../../../generated/wasm-exports.ts';
import type { Exports } from '../../../generated/wasm-exports.ts';
import type {
  addLookupKernel,
  findMarkedKernel,
  lookupKernel,
  markKernel,
  quantizeKernel,
} from '../../../kernels/quantize.ts';
import { TILE, type Args } from '../task.ts';
import type { KernelOf, Tiled } from './kernel.ts';

export const findMarked: KernelOf<typeof findMarkedKernel> = { whole: module.findMarked };
export const mark: KernelOf<typeof markKernel> = { whole: module.mark };

export const quantize: KernelOf<typeof quantizeKernel> = {
  whole: module.quantize,
  scratch: module.quantizeScratch,
  tiled({ exports }, args) {
    // draws are keyed by the place in the whole vector
    if (args.fraction !== 0) return undefined;
    const part = { ...args, scratch: 0 };
    return {
      input: 'x',
      n: args.n,
      outputs: {},
      reads: ['grid'],
      local: module.quantizeScratch(exports),
      tile(x, first, count, scratch) {
        part.x = x;
        part.packed = args.packed + (first / 8) * args.width;
        part.scratch = scratch;
        part.n = count;
        module.quantize(exports, part);
      },
    };
  },
};

/** Makes the table of bytes in scratch; and looks up codes with it, or adds what it looks up. */
type MakeTable = (exports: Exports, part: Args<'table' | 'scratch' | 'width'>) => void;
type LookUp = (exports: Exports, part: Args<'packed' | 'table' | 'y' | 'scratch' | 'n' | 'width'>) => void;

/** The tile plan over tiles of y; each thread has a table of its own. */
function overTiles(makeTable: MakeTable, lookUp: LookUp): Tiled<'packed' | 'table' | 'y', 'n' | 'width'> {
  return ({ exports }, { packed, table, n, width }) => {
    const part = { packed, table, y: 0, scratch: 0, n: 0, width };
    return {
      input: 'y',
      n,
      outputs: { y: TILE },
      beside: { packed: (TILE / 32) * width },
      reads: ['table'],
      local: module.lookupScratch(exports),
      tile(y, first, count, scratch) {
        if (part.scratch === 0) makeTable(exports, { table, scratch, width });
        part.packed = packed + (first / 8) * width;
        part.y = y;
        part.scratch = scratch;
        part.n = count;
        lookUp(exports, part);
      },
    };
  };
}

export const lookup: KernelOf<typeof lookupKernel> = {
  whole: module.lookup,
  scratch: module.lookupScratch,
  tiled: overTiles(module.lookupTable, module.lookupPart),
};

export const addLookup: KernelOf<typeof addLookupKernel> = {
  whole: module.addLookup,
  scratch: module.lookupScratch,
  tiled: overTiles(module.addLookupTable, module.addLookupPart),
};
