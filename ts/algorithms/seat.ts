/** What a seat must be: checked where a worker or a server takes its place, so that no step starts from a wrong one. */
import { requireInteger, requireOptions, shown } from '../arguments.ts';
import type { Seat } from './system.ts';

/** Ranks key draws, and the server draws under the number of workers: both are words. */
const MOST_WORKERS = 2 ** 32 - 1;
const MOST_ELEMENTS = 2 ** 32 - 1;

/**
 * A worker's place.
 * @throws TypeError or RangeError unless n is in 0..2^32 - 1, workers in 1..2^32 - 1, and rank in 0..workers, where
 *   `workers` itself is the rank of one that only follows
 */
export function requireSeat(seat: Seat): Seat {
  requireNames('worker', seat, ['n', 'workers', 'rank']);
  const { n, workers } = requireSize(seat);
  return { n, workers, rank: requireInteger('rank', seat.rank, 0, workers) };
}

/**
 * A server's place.
 * @throws TypeError or RangeError unless n is in 0..2^32 - 1 and workers in 1..2^32 - 1
 */
export function requireServerSeat(seat: Omit<Seat, 'rank'>): Omit<Seat, 'rank'> {
  // a worker's seat serves too: its rank says nothing to a server
  requireNames('server', seat, ['n', 'workers', 'rank']);
  return requireSize(seat);
}

function requireNames(owner: string, seat: unknown, names: readonly string[]): void {
  if (seat === undefined)
    throw new TypeError(`${owner} expected { ${names.join(', ')} }, got ${shown(seat)}`);
  requireOptions(owner, seat, names);
}

function requireSize({ n, workers }: Omit<Seat, 'rank'>): Omit<Seat, 'rank'> {
  requireInteger('n', n, 0, MOST_ELEMENTS);
  requireInteger('workers', workers, 1, MOST_WORKERS);
  return { n, workers };
}
