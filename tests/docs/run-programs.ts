/** Runs programs of the documentation one after the other in a process; prints a line of JSON for each. */
import { pathToFileURL } from 'node:url';

import type { OpenTask } from '../../ts/mqtt/index.ts';
import { CHECK } from './blocks.ts';

/** What the process says of a program. */
export interface Outcome {
  readonly name: string;
  readonly error?: string;
  /** Results that were compared. */
  readonly compared: number;
  readonly milliseconds: number;
}

const SECONDS = 30;

type Check = (name: string, seen: string[]) => (values: unknown[], comment: string) => void;

async function run(name: string, file: string): Promise<Outcome> {
  const seen: string[] = [];
  const check = ((0, eval)(`(${CHECK})`) as Check)(name, seen);
  (globalThis as Record<string, unknown>).check = check;
  const start = performance.now();
  const outcome = (error?: string): Outcome => ({
    name,
    error,
    compared: seen.length,
    milliseconds: Math.round(performance.now() - start),
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${SECONDS} s`)), SECONDS * 1000);
    });
    const module = (await Promise.race([import(pathToFileURL(file).href), late])) as { openTask?: OpenTask };
    // a task of `fewbits serve`: it is opened and asked for a gradient
    if (module.openTask !== undefined) {
      const task = await module.openTask({ seed: 1, role: 'worker' });
      const gradient = await task.gradient(task.model, { step: 0, rank: 0, workers: 1 });
      if (gradient?.length !== task.model.parameters.length) throw new Error('a gradient of another length');
      await task.evaluate?.(task.model.parameters);
    }
    return outcome();
  } catch (error) {
    return outcome(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    clearTimeout(timer);
  }
}

console.log = () => {};
const outcomes: Outcome[] = [];
for (let i = 2; i < process.argv.length; i += 2)
  outcomes.push(await run(process.argv[i], process.argv[i + 1]));
process.stdout.write(JSON.stringify(outcomes), () => process.exit());
