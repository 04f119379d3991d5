/** Python for a suite: the interpreter, a folder in which it runs, and JavaScript to compare python/fewbits.py with. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { Device } from '../../ts/device.ts';
import type { Suite } from '../support/suite.ts';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));
export const device: Device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

const runFile = promisify(execFile);

export interface Python {
  /** Why there is none; '' where there is one. Known when the suite runs. */
  readonly missing: string;
  readonly interpreter: string;
  /** The path of a file in the folder. */
  readonly at: (name: string) => string;
  /** Runs Python in the folder with these arguments. */
  readonly run: (...args: string[]) => Promise<{ stdout: string; stderr: string }>;
  /** Runs lines of Python after `import fewbits, numpy as np`, and gives what they print. */
  readonly script: (...lines: string[]) => Promise<string>;
}

/** Python, and a folder that is there while the suite runs. */
export function pythonFor(test: Suite): Python {
  let [folder, interpreter, missing] = ['', '', ''];
  test.before(async () => {
    folder = mkdtempSync(`${tmpdir()}/fewbits-`);
    interpreter = (await findPython()) ?? '';
    missing = interpreter === '' ? NO_PYTHON : '';
  });
  test.after(() => rmSync(folder, { recursive: true }));
  const run: Python['run'] = (...args) =>
    runFile(interpreter, ['-B', ...args], { cwd: folder, maxBuffer: 2 ** 26 });
  return {
    get missing() {
      return missing;
    },
    get interpreter() {
      return interpreter;
    },
    at: (name) => `${folder}/${name}`,
    run,
    async script(...lines) {
      const path = JSON.stringify(`${root}python`);
      const start = [`import sys; sys.path.insert(0, ${path})`, 'import fewbits, numpy as np'];
      return (await run('-c', [...start, ...lines].join('\n'))).stdout.trim();
    },
  };
}
