/**
 * The terms of a step: what the server decides for it. A run begins with those of its description; the record that ends
 * a step has what changes with the next one, as JSON, and so all machines change at the same place of the history.
 */
import { PacketError } from '../../errors.ts';
import type { StepSettings } from '../step-settings.ts';
import { unpackJson } from './json.ts';

/** Seats that a run can have: ranks are u16, and one of them stands for none. */
export const MOST_SEATS = 0xfffe;

/** The least and the most seats of a run whose workers come and go. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

export interface Terms {
  /** How many seats there are: the world size. */
  readonly seats: number;
  /** What the server says beside; nothing where it leaves that to each machine. */
  readonly settings?: StepSettings;
}

/** The terms from the next step on, and how they come from the last ones. */
export interface Change extends Terms {
  /** Ranks before and after, of those that another one is given. */
  readonly moves: readonly (readonly [from: number, to: number])[];
}

/** Terms as JSON in words: filled up with spaces. */
export function packChange({ seats, settings, moves }: Change): Uint8Array {
  const text = new TextEncoder().encode(
    JSON.stringify({ seats, ...(moves.length > 0 && { moves }), ...(settings && { settings }) }),
  );
  const bytes = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(0x20);
  bytes.set(text);
  return bytes;
}

/**
 * The reverse. What settings are in it is for who takes them to check.
 * @throws PacketError where the bytes are no terms
 */
export function unpackChange(bytes: Uint8Array): Change {
  const json: { readonly [Name in keyof Change]?: unknown } = unpackJson<Change>(bytes);
  const terms = termsOf(json);
  const { moves = [] } = json;
  if (!Array.isArray(moves) || !moves.every(isMove))
    throw new PacketError('the moves of the terms are no pairs of ranks', 0);
  return { ...terms, moves: moves as Change['moves'] };
}

/** @throws PacketError where JSON is no terms */
export function termsOf({ seats, settings }: { readonly [Name in keyof Terms]?: unknown }): Terms {
  if (!isInteger(seats, 1, MOST_SEATS))
    throw new PacketError(`terms of ${String(seats)} seats, expected an integer in 1..${MOST_SEATS}`, 0);
  if (
    settings !== undefined &&
    (typeof settings !== 'object' || settings === null || Array.isArray(settings))
  )
    throw new PacketError('the settings of the terms are no object', 0);
  return { seats, ...(settings !== undefined && { settings }) };
}

const isMove = (pair: unknown): boolean =>
  Array.isArray(pair) && pair.length === 2 && pair.every((rank) => isInteger(rank, 0, MOST_SEATS - 1));

function isInteger(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
