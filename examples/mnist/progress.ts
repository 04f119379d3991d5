/** What is seen while the runs of `npm start` go on: a bar each on a terminal, a few plain lines each elsewhere. */
import { MultiBar, Presets } from 'cli-progress';

import { percent } from './format.ts';
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
      format:
        '  {name} {bar} step {value} of {total}, loss {loss}, accuracy {accuracy}, {eta_formatted} left',
      stream: process.stdout,
      barsize: 20,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  return {
    begin(name, steps) {
      let accuracy = '-';
      const bar = bars.create(steps, 0, { name: name.padEnd(width), loss: '-', accuracy });
      return (entry) => {
        if (entry.accuracy !== undefined) accuracy = percent(entry.accuracy);
        bar.update(entry.step, { loss: entry.loss.toFixed(3), accuracy });
      };
    },
    stop: () => bars.stop(),
  };
}

function openLines(width: number): Display {
  return {
    begin(name, steps) {
      let accuracy = '';
      return ({ step, ...entry }) => {
        if (entry.accuracy !== undefined)
          accuracy = `, test accuracy ${percent(entry.accuracy)} at step ${step}`;
        if (Math.floor((step * LINES) / steps) === Math.floor(((step - 1) * LINES) / steps)) return;
        console.log(
          `  ${name.padEnd(width)}  step ${step} of ${steps}, loss ${entry.loss.toFixed(3)}${accuracy}`,
        );
        accuracy = '';
      };
    },
    stop: () => undefined,
  };
}
