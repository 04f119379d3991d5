/** The state of a run's server as bytes: where the run is, its seats, its machines, its model, and the last step's closed turns. */
import { PacketError } from '../errors.ts';
import type { Position } from './wire/head.ts';
import type { Kept } from './history.ts';
import type { SavedSeat } from './membership.ts';
import { packJson, packList, unpackJson, unpackList } from './wire/state.ts';

/** Where a run is, and what is known of its workers. */
export interface SavedHead {
  readonly system: string;
  readonly workers: number;
  readonly key: number;
  readonly step: number;
  readonly chain: number;
  readonly seats: readonly (SavedSeat | null)[];
  /** The last message of each name that was used. */
  readonly used: readonly [string, { step: number; turn: number; crc: number }][];
  /** What workers are told of the run, from its server's options: whose state this is. */
  readonly about?: unknown;
}

export interface SavedRun {
  readonly head: SavedHead;
  /** What goes with the model. */
  readonly common: Uint8Array;
  readonly model: Uint8Array;
  /** The server's machine; empty where the system has none. */
  readonly machine: Uint8Array;
  readonly kept: readonly Kept[];
}

/** The JSON of a saved state. */
interface SavedJson extends SavedHead {
  readonly kept: readonly {
    readonly position: Position;
    readonly gathered: readonly { readonly rank: number; readonly crc: number }[];
  }[];
}

export function packRun({ head, common, model, machine, kept }: SavedRun): Uint8Array {
  const json: SavedJson = {
    ...head,
    kept: kept.map(({ position, gathered }) => ({
      position,
      gathered: gathered.map(({ rank, crc }) => ({ rank, crc })),
    })),
  };
  return packList([
    packJson(json),
    common,
    model,
    machine,
    ...kept.flatMap(({ closed, gathered }) => [closed, ...gathered.map(({ bytes }) => bytes)]),
  ]);
}

/** Whose state this is, and of which step. @throws PacketError where the bytes are damaged or no state of a run */
export function headOf(bytes: Uint8Array): Partial<SavedHead> {
  return unpackJson<SavedHead>(unpackList(bytes)[0]);
}

/** @throws PacketError where the bytes are no state of a run of this system with so many workers */
export function unpackRun(
  bytes: Uint8Array,
  { system, workers }: { readonly system: string; readonly workers: number },
): SavedRun {
  const [json, common, model, machine, ...rest] = unpackList(bytes);
  const saved = unpackJson<SavedJson>(json);
  if (saved.system !== system || saved.workers !== workers)
    throw new PacketError(
      `a state of ${saved.system} with ${saved.workers} workers, expected ${system} with ${workers}`,
      0,
    );
  const { key = 0, step = 0, chain = 0, seats = [], used = [], kept = [] } = saved;
  return {
    head: { system, workers, key, step, chain, seats, used },
    common,
    model,
    machine,
    kept: kept.map(({ position, gathered }) => ({
      position,
      closed: rest.shift() as Uint8Array,
      gathered: gathered.map(({ rank, crc }) => ({ rank, crc, bytes: rest.shift() as Uint8Array, at: 0 })),
    })),
  };
}
