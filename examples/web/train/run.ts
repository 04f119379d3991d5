/**
 * The run of the page: its one state, and what starts, stops and steps it. The page starts all workers and gives the
 * hub a port to each training worker: a worker that starts workers stands still for ever in some pages of Firefox 153.
 * The hub does the work.
 */
import { connect, moved, type Connection, type Functions } from '../calls.ts';
import type { HubFunctions } from './hub.ts';
import type { Opened, OpeningProgress, Setting, StepEntry } from './setting.ts';
import type { WorkerFunctions } from './worker.ts';

/** What goes on. `paused` is a run that is open and waits. */
export type Phase = 'idle' | 'opening' | 'running' | 'paused' | 'done' | 'failed';

export interface RunState {
  readonly phase: Phase;
  readonly setting?: Setting;
  readonly opened?: Opened;
  readonly note?: OpeningProgress;
  /** Of each system by name, step after step. */
  readonly histories: ReadonlyMap<string, readonly StepEntry[]>;
  /** Why it failed. */
  readonly problem?: unknown;
}

export interface RunControl {
  readonly state: () => RunState;
  /** Goes on until the run is stopped or over; one that is over, or of another setting, gives way to a new one. */
  start(setting: Setting): void;
  /** As start, for one step. */
  step(setting: Setting): void;
  /** Stops after the step under way. */
  stop(): void;
  /** Ends all workers and forgets the run. */
  readonly reset: () => void;
}

/** A run that is not open yet; `onChange` hears that the state is another. */
export function createRun(onChange: () => void): RunControl {
  let hub: Connection<HubFunctions> | undefined;
  /** All workers of the run, the hub with them. */
  let started: { readonly end: () => void }[] = [];
  let histories = new Map<string, StepEntry[]>();
  let state: RunState = { phase: 'idle', histories };
  /** Steps that are still to be made. */
  let wanted = 0;

  const become = (change: Partial<RunState>): void => {
    state = { ...state, ...change };
    onChange();
  };

  const close = (): void => {
    for (const worker of started) worker.end();
    started = [];
    hub = undefined;
    wanted = 0;
  };

  const fail = (problem: unknown): void => {
    close();
    become({ phase: 'failed', problem, note: undefined });
  };

  const start = <F extends Functions>(worker: Worker, onNote?: (note: never) => void): Connection<F> => {
    const connection = connect<F>(worker, onNote, fail);
    started.push(connection);
    return connection;
  };

  const open = async (setting: Setting): Promise<void> => {
    histories = new Map(setting.algorithms.map((name) => [name, []]));
    become({ phase: 'opening', setting, histories, problem: undefined });
    const ports = Array.from({ length: setting.workers }, () =>
      start<WorkerFunctions>(
        new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }),
      ).openPort(),
    );
    hub = start<HubFunctions>(
      new Worker(new URL('./hub.ts', import.meta.url), { type: 'module' }),
      (note: OpeningProgress) => become({ note }),
    );
    const opened = await hub.calls.open(setting, document.baseURI, moved(ports, ports));
    become({ opened, note: undefined });
  };

  /** One step at a time for as long as some are wanted. A hub that was ended meanwhile never answers. */
  const go = async (setting: Setting): Promise<void> => {
    try {
      if (hub === undefined) await open(setting);
      become({ phase: 'running' });
      for (; wanted > 0 && hub !== undefined && !isOver(); wanted--) {
        for (const entry of await hub.calls.step()) histories.get(entry.algorithm)?.push(entry);
        onChange();
      }
      wanted = 0;
      become({ phase: isOver() ? 'done' : 'paused' });
    } catch (problem) {
      // a worker that fails is heard of there, too
      if (state.phase !== 'failed') fail(problem);
    }
  };

  const isOver = (): boolean => {
    const [history] = histories.values();
    return state.setting !== undefined && (history?.length ?? 0) >= state.setting.steps;
  };

  const reset = (): void => {
    close();
    histories = new Map();
    state = { phase: 'idle', histories };
    onChange();
  };

  const want = (steps: number, setting: Setting): void => {
    if (state.phase === 'opening' || state.phase === 'running') return;
    if (state.phase === 'done' || !isSame(setting, state.setting)) reset();
    wanted = steps;
    void go(setting);
  };

  return {
    state: () => state,
    start: (setting) => want(Infinity, setting),
    step: (setting) => want(1, setting),
    stop: () => void (wanted = Math.min(wanted, 1)),
    reset,
  };
}

/** Whether two settings ask for the same run. */
export function isSame(one: Setting, other: Setting | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
