/** The state of a client as bytes: `fbst` of ts/algorithms/state.ts. */
import { packState, requireLike, unpackState } from '../algorithms/state.ts';
import { PacketError, type RoundStart } from '../errors.ts';
import type { Bytes } from '../platform.ts';
import { digestOfModel } from './wire.ts';

/** What a client goes on from. */
export interface ClientSaved {
  /** The start of its round; left out before the first. */
  readonly start?: RoundStart & { readonly model: Float32Array };
  readonly error: Float32Array;
  /** A contribution that no answer has spoken of yet: its packet, and what it was made of. */
  readonly pending?: { readonly digest: string; readonly packet: Uint8Array; readonly sum: Float32Array };
}

const ofClient = (id: string, n: number): string => `federated client ${JSON.stringify(id)}, ${n} elements`;

export function clientState(id: string, n: number, { start, error, pending }: ClientSaved): Bytes {
  return packState({
    of: ofClient(id, n),
    numbers: { step: start?.round ?? 0, started: start ? 1 : 0, pending: pending ? 1 : 0 },
    vectors: { error, ...(start && { parameters: start.model }), ...(pending && { sum: pending.sum }) },
    bytes: pending ? { packet: pending.packet, digest: new TextEncoder().encode(pending.digest) } : {},
  });
}

/** @throws PacketError where the bytes are damaged, or no state of this client */
export function readClientState(id: string, n: number, given: Uint8Array): ClientSaved {
  const state = unpackState(given, ofClient(id, n));
  const { numbers, vectors, bytes = {} } = state;
  const { started, pending } = numbers;
  const lengths = { error: n, ...(started && { parameters: n }), ...(pending && { sum: n }) };
  requireLike(state, lengths, { step: 0, started: 0, pending: 0 });
  const digest = new TextDecoder().decode(bytes.digest);
  if (pending && (bytes.packet === undefined || !/^[\da-f]{16}$/.test(digest)))
    throw new PacketError('the state has no packet of the contribution under way', 12);
  const model = vectors.parameters;
  return {
    ...(started && { start: { round: numbers.step as number, digest: digestOfModel(model), model } }),
    error: vectors.error,
    ...(pending && { pending: { digest, packet: bytes.packet, sum: vectors.sum } }),
  };
}
