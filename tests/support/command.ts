/** The command `fewbits`, as it was built, in a process of its own. */
import { execFile, fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Answered, Asked } from './command-child.ts';
import { settings } from './settings.ts';

/** The command's program, for a shell. */
export const main: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const run = promisify(execFile);

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `fewbits ARGS` in a folder, with these variables beside the environment's own. */
export async function runCommand(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  try {
    const options = { cwd: folder, env: { ...process.env, ...env } };
    const { stdout, stderr } = await run(process.execPath, [main, ...args], options);
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

let child: ChildProcess | undefined;
const waiting = new Map<number, { resolve: (outcome: Outcome) => void; reject: (error: Error) => void }>();
let asked = 0;

/** The process of command-child.ts, which ends with this one and does not hold it. */
function opened(): ChildProcess {
  if (child !== undefined) return child;
  const started = fork(fileURLToPath(new URL('./command-child.ts', import.meta.url)), [], {
    execArgv: ['--import', 'tsx'],
  });
  started.on('message', ({ id, ...outcome }: Answered) => {
    waiting.get(id)?.resolve(outcome);
    waiting.delete(id);
    if (waiting.size === 0) hold(started, false);
  });
  started.on('exit', (status) => {
    child = undefined;
    for (const { reject } of waiting.values()) reject(new Error(`the commands' process ended: ${status}`));
    waiting.clear();
  });
  return (child = started);
}

/** Whether this process lives for as long as the other does. */
function hold(process: ChildProcess, held: boolean): void {
  for (const one of [process, process.channel]) one?.[held ? 'ref' : 'unref']();
}

/** As `runCommand`; where not all rows are taken, in one process for all commands. */
export async function runLine(folder: string, args: readonly string[]): Promise<Outcome> {
  if ((settings.every ?? 1) === 1) return runCommand(folder, args);
  const to = opened();
  hold(to, true);
  return new Promise((resolve, reject) => {
    const request: Asked = { id: ++asked, main, folder, args };
    waiting.set(request.id, { resolve, reject });
    to.send(request);
  });
}
