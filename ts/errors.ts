/**
 * The errors that fewbits throws beside TypeError and RangeError. Each has a `code`, so that callers whose bundler
 * holds two copies of the package, or who get the error from a worker, can tell them apart without `instanceof`.
 */

/** The input holds NaN or infinity: nothing was written. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';
  readonly code = 'FEWBITS_NON_FINITE';
  /** How many elements are NaN or infinite. */
  readonly count: number;
  /** The index of the first of them. */
  readonly first: number;
  constructor(count: number, first: number) {
    super(
      `the input has ${count} NaN or infinite element${count === 1 ? '' : 's'}, the first at index ${first}`,
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
