/**
 * The errors that fewbits throws beside TypeError and RangeError. Each has a `code`, so that callers whose bundler
 * holds two copies of the package, or who get the error from a worker, can tell them apart without `instanceof`.
 */

/** The input, or what a worker made of it, holds NaN or infinity: nothing was written. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';
  readonly code = 'FEWBITS_NON_FINITE';
  /** How many elements are NaN or infinite. */
  readonly count: number;
  /** The index of the first of them. */
  readonly first: number;
  constructor(count: number, first: number, what = 'the input') {
    super(
      `${what} has ${count} NaN or infinite element${count === 1 ? '' : 's'}, the first at index ${first}`,
    );
    this.count = count;
    this.first = first;
  }
}

/**
 * Values of several workers, each of them finite, add up to more than float32 holds, 3.4e38. No message is damaged, and
 * nothing has changed: leave the step out, or begin it anew with smaller gradients.
 */
export class OverflowError extends RangeError {
  override readonly name = 'OverflowError';
  readonly code = 'FEWBITS_OVERFLOW';
  /** How many elements of the sum are not finite. */
  readonly count: number;
  /** The index of the first of them. */
  readonly first: number;
  /** `what` was added up; `detail` says more of the first. */
  constructor(what: string, count: number, first: number, detail = '') {
    super(
      `${what} is more than float32 holds in ${count} element${count === 1 ? '' : 's'}, the first at index ${first}${detail}; ` +
        'no message is damaged: leave the step out, or begin it anew with smaller gradients',
    );
    this.count = count;
    this.first = first;
  }
}

/** The bytes are not a packet that this version can read. */
export class PacketError extends Error {
  override readonly name = 'PacketError';
  readonly code = 'FEWBITS_PACKET';
  /** The byte offset at which the packet stops making sense. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(`${message} (at byte ${offset})`);
    this.offset = offset;
  }
}

/** The start of a federated round: which round, and the digest of its model, 16 hexadecimal digits. */
export interface RoundStart {
  readonly round: number;
  readonly digest: string;
}

/**
 * A sound message of a federated round is against another start than this end has: what it says of a model would be
 * added to another model. Nothing has changed. A client that gets it joins again.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code = 'FEWBITS_START';
  /** What the message is against. */
  readonly came: RoundStart;
  /** What this end has. */
  readonly expected: RoundStart;
  constructor(what: string, came: RoundStart, expected: RoundStart) {
    super(
      `${what} is against start ${came.digest} of round ${came.round}; here round ${expected.round} starts from ` +
        `${expected.digest}: a client that is behind joins again`,
    );
    this.came = came;
    this.expected = expected;
  }
}

/** No backend that was asked for can run here. */
export class BackendUnavailableError extends Error {
  override readonly name = 'BackendUnavailableError';
  readonly code = 'FEWBITS_BACKEND_UNAVAILABLE';
  /** For each backend that was tried, why it cannot run. */
  readonly reasons: Readonly<Record<string, string>>;
  constructor(reasons: Record<string, string>) {
    const lines = Object.entries(reasons).map(([backend, reason]) => `${backend}: ${reason}`);
    super(`no backend available: ${lines.join('; ')}`);
    this.reasons = reasons;
  }
}

/** The GPU device went away while work was pending. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
  readonly code = 'FEWBITS_DEVICE_LOST';
  constructor(reason: string) {
    super(`the GPU device was lost: ${reason}`);
  }
}

/** The device was closed: open another one. */
export class DeviceClosedError extends Error {
  override readonly name = 'DeviceClosedError';
  readonly code = 'FEWBITS_DEVICE_CLOSED';
  constructor() {
    super('the device is closed; open another one with openDevice()');
  }
}
