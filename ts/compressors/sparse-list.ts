/**
 * Packets that are a list of elements: where they are, and their values. What topK, threshold and randomizedTopK share.
 *
 * Parameters: those of the list (index-list.ts); format of the values. Sections: the list; then values, k of them.
 */
import type { Coder, DeviceBuffer } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { cutSections, requireParameters, type Packet, type Parts } from '../packet/packet.ts';
import type { Scope } from '../kernels/scope.ts';
import { bitmapWords, codedAs, LONG } from '../packet/index-coding.ts';
import { decodeValues, encodeValues, VALUE_FORMATS, valueWords, type ValueFormat } from '../packet/values.ts';
import type { Codec, Encoded } from './compressor.ts';
import { NOTHING, sparse } from './decoded.ts';
import {
  codedParts,
  listOf,
  listParametersOf,
  listParts,
  listSections,
  type ListParameters,
  type ListSection,
} from './index-list.ts';

/** The packet for the elements at ascending `indices`, whose words are `values`. */
export function sparseParts(
  scope: Scope,
  id: number,
  n: number,
  { indices, values }: { readonly indices: Uint32Array; readonly values: Uint32Array },
  format: ValueFormat,
): Encoded {
  const { parameters, sections } = listParts(indices, n, scope.coder);
  const coded = encodeValues(values, format);
  return {
    id,
    n,
    parameters: [...parameters, VALUE_FORMATS.indexOf(format)],
    sections: [...sections, coded],
    // lists are at hand: they need not be read from their codes
    sent: () => sparse(scope, n, { indices, values: decodeValues(coded, indices.length, format, 0) }),
  };
}

/** What a selection left on the backend: k elements of x, indices ascending. */
export interface Kept {
  readonly indices: DeviceBuffer;
  readonly values: DeviceBuffer;
  readonly k: number;
}

/** What codes k elements where a selection left them; undefined where they are few, or not where the host sees them. */
export function coderFor(scope: Scope, k: number): Coder | undefined {
  return k >= LONG ? scope.coder : undefined;
}

/** The packet for elements of x that a selection kept, all of them finite, coded where they lie. */
export function keptParts(
  scope: Scope,
  id: number,
  n: number,
  { indices, values, k }: Kept,
  format: ValueFormat,
  coder: Coder,
): Encoded {
  const code = coder.encode(indices, k, bitmapWords(n));
  const { parameters, sections } = codedParts(
    k,
    codedAs(code, () => coder.words(indices, k), n),
  );
  // the memory may have grown, and moved, since they were looked at
  const coded = encodeValues(coder.words(values, k), format);
  return {
    id,
    n,
    parameters: [...parameters, VALUE_FORMATS.indexOf(format)],
    sections: [...sections, coded],
    sent: () => {
      const own = format === 'float32' ? coder.words(values, k).slice() : decodeValues(coded, k, format, 0);
      return sparse(scope, n, { places: indices, values: own });
    },
  };
}

/** The packet of an empty vector. */
export function emptySparseParts(id: number, format: ValueFormat): Parts {
  const { parameters, sections } = listParts(new Uint32Array(0), 0);
  return { id, n: 0, parameters: [...parameters, VALUE_FORMATS.indexOf(format)], sections };
}

/** @throws PacketError unless `number` is that of a format of values; it stands at byte `offset` */
export function requireFormat(number: number, offset: number): ValueFormat {
  if (number >= VALUE_FORMATS.length) throw new PacketError(`unknown format ${number} of the values`, offset);
  return VALUE_FORMATS[number];
}

/** What reads such packets back. `least` is the least k that a vector of n elements may have. */
export function sparseCodec(id: number, name: string, least: (n: number) => number): Codec {
  function parametersOf(packet: Packet): { list: ListParameters; format: ValueFormat } {
    const { 4: format } = requireParameters(packet, 5);
    return { list: listParametersOf(packet, least(packet.n)), format: requireFormat(format, 32) };
  }

  function sectionsOf(
    { n }: Packet,
    list: ListParameters,
    format: ValueFormat,
  ): (ListSection | { name: 'values'; words: number })[] {
    return [...listSections(n, list), { name: 'values', words: valueWords(list.k, format) }];
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
      const values = decodeValues(
        cut.values,
        list.k,
        format,
        packet.bytes - 4 - cut.values.length * 4,
        scope.coder,
      );
      return n === 0 ? NOTHING : sparse(scope, n, { indices, values });
    },
  };
}
