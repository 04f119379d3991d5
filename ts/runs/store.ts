/** Where the server of a run keeps its state: in a file, for example (ts/cli/state-file.ts). */

/** A place for one state: a file, for example. */
export interface Store {
  /** What was written last, if anything. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when it is safe. */
  write(state: Uint8Array): Promise<void>;
}
