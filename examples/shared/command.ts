/** Command lines of the examples: one line for what is wrong, and workers as processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process';

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError unless `text` is an integer in least..most */
export function integerOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new UsageError(`${option} expected an integer in ${least}..${most}, got ${JSON.stringify(text)}`);
  return value;
}

/** Runs a program; what it throws is one line, and an exit status of 1, or 2 where the arguments are wrong. */
export async function runProgram(program: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const { message, code, cause } = error as Error & { code?: string };
    const isUsage = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS') === true;
    // parseArgs explains at length; its first sentence names the option
    const [reason] = isUsage
      ? message.split(/\.\s/)
      : [cause instanceof Error ? `${message}: ${cause.message}` : message];
    process.stderr.write(`${program}: ${reason}${isUsage ? `; see ${program} -- --help` : ''}\n`);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** Processes that end with this one. */
export interface Crew {
  /** Resolves when all have ended well. */
  readonly done: Promise<void>;
  /** Rejects where one of them ends otherwise. */
  readonly failed: Promise<never>;
  stop(): void;
}

/** Starts a TypeScript program `count` times, with the arguments of each; their output comes out here. */
export function startCrew(count: number, file: string, argumentsOf: (i: number) => readonly string[]): Crew {
  const children: ChildProcess[] = [];
  const stop = (): void => {
    for (const child of children) child.kill();
  };
  const ends = Array.from({ length: count }, (_, i) => {
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...argumentsOf(i)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.push(child);
    return new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker's process ended with status ${code}`));
      });
    });
  });
  const done = Promise.all(ends).then(() => {});
  const failed = done.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  process.once('exit', stop);
  return { done, failed, stop };
}
