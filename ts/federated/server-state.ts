/** The state of a server as bytes: `fbst` of ts/algorithms/state.ts, in which members and contributions are bytes. */
import { packState, requireLike, unpackState } from '../algorithms/state.ts';
import { PacketError } from '../errors.ts';
import type { Bytes } from '../platform.ts';

/** What a server keeps of a member. */
export interface Member {
  /** Of the format, as agreed on. */
  readonly version: number;
  /** The digest of its contribution that was used last. */
  readonly last: string;
}

/** What a server goes on from. */
export interface ServerSaved {
  readonly round: number;
  readonly model: Float32Array;
  readonly velocity: Float32Array;
  readonly error: Float32Array;
  readonly members: ReadonlyMap<string, Member>;
  /** Contributions to the round under way, as they came. */
  readonly messages: ReadonlyMap<string, Uint8Array>;
}

const ofServer = (n: number): string => `federated server, ${n} elements`;

export function serverState(n: number, saved: ServerSaved): Bytes {
  const { round, model, velocity, error, members, messages } = saved;
  const rows = [...members].map(([id, { version, last }]) => [id, version, last]);
  const bytes: Record<string, Uint8Array> = {
    members: new TextEncoder().encode(JSON.stringify({ members: rows, from: [...messages.keys()] })),
  };
  [...messages.values()].forEach((message, i) => (bytes[`message ${i}`] = message));
  return packState({
    of: ofServer(n),
    numbers: { step: round },
    vectors: { parameters: model, velocity, error },
    bytes,
  });
}

/** @throws PacketError where the bytes are damaged, or no state of such a server */
export function readServerState(n: number, velocity: number, given: Uint8Array): ServerSaved {
  const state = unpackState(given, ofServer(n));
  requireLike(state, { parameters: n, velocity, error: n }, { step: 0 });
  const { numbers, vectors, bytes = {} } = state;
  const { members, from } = rowsIn(bytes.members);
  const messages = from.map((id, i): [string, Uint8Array] => {
    const message = bytes[`message ${i}`];
    if (message === undefined || !members.has(id))
      throw new PacketError('the state lacks a contribution, or the member whose it is', 12);
    return [id, message];
  });
  return {
    ...{ round: numbers.step as number, model: vectors.parameters, velocity: vectors.velocity },
    ...{ error: vectors.error, members, messages: new Map(messages) },
  };
}

/** @throws PacketError unless the bytes are such a list */
function rowsIn(bytes: Uint8Array | undefined): {
  readonly members: ReadonlyMap<string, Member>;
  readonly from: readonly string[];
} {
  let read: { members?: unknown; from?: unknown } | null = null;
  try {
    read = JSON.parse(new TextDecoder().decode(bytes)) as typeof read;
  } catch {
    // said below
  }
  const isRow = (row: unknown): row is [string, number, string] =>
    Array.isArray(row) &&
    typeof row[0] === 'string' &&
    Number.isInteger(row[1]) &&
    typeof row[2] === 'string' &&
    /^[\da-f]{16}$/.test(row[2]);
  const { members, from }: { members?: unknown; from?: unknown } = read ?? {};
  const isId = (id: unknown): id is string => typeof id === 'string';
  if (!Array.isArray(members) || !members.every(isRow) || !Array.isArray(from) || !from.every(isId))
    throw new PacketError('the state has no list of members', 12);
  return { members: new Map(members.map(([id, version, last]) => [id, { version, last }])), from };
}
