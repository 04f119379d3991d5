/** What a run is, as its server's retained message has it. */
import type { StepSettings } from './step-settings.ts';
import { type Range, termsOf, type Terms } from './wire/terms.ts';
import { differencesOf, hexOf, SettingsError, type Settings } from './settings.ts';

export interface Description {
  readonly format: 1;
  /** The server's incarnation. */
  readonly mark: string;
  /** The run's id. */
  readonly key: number;
  readonly system: string;
  /** Elements of the model. */
  readonly n: number;
  /** Seats of the run in its first step. */
  readonly workers: number;
  /** The least and the most seats, where their number follows that of the workers. */
  readonly elastic?: Range;
  /** What the server says of the first step; absent where each machine has its own. */
  readonly stepSettings?: StepSettings;
  readonly ended: boolean;
  /** The chain where it ended. */
  readonly chain: number;
  readonly about: unknown;
  /** What all machines of a run must have in common; absent of split learning. */
  readonly settings?: Partial<Settings>;
  /** Steps from one checksum of the model to the next; 0 where there are none. */
  readonly checkEvery?: number;
  /** Milliseconds after which a round closes with a quorum, and a wait is told of. */
  readonly deadline?: number;
}

/**
 * The terms of the first step.
 * @throws PacketError where a description has none
 */
export function firstTermsOf({ workers, stepSettings }: Partial<Description>): Terms {
  return termsOf({ seats: workers, settings: stepSettings });
}

/** What a worker brings to a run. */
export interface Setup {
  /** The run's name. */
  readonly run: string;
  readonly system: string;
  /** Elements of its model. */
  readonly n: number;
  readonly settings: Settings;
}

/** What keeps a worker from a run: another system, size or setting. */
export function refusalOf(description: Partial<Description>, own: Setup): SettingsError | undefined {
  const { system, n, settings = {} } = description;
  return system !== own.system || n !== own.n
    ? new SettingsError(
        `the run ${own.run} trains ${n} numbers by ${system}, this worker ${own.n} by ${own.system}`,
      )
    : SettingsError.of(own.run, differencesOf(settings, own.settings));
}

/** That a worker's initial model is another one than the run's, in words. */
export function otherModelOf({ settings }: Partial<Description>, own: Setup): string | undefined {
  const initial = settings?.initial;
  if (initial === undefined || initial === own.settings.initial) return undefined;
  return (
    `the initial model differs: the CRC-32 of the run's parameters is ${hexOf(initial)}, ` +
    `of this worker's ${hexOf(own.settings.initial)}; the run's model is loaded`
  );
}
