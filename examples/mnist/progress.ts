/** What is seen while the runs of `npm start` go on: a bar each on a terminal, a few plain lines each elsewhere. */
import { MultiBar, Presets } from 'cli-progress';

import { MEASURES, measureOf, scoreOf, type Scored } from './measure.ts';
import type { HistoryEntry } from './train.ts';

/** Shows the state of a run after a step. */
export type Progress = (entry: HistoryEntry) => void;

/** The display of all runs. */
export interface Display {
  /** Adds a run of `steps` steps. */
  begin(name: string, steps: number): Progress;
  /** Leaves the last state on the screen. */
  stop(): void;
}

/** Plain lines a run: enough to see that it moves, few enough for a log. */
const LINES = 5;

/** Opens the display of runs with these names. */
export function openDisplay(names: readonly string[]): Display {
  const width = Math.max(...names.map(({ length }) => length));
  return process.stdout.isTTY ? openBars(width) : openLines(width);
}

function openBars(width: number): Display {
  const bars = new MultiBar(
    {
      format: '  {name} {bar} step {value} of {total}, loss {loss}, {score}, {eta_formatted} left',
      stream: process.stdout,
      barsize: 20,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  return {
    begin(name, steps) {
      let score = 'not scored';
      const bar = bars.create(steps, 0, { name: name.padEnd(width), loss: '-', score });
      return (entry) => {
        score = scoreText(entry) ?? score;
        bar.update(entry.step, { loss: entry.loss.toFixed(3), score });
      };
    },
    stop: () => bars.stop(),
  };
}

/** What an entry was scored, in words. */
function scoreText(entry: Scored): string | undefined {
  const score = scoreOf(entry);
  if (score === undefined) return undefined;
  const { short, format } = MEASURES[measureOf(entry)];
  return `${short} ${format(score)}`;
}

function openLines(width: number): Display {
  return {
    begin(name, steps) {
      let score = '';
      return ({ step, ...entry }) => {
        const scored = scoreText(entry);
        if (scored !== undefined) score = `, ${scored} at step ${step}`;
        if (Math.floor((step * LINES) / steps) === Math.floor(((step - 1) * LINES) / steps)) return;
        console.log(
          `  ${name.padEnd(width)}  step ${step} of ${steps}, loss ${entry.loss.toFixed(3)}${score}`,
        );
        score = '';
      };
    },
    stop: () => undefined,
  };
}
