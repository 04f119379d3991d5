/** What a run is, as its server's retained message has it. */
import type { Settings } from './settings.ts';

export interface Description {
  readonly format: 1;
  /** Of this server's life. */
  readonly mark: string;
  /** The run's key. */
  readonly key: number;
  readonly system: string;
  /** Elements of the model. */
  readonly n: number;
  readonly workers: number;
  readonly ended: boolean;
  /** The chain where it ended. */
  readonly chain: number;
  readonly about: unknown;
  /** What all machines of a run must have in common; absent of split learning. */
  readonly settings?: Settings;
  /** Steps from one checksum of the model to the next; 0 where there are none. */
  readonly checkEvery?: number;
  /** Milliseconds after which a round closes with a quorum, and a wait is told of. */
  readonly deadline?: number;
}
