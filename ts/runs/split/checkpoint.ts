/**
 * The state of split learning's server as bytes: its half of the network, its seats, and what it knows of each client.
 */
import type { Model } from '../../algorithms/system.ts';
import { PacketError } from '../../errors.ts';
import type { SavedSeat } from '../membership.ts';
import { packJson, unpackJson } from '../wire/json.ts';
import { packList, packModel, unpackList, unpackModel } from '../wire/state.ts';

/** The last batch of a client: its number, the CRC-32 of its message, and the answer. */
export interface LastBatch {
  readonly step: number;
  readonly crc: number;
  readonly answer: Uint8Array;
}

/** What is kept of a client. */
export interface SavedClient {
  readonly name: string;
  /** The state of the server's side of this client. */
  readonly side: Uint8Array;
  readonly last: LastBatch | undefined;
}

export interface SplitCheckpoint {
  readonly system: string;
  readonly key: number;
  /** Batches done. */
  readonly batches: number;
  readonly seats: readonly (SavedSeat | null)[];
  readonly clients: readonly SavedClient[];
}

/** The JSON of a checkpoint. */
interface SplitJson extends Omit<SplitCheckpoint, 'clients'> {
  readonly clients: readonly {
    readonly name: string;
    readonly last: { readonly step: number; readonly crc: number } | null;
  }[];
}

export function packSplitCheckpoint({ clients, ...known }: SplitCheckpoint, model: Model): Uint8Array {
  const json: SplitJson = {
    ...known,
    clients: clients.map(({ name, last }) => ({
      name,
      last: last === undefined ? null : { step: last.step, crc: last.crc },
    })),
  };
  const bytes = clients.flatMap(({ side, last }) => [side, last?.answer ?? new Uint8Array(0)]);
  return packList([packJson(json), packModel(model), ...bytes]);
}

/**
 * The reverse; the model takes its numbers.
 * @throws PacketError where the bytes are no state of this system and size
 */
export function unpackSplitCheckpoint(bytes: Uint8Array, system: string, model: Model): SplitCheckpoint {
  const [json, numbers, ...rest] = unpackList(bytes);
  const { key = 0, batches = 0, seats = [], clients = [], system: saved } = unpackJson<SplitJson>(json);
  if (saved !== system) throw new PacketError(`a state of ${saved}, expected ${system}`, 0);
  unpackModel(numbers, model);
  return {
    ...{ system, key, batches, seats },
    clients: clients.map(({ name, last }, i) => ({
      name,
      side: rest[2 * i],
      last: last === null ? undefined : { ...last, answer: rest[2 * i + 1] },
    })),
  };
}
