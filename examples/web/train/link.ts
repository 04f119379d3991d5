/** What a round takes over a link: the workers' links are alike, and the server's is fast enough for all of them. */
import type { StepEntry } from './setting.ts';

/** Seconds of a mean round. */
export interface Round {
  readonly up: number;
  readonly down: number;
  /** Computing all workers' gradients and packets on this machine. */
  readonly computing: number;
}

/** The mean round of a run so far: bytes of one worker at `bitsASecond`, and the time measured. */
export function roundOver(
  { step, bytesUp, bytesDown, seconds }: StepEntry,
  workers: number,
  bitsASecond: number,
): Round {
  const over = (bytes: number): number => (8 * bytes) / workers / step / bitsASecond;
  return { up: over(bytesUp), down: over(bytesDown), computing: seconds / step };
}

/** Seconds since the start, had the packets gone over such links. */
export function secondsOver(entry: StepEntry, workers: number, bitsASecond: number): number {
  const { up, down, computing } = roundOver(entry, workers, bitsASecond);
  return entry.step * (up + down + computing);
}

/** Bits a second at a place of the slider: 0 is 1 Mbit/s, 3 is 1 Gbit/s, two digits. */
export function speedAt(place: number): number {
  return Number((10 ** (place + 6)).toPrecision(2));
}

/** `20 Mbit/s` */
export function speedName(bitsASecond: number): string {
  return bitsASecond >= 1e9 ? `${bitsASecond / 1e9} Gbit/s` : `${bitsASecond / 1e6} Mbit/s`;
}
