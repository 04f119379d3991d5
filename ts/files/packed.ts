/**
 * A model as one file: a .safetensors file in which tensors are packets, U8, under their own names. What they were, and
 * the file that they are differences to, is in `__metadata__` under `fewbits`, as JSON; all other tensors are as they
 * were. These come first, so that they lie as they did; `place` says where a packet's tensor was among all.
 */
import { isSizes, member, parseJson, type Json } from './json.ts';
import { quoted } from './quote.ts';
import {
  isCarried,
  isFloating,
  safetensorsParts,
  tensorOf,
  type CarriedTensor,
  type Layout,
} from './safetensors.ts';

/** A tensor that is a packet. */
export interface PackedTensor {
  readonly name: string;
  /** Its type and shape before. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Which of all tensors it was, by their data, from 0 on. */
  readonly place: number;
  /** Whether the packet is of its difference to the base. */
  readonly delta: boolean;
  readonly packet: Uint8Array;
}

/** What such a file holds. */
export interface PackedModel {
  readonly packed: readonly PackedTensor[];
  /** All other tensors, in their order. */
  readonly carried: readonly CarriedTensor[];
  /** The texts of `__metadata__` that were there before. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** The SHA-256 of the file that differences are to, in hexadecimal. */
  readonly base?: string;
}

/** The key in `__metadata__`. */
export const PACKED = 'fewbits';

/** Files of another version are refused. */
const VERSION = 1;

/** The file, in parts. @throws Error where its metadata has the key already */
export function packedParts({ packed, carried, metadata, base }: PackedModel): Generator<Uint8Array> {
  if (metadata?.has(PACKED)) throw new Error('the model is compressed already');
  const said = JSON.stringify({
    version: VERSION,
    ...(base !== undefined && { base }),
    tensors: packed.map(({ name, dtype, shape, place, delta }) => ({
      ...{ name, dtype, shape, place },
      ...(delta && { delta }),
    })),
  });
  const packets = packed.map(({ name, packet }): CarriedTensor => ({
    ...{ name, dtype: 'U8', shape: [packet.length] },
    bytes: packet,
  }));
  const file = {
    data: new Float32Array(0),
    tensors: [...carried, ...packets],
    metadata: new Map([...(metadata ?? []), [PACKED, said]]),
  };
  return safetensorsParts(file, { rounded: 0, beyond: 0 });
}

/**
 * The model of a file whose tensors were all carried; undefined where it is no such file.
 * @throws Error with what is wrong, where what it says of its packets makes no sense
 */
export function packedIn({ tensors, metadata }: Layout): PackedModel | undefined {
  const said = metadata?.get(PACKED);
  if (metadata === undefined || said === undefined) return undefined;
  const others = new Map([...metadata].filter(([key]) => key !== PACKED));
  const carried = tensors.filter(isCarried);
  try {
    const json = parseJson(new TextEncoder().encode(said));
    const version = member(json, 'version');
    if (version !== VERSION) throw new Error(`a version that is not ${VERSION}`);
    const base = member(json, 'base');
    if (base !== undefined && (typeof base !== 'string' || !/^[0-9a-f]{64}$/.test(base)))
      throw new Error('a base that is no SHA-256');
    const packed = packedOf(member(json, 'tensors'), carried, base !== undefined);
    const names = new Set(packed.map(({ name }) => name));
    return {
      packed,
      carried: carried.filter(({ name }) => !names.has(name)),
      ...(others.size > 0 && { metadata: others }),
      ...(base !== undefined && { base }),
    };
  } catch (error) {
    throw new Error(`what the file says of its packets makes no sense: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The tensors of the list, each with its packet among those of the file. */
function packedOf(
  list: Json | undefined,
  carried: readonly CarriedTensor[],
  hasBase: boolean,
): PackedTensor[] {
  if (!Array.isArray(list)) throw new Error('it has no list of tensors');
  const names = new Set<string>();
  const places = new Set<number>();
  const byName = new Map(carried.map((tensor) => [tensor.name, tensor]));
  return (list as readonly Json[]).map((entry) => {
    const [name, place, delta = false] = ['name', 'place', 'delta'].map((key) => member(entry, key));
    if (typeof name !== 'string') throw new Error('a tensor has no name');
    if (names.has(name)) throw new Error(`two tensors are called ${quoted(name)}`);
    names.add(name);
    const { dtype, shape } = tensorOf(name, entry);
    if (!isFloating(dtype)) throw new Error(`the tensor ${quoted(name)} was of no floating-point type`);
    if (typeof place !== 'number' || place >= carried.length || places.has(place))
      throw new Error(`the tensor ${quoted(name)} has no place of its own among ${carried.length}`);
    places.add(place);
    if (typeof delta !== 'boolean' || (delta && !hasBase))
      throw new Error(`the tensor ${quoted(name)} is the difference to nothing`);
    const own = byName.get(name);
    if (own === undefined || own.dtype !== 'U8' || !isSizes(own.shape) || own.shape.length !== 1)
      throw new Error(`the tensor ${quoted(name)} is no packet`);
    return { name, dtype, shape, place, delta, packet: own.bytes };
  });
}

/** All tensors of a model in the order that they had: packets as what `restored` makes of them. */
export function inOrder<T>(
  { packed, carried }: PackedModel,
  restored: (tensor: PackedTensor) => T,
): (T | CarriedTensor)[] {
  const places = new Map(packed.map((tensor) => [tensor.place, tensor]));
  const rest = carried[Symbol.iterator]();
  return Array.from({ length: packed.length + carried.length }, (_, place) => {
    const own = places.get(place);
    return own === undefined ? (rest.next().value as CarriedTensor) : restored(own);
  });
}
