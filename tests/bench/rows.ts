/** What a run finds: one row a candidate of a group, as JSON and as tables on the terminal. */
import { times, whole } from '../../examples/mnist/format.ts';
import { renderText } from '../../examples/mnist/table.ts';
import { DATA_NAMES, type DataKind } from './data.ts';
import type { Measured } from './measure.ts';

/** Names of the floors as candidates. */
export const READ = 'read';
export const FILL = 'fill';
export const COPY = 'copy';
/** A new array of as many floats, filled: most of it are the page faults of its memory. */
export const NEW = 'new array, filled';
/** Reading by two threads, where they take part. */
export const READ_BY_TWO = 'read, two threads';

/** Who does a task, and on which backend of fewbits. */
export interface Entry {
  readonly kind: 'kernel' | 'compress' | 'decompress' | 'accumulate' | 'mean' | 'floor' | 'peer';
  readonly candidate: string;
  readonly backend?: string;
  /** Of the packet. */
  readonly bytes?: number;
}

/** The same task over the same data. */
export interface GroupKey {
  readonly task: string;
  readonly n: number;
  readonly data: DataKind;
}

export interface Row extends Entry, GroupKey {
  /** The median, and the quartiles around it. */
  readonly nsPerElement: number;
  readonly lower: number;
  readonly upper: number;
  readonly samples: number;
  /** The first call of all. */
  readonly first: number;
  /** To the time of reading the data once. */
  readonly ratioToRead: number;
}

/** The name of fewbits' own candidate on a backend, from a Float32Array or from memory of the device. */
export function ours(backend: string, from: 'array' | 'device' = 'array', threads = 1): string {
  const several = threads > 1 ? `, ${threads} threads` : '';
  return `fewbits ${backend}${from === 'device' ? ', device memory' : ''}${several}`;
}

/** The rows of a group, from seconds a call. */
export function rowsOf(key: GroupKey, entries: readonly Entry[], spreads: readonly Measured[]): Row[] {
  const read = spreads[entries.findIndex(({ candidate }) => candidate === READ)].median;
  const each = (seconds: number): number => (seconds * 1e9) / key.n;
  return entries.map((entry, i) => {
    const { lower, median, upper, samples, first } = spreads[i];
    return {
      ...key,
      ...entry,
      nsPerElement: each(median),
      lower: each(lower),
      upper: each(upper),
      samples,
      first: each(first),
      ratioToRead: median / read,
    };
  });
}

/** A group as text: each peer has a column that says how many times as fast as it fewbits is. */
export function renderGroup(rows: readonly Row[]): string {
  const [{ task, n, data }] = rows;
  const peers = rows.filter(({ kind }) => kind === 'peer');
  const header = [
    `${task}, n = ${whole(n)}, ${DATA_NAMES[data]}`,
    'ns an element',
    'quartiles',
    'reads',
    'first call',
    ...peers.map(({ candidate }) => `${candidate} takes`),
  ];
  const cells = rows.map((row) => [
    row.bytes === undefined ? row.candidate : `${row.candidate} (${whole(row.bytes)} bytes)`,
    digits(row.nsPerElement),
    `${digits(row.lower)} .. ${digits(row.upper)}`,
    times(row.ratioToRead),
    digits(row.first),
    ...peers.map((peer) =>
      row.kind === 'peer' || row.kind === 'floor' ? '' : times(peer.nsPerElement / row.nsPerElement),
    ),
  ]);
  return renderText({ header, rows: cells });
}

/** A positive number to three digits. */
export function digits(value: number): string {
  return value >= 100 ? whole(value) : value.toPrecision(3);
}
