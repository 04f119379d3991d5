/**
 * Block top-k with few-bit values: the k largest elements of each block, as one of two levels of the block with a sign.
 * What SparseLoCo sends, A. Sarfi et al., "Communication Efficient LLM Pre-training with SparseLoCo", arXiv 2508.15706.
 *
 * Parameters: the four of a list (index-list.ts), of all that is kept; block; k; bits, 0 where values are sent whole;
 * format of these. Sections: the list; then levels, one or two bfloat16 a block, and codes of `bits` bits; or values.
 */
import { requireInteger, requireOneOf, requireOptions, shown } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { blockLevelsKernel, blockTopKKernel, keptOf, LONGEST, SHORTEST } from '../kernels/blocks.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import { STRANGE } from '../kernels/levels.ts';
import { packBitsKernel, packedWords } from '../kernels/pack.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import type { Scope } from '../kernels/scope.ts';
import { cutSections, requireParameters, type Packet } from '../packet/packet.ts';
import {
  decodeValues,
  encodeValues,
  firstNonFinite,
  VALUE_FORMATS,
  valueWords,
  type ValueFormat,
} from '../packet/values.ts';
import {
  defineCompressor,
  type Codec,
  type Compressor,
  type Encoded,
  type PacketParameters,
} from './compressor.ts';
import { NOTHING, sparse } from './decoded.ts';
import { codeSections, levelSection, valuesOfCodes } from './few-bits.ts';
import {
  listOf,
  listParametersOf,
  listParts,
  listSections,
  type ListParameters,
  type ListSection,
} from './index-list.ts';
import { requireFormat } from './sparse-list.ts';

const ID = 13;

export interface BlockOptions {
  /** Elements of a block, a power of two in 64..4096; 4096 if left out. */
  readonly block?: number;
  /** How many elements of a whole block are kept, 1 to `block`; 64 if left out. */
  readonly k?: number;
  /** Bits of a kept element: 2 (the default), a sign and which of two levels; 1, a sign, and one level a block. */
  readonly bits?: 1 | 2;
  /** In the place of bits: kept elements as they are, in this format. */
  readonly values?: ValueFormat;
}

/** How blocks are cut, and what is sent of each kept element: `bits`, or 0 and a format of whole values. */
interface Form {
  readonly block: number;
  readonly k: number;
  readonly bits: number;
  readonly format: ValueFormat;
}

/**
 * Keeps the k elements of the largest magnitude of each `block`, ties to the lowest index, and sends of each its sign
 * and whether it is above the mean magnitude of what its block keeps; it decodes to the mean of that class. Of a last
 * block of L elements max(1, floor(k L / block)) are kept. All others decode to zero. About log2(block / k) + 2 + bits
 * + 32 / k bits a kept element: at the default .16 bits an element, some 200 times smaller than float32 from 2^18
 * elements on. Biased: with error feedback (`error` of compress), as SparseLoCo uses it. Source: arXiv 2508.15706; its
 * levels here are the means of the two classes.
 *
 * @param options `block`, elements a block; `k` of them are kept; `bits` of a kept element, 1 or 2; in its place
 *   `values`, a format in which kept elements are sent as they are
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless block is a power of two in 64..4096, 1 <= k <= block and bits is 1 or 2, or where both bits
 *   and values are given
 * @example
 * const packet = await device.compress(blockTopK({ block: 4096, k: 64, bits: 2 }), gradient);
 */
export function blockTopK(options: BlockOptions = {}): Compressor {
  requireOptions('blockTopK', options, ['block', 'k', 'bits', 'values']);
  const form = formOf(options);
  const { block, k, bits, format } = form;
  const parameters = (n: number): PacketParameters => namedParameters(keptOf(n, block, k), form);
  return defineCompressor('blockTopK', options, parameters, function* (scope, x) {
    const { n } = x;
    const count = keptOf(n, block, k);
    const empty = new Uint32Array(0);
    if (n === 0)
      return partsOf(scope, n, form, { indices: empty, sections: bits > 0 ? [empty, empty] : [empty] });
    // 1. select: the k largest |x_i| of each block
    const [kept, values] = [scope.take(count), scope.take(count)];
    scope.run(blockTopKKernel, { x: x.buffer, indices: kept, values }, { n, block, k });
    if (bits === 0) {
      const [indices, words] = yield scope.read(kept, values);
      // keys of NaN and infinity are the largest, so where a block has any, one of them was kept
      if (firstNonFinite(words) >= 0) throw yield* nonFiniteError(scope, x);
      return partsOf(scope, n, form, { indices, sections: [encodeValues(words, format)] });
    }
    // 2. levels: the means of the two classes of a block; codes: the sign and the class
    const [blocks, codes, packed] = [
      ceilDiv(n, block),
      scope.take(count),
      scope.take(packedWords(count, bits)),
    ];
    const means = scope.take(blocks);
    scope.run(blockLevelsKernel, { values, levels: means, codes }, { count, k, bits });
    scope.run(packBitsKernel, { codes, packed }, { n: count, width: bits });
    const [indices, levels, coded] = yield scope.read(kept, means, packed);
    if (levels.includes(STRANGE)) throw yield* nonFiniteError(scope, x);
    // 3. code where they are
    return partsOf(scope, n, form, { indices, sections: [levelSection(levels, bits), coded] });
  });
}

/** The parameters of a packet by name; `coding` of its list is known of packets alone. */
function namedParameters(
  kept: number,
  { block, k, bits, format }: Form,
  list?: ListParameters,
): PacketParameters {
  const what: PacketParameters = bits > 0 ? { bits } : { values: format };
  return { kept, ...(list && { coding: list.coding }), block, k, ...what };
}

/** @throws TypeError or RangeError unless the options are sound */
function formOf({ block = 4096, k = 64, bits, values }: BlockOptions): Form {
  requireInteger('block', block, SHORTEST, LONGEST);
  if ((block & (block - 1)) !== 0)
    throw new RangeError(`"block" expected a power of two in ${SHORTEST}..${LONGEST}, got ${block}`);
  requireInteger('k', k, 1, block);
  if (bits !== undefined) requireInteger('bits', bits, 1, 2);
  if (values === undefined) return { block, k, bits: bits ?? 2, format: 'float32' };
  if ((values as unknown) === 'levels' || (values as unknown) === 'sign')
    throw new RangeError(
      `"values" expected one of ${VALUE_FORMATS.join(', ')}; of few-bit values "bits" says how many`,
    );
  const format = requireOneOf('values', values, VALUE_FORMATS);
  if (bits !== undefined)
    throw new RangeError(
      `blockTopK expected "bits" or "values", got bits ${shown(bits)} and values ${shown(values)}`,
    );
  return { block, k, bits: 0, format };
}

/** The packet of what was kept at `indices`, whose sections behind the list are these: levels and codes, or values. */
function partsOf(
  scope: Scope,
  n: number,
  form: Form,
  { indices, sections }: { readonly indices: Uint32Array; readonly sections: readonly Uint32Array[] },
): Encoded {
  const list = listParts(indices, n, scope.coder);
  const { block, k, bits, format } = form;
  return {
    id: ID,
    n,
    parameters: [...list.parameters, block, k, bits, VALUE_FORMATS.indexOf(format)],
    sections: [...list.sections, ...sections],
    // lists are at hand: they need not be read from their codes
    sent: () => {
      const [first, codes] = sections;
      const count = indices.length;
      const values = codes
        ? valuesOfCodes({ levels: first, codes }, { count, segment: k, bits }, 0)
        : decodeValues(first, count, format, 0);
      return sparse(scope, n, { indices, values });
    },
  };
}

function parametersOf(packet: Packet): { list: ListParameters; form: Form } {
  const { 4: block, 5: k, 6: bits, 7: number } = requireParameters(packet, 8);
  const list = listParametersOf(packet, Math.min(packet.n, 1));
  if (block < SHORTEST || block > LONGEST || (block & (block - 1)) !== 0)
    throw new PacketError(`blocks of ${block}, expected a power of two in ${SHORTEST}..${LONGEST}`, 32);
  if (k < 1 || k > block) throw new PacketError(`k = ${k} of blocks of ${block}`, 36);
  if (bits > 2) throw new PacketError(`${bits} bits a kept element, expected 1, 2 or 0`, 40);
  const format = requireFormat(VALUE_FORMATS, number, 44);
  if (bits > 0 && number > 0) throw new PacketError(`a format of values, ${format}, beside codes`, 44);
  const kept = keptOf(packet.n, block, k);
  if (list.k !== kept) throw new PacketError(`${list.k} elements are kept, expected ${kept}`, 16);
  return { list, form: { block, k, bits, format } };
}

type Named = ListSection | { readonly name: 'levels' | 'codes' | 'values'; readonly words: number };

function sectionsOf({ n }: Packet, list: ListParameters, { k, bits, format }: Form): Named[] {
  const places = listSections(n, list);
  if (bits === 0) return [...places, { name: 'values', words: valueWords(list.k, format) }];
  return [...places, ...codeSections({ count: list.k, segment: k, bits })];
}

/** @throws PacketError unless each block has k of these places, the last one what is left of them */
function requireKeptOfEach(indices: Uint32Array, { block, k }: Form, offset: number): void {
  for (let j = 0, first = 0; first < indices.length; j++, first += k) {
    const last = Math.min(first + k, indices.length) - 1;
    if (indices[first] < j * block || indices[last] >= (j + 1) * block)
      throw new PacketError(
        `block ${j} has another number of kept elements than ${last + 1 - first}`,
        offset,
      );
  }
}

export const blockTopKCodec: Codec = {
  id: ID,
  name: 'blockTopK',
  describe(packet) {
    const { list, form } = parametersOf(packet);
    const sections = sectionsOf(packet, list, form);
    cutSections(packet, sections);
    return { parameters: namedParameters(list.k, form, list), sections };
  },
  decode(scope, packet) {
    const { n, bodyOffset } = packet;
    const { list, form } = parametersOf(packet);
    const cut = cutSections(packet, sectionsOf(packet, list, form));
    const indices = listOf(packet, list, cut, scope.coder);
    requireKeptOfEach(indices, form, bodyOffset);
    const end = packet.bytes - 4;
    if (form.bits === 0) {
      const offset = end - cut.values.length * 4;
      const values = decodeValues(cut.values, list.k, form.format, offset, scope.coder);
      return n === 0 ? NOTHING : sparse(scope, n, { indices, values });
    }
    const values = valuesOfCodes(cut, { count: list.k, segment: form.k, bits: form.bits }, end);
    return n === 0 ? NOTHING : sparse(scope, n, { indices, values });
  },
};
