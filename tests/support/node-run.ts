/** Runs suites in a Node process of their own, on the software GPU where there is one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Print } from './lanes.ts';
import type { Report, Tally } from './report.ts';
import type { Settings } from './settings.ts';
import { watch } from './watch.ts';

/** How long the process may take to exit by itself once its suites are done. */
const exitSeconds = 20;

/**
 * Runs the test files `paths` (absolute), `place.env` added to the environment. A process that hangs, crashes or does
 * not exit is a failure.
 */
export async function runInNode(
  paths: readonly string[],
  settings: Settings,
  place: { readonly env: Readonly<Record<string, string>> } | undefined,
  print: Print,
): Promise<Tally> {
  const watcher = watch(settings.testSeconds + 30, print);
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('./node-child.ts', import.meta.url)), ...paths],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        ...place?.env,
        ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
        REQUIRE_ALL: settings.requireAll ? '1' : '0',
        TEST_SECONDS: String(settings.testSeconds),
        TEST_EVERY: String(settings.every ?? 1),
      },
    },
  );
  child.stdout?.setEncoding('utf8').on('data', watcher.print);
  child.stderr?.setEncoding('utf8').on('data', watcher.print);
  child.on('message', (message) => watcher.take(message as Report));
  // A process that cannot be started has no 'close' event, so that the error stands for it.
  const closed = Promise.race([
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    once(child, 'error').then(([error]) => Promise.reject(error as Error)),
  ]);
  void closed.then(watcher.stop, watcher.stop);

  const whole = await watcher.ended;
  const late = setTimeout(
    () => {
      if (whole) watcher.fail(`the process did not exit within ${exitSeconds} s: something is still open`);
      child.kill('SIGKILL');
    },
    whole ? exitSeconds * 1000 : 0,
  );
  const [status, signal] = await closed;
  clearTimeout(late);
  // SIGKILL is ours, and its reason has been counted.
  if (status !== 0 && signal !== 'SIGKILL')
    watcher.fail(`the process ended with ${signal ?? `status ${status}`}`);
  else if (!whole && status === 0) watcher.fail('the process exited before its suites were done');
  return watcher.tally;
}
