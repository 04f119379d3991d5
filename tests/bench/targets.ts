/** What the project wants to reach on one thread, as ratios between rows of the same run. */
import { whole } from '../../examples/mnist/format.ts';
import type { DataKind } from './data.ts';
import { ONNX, PLAIN, TF_WASM } from './peers.ts';
import { FILL, ours, READ, type Row } from './rows.ts';

/** One aim, and what was found. */
export interface Outcome {
  readonly target: string;
  /** As people read it: `at least 8`. */
  readonly wanted: string;
  /** Undefined where the run has no rows for it. */
  readonly measured: number | undefined;
  readonly reached: boolean | undefined;
}

/** The length at which most targets are set. */
export const LARGEST = 25_600_000;
const WASM = ours('wasm');
const RESIDENT = ours('wasm', 'device');

/** Which row is meant. */
interface Which {
  readonly task: string;
  readonly candidate?: string;
  readonly n?: number;
  readonly data?: DataKind;
}

/** `of`, or the slowest of them, is to take at most, or at least, so many times as long as `per`. */
interface Target {
  readonly name: string;
  readonly of: Which | readonly Which[];
  readonly per: Which;
  readonly most?: number;
  readonly least?: number;
}

/** A target against a candidate of the same group. */
function against(
  candidate: string,
  task: string,
  bound: Pick<Target, 'most'>,
  how: Omit<Which, 'task'> = {},
) {
  const of = { task, ...how };
  return { of, per: { ...of, candidate }, ...bound };
}

/** `peer` is to take at least so many times as long. */
function faster(peer: string, task: string, least: number, n = LARGEST): Target {
  return {
    name: `${task}, n = ${whole(n)}: ${peer} to ours`,
    of: { task, candidate: peer, n },
    per: { task, n },
    least,
  };
}

function reads(task: string, most: number, how: Omit<Which, 'task'> = {}): Target {
  const from = how.candidate === RESIDENT ? ' from device memory' : '';
  return { name: `${task}${from}: read floors`, ...against(READ, task, { most }, how) };
}

/** A whole call from device memory against the kernel inside it. */
function wrapping(compressor: string, kernel: string, most: number): Target {
  return {
    name: `compress ${compressor} from device memory: to ${kernel}`,
    of: { task: `compress ${compressor}`, candidate: RESIDENT },
    per: { task: kernel },
    most,
  };
}

/** A transform is bound by arithmetic: in floors of the longest vector, which does not fit a cache. */
function transform(n: number, most: number): Target {
  return {
    name: `fwht, whole, n = ${whole(n)}: read floors of n = ${whole(LARGEST)}`,
    of: { task: 'fwht, whole', n },
    per: { task: 'fwht, whole', candidate: READ },
    most,
  };
}

/** Two threads against one: what reads memory once is bound by that, and a second core adds little to it. */
function twice(compressor: string, n: number, least: number): Target {
  const task = `compress ${compressor}`;
  return {
    name: `${task} from device memory, n = ${whole(n)}: one thread to two`,
    of: { task, n, candidate: RESIDENT },
    per: { task, n, candidate: ours('wasm', 'device', 2) },
    least,
  };
}

/** A compressor against another: whole calls from an array. */
function beside(compressor: string, other: string, most: number): Target {
  return {
    name: `compress ${compressor}: to compress ${other}`,
    of: { task: `compress ${compressor}` },
    per: { task: `compress ${other}` },
    most,
  };
}

const SELECTIONS = ['0.1 %', '1 %', '10 %'];

/** All kinds of data against normal ones. */
function everyData(task: string, n: number): Target {
  const others = ['heavy', 'zeros', 'equal', 'sorted'] as const;
  return {
    name: `${task}, n = ${whole(n)}: the slowest data to normal`,
    of: others.map((data) => ({ task, n, data })),
    per: { task, n },
    most: 4,
  };
}

/** Times that were found attainable on one machine count in its read floors, of 0.11 ns an element. */
const TARGETS: readonly Target[] = [
  transform(2 ** 12, 4.1),
  transform(2 ** 16, 5.45),
  transform(2 ** 20, 6.9),
  transform(2 ** 24, 9.85),
  faster(PLAIN, 'fwht, whole', 12, 2 ** 20),
  reads('topK 0.1 %', 1.45),
  reads('topK 1 %', 2.75),
  reads('topK 10 %', 5),
  faster(TF_WASM, 'topK 0.1 %', 14),
  faster(TF_WASM, 'topK 1 %', 8),
  faster(TF_WASM, 'topK 10 %', 7),
  reads('threshold 0.1 %', 1.3),
  reads('threshold 1 %', 2.1),
  reads('threshold 10 %', 3),
  reads('signs and sums', 1.15),
  { name: 'unpackSigns: fills', ...against(FILL, 'unpackSigns', { most: 1.05 }) },
  reads('quantize, 4 bits', 1.75),
  wrapping('topK 1 %', 'topK 1 %', 1.3),
  wrapping('scaledSign', 'signs and sums', 1.2),
  wrapping('flattenedOneBit', 'flatten', 1.5),
  reads('compress scaledSign', 1.4, { candidate: RESIDENT }),
  reads('compress scaledSign', 2),
  faster(TF_WASM, 'compress topK 1 %', 8),
  faster(ONNX, 'compress topK 1 %', 40),
  beside('blockTopK, 64 of 4096, 2 bits', 'topK 1 %', 2.5),
  beside('flattenedLevels, 2 bits, packed', 'flattenedOneBit, drive', 1.6),
  beside('flattenedLevels, 4 bits, packed', 'flattenedOneBit, drive', 1.6),
  ...[2 ** 22, LARGEST].flatMap((n) => [
    twice('topK 1 %', n, 1.1),
    twice('scaledSign', n, 1.1),
    twice('flattenedOneBit', n, 1.5),
  ]),
  ...SELECTIONS.flatMap((share) =>
    [2 ** 20, 2 ** 24].flatMap((n) => [everyData(`topK ${share}`, n), everyData(`threshold ${share}`, n)]),
  ),
];

/** Holds every target against the rows. */
export function judge(rows: readonly Row[]): Outcome[] {
  const find = ({ task, candidate = WASM, n = LARGEST, data = 'normal' }: Which): number | undefined =>
    rows.find((row) => row.task === task && row.candidate === candidate && row.n === n && row.data === data)
      ?.nsPerElement;
  return TARGETS.map(({ name, of, per, most, least }) => {
    const found = [of].flat().flatMap((which) => find(which) ?? []);
    const other = find(per);
    const measured = found.length === 0 || other === undefined ? undefined : Math.max(...found) / other;
    const reached =
      measured === undefined ? undefined : measured <= (most ?? Infinity) && measured >= (least ?? 0);
    return {
      target: name,
      wanted: most === undefined ? `at least ${least}` : `at most ${most}`,
      measured,
      reached,
    };
  });
}
