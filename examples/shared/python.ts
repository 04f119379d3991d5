/** A Python that has numpy. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The first on PATH, or the system's own: one of them may have numpy where the other has not. */
const INTERPRETERS = ['python3', '/usr/bin/python3'];

/** Why there is none. */
export const NO_PYTHON: string = `no python3 with numpy, as ${INTERPRETERS.join(' or ')}`;

/** The command of the first Python with numpy. */
export async function findPython(): Promise<string | undefined> {
  for (const interpreter of INTERPRETERS)
    try {
      await promisify(execFile)(interpreter, ['-B', '-c', 'import numpy']);
      return interpreter;
    } catch {
      // the next one
    }
  return undefined;
}
