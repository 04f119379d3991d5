/**
 * ExDyna's partitions with `balance: 'exact'`, of one step: cut from what each worker counts in each block of the
 * vector, so that no worker selects more than 1.1 times as much as the mean worker.
 *
 * Rounds of route `gather`:
 * 1. all: each worker's counts of |acc_i| >= d by blocks, at most 512 of equal length, 32 elements or more
 * 2. where that is not enough: its counts of the blocks that its borders may lie in and that are heavy, by units
 *
 * The partitions of a step lie in the order of the paper, and rank r owns partition (t + r) mod N, so that the load of
 * a partition is what its own owner counts in it. Those whose counts a round is made of are the owners; the partition
 * of any other rank is empty. Each worker computes from the counts, which all have:
 * - the cut at borders of blocks whose largest load M is least, and of those one whose smallest load is largest. Where
 *   M is at most 1.1 times the mean of the loads, these are the partitions
 * - else low, which no cut's largest load is below, and the unit u = max(1, floor(low / 22)). The loads of the cut that
 *   is sought lie between low - 2 u and M; of each border that leaves the blocks in which it may lie. Of those the ones
 *   in which one of its two owners counts more than u are divided into units of u elements, and counted again
 * - the cut as above, at borders of blocks, and of units where a border has some
 *
 * Why that is enough: a step of a border, from one of its places to the next, moves at most u counted elements of each
 * of its two owners. Let H be the largest load of the cut, H - 1 the one that is just too small. Of the cuts from that
 * which fills owner by owner up to H - 1, and leaves the last too much, to that which fills up to H, one has loads
 * from H - 2 u to H, and with u = 1 from H - 1 to H. With u <= H / 22 the largest is at most 1 / (1 - 1 / 11) = 1.1
 * times the smallest. With u = 1 it is the mean rounded up, the least that whole elements allow: at most 1.1 times the
 * mean where that is 10 or more. Below 10 a step may be allowed up to 10 (cuts.ts), so that something is selected.
 *
 * Where workers count in different places, as gradients of one loss hardly do, the only even cut may select less than
 * they count on average, or nothing: then the next step, in which others own what is there, selects it.
 */
import type { Device } from '../device.ts';
import type { DeviceVector } from '../kernels/device-vector.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import { countReaching, countsIn, readCounts, writeCounts, type Stretch } from './block-counts.ts';
import { boundBelow, evenCut, rangesOf, type Cut, type Field, type Grid } from './cuts.ts';
import { requireTag, tagOf } from './ex-dyna-messages.ts';
import { requireMessages } from './steps.ts';
import type { Message, Seat } from './system.ts';

/** The most blocks, and the fewest elements of one. */
const BLOCKS = 512;
const LEAST = 32;

/** A unit holds at most this share of the largest load, so that the loads on both sides of 2 units are 10 % apart. */
const UNITS = 22;

/** The blocks of n elements, all together. */
export function blocksFor(n: number): Stretch {
  return { start: 0, end: n, length: Math.max(LEAST, ceilDiv(n, BLOCKS)) };
}

/** The second count: the unit, and by owner and by border the blocks that are counted by units. */
interface Units {
  readonly unit: number;
  readonly ofOwner: readonly (readonly number[])[];
  readonly ofBorder: readonly (readonly number[])[];
}

/** The partitions of a step: of each its elements, and how many its owner selects. */
export interface Balanced {
  readonly lengths: readonly number[];
  readonly loads: readonly number[];
  /** Whether it has an owner, whose counts are known. */
  readonly owned: readonly boolean[];
}

type Inbox = readonly Uint8Array[];

export class Balance {
  readonly #device: Device;
  readonly #seat: Seat;
  readonly #t: number;
  readonly #d: number;
  readonly #all: Stretch;
  /** Ranks whose counts are known, in the order of their partitions, and what they count in each block. */
  #owners: readonly number[] = [];
  #counts: readonly Uint32Array[] = [];
  /** Whether the counts of this rank are this worker's own. */
  #counted = false;
  #round = 1;
  #units: Units | undefined;
  #result: Balanced | undefined;

  constructor(device: Device, seat: Seat, t: number, d: number) {
    this.#device = device;
    this.#seat = seat;
    this.#t = t;
    this.#d = d;
    this.#all = blocksFor(seat.n);
  }

  /** The partitions; undefined before the last round. */
  get result(): Balanced | undefined {
    return this.#result;
  }

  /** The ranks that partitions are cut for. */
  get owners(): readonly number[] {
    return this.#owners;
  }

  /** Whether what this worker selects in its partition is what the others expect. */
  get counted(): boolean {
    // one beyond the workers follows: nobody reads what it sends
    return this.#counted || this.#seat.rank === this.#seat.workers;
  }

  /** What this worker counts of acc in this round. */
  async message(acc: DeviceVector): Promise<Message> {
    const { n, rank } = this.#seat;
    const counts = await countReaching(this.#device, acc, this.#d, this.#stretches(rank));
    return { route: 'gather', bytes: writeCounts(counts, tagOf(n, this.#t, rank, this.#round)) };
  }

  /** @throws PacketError unless the message is counts that the worker of this rank may send in this round */
  read(bytes: Uint8Array, rank: number): Uint32Array {
    const { counts, tag } = readCounts(bytes, this.#stretches(rank));
    requireTag('counts', tag, { ...this.#seat, rank, t: this.#t }, this.#round);
    return counts;
  }

  /** Takes the counts of these ranks; `among`: the own are among them. Then there is a result, or another round. */
  receive(inbox: Inbox, ranks: readonly number[], among: boolean): void {
    requireMessages('inbox', inbox, ranks.length);
    const counts = new Map(ranks.map((rank, i) => [rank, this.read(inbox[i], rank)]));
    this.#round++;
    if (this.#units === undefined) {
      this.#counted = among;
      this.#owners = this.#inOrder(ranks);
      this.#counts = this.#owners.map((rank) => counts.get(rank)!);
    } else {
      this.#counted &&= among;
      const fine = this.#owners.map((rank) => counts.get(rank));
      if (fine.every((own) => own !== undefined)) {
        const cut = this.#cutAtUnits(this.#units, fine);
        this.#units = undefined;
        this.#settle(cut);
        return;
      }
      // who has left owns nothing, and those who are left share what it had
      this.#counts = this.#counts.filter((_, i) => fine[i] !== undefined);
      this.#owners = this.#owners.filter((_, i) => fine[i] !== undefined);
      this.#units = undefined;
    }
    this.#cutAtBlocks();
  }

  #inOrder(ranks: readonly number[]): readonly number[] {
    const { workers } = this.#seat;
    return [...ranks].sort((a, b) => ((this.#t + a) % workers) - ((this.#t + b) % workers));
  }

  /** The stretches that a rank counts in this round. */
  #stretches(rank: number): readonly Stretch[] {
    if (this.#units === undefined) return [this.#all];
    const owner = this.#owners.indexOf(rank);
    if (owner < 0) return [];
    const { ofOwner, unit } = this.#units;
    return ofOwner[owner].map((block) => this.#unitsOf(block, unit));
  }

  #unitsOf(block: number, unit: number): Stretch {
    const { end, length } = this.#all;
    return { start: block * length, end: Math.min((block + 1) * length, end), length: unit };
  }

  /** The cut at borders of blocks, or what is to be counted by units. */
  #cutAtBlocks(): void {
    const owners = this.#owners.length;
    if (owners < 2 || this.#seat.n === 0) {
      const whole = this.#counts.map(sumOf);
      this.#settle({ borders: whole.slice(1).map(() => 0), loads: whole });
      return;
    }
    const cut = evenCut(this.#field((_, i) => prefixes(this.#counts[i])));
    const largest = Math.max(...cut.loads);
    const total = cut.loads.reduce((sum, load) => sum + load, 0);
    this.#units = largest * owners * 10 > total * 11 ? this.#unitsFor(largest) : undefined;
    if (this.#units === undefined) this.#settle(cut);
  }

  /** The blocks to be counted by units, where a cut at blocks has a largest load of `largest`; undefined for none. */
  #unitsFor(largest: number): Units | undefined {
    const low = boundBelow(this.#counts);
    const unit = Math.max(1, Math.floor(low / UNITS));
    const ranges = rangesOf(this.#counts, Math.max(0, low - 2 * unit), largest);
    const ofBorder = ranges.map(([first, last], q) => {
      const heavy: number[] = [];
      for (let block = first; block <= last; block++)
        if (Math.max(this.#counts[q][block], this.#counts[q + 1][block]) > unit) heavy.push(block);
      return heavy;
    });
    if (ofBorder.every((blocks) => blocks.length === 0)) return undefined;
    const ofOwner = this.#owners.map((_, i) => {
      const both = new Set([...(ofBorder[i - 1] ?? []), ...(ofBorder[i] ?? [])]);
      return [...both].sort((a, b) => a - b);
    });
    return { unit, ofOwner, ofBorder };
  }

  /** The cut at borders of blocks and of units. */
  #cutAtUnits({ unit, ofOwner, ofBorder }: Units, fine: readonly (Uint32Array | undefined)[]): Cut {
    // by owner and block: the counts of its units
    const parts = ofOwner.map((blocks, i) => {
      let at = 0;
      return new Map(
        blocks.map((block) => {
          const counts = countsIn(this.#unitsOf(block, unit));
          return [block, fine[i]!.subarray(at, (at += counts))] as const;
        }),
      );
    });
    const countsOf = (q: number, i: number): number[] => {
      const divided = new Set(ofBorder[q]);
      const all = prefixes(this.#counts[i]);
      return all.flatMap((before, block) => {
        if (!divided.has(block)) return [before];
        let count = before;
        // of one whose counts are not those of its blocks, no more than these say
        const within = Array.from(parts[i].get(block)!.subarray(0, -1), (more) => {
          return (count = Math.min(count + more, all[block + 1]));
        });
        return [before, ...within];
      });
    };
    return evenCut(this.#field(countsOf, { unit, ofOwner, ofBorder }));
  }

  /**
   * The places of each border, and what its two owners count before them: `countsOf` the q-th border and the i-th
   * owner.
   */
  #field(countsOf: (q: number, i: number) => number[], units?: Units): Field {
    const { n } = this.#seat;
    const grids = this.#owners.slice(1).map((_, q): Grid => {
      const positions = this.#places(units?.ofBorder[q] ?? [], units?.unit ?? 1);
      return { positions, left: countsOf(q, q), right: countsOf(q, q + 1) };
    });
    const last = this.#counts[this.#counts.length - 1];
    const all = this.#counts.reduce((sum, own) => sum + sumOf(own), 0);
    return { n, grids, total: sumOf(last), expected: all / this.#owners.length ** 2 };
  }

  /** The borders of all blocks, and of the units of these. */
  #places(divided: readonly number[], unit: number): number[] {
    const { length, end } = this.#all;
    const places: number[] = [];
    const by = new Set(divided);
    for (let start = 0, block = 0; start < end; start += length, block++)
      for (let at = start; at < Math.min(start + length, end); at += by.has(block) ? unit : length)
        places.push(at);
    return [...places, end];
  }

  #settle({ borders, loads }: Cut): void {
    const { n, workers } = this.#seat;
    const lengths = new Array<number>(workers).fill(0);
    const byPartition = new Array<number>(workers).fill(0);
    const owned = new Array<boolean>(workers).fill(false);
    this.#owners.forEach((rank, i) => {
      const partition = (this.#t + rank) % workers;
      lengths[partition] = (borders[i] ?? n) - (i === 0 ? 0 : borders[i - 1]);
      byPartition[partition] = loads[i];
      owned[partition] = true;
    });
    // of nobody: nothing is selected in it
    if (this.#owners.length === 0) lengths[workers - 1] = n;
    this.#result = { lengths, loads: byPartition, owned };
  }
}

const sumOf = (counts: Uint32Array): number => counts.reduce((sum, count) => sum + count, 0);

/** The sums of the first 0, 1 and so on of the counts. */
function prefixes(counts: Uint32Array): number[] {
  let sum = 0;
  return [0, ...Array.from(counts, (count) => (sum += count))];
}
