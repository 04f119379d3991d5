/**
 * Mask-encoded sparsification, MS: the largest elements whole, all others as symbols of a few bits. W. Zhou et al.,
 * "Mask-Encoded Sparsification: Mitigating Biased Gradients in Communication-Efficient Split Learning", arXiv
 * 2408.13787.
 *
 * Parameters: k, bits, signed (0 or 1), and of coded symbols the words of their section (symbols.ts). Sections: values,
 * k float32 in the order of their indices; masks, `bits` bits an element, or less where they are coded.
 */
import { requireBoolean, requireInteger, requireNumber, requireOneOf, requireOptions } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { INFINITE } from '../kernels/float-bits.ts';
import { compactKernel } from '../kernels/compact.ts';
import { packedWords } from '../kernels/pack.ts';
import {
  findMarkedKernel,
  GRID,
  markKernel,
  quantizeKernel,
  ROUNDINGS,
  type Rounding,
} from '../kernels/quantize.ts';
import { findExtremes, nonFiniteError, rangeOf } from '../kernels/reduce.ts';
import { maskGridKernel, SIGNED } from '../kernels/scalars.ts';
import { floatsOf, wordsOf } from '../kernels/scope.ts';
import { selectTopK } from '../kernels/select.ts';
import { addAtKernel, placeKernel } from '../kernels/sparse.ts';
import { countAbove } from '../packet/codes.ts';
import { cutSections, type Packet, type Section } from '../packet/packet.ts';
import { decodeValues } from '../packet/values.ts';
import { atScale } from './at-scale.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { keptShare } from './count.ts';
import { codes, NOTHING } from './decoded.ts';
import { scaledWords } from './lists.ts';
import { requireKept } from './index-list.ts';
import {
  codingIn,
  codingOf,
  codingParameter,
  readSymbols,
  requireSymbolParameters,
  symbolsToSend,
  symbolWords,
  type SymbolCoding,
} from './symbols.ts';

const ID = 7;
/** Parameters of a packet, without that of coded symbols. */
const PARAMETERS = 3;
const MOST_BITS = 8;

export interface MaskOptions {
  /**
   * The share of elements that are sent as they are, in float32, up to 0.5: 0.01 keeps one in a hundred. The paper's
   * compression ratio is the share of the others, 0.99 there.
   */
  readonly ratio: number;
  /** Bits of a symbol, 1 to 8. */
  readonly bits: number;
  /** How x L / T becomes a symbol: the authors' program rounds (the default), the paper's text cuts. */
  readonly rounding?: Rounding;
  /**
   * Whether symbols carry a sign. Left out, they do where x has an element below zero. `false` takes elements by value,
   * and those below zero that become symbols are 0.
   */
  readonly signed?: boolean;
  /** 'packed' sends symbols as they are; 'entropy', the default, by their entropy where that is smaller. */
  readonly coding?: SymbolCoding;
}

/** The names of these, for systems that take them. */
export const MASK_OPTIONS: readonly (keyof MaskOptions)[] = ['ratio', 'bits', 'rounding', 'signed', 'coding'];

/**
 * Keeps the k = max(1, floor(ratio n + 1e-9)) largest elements as they are, ties to the lowest index, and sends each
 * other one as a symbol of `bits` bits. With T = the least that is kept and L = 2^bits - 1: m_i = min(round(x_i L / T),
 * L - 1), which decodes to m_i T / L. At most `bits` + 32 k / n bits an element and 32 bytes: symbols are sent by their
 * entropy where that is less, of 1.31 bits each for features max(0, normal) at 1 % and 2 bits. Biased, by rounding:
 * feature maps change with each batch, so there is no error to feed back. Source: arXiv 2408.13787, where the
 * compression ratio is 1 - ratio: 0.99 for `ratio: 0.01`; the coding arXiv 0902.0271.
 *
 * Signed symbols are two-sided: L = 2^(bits - 1), and m_i in -(L - 1)..L - 1, by magnitude. So a symbol costs the same
 * bits with and without sign; a bit for the sign beside the magnitude would have a symbol for -0.
 *
 * @param options `ratio`, the share of n that is kept as it is; `bits` of a symbol; `rounding`; `signed`; `coding`
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless 0 < ratio <= 0.5 and bits is an integer in 1..8
 * @example
 * const packet = await device.compress(maskEncoded({ ratio: 0.01, bits: 2 }), featureMap);
 */
export function maskEncoded(options: MaskOptions): Compressor {
  requireOptions('maskEncoded', options, MASK_OPTIONS);
  const ratio = requireKeptShare(options?.ratio);
  const bits = requireInteger('bits', options.bits, 1, MOST_BITS);
  const { rounding: way = 'nearest', signed } = options;
  const rounding = ROUNDINGS[requireOneOf('rounding', way, ['nearest', 'floor'])];
  if (signed !== undefined) requireBoolean('signed', signed);
  const coding = codingOf(options.coding);
  const order = signed === false ? 'value' : 'magnitude';
  const sign = signed === undefined ? SIGNED.found : signed ? SIGNED.yes : SIGNED.no;
  const keptOf = (n: number): number => keptShare(ratio, n);
  const parameters = (n: number): PacketParameters => ({
    k: n === 0 ? 0 : keptOf(n),
    bits,
    ...(signed !== undefined && { signed: signed && n > 0 ? 'yes' : 'no' }),
    ...codingParameter(coding),
  });

  return defineCompressor('maskEncoded', options, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [0, bits, 0], sections: [] };
    // 1. the k largest, whole; T = the least of them
    const k = keptOf(n);
    const { indices, values } = selectTopK(scope, x, k, order);
    const kept = findExtremes(scope, { buffer: values, n: k }, order);
    // where signs are asked for, nothing of x is asked but whether it is finite, and its largest magnitude is kept
    const range = signed === true ? kept : findExtremes(scope, x);
    const grid = scope.take(GRID);
    const packed = scope.take(packedWords(n, bits));
    const symbols = symbolsToSend(scope, n, bits, coding);
    const found = yield* atScale(function* (exponent) {
      const power = 2 ** exponent;
      // 2. each other element to a symbol below L; those that are kept become L
      scope.run(maskGridKernel, { kept, range, grid }, { bits, signed: sign, power });
      scope.run(
        quantizeKernel,
        { x: x.buffer, grid, packed },
        { n, width: bits, rounding, power, fraction: 0, seed: 0, step: 0, stream: 0 },
      );
      scope.run(markKernel, { indices, packed }, { n, count: k, width: bits });
      const [whole, keptKeys, ends, ...masks] = yield scope.read(
        values,
        kept,
        range,
        ...symbols.queue(packed),
      );
      const { least, largest } = rangeOf(ends);
      if (largest >= INFINITE) throw yield* nonFiniteError(scope, x);
      return { whole, masks, negative: least < 0, deciding: Math.max(rangeOf(keptKeys).least, 0) };
    });
    // 3. the packet carries v and the masks; T is min(v)
    const two = signed ?? found.negative;
    const { section, more } = symbols.sectionOf(found.masks);
    return { id: ID, n, parameters: [k, bits, two ? 1 : 0, ...more], sections: [found.whole, section] };
  });
}

/**
 * The share that is kept. More than half is refused: it is rarely meant, as numbers are that the paper calls ratios.
 * @throws TypeError or RangeError
 */
function requireKeptShare(ratio: unknown): number {
  const expected = 'a number above 0 and up to 0.5';
  if (typeof ratio !== 'number' || !(ratio > 0.5 && ratio < 1))
    return requireNumber('ratio', ratio, expected, (value) => value > 0 && value <= 0.5);
  throw new RangeError(
    `"ratio" expected ${expected}, got ${ratio}: it is the share that is kept, and the compression ratio ${ratio} of ` +
      `arXiv 2408.13787 is ${Number((1 - ratio).toPrecision(6))} here`,
  );
}

function parametersOf(packet: Packet): { k: number; bits: number; signed: boolean } {
  const [k, bits, signed] = requireSymbolParameters(packet, PARAMETERS);
  requireKept(packet, k, Math.min(packet.n, 1));
  if (bits < 1 || bits > MOST_BITS)
    throw new PacketError(`${bits} bits a symbol, expected 1..${MOST_BITS}`, 20);
  if (signed > 1) throw new PacketError(`"signed" is ${signed}, expected 0 or 1`, 24);
  return { k, bits, signed: signed === 1 };
}

function sectionsOf(packet: Packet, k: number, bits: number): (Section & { name: 'values' | 'masks' })[] {
  return [
    { name: 'values', words: k },
    { name: 'masks', words: symbolWords(packet, PARAMETERS, bits) },
  ];
}

/** What each symbol decodes to; the last, of kept elements, to 0. */
function symbolTable(values: Float32Array, bits: number, signed: boolean): Float32Array {
  const least = values.reduce((a, b) => Math.min(a, signed ? Math.abs(b) : b), Infinity);
  const levels = signed ? 2 ** (bits - 1) : 2 ** bits - 1;
  const step = Math.fround(Math.max(least, 0) / levels);
  const offset = signed ? levels - 1 : 0;
  const table = Float32Array.from(
    { length: 2 ** bits },
    (_, symbol) => Math.fround((symbol - offset) * step) + 0,
  );
  table[2 ** bits - 1] = 0;
  return table;
}

export const maskEncodedCodec: Codec = {
  id: ID,
  name: 'maskEncoded',
  describe(packet) {
    const { k, bits, signed } = parametersOf(packet);
    const sections = sectionsOf(packet, k, bits);
    cutSections(packet, sections);
    const coding = codingIn(packet, PARAMETERS);
    return { parameters: { k, bits, signed: signed ? 'yes' : 'no', coding }, sections };
  },
  decode(scope, packet) {
    const { n, bodyOffset } = packet;
    const { k, bits: width, signed } = parametersOf(packet);
    const { values, masks: sent } = cutSections(packet, sectionsOf(packet, k, width));
    decodeValues(values, k, 'float32', bodyOffset);
    const masks = readSymbols(scope, packet, PARAMETERS, sent, width, bodyOffset + k * 4);
    const marked = countAbove(masks, n, width, 2 ** width - 2);
    if (marked !== k)
      throw new PacketError(`${marked} symbols stand for kept elements, expected ${k}`, bodyOffset + k * 4);
    if (n === 0) return NOTHING;
    // 1. the symbols; those of kept elements stand for 0
    const table = wordsOf(symbolTable(floatsOf(values), width, signed));
    const symbols = codes(scope, n, { packed: masks, table, width });
    // 2. the kept elements, at the places of their symbols
    const places = (): DeviceBuffer => {
      const [bits, indices, count] = [scope.take(packedWords(n, 1)), scope.take(k), scope.take(1)];
      scope.run(findMarkedKernel, { packed: scope.put(masks), bits }, { n, width });
      scope.run(compactKernel, { bits, indices, count }, { n, capacity: k });
      return indices;
    };
    return {
      write(y) {
        symbols.write(y);
        scope.run(placeKernel, { indices: places(), values: scope.put(values), y }, { n, count: k });
      },
      add(y, scale) {
        symbols.add(y, scale);
        const terms = scope.put(scaledWords(values, scale));
        scope.run(addAtKernel, { indices: places(), values: terms, y }, { n, count: k });
      },
    };
  },
};
