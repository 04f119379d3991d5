/**
 * What packets are made of and read with, in linear memory (`coder` in ../backend.ts): index lists as Rice codes and
 * back (assembly/rice.ts), and the look for NaN.
 */
import { nonFinite, riceDecode, riceEncode, ricePlan } from '../../generated/wasm-exports.ts';
import type { Coder, DeviceBuffer, RiceCode } from '../backend.ts';
import type { Engine } from './engine.ts';
import { TILE } from './task.ts';

/** Gaps of a block, as in assembly/rice.ts. */
const BLOCK = 128;

/** Bits from which on the unary part of a list is too long for riceDecode. */
const TOO_LONG = 2 ** 31;

/** Words behind what riceDecode reads ahead of. */
const AHEAD = 2;

/** The coder of an engine; `addressOf` gives the address of a buffer, of which nothing is left to do. */
export function coderOf(engine: () => Engine, addressOf: (buffer: DeviceBuffer) => number): Coder {
  return {
    words: (buffer, count) => {
      const address = addressOf(buffer);
      return engine().allocator.view(address, count);
    },

    encode(indices, k, most) {
      const own = indices instanceof Uint32Array ? undefined : addressOf(indices);
      const { exports, executor } = engine();
      return executor.withMemory((allocate): RiceCode | undefined => {
        const headWords = Math.ceil(Math.ceil(k / BLOCK) / 2);
        const list = own ?? allocate(k);
        const [size, head] = [allocate(2), allocate(headWords)];
        if (own === undefined) executor.view(list, k).set(indices as Uint32Array);
        ricePlan(exports, { indices: list, k, head, size });
        const [lowWords, unaryBits] = executor.view(size, 2);
        const unaryWords = Math.ceil(unaryBits / 32);
        if (headWords + lowWords + unaryWords > most) return undefined;
        const [low, unary] = [allocate(lowWords + 1), allocate(unaryWords)];
        riceEncode(exports, { indices: list, k, head, low, unary, unaryBits });
        return {
          head: executor.view(head, headWords),
          low: executor.view(low, lowWords),
          unary: executor.view(unary, unaryWords),
          unaryBits,
        };
      });
    },

    decode({ head, low, unary, unaryBits }, k, n) {
      if (unaryBits >= TOO_LONG) return undefined;
      const { exports, executor } = engine();
      return executor.withMemory((allocate) => {
        const indices = allocate(k);
        const parts = [head, low, unary].map((part) => allocate(part.length + AHEAD));
        [head, low, unary].forEach((part, i) => executor.view(parts[i], part.length).set(part));
        const list = { head: parts[0], low: parts[1], lowWords: low.length, unary: parts[2], unaryBits };
        if (!riceDecode(exports, { ...list, k, n, indices })) return undefined;
        // slice takes several times as long from memory that threads share
        const decoded = new Uint32Array(k);
        decoded.set(executor.view(indices, k));
        return decoded;
      });
    },

    finite(words, count) {
      const own = words instanceof Uint32Array ? undefined : addressOf(words);
      const { exports, executor } = engine();
      return executor.withMemory((allocate) => {
        const found = allocate(2);
        const looked = (x: number, n: number): boolean => {
          nonFinite(exports, { x, found, n });
          return executor.view(found, 1)[0] === 0;
        };
        if (own !== undefined) return looked(own, count);
        const tile = allocate(Math.min(TILE, count));
        for (let first = 0; first < count; first += TILE) {
          const part = (words as Uint32Array).subarray(first, Math.min(first + TILE, count));
          executor.view(tile, part.length).set(part);
          if (!looked(tile, part.length)) return false;
        }
        return true;
      });
    },
  };
}
