/**
 * A process that runs `fewbits` for tests, one command after the other: the built program's first module anew for each,
 * all others once. A process of its own for each command takes a quarter of a second to start.
 */
import type { Outcome } from './command.ts';

export interface Asked {
  readonly id: number;
  readonly main: string;
  readonly folder: string;
  readonly args: readonly string[];
}

export interface Answered extends Outcome {
  readonly id: number;
}

/** Runs one command, with what it writes in place of what it would print. */
async function run({ id, main, folder, args }: Asked): Promise<Answered> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    process[name].write = (part: string | Uint8Array, ...rest: unknown[]) => {
      said[name] += typeof part === 'string' ? part : Buffer.from(part).toString();
      const written = rest.at(-1);
      if (typeof written === 'function') (written as () => void)();
      return true;
    };
  process.chdir(folder);
  process.argv = [process.execPath, main, ...args];
  process.exitCode = 0;
  try {
    await ((await import(`file://${main}?${id}`)) as { readonly ended: Promise<void> }).ended;
    return { id, status: process.exitCode, ...said };
  } finally {
    process.stdout.removeAllListeners('error');
    process.exitCode = 0;
  }
}

process.execArgv = []; // what a command starts has no need of tsx, nor finds it in its folder
let last: Promise<unknown> = Promise.resolve();
process.on('message', (asked: Asked) => {
  last = last.then(async () => process.send?.(await run(asked)));
});
process.on('disconnect', () => process.exit());
