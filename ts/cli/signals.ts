/** Signals that end a process: the first one lets it finish, the second one does not. */

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

type Signal = keyof typeof SIGNALS;

/**
 * Until the function that it returns is called: `stop` on the first signal, `kill` and the end of this process, with
 * the status of that signal, on the second.
 */
export function onSignals(stop: (signal: Signal) => void, kill: () => void): () => void {
  let isStopping = false;
  const handle = (signal: Signal): void => {
    if (isStopping) {
      kill();
      process.exit(128 + SIGNALS[signal]);
    }
    isStopping = true;
    stop(signal);
  };
  const names = Object.keys(SIGNALS) as Signal[];
  for (const name of names) process.on(name, handle);
  return () => {
    for (const name of names) process.off(name, handle);
  };
}
