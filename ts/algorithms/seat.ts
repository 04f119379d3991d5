/**
 * What a seat must be, a rank among so many workers and the length of a gradient: checked where a worker or a server is
 * made, so that no step starts from a wrong one.
 */
import { requireInteger, requireOptions, shown } from '../arguments.ts';
import type { Device } from '../device.ts';
import type { Seat } from './system.ts';

/** Ranks key draws, and the server draws under the number of workers: both are words. */
const MOST_WORKERS = 2 ** 32 - 1;
const MOST_ELEMENTS = 2 ** 32 - 1;

/** A place that a machine may be given another for, but for its elements. */
export type Movable<Place> = { -readonly [Name in keyof Place]: Place[Name] };
export type MovableSeat = Movable<Seat>;

/**
 * Moves a worker to another rank, or among another number of workers.
 * @throws TypeError or RangeError unless workers are in 1..2^32 - 1 and rank in 0..workers; the seat is as it was
 */
export function move(seat: MovableSeat, place: Omit<Seat, 'n'>): void {
  requireNames('reseat', place, ['workers', 'rank']);
  requireSize({ n: seat.n, workers: place.workers });
  seat.rank = requireInteger('rank', place.rank, 0, place.workers);
  seat.workers = place.workers;
}

/** Gives a server another number of workers. @throws TypeError or RangeError unless it is in 1..2^32 - 1 */
export function resize(seat: Movable<Omit<Seat, 'rank'>>, workers: number): void {
  requireSize({ n: seat.n, workers });
  seat.workers = workers;
}

/**
 * A worker's place, and the device that it works on.
 * @throws TypeError where there is no device; TypeError or RangeError unless n is in 0..2^32 - 1, workers in 1..2^32 -
 *   1, and rank in 0..workers, where `workers` itself is the rank of one that only follows
 */
export function requireSeat(seat: Seat, device: Device): MovableSeat {
  requireDevice(device);
  requireNames('worker', seat, ['n', 'workers', 'rank']);
  const { n, workers } = requireSize(seat);
  return { n, workers, rank: requireInteger('rank', seat.rank, 0, workers) };
}

/**
 * A server's place.
 * @throws TypeError or RangeError unless n is in 0..2^32 - 1 and workers in 1..2^32 - 1
 */
export function requireServerSeat(seat: Omit<Seat, 'rank'>, device: Device): Movable<Omit<Seat, 'rank'>> {
  requireDevice(device);
  // a worker's seat serves too: its rank says nothing to a server
  requireNames('server', seat, ['n', 'workers', 'rank']);
  return requireSize(seat);
}

/** @throws TypeError unless it is a device of `openDevice` */
export function requireDevice(device: Device): void {
  if (typeof (device as Partial<Device> | undefined)?.compress !== 'function')
    throw new TypeError(`"device" expected one of openDevice, got ${shown(device)}`);
}

/**
 * The rank of a message's sender.
 * @throws TypeError or RangeError unless it is in 0..workers - 1
 */
export function requireSender(rank: number, workers: number): number {
  return requireInteger('rank', rank, 0, workers - 1);
}

function requireNames(owner: string, seat: unknown, names: readonly string[]): void {
  if (seat === undefined)
    throw new TypeError(`${owner} expected { ${names.join(', ')} }, got ${shown(seat)}`);
  requireOptions(owner, seat, names);
}

function requireSize({ n, workers }: Omit<Seat, 'rank'>): Movable<Omit<Seat, 'rank'>> {
  requireInteger('n', n, 0, MOST_ELEMENTS);
  requireInteger('workers', workers, 1, MOST_WORKERS);
  return { n, workers };
}
