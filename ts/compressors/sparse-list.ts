/**
 * Packets that are a list of elements: where they are, and their values. What topK, threshold and randomizedTopK share.
 *
 * Parameters: those of the list (index-list.ts); format of the values. Sections: the list; then values, k of them, or
 * levels and codes (few-bits.ts), all elements being one segment.
 */
import type { Coder, DeviceBuffer, ReadRequest } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { listLevelsKernel, STRANGE } from '../kernels/levels.ts';
import { packedWords } from '../kernels/pack.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import type { Scope, Steps, Vector } from '../kernels/scope.ts';
import { bitmapWords, codedAs, LONG } from '../packet/index-coding.ts';
import { cutSections, requireParameters, type Packet, type Parts } from '../packet/packet.ts';
import {
  decodeValues,
  encodeValues,
  firstNonFinite,
  valueWords,
  type FiniteChecker,
  type ValueFormat,
} from '../packet/values.ts';
import type { Codec, Encoded } from './compressor.ts';
import { KEPT_FORMATS, type KeptFormat } from './count.ts';
import { NOTHING, sparse } from './decoded.ts';
import { codeSections, levelSection, valuesOfCodes, type Segments } from './few-bits.ts';
import {
  codedParts,
  listOf,
  listParametersOf,
  listParts,
  listSections,
  type ListParameters,
  type ListSection,
} from './index-list.ts';

/** What is sent of k elements: the sections behind the list, and how they are to be read. */
export interface Sent {
  readonly format: KeptFormat;
  readonly k: number;
  readonly sections: readonly Uint32Array[];
}

/** The bits of a code; 0 where values are sent whole. */
function bitsOf(format: KeptFormat): 0 | 1 | 2 {
  return format === 'sign' ? 1 : format === 'levels' ? 2 : 0;
}

/** Elements that a selection left on the backend: indices and values have room for `capacity` >= 1. */
export interface Kept {
  readonly indices: DeviceBuffer;
  readonly values: DeviceBuffer;
  readonly capacity: number;
  /** How many they are, a word; `capacity` if left out. */
  readonly count?: DeviceBuffer;
}

/** Queues what stands for the values of kept elements where they are sent as codes. */
export function queueCodes(
  scope: Scope,
  { values, capacity, count }: Omit<Kept, 'indices'>,
  format: KeptFormat,
): { readonly levels: DeviceBuffer; readonly packed: DeviceBuffer } | undefined {
  const bits = bitsOf(format);
  if (bits === 0) return undefined;
  const [levels, packed] = [scope.take(1), scope.take(packedWords(capacity, bits))];
  const size = count ?? scope.put(Uint32Array.of(capacity));
  scope.run(listLevelsKernel, { values, count: size, levels, packed }, { capacity, bits });
  return { levels, packed };
}

/** What to read of `queueCodes` for the first `k` elements. */
export function codesToRead(
  { levels, packed }: { readonly levels: DeviceBuffer; readonly packed: DeviceBuffer },
  k: number,
  format: KeptFormat,
): [ReadRequest, ReadRequest] {
  return [{ buffer: levels }, { buffer: packed, count: packedWords(k, bitsOf(format)) }];
}

/**
 * What was read of `queueCodes` as sections; the codes may be more.
 * @throws NonFiniteError where a value was NaN or infinite
 */
export function* sentCodes(
  scope: Scope,
  x: Vector,
  [levels, codes]: readonly Uint32Array[],
  k: number,
  format: KeptFormat,
): Steps<Sent> {
  if (levels[0] === STRANGE) throw yield* nonFiniteError(scope, x);
  const bits = bitsOf(format);
  const sections = k === 0 ? [] : [levelSection(levels, bits), codes.subarray(0, packedWords(k, bits))];
  return { format, k, sections };
}

/**
 * Words of values whole.
 * @throws NonFiniteError where one is NaN or infinite
 */
export function* sentWhole(scope: Scope, x: Vector, words: Uint32Array, format: ValueFormat): Steps<Sent> {
  if (firstNonFinite(words) >= 0) throw yield* nonFiniteError(scope, x);
  return { format, k: words.length, sections: [encodeValues(words, format)] };
}

/** The packet for the elements at ascending `indices`. */
export function sparseParts(scope: Scope, id: number, n: number, indices: Uint32Array, sent: Sent): Encoded {
  const { parameters, sections } = listParts(indices, n, scope.coder);
  return {
    id,
    n,
    parameters: [...parameters, KEPT_FORMATS.indexOf(sent.format)],
    sections: [...sections, ...sent.sections],
    // lists are at hand: they need not be read from their codes
    sent: () => sparse(scope, n, { indices, values: valuesOf(sent, 0) }),
  };
}

/** What codes k elements where a selection left them; undefined where they are few, or not where the host sees them. */
export function coderFor(scope: Scope, k: number): Coder | undefined {
  return k >= LONG ? scope.coder : undefined;
}

/**
 * The packet for all elements of x that a selection kept.
 * @throws NonFiniteError where one is NaN or infinite
 */
export function* keptParts(
  scope: Scope,
  id: number,
  x: Vector,
  kept: Omit<Kept, 'count'>,
  format: KeptFormat,
): Steps<Encoded> {
  const { indices, values, capacity: k } = kept;
  const coder = coderFor(scope, k);
  const codes = queueCodes(scope, kept, format);
  const read = codes ? codesToRead(codes, k, format) : coder ? [] : [{ buffer: values }];
  if (coder === undefined) {
    const [places, ...words] = yield [{ buffer: indices }, ...read];
    const sent = isWhole(format)
      ? yield* sentWhole(scope, x, words[0], format)
      : yield* sentCodes(scope, x, words, k, format);
    return sparseParts(scope, id, x.n, places, sent);
  }
  // coded where they lie
  const words = yield read;
  if (isWhole(format) && !coder.finite(values, k)) throw yield* nonFiniteError(scope, x);
  const { n } = x;
  const sent = isWhole(format) ? undefined : yield* sentCodes(scope, x, words, k, format);
  const code = coder.encode(indices, k, bitmapWords(n));
  const { parameters, sections } = codedParts(
    k,
    codedAs(code, () => coder.words(indices, k), n),
  );
  // the memory may have grown, and moved, since they were looked at
  const whole = isWhole(format) ? encodeValues(coder.words(values, k), format) : undefined;
  return {
    id,
    n,
    parameters: [...parameters, KEPT_FORMATS.indexOf(format)],
    sections: [...sections, ...(sent?.sections ?? [whole!])],
    sent: () => {
      const own =
        format === 'float32'
          ? coder.words(values, k).slice()
          : valuesOf(sent ?? { format, k, sections: [whole!] }, 0);
      return sparse(scope, n, { places: indices, values: own });
    },
  };
}

export function isWhole(format: KeptFormat): format is ValueFormat {
  return bitsOf(format) === 0;
}

/** The packet of an empty vector. */
export function emptySparseParts(id: number, format: KeptFormat): Parts {
  const { parameters, sections } = listParts(new Uint32Array(0), 0);
  return { id, n: 0, parameters: [...parameters, KEPT_FORMATS.indexOf(format)], sections };
}

/** The codes of k elements as one segment. */
function segmentOf(k: number, format: KeptFormat): Segments {
  return { count: k, segment: Math.max(1, k), bits: bitsOf(format) };
}

/**
 * The float32 words that were sent.
 * @throws PacketError where the sections, which end at byte `end`, do not make sense
 */
function valuesOf({ format, k, sections }: Sent, end: number, checker?: FiniteChecker): Uint32Array {
  const [first, codes] = sections;
  if (isWhole(format)) return decodeValues(first, k, format, end - first.length * 4, checker);
  return k === 0 ? new Uint32Array(0) : valuesOfCodes({ levels: first, codes }, segmentOf(k, format), end);
}

/** @throws PacketError unless `number` is that of one of the forms of values; it stands at byte `offset` */
export function requireFormat<Format extends string>(
  forms: readonly Format[],
  number: number,
  offset: number,
): Format {
  if (number >= forms.length) throw new PacketError(`unknown format ${number} of the values`, offset);
  return forms[number];
}

/** What reads such packets back. `least` is the least k that a vector of n elements may have. */
export function sparseCodec(id: number, name: string, least: (n: number) => number): Codec {
  function parametersOf(packet: Packet): { list: ListParameters; format: KeptFormat } {
    const { 4: number } = requireParameters(packet, 5);
    return {
      list: listParametersOf(packet, least(packet.n)),
      format: requireFormat(KEPT_FORMATS, number, 32),
    };
  }

  function sectionsOf({ n }: Packet, list: ListParameters, format: KeptFormat): Named[] {
    const { k } = list;
    const sent: Named[] = isWhole(format)
      ? [{ name: 'values', words: valueWords(k, format) }]
      : codeSections(segmentOf(k, format));
    return [...listSections(n, list), ...sent];
  }

  return {
    id,
    name,
    describe(packet) {
      const { list, format } = parametersOf(packet);
      const sections = sectionsOf(packet, list, format);
      cutSections(packet, sections);
      return { parameters: { k: list.k, coding: list.coding, values: format }, sections };
    },
    decode(scope, packet) {
      const { n } = packet;
      const { list, format } = parametersOf(packet);
      const cut = cutSections(packet, sectionsOf(packet, list, format));
      const indices = listOf(packet, list, cut, scope.coder);
      const sections = isWhole(format) ? [cut.values] : [cut.levels, cut.codes];
      const values = valuesOf({ format, k: list.k, sections }, packet.bytes - 4, scope.coder);
      return n === 0 ? NOTHING : sparse(scope, n, { indices, values });
    },
  };
}

type Named = ListSection | { readonly name: 'values' | 'levels' | 'codes'; readonly words: number };
