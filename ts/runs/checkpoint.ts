/**
 * The state of a run's server as bytes: where the run is, its seats, its machines, its model, and the last step's
 * closed rounds.
 */
import { PacketError } from '../errors.ts';
import type { KeptRound } from './history.ts';
import type { SavedSeat } from './membership.ts';
import type { StepSettings } from './step-settings.ts';
import type { Position } from './wire/head.ts';
import { packJson, unpackJson } from './wire/json.ts';
import {
  jsonOfUsed,
  packList,
  unpackList,
  usedOfJson,
  type UsedJson,
  type UsedMessage,
} from './wire/state.ts';
import { type Range, termsOf, type Terms } from './wire/terms.ts';

/** Where a run is, and what is known of its workers. */
interface RunFacts {
  readonly system: string;
  /** How many seats there are. */
  readonly workers: number;
  /** What the server has decided for the next step, where it decides. */
  readonly settings?: StepSettings;
  /** The terms of the run's first step. */
  readonly first?: Terms;
  readonly key: number;
  readonly step: number;
  readonly chain: number;
  readonly seats: readonly (SavedSeat | null)[];
  /** What workers are told of the run, from its server's options: whose state this is. */
  readonly about?: unknown;
}

export interface CheckpointHead extends RunFacts {
  /** The last message of each name that was used. */
  readonly used: readonly (readonly [name: string, UsedMessage])[];
}

export interface Checkpoint {
  readonly head: CheckpointHead;
  /** What goes with the model. */
  readonly common: Uint8Array;
  readonly model: Uint8Array;
  /** The server's machine; empty where the system has none. */
  readonly machine: Uint8Array;
  readonly kept: readonly KeptRound[];
}

/** The JSON of a checkpoint, whose first format has the name `turn` for a round. */
interface CheckpointJson extends RunFacts {
  readonly used: readonly (readonly [name: string, UsedJson])[];
  readonly kept: readonly {
    readonly position: { readonly step: number; readonly turn: number; readonly chain: number };
    readonly gathered: readonly { readonly rank: number; readonly crc: number }[];
  }[];
}

export function packCheckpoint({ head, common, model, machine, kept }: Checkpoint): Uint8Array {
  const json: CheckpointJson = {
    ...head,
    used: head.used.map(([name, used]) => [name, jsonOfUsed(used)]),
    kept: kept.map(({ position: { step, round, chain }, gathered }) => ({
      position: { step, turn: round, chain },
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
export function checkpointHeadOf(bytes: Uint8Array): Partial<RunFacts> {
  return unpackJson<CheckpointJson>(unpackList(bytes)[0]);
}

/** @throws PacketError where the bytes are no state of a run of this system with so many workers */
export function unpackCheckpoint(
  bytes: Uint8Array,
  { system, workers: { least, most } }: { readonly system: string; readonly workers: Range },
): Checkpoint {
  const [json, common, model, machine, ...rest] = unpackList(bytes);
  const saved = unpackJson<CheckpointJson>(json);
  const { workers = 0, settings, first } = saved;
  const fits = least === most ? workers === least : workers >= 1 && workers <= most;
  if (saved.system !== system || !fits)
    throw new PacketError(
      `a state of ${saved.system} with ${workers} workers, expected ${system} with ${
        least === most ? least : `${least} to ${most}`
      }`,
      0,
    );
  const { key = 0, step = 0, chain = 0, seats = [], used = [], kept = [] } = saved;
  return {
    head: {
      ...{ system, workers, key, step, chain, seats },
      ...(settings !== undefined && { settings }),
      ...(first !== undefined && { first: termsOf(first) }),
      used: used.map(([name, one]) => [name, usedOfJson(one)]),
    },
    common,
    model,
    machine,
    kept: kept.map(({ position, gathered }) => ({
      position: positionOf(position),
      closed: rest.shift() as Uint8Array,
      gathered: gathered.map(({ rank, crc }) => ({ rank, crc, bytes: rest.shift() as Uint8Array, at: 0 })),
    })),
  };
}

function positionOf({ step, turn, chain }: CheckpointJson['kept'][number]['position']): Position {
  return { step, round: turn, chain };
}
