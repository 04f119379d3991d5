/**
 * What `fewbits serve` is told of the workers of a run and of its steps: `--workers 2..8`, and the file of
 * `--settings`.
 */
import { escaped, quoted } from '../files/quote.ts';
import type { Schedule } from '../runs/decisions.ts';
import { requireStepSettings, type StepSettings } from '../runs/step-settings.ts';
import { MOST_SEATS } from '../runs/wire/terms.ts';
import { readBytes } from './files.ts';
import { integerOf, UsageError } from './usage.ts';

/** How many workers a run has: the least and the most. */
export interface Workers {
  readonly least: number;
  readonly most: number;
  /** As `serveRun` takes it. */
  readonly asked: number | { readonly least: number; readonly most: number };
}

/** `4`, `2..8`, or `2..` for no end. @throws UsageError unless the text is one of these */
export function workersOf(text: string): Workers {
  const [, first, last] = /^(\d+)\.\.(\d*)$/.exec(text) ?? [];
  if (first === undefined) {
    const number = integerOf('workers', text, 1, MOST_SEATS);
    return { least: number, most: number, asked: number };
  }
  const least = integerOf('workers', first, 1, MOST_SEATS);
  const most = last === '' ? MOST_SEATS : integerOf('workers', last, least, MOST_SEATS);
  return { least, most, asked: { least, most } };
}

/**
 * The settings in a file, JSON: from which step on which ones, `{ "0": { "learningRate": 0.1 }, "500": { ... } }`.
 * @throws UsageError that says what is wrong, and of which step
 */
export async function readSchedule(path: string): Promise<Schedule> {
  const refuse = (what: string, cause?: unknown): never => {
    throw new UsageError(`the settings ${escaped(path)} make no sense: ${what}`, { cause });
  };
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await readBytes(path)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    refuse('they are no JSON', error);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return refuse('they are no object of steps');
  const parts = Object.entries(json).map(([key, settings]): [number, StepSettings] => {
    if (!/^\d+$/.test(key)) return refuse(`${quoted(key)} is not the number of a step`);
    try {
      return [Number(key), requireStepSettings(settings as StepSettings)];
    } catch (error) {
      return refuse(`of step ${key}, ${(error as Error).message}`, error);
    }
  });
  parts.sort(([one], [other]) => one - other);
  return (step) => parts.findLast(([from]) => from <= step)?.[1] ?? {};
}
