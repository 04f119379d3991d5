/** What a verification found, and the same as a text that people paste into an issue. */
import type { BackendName } from '../backends/backend.ts';
import type { GpuFacts } from './environment.ts';
import type { KernelDifference } from './kernels.ts';
import type { Difference } from './outcome.ts';

/** A form of a backend, and how it did. */
export interface VerifiedBackend {
  readonly name: string;
  readonly backend: BackendName;
  /** Whether it opened; where not, `detail` says why. */
  readonly opened: boolean;
  /** What runs underneath, and which kernels: `SIMD`, an adapter's name and whether subgroups are used. */
  readonly detail: string;
  readonly gpu?: GpuFacts;
  /** That were compared. */
  readonly cases: number;
  /** Whose bytes differ from those of js, or whose refusal says something else. */
  readonly different: number;
  /** That failed where js did not. */
  readonly failed: number;
  /** Compressing and decompressing all of them. */
  readonly seconds: number;
  /** Why not all cases were compared: compressors that failed several times in a row, or a GPU that was lost. */
  readonly gaveUp?: string;
}

/** For one compressor on one form of a backend: the kernel that differs by itself. */
export interface BlamedKernel extends KernelDifference {
  readonly target: string;
  readonly compressor: string;
}

export interface VerifyReport {
  /** Of fewbits. */
  readonly version: string;
  readonly runtime: string;
  /** What is known of the machine, by name. */
  readonly machine: Readonly<Record<string, string>>;
  readonly seed: number;
  /** Whether every form that opened gave the bytes of js, and js those of the golden packets. */
  readonly same: boolean;
  /** The result in a sentence. */
  readonly sentence: string;
  /** Pairs of a compressor and a vector. */
  readonly cases: number;
  /** Of all these vectors. */
  readonly elements: number;
  /** js, and then all that were compared with it. */
  readonly backends: readonly VerifiedBackend[];
  /** The first of each form; `different` counts all of them. */
  readonly differences: readonly Difference[];
  readonly kernels: readonly BlamedKernel[];
}

/** The first differences of each form, where `same` is false. */
type Findings = Pick<VerifyReport, 'backends' | 'differences' | 'kernels'>;

/** Whether a form gave the bytes of js in all cases; one that does not open is none. */
export function isSame({ different, failed, gaveUp }: VerifiedBackend): boolean {
  return different === 0 && failed === 0 && gaveUp === undefined;
}

/**
 * The result in a sentence: `same bytes on js, wasm, webgpu (ADAPTER)`; or `different bytes: ` and where, and `fails: `
 * and where, one of them or both.
 */
export function sentenceOf(found: Findings): string {
  if (found.backends.every(isSame)) return sameSentence(found.backends);
  const bad = found.backends.filter((one) => !isSame(one));
  const different = bad.filter((one) => one.different > 0).map((one) => differentOn(one, found));
  const failed = bad
    .filter((one) => one.failed > 0 || one.gaveUp !== undefined)
    .map((one) => failedOn(one, found));
  return [
    ...(different.length > 0 ? [`different bytes: ${different.join('; ')}`] : []),
    ...(failed.length > 0 ? [`fails: ${failed.join('; ')}`] : []),
  ].join('; ');
}

function differentOn(one: VerifiedBackend, { differences, kernels }: Findings): string {
  const first = differences.find(({ target, what }) => target === one.name && what !== 'failure');
  const kernel = kernels.find(({ target }) => target === one.name);
  const example = first === undefined ? '' : `, first ${placeOf(first)}`;
  return `${named(one)} in ${one.different} of ${one.cases} cases${example}${kernel ? `, kernel ${kernel.kernel}` : ''}`;
}

function failedOn(one: VerifiedBackend, { differences }: Findings): string {
  const first = differences.find(({ target, what }) => target === one.name && what === 'failure');
  const example = first === undefined ? '' : `, first ${placeOf(first)}`;
  return `${named(one)} in ${one.failed} of ${one.cases} cases${example}`;
}

function sameSentence(backends: readonly VerifiedBackend[]): string {
  const names = new Set(backends.filter(({ opened }) => opened).map(named));
  const closed = backends.filter(
    ({ backend, opened }) => !opened && !backends.some((one) => one.opened && one.backend === backend),
  );
  const reasons = new Map(closed.map(({ backend, detail }) => [backend, detail]));
  const left = [...reasons].map(([backend, why]) => `; ${backend} was not compared: ${why}`);
  return `same bytes on ${[...names].join(', ')}${left.join('')}`;
}

/** A backend for people: that of a GPU with what the GPU is called. */
function named(one: VerifiedBackend): string {
  const { backend, name, detail } = one;
  const called = isSame(one) ? backend : name;
  return backend === 'webgpu' ? `${called} (${detail.replace(/, subgroups$/, '')})` : called;
}

/** The case, and where in its result; of a failure the case alone. */
function placeOf({ compressor, data, n, what, byte, section }: Difference): string {
  const place = byte === undefined ? what : `${what} byte ${byte}${section ? ` (${section})` : ''}`;
  const one = `${compressor}, ${data} data, n = ${n}`;
  return what === 'failure' ? one : `${one}: ${place}`;
}

/** Columns of a fact. */
const WIDTH = 100;

/** The report as plain text. */
export function renderReport(report: VerifyReport): string {
  const { version, runtime, machine, seed, cases, elements, backends, differences, kernels } = report;
  const gpu = backends.find((one) => one.gpu !== undefined)?.gpu;
  const facts: (readonly [string, string])[] = [
    ['fewbits', version],
    ['runtime', runtime],
    ...Object.entries(machine),
    ...(gpu === undefined ? [] : gpuLines(gpu)),
    ['compared', `${cases} packets and their vectors, ${elements} elements, seed ${seed}`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const lines = facts.flatMap(([name, value]) =>
    wrapped(value, WIDTH - width).map((line, i) => (i === 0 ? name : '').padEnd(width) + line),
  );
  lines.push('', ...table(backends), '');
  if (differences.length > 0) {
    lines.push('differences, the first of each backend:', ...differences.map(differenceLine));
    for (const { target, compressor, kernel, params, buffer, word, expected, got } of kernels)
      lines.push(
        `  ${target}: ${compressor}: kernel ${kernel} ${JSON.stringify(params)} by itself: ` +
          `word ${word} of "${buffer}" is ${got}, expected ${expected}`,
      );
    lines.push('');
  }
  return [...lines, report.sentence].join('\n');
}

function differenceLine(one: Difference): string {
  const { target, got, expected, seed, cases = 1 } = one;
  const times = cases > 1 ? `, ${cases} cases with this error` : '';
  return `  ${target}: ${placeOf(one)}: ${got}, expected ${expected} (seed ${seed}${times})`;
}

function gpuLines({ info, features, limits }: GpuFacts): [string, string][] {
  const { subgroupMinSize: least, subgroupMaxSize: most, ...said } = info;
  return [
    ['GPU', pairs(said)],
    ...(least === undefined
      ? []
      : [['subgroups', `${String(least)} to ${String(most)} invocations`] as [string, string]]),
    ['features', features.join(', ') || 'none'],
    ['limits', pairs(limits)],
  ];
}

/** A text as lines of so many columns, cut at spaces. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

function pairs(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

/** The backends, one a line. */
function table(backends: readonly VerifiedBackend[]): string[] {
  const rows = backends.map(({ name, opened, detail, cases, different, failed, seconds, gaveUp }) =>
    opened
      ? [
          ...[name, String(cases), String(different), String(failed), seconds.toFixed(1)],
          gaveUp ? `${detail}; ${gaveUp}` : detail,
        ]
      : [name, '-', '-', '-', '-', `does not open: ${detail}`],
  );
  const all = [['backend', 'cases', 'different', 'failed', 'seconds', 'what runs'], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === 0 || column === row.length - 1
          ? cell.padEnd(widths[column])
          : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
}
