/** A line of `npm run test:runtimes`. */
export interface Check {
  /** The runtime and its version, as far as it is known before and after. */
  readonly name: () => string;
  /** Gives what was done; rejects with what is wrong. */
  readonly work: () => Promise<string>;
}

/** Why a check cannot be made on this machine. */
export class Cannot extends Error {}
