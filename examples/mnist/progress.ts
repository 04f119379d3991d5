/** What is seen while a run goes on: a bar on a terminal, a few plain lines elsewhere. */
import { Presets, SingleBar } from 'cli-progress';

import { percent } from './format.ts';
import type { HistoryEntry } from './train.ts';

/** The display of one run. */
export interface Progress {
  /** Shows the state after a step. */
  update(entry: HistoryEntry): void;
  /** Leaves the last state on the screen. */
  stop(): void;
}

/** Plain lines a run: enough to see that it moves, few enough for a log. */
const LINES = 5;

/** Opens the display of a run of `steps` steps. */
export function openProgress(steps: number): Progress {
  return process.stdout.isTTY ? openBar(steps) : openLines(steps);
}

function openBar(steps: number): Progress {
  const bar = new SingleBar(
    {
      format: '  {bar} step {value} of {total}, loss {loss}, accuracy {accuracy}, {eta_formatted} left',
      stream: process.stdout,
      barsize: 20,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  let accuracy = '-';
  bar.start(steps, 0, { loss: '-', accuracy });
  return {
    update(entry) {
      if (entry.accuracy !== undefined) accuracy = percent(entry.accuracy);
      bar.update(entry.step, { loss: entry.loss.toFixed(3), accuracy });
    },
    stop: () => bar.stop(),
  };
}

function openLines(steps: number): Progress {
  let accuracy = '';
  return {
    update({ step, ...entry }) {
      if (entry.accuracy !== undefined)
        accuracy = `, test accuracy ${percent(entry.accuracy)} at step ${step}`;
      if (Math.floor((step * LINES) / steps) === Math.floor(((step - 1) * LINES) / steps)) return;
      console.log(`  step ${step} of ${steps}, loss ${entry.loss.toFixed(3)}${accuracy}`);
      accuracy = '';
    },
    stop: () => undefined,
  };
}
