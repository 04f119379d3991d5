/**
 * ExDyna (arXiv 2402.13781): what it is asked for by. Its rules are in ex-dyna-worker.ts, for which this opens workers.
 */
import { requireBoolean, requireNumber, requireOneOf, requireOptions } from '../arguments.ts';
import { ExDynaWorker } from './ex-dyna-worker.ts';
import { requireSeat } from './seat.ts';
import type { System } from './system.ts';

export interface ExDynaOptions {
  /** The share of elements that all workers together are to select in a step. */
  readonly density: number;
  /**
   * How d follows the density: `'scaled'`, the default, as the paper does it, by 0.1 to 0.5 % a step, which takes
   * hundreds of steps after a jump of the gradients' size (see `recover`); a partition where nothing reaches d sends
   * one element more. `'exact'`, from a histogram that all workers add to in every step, for three to six short rounds
   * more: each step sends round(k) elements, at least one, equal magnitudes by the lowest index, zeros among them where
   * there are fewer others. In a round over some of the workers these are the largest of the partitions whose owners
   * took part in all of the step; of an owner that stayed away from a part of it nothing is sent, so there may be
   * fewer, and never more.
   */
  readonly control?: 'scaled' | 'exact';
  /**
   * Whether the steps 0, 10, 20, 40, 80 and 160 set d as `'exact'` does: the residual grows tenfold at first, faster
   * than the scaling follows. true if left out.
   */
  readonly warmStart?: boolean;
  /**
   * Whether a step sets d as `'exact'` does once the density, after it has been met, was off by more than a factor of 8
   * for 10 steps on end. One worker's gradient of a million times the usual size lifts d so far that the scaling alone
   * selects next to nothing for more than a thousand steps. true if left out; false is the paper's control.
   */
  readonly recover?: boolean;
  /**
   * How partitions follow the load. `'paper'`, the default, moves single blocks between neighbours after each step, by
   * what the last one selected: the busiest worker selects 1.4 times the mean of 4 workers, and twice that of 8
   * (docs/results.md). `'exact'` cuts them anew in each step, from what each worker counts in each of 512 blocks, for
   * one or two short rounds more: no worker selects more than 1.1 times the mean of those that take part, forced
   * elements left out, where that mean is 10 or more; where it is less, whole elements do not allow that, and the
   * busiest selects 10 at most. Where d is measured each worker sends its share of round(k), as even as whole elements
   * allow, the largest of its partition.
   */
  readonly balance?: 'paper' | 'exact';
}

/**
 * ExDyna, among peers: workers gather lists of indices, then sum values. Source: arXiv 2402.13781, with the evident
 * intention of its program where the scale factors are concerned. Four additions, all options: a warm start, recovery
 * from a density that is far off, exact control, and exact balance. A worker holds three vectors of n elements beside
 * the gradient: two on the device for its residual, and the direction.
 *
 * @param options `density`, the share of n that all workers send together in a step; the rest in ExDynaOptions
 * @returns the system, which makes workers and, where it has one, a server
 * @throws TypeError or RangeError unless 0 < density <= 1, and the other options are as said
 * @example
 * const worker = exDyna({ density: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function exDyna(options: ExDynaOptions): System {
  requireOptions('exDyna', options, ['density', 'control', 'warmStart', 'recover', 'balance']);
  const density = requireNumber(
    'density',
    options?.density,
    'a number above 0 and up to 1',
    (d) => d > 0 && d <= 1,
  );
  const { control = 'scaled', warmStart = true, recover = true, balance = 'paper' } = options;
  requireOneOf('control', control, ['scaled', 'exact']);
  requireBoolean('warmStart', warmStart);
  requireBoolean('recover', recover);
  requireOneOf('balance', balance, ['paper', 'exact']);
  return {
    name: 'exDyna',
    worker: (device, seat, into) =>
      new ExDynaWorker(device, requireSeat(seat, device), into, density, {
        exact: control === 'exact',
        warmStart,
        recover,
        balanced: balance === 'exact',
      }),
  };
}
