/**
 * Symbols of few bits as a section of a packet, for all compressors that send them: packed, or by their entropy where
 * that is smaller (docs/packet.md, "Coded symbols"). A packet of coded symbols has one parameter more than one of
 * packed ones: the words of the section.
 */
import { requireOneOf } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { codeSymbolsKernel, isCodable } from '../kernels/entropy.ts';
import { packedWords } from '../kernels/pack.ts';
import type { Scope } from '../kernels/scope.ts';
import { requireZeroTail, type Packet } from '../packet/packet.ts';
import { decodeSymbols } from '../packet/symbol-coding.ts';
import type { PacketParameters } from './compressor.ts';

/** How symbols are sent: by their entropy, unless they are smaller packed; or packed, whatever they are. */
export type SymbolCoding = 'entropy' | 'packed';

/** @throws RangeError unless it is one of these, or left out */
export function codingOf(coding: unknown = 'entropy'): SymbolCoding {
  return requireOneOf('coding', coding, ['entropy', 'packed']);
}

/** What an option says of all packets: which are packed whatever they hold. */
export function codingParameter(coding: SymbolCoding): PacketParameters {
  return coding === 'packed' ? { coding } : {};
}

/** How many symbols a packet has, and its parameters. */
export type Symbols = Pick<Packet, 'n' | 'parameters'>;

/** Symbols on their way to a packet. */
interface SymbolsToSend {
  /** Codes the symbols in a buffer of packed ones, as often as it is called; what is to be read of them. */
  queue(packed: DeviceBuffer): DeviceBuffer[];
  /** The section of what was read, and the parameters that the packet has behind its own. */
  sectionOf(words: readonly Uint32Array[]): {
    readonly section: Uint32Array;
    readonly more: readonly number[];
  };
}

/** n >= 1 symbols of `width` bits. */
export function symbolsToSend(scope: Scope, n: number, width: number, coding: SymbolCoding): SymbolsToSend {
  if (coding === 'packed' || !isCodable(n, width))
    return { queue: (packed) => [packed], sectionOf: ([section]) => ({ section, more: [] }) };
  const [coded, size] = [scope.take(packedWords(n, width)), scope.take(1)];
  return {
    queue(packed) {
      scope.run(codeSymbolsKernel, { packed, coded, size }, { n, width });
      return [coded, size];
    },
    sectionOf: ([section, [words]]) =>
      words > 0 ? { section: section.subarray(0, words), more: [words] } : { section, more: [] },
  };
}

/**
 * The parameters of a packet of symbols, `count` of them and perhaps the words of coded ones.
 * @throws PacketError where there are others
 */
export function requireSymbolParameters(packet: Packet, count: number): Uint32Array {
  const { parameters } = packet;
  if (parameters.length !== count && parameters.length !== count + 1)
    throw new PacketError(`${parameters.length} words of parameters, expected ${count} or ${count + 1}`, 6);
  return parameters;
}

/** Words of the section of n symbols; `count` are the parameters without that of coded symbols. */
export function symbolWords({ n, parameters }: Symbols, count: number, width: number): number {
  return parameters.length > count ? parameters[count] : packedWords(n, width);
}

/** How the symbols of a packet are sent, as `inspect` shows it. */
export function codingIn({ parameters }: Symbols, count: number): SymbolCoding {
  return parameters.length > count ? 'entropy' : 'packed';
}

/**
 * The packed symbols of a section, which starts at byte `offset` of its packet.
 * @throws PacketError where coded symbols are not sound, or a bit behind packed ones is set
 */
export function readSymbols(
  scope: Scope,
  { n, parameters }: Symbols,
  count: number,
  section: Uint32Array,
  width: number,
  offset: number,
): Uint32Array {
  if (parameters.length === count) {
    requireZeroTail(section, n * width, offset);
    return section;
  }
  if (!isCodable(n, width)) throw new PacketError(`${n} symbols of ${width} bits are coded`, 16 + count * 4);
  return decodeSymbols(section, n, width, offset, scope.symbols);
}
