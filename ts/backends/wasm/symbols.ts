/** Coded symbols in linear memory (`symbols` in ../backend.ts): assembly/symbols.ts decodes them. */
import { decodeSymbols, decodeSymbolsScratch } from '../../generated/wasm-exports.ts';
import type { SymbolDecoder } from '../backend.ts';
import type { Engine } from './engine.ts';

/** Words behind a section that decodeSymbols reads ahead of. */
const AHEAD = 16;

/** What reads coded symbols in the memory of an engine. */
export function symbolDecoderOf(engine: () => Engine): SymbolDecoder {
  return {
    decode(section, { precision, lanes, block, symbols: used, shares: all, words: lengths }, n, width) {
      const { exports, executor } = engine();
      return executor.withMemory((allocate) => {
        const words = Math.ceil((n * width) / 32);
        const put = (data: Uint32Array, ahead = 0): number => {
          const address = allocate(data.length + ahead);
          executor.view(address, data.length).set(data);
          return address;
        };
        const numbers = {
          words: section.length,
          lengths,
          used: used.length,
          precision,
          lanes,
          block,
          n,
          width,
        };
        const coded = put(section, AHEAD);
        const [symbols, shares] = [put(used), put(used.map((symbol) => all[symbol]))];
        const packed = allocate(words);
        const scratch = allocate(decodeSymbolsScratch(exports, { precision }));
        if (!decodeSymbols(exports, { coded, symbols, shares, packed, scratch, ...numbers }))
          return undefined;
        // slice takes several times as long from memory that threads share
        const decoded = new Uint32Array(words);
        decoded.set(executor.view(packed, words));
        return decoded;
      });
    },
  };
}
