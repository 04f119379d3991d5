/** The kernels that are measured: what each is given, and one call of it on data that lies in the backend's memory. */
import { keptShare } from '../../ts/compressors/count.ts';
import { accumulateKernel } from '../../ts/kernels/accumulate.ts';
import { compactKernel } from '../../ts/kernels/compact.ts';
import { packDitheredKernel } from '../../ts/kernels/dither.ts';
import { floatOf } from '../../ts/kernels/float-bits.ts';
import { unflattenSignsKernel } from '../../ts/kernels/flatten.ts';
import { flattenKernel, fwhtKernel, TINY, transformLength, unflattenKernel } from '../../ts/kernels/fwht.ts';
import { keyCountsKernel } from '../../ts/kernels/histogram.ts';
import { ceilDiv } from '../../ts/kernels/kernel.ts';
import {
  packBitsKernel,
  packedWords,
  packSignsKernel,
  unpackBitsKernel,
  unpackSignsKernel,
} from '../../ts/kernels/pack.ts';
import { GRID, lookupKernel, quantizeKernel, ROUNDINGS } from '../../ts/kernels/quantize.ts';
import { randomBitsKernel } from '../../ts/kernels/random.ts';
import {
  findExtremes,
  findNonFinite,
  signsAndSums,
  sumMagnitudes,
  sumSquares,
} from '../../ts/kernels/reduce.ts';
import { uniformGridKernel } from '../../ts/kernels/scalars.ts';
import { scanKernel } from '../../ts/kernels/scan.ts';
import type { Scope, Vector } from '../../ts/kernels/scope.ts';
import { selectTopK, thresholdKernel } from '../../ts/kernels/select.ts';
import { gatherKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
import type { Input } from './data.ts';
import {
  type Plain,
  plainFwht,
  plainKeyCounts,
  plainQuantize,
  plainSigns,
  plainSignsAndMean,
  plainThreshold,
} from './plain.ts';

/** Shares that selections keep, by their names. */
export const SHARES: Readonly<Record<string, number>> = { '0.1 %': 0.001, '1 %': 0.01, '10 %': 0.1 };

/** Digits of keys, by their names: the exponents, and of the magnitudes from 2 to 4 what comes next. */
const DIGITS = {
  exponents: { known: 32, prefix: 0, shift: 23, bins: 256 },
  'next digit': { known: 23, prefix: 128, shift: 17, bins: 64 },
} as const;

/** A kernel to be measured. */
export interface KernelTask {
  readonly name: string;
  /** Puts what it reads beside `x` into `held`, where that stays; the result queues one call in a scope of its own. */
  prepare(held: Scope, x: Vector, input: Input): (call: Scope) => void;
  /** The same in plain JavaScript. */
  readonly plain?: (input: Input) => () => unknown;
  /** The share of the elements that is kept: peers that select take part. */
  readonly share?: number;
  /** Whether its speed depends on the data. */
  readonly selects?: boolean;
}

const BLOCK = 4096;
const KEY = { seed: 1, step: 0, stream: 0 } as const;
const WIDTH = 4;

/** The kernels that a user meets, by himself or inside compressors. */
export const KERNELS: readonly KernelTask[] = [
  fwhtTask('fwht, blocks of 4096', BLOCK),
  fwhtTask('fwht, whole', 'whole'),
  ...Object.entries(SHARES).flatMap(([name, share]) => [topKTask(name, share), thresholdTask(name, share)]),
  {
    name: 'packSigns',
    prepare: (_held, x) => (call) => packSigns(call, x),
    plain: ofVector(plainSigns),
  },
  {
    name: 'absSum',
    prepare: (_held, x) => (call) => void sumMagnitudes(call, x, x.n),
  },
  {
    name: 'signs and sums',
    prepare: (_held, x) => (call) => signsAndSum(call, x),
    plain: ofVector(plainSignsAndMean),
  },
  {
    name: 'unpackSigns',
    prepare: (held: Scope, x: Vector) => {
      const bits = packSigns(held, x);
      const scales = held.put(new Float32Array([0.5]));
      return (call) =>
        call.run(unpackSignsKernel, { bits, scales, y: call.take(x.n) }, { n: x.n, segment: x.n });
    },
  },
  {
    name: 'quantize, 4 bits',
    prepare: (held: Scope, x: Vector) => {
      const grid = uniformGrid(held, x);
      return (call) => quantize(call, x, grid);
    },
    plain: ofVector(plainQuantize),
  },
  {
    name: 'lookup, 4 bits',
    prepare: (held: Scope, x: Vector) => {
      const packed = quantize(held, x, uniformGrid(held, x));
      const table = held.put(Float32Array.from({ length: 2 ** WIDTH }, (_, code) => code / 8 - 1));
      return (call) => call.run(lookupKernel, { packed, table, y: call.take(x.n) }, { n: x.n, width: WIDTH });
    },
  },
  {
    name: 'flatten',
    prepare: (_held, x) => (call) => {
      const { total, block } = lengthsOf(x.n, BLOCK);
      const y = call.take(total);
      call.run(flattenKernel, { x: x.buffer, y }, { n: x.n, total, block, ...KEY, tiny: TINY, scale: 1 });
    },
  },
  {
    name: 'unflatten',
    prepare: (held: Scope, { buffer, n }: Vector) => {
      const scales = held.put(new Float32Array(ceilDiv(n, BLOCK)).fill(0.5));
      // what it takes are whole numbers, but it is as fast for any others
      return (call) =>
        call.run(unflattenKernel, { t: buffer, scales, y: call.take(n) }, { n, segment: BLOCK, ...KEY });
    },
  },
  decodingTask('unflattenSigns', 0),
  decodingTask('unflattenSigns, added', 1),
  {
    name: 'packDithered',
    prepare: (held: Scope, { buffer, n }: Vector) => {
      const lambdas = held.put(new Float32Array(ceilDiv(n, BLOCK)).fill(2));
      return (call) =>
        call.run(
          packDitheredKernel,
          { z: buffer, lambdas, bits: call.take(packedWords(n, 1)) },
          { n, segment: BLOCK, ...KEY },
        );
    },
  },
  {
    name: 'randomBits',
    prepare:
      (_held, { n }) =>
      (call) =>
        call.run(randomBitsKernel, { bits: call.take(n) }, { n, ...KEY }),
  },
  {
    name: 'packBits, 4 bits',
    prepare:
      (_held, { buffer, n }) =>
      (call) =>
        call.run(
          packBitsKernel,
          { codes: buffer, packed: call.take(packedWords(n, WIDTH)) },
          { n, width: WIDTH },
        ),
  },
  {
    name: 'unpackBits, 4 bits',
    prepare: (held: Scope, x: Vector) => {
      const packed = quantize(held, x, uniformGrid(held, x));
      return (call) =>
        call.run(unpackBitsKernel, { packed, codes: call.take(x.n) }, { n: x.n, width: WIDTH });
    },
  },
  {
    name: 'extremes',
    prepare: (_held, x) => (call) => void findExtremes(call, x),
  },
  {
    name: 'squareSum',
    prepare: (_held, x) => (call) => void sumSquares(call, x, x.n),
  },
  ...Object.entries(DIGITS).map(([name, digit]): KernelTask => ({
    name: `keyCounts, ${name}`,
    prepare:
      (_held, { buffer, n }) =>
      (call) =>
        call.run(keyCountsKernel, { x: buffer, counts: call.take(digit.bins) }, { n, ...digit }),
    plain: ofVector(plainKeyCounts(digit)),
    selects: true,
  })),
  {
    name: 'nonFinite',
    prepare: (_held, x) => (call) => void findNonFinite(call, x),
  },
  {
    name: 'scan',
    prepare:
      (_held, { buffer, n }) =>
      (call) =>
        call.run(scanKernel, { x: buffer, sums: call.take(n), total: call.take(1) }, { n }),
  },
  {
    name: 'compact, 1 %',
    prepare: (held: Scope, { n }: Vector, { x, keyOf }: Input) => {
      const least = floatOf(keyOf(0.01));
      const bitmap = new Uint32Array(ceilDiv(n, 32));
      for (let i = 0; i < n; i++) if (Math.abs(x[i]) >= least) bitmap[i >>> 5] |= 1 << i;
      const bits = held.put(bitmap);
      const capacity = keptShare(0.01, n);
      return (call) => {
        const indices = call.take(capacity);
        call.run(compactKernel, { bits, indices, count: call.take(1) }, { n, capacity });
      };
    },
  },
  {
    name: 'gather, 1 %',
    prepare: (held: Scope, x: Vector) => {
      const count = keptShare(0.01, x.n);
      const { indices } = selectTopK(held, x, count, 'magnitude');
      return (call) =>
        call.run(gatherKernel, { x: x.buffer, indices, values: call.take(count) }, { n: x.n, count });
    },
  },
  {
    name: 'scatter, 1 %',
    prepare: (held: Scope, x: Vector) => {
      const count = keptShare(0.01, x.n);
      const list = selectTopK(held, x, count, 'magnitude');
      return (call) => call.run(scatterKernel, { ...list, y: call.take(x.n) }, { n: x.n, count });
    },
  },
  {
    name: 'accumulate',
    prepare: (held: Scope, { buffer, n }: Vector, { x }: Input) => {
      const y = held.put(x);
      // so small that y keeps its size over all calls
      return (call) => call.run(accumulateKernel, { x: buffer, y }, { n, scale: 2 ** -40 });
    },
  },
];

function fwhtTask(name: string, block: number | 'whole'): KernelTask {
  return {
    name,
    prepare:
      (_held, { buffer, n }) =>
      (call) => {
        const lengths = lengthsOf(n, block);
        call.run(fwhtKernel, { x: buffer, y: call.take(lengths.total) }, { n, ...lengths });
      },
    plain: ofVector(plainFwht(block)),
  };
}

function decodingTask(name: string, add: 0 | 1): KernelTask {
  return {
    name,
    prepare(held: Scope, { buffer, n }: Vector, { x }: Input) {
      const lengths = lengthsOf(n, BLOCK);
      const bits = held.take(packedWords(lengths.total, 1));
      held.run(packSignsKernel, { x: buffer, bits }, { n });
      const scales = held.put(new Float32Array(lengths.total / BLOCK).fill(0.5));
      // so small that y keeps its size over all calls
      const params = { n, ...lengths, ...KEY, add, factor: 2 ** -40 };
      const sum = add === 0 ? undefined : held.put(x);
      return (call) => call.run(unflattenSignsKernel, { bits, scales, y: sum ?? call.take(n) }, params);
    },
  };
}

function lengthsOf(n: number, block: number | 'whole'): { total: number; block: number } {
  const total = transformLength(n, block);
  return { total, block: block === 'whole' ? total : block };
}

function topKTask(name: string, share: number): KernelTask {
  return {
    name: `topK ${name}`,
    prepare: (_held, x) => (call) => void selectTopK(call, x, keptShare(share, x.n), 'magnitude'),
    share,
    selects: true,
  };
}

function thresholdTask(name: string, share: number): KernelTask {
  return {
    name: `threshold ${name}`,
    prepare(_held, { buffer, n }, { keyOf }) {
      const key = keyOf(share);
      const capacity = keptShare(share, n);
      return (call) => {
        const [indices, values, count] = [call.take(capacity), call.take(capacity), call.take(1)];
        call.run(thresholdKernel, { x: buffer, indices, values, count }, { n, key, capacity });
      };
    },
    plain: ({ x, keyOf }) => plainThreshold(x, floatOf(keyOf(share))),
    selects: true,
  };
}

function packSigns(scope: Scope, { buffer, n }: Vector): ReturnType<Scope['take']> {
  const bits = scope.take(packedWords(n, 1));
  scope.run(packSignsKernel, { x: buffer, bits }, { n });
  return bits;
}

/** The signs, and the sum of all magnitudes: what scaledSign asks of the backend. */
function signsAndSum(scope: Scope, x: Vector): void {
  signsAndSums(scope, x, x.n, scope.take(packedWords(x.n, 1)));
}

function uniformGrid(scope: Scope, x: Vector): ReturnType<Scope['take']> {
  const range = findExtremes(scope, x);
  const grid = scope.take(GRID);
  scope.run(uniformGridKernel, { range, grid }, { bits: WIDTH, power: 1 });
  return grid;
}

function quantize(
  scope: Scope,
  { buffer, n }: Vector,
  grid: ReturnType<Scope['take']>,
): ReturnType<Scope['take']> {
  const packed = scope.take(packedWords(n, WIDTH));
  scope.run(
    quantizeKernel,
    { x: buffer, grid, packed },
    { n, width: WIDTH, rounding: ROUNDINGS.nearest, power: 1, fraction: 0, ...KEY },
  );
  return packed;
}

function ofVector(plain: Plain): (input: Input) => () => unknown {
  return ({ x }) => plain(x);
}
