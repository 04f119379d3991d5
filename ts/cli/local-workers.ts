/**
 * The workers of `fewbits serve` on this machine: processes that leave when their server says so or is gone. What they
 * print goes through the server, which alone draws on the terminal.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How long a worker may take to leave before it is ended, in milliseconds. */
const LEAVING = 5000;

export interface LocalWorkers {
  start(name: string, args: readonly string[]): void;
  /** Rejects where all have ended; never resolves. */
  readonly gone: Promise<never>;
  /** Resolves when all have ended by themselves, or after a while, when those that are left have been ended. */
  left(): Promise<void>;
  /** Asks all to leave, and resolves as `left`. */
  stop(): Promise<void>;
  /** Ends all at once. */
  kill(): void;
}

export function localWorkers(say: (text: string) => void): LocalWorkers {
  const children: ChildProcess[] = [];
  const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean =>
    exitCode === null && signalCode === null;
  const kill = (): void => {
    for (const child of children.filter(isRunning)) child.kill('SIGKILL');
  };
  let isLeaving = false;
  let fail: (error: Error) => void = () => {};
  const gone = new Promise<never>((_, reject) => {
    fail = reject;
  });
  gone.catch(() => {});
  const left = async (): Promise<void> => {
    isLeaving = true;
    const timer = setTimeout(kill, LEAVING);
    await Promise.all(children.map((child) => ended(child)));
    clearTimeout(timer);
  };
  return {
    gone,
    left,
    kill,
    start(name, args) {
      const main = fileURLToPath(
        new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
      );
      const child = spawn(process.execPath, [...process.execArgv, main, 'join', '--name', name, ...args], {
        // the channel breaks when this process ends, however it does
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      children.push(child);
      if (child.stderr !== null)
        createInterface({ input: child.stderr }).on('line', (line) => say(`${name}: ${line}`));
      child.once('exit', (code, signal) => {
        if (isLeaving) return;
        say(`${name} has ended with ${signal ?? `status ${code}`}`);
        if (!children.some(isRunning)) fail(new Error('all workers on this machine have ended'));
      });
      child.once('error', fail);
    },
    async stop() {
      isLeaving = true;
      for (const child of children) if (child.connected) child.disconnect();
      await left();
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
  });
}
