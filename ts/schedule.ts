/**
 * When a call on a device starts. Calls overlap, and give what they would give one after the other: a call waits for
 * those before it that touch the same memory, unless both only read it, and for room beside the calls under way. All
 * others start at once, inside the caller's own turn of the event loop.
 */
import type { GpuRange } from './backends/backend.ts';
import { DeviceClosedError } from './errors.ts';
import { type DeviceVector, freedError, isDeviceVector, placeOf } from './kernels/device-vector.ts';

/** Memory that a call reads or writes. */
export interface Touch {
  /** An ArrayBuffer, a SharedArrayBuffer or a GPUBuffer: ranges of different ones never overlap. */
  readonly memory: object;
  /** The range in bytes, `end` beside it. */
  readonly first: number;
  readonly end: number;
  readonly writes: boolean;
  /**
   * Whether the call touches it only until all of its work is queued, because it is copied by then, or because a queue
   * keeps the order from there on; else until the call settles.
   */
  readonly brief: boolean;
}

/** What a call does with a vector, or with bytes. @throws TypeError where it is a vector that was freed */
export function touchOf(
  vector: ArrayBufferView | GpuRange | DeviceVector,
  does: 'reads' | 'writes',
  brief: boolean,
): Touch {
  const writes = does === 'writes';
  if (isDeviceVector(vector)) {
    const { allocation, first } = placeOf(vector);
    if (allocation.state !== 'held') throw freedError();
    return { memory: allocation, first: first * 4, end: (first + vector.length) * 4, writes, brief };
  }
  if (ArrayBuffer.isView(vector)) {
    const { buffer, byteOffset, byteLength } = vector;
    return { memory: buffer, first: byteOffset, end: byteOffset + byteLength, writes, brief };
  }
  const { buffer, offset = 0, length } = vector;
  const end = length === undefined ? Infinity : offset + 4 * length;
  return { memory: buffer, first: offset, end, writes, brief };
}

/** Whether two touches have memory in common. */
export function overlap(a: Touch, b: Touch): boolean {
  return a.memory === b.memory && a.first < b.end && b.first < a.end;
}

/** A call that has begun; `queued` and `end` take it back. */
export interface Call {
  /** Resolves when the call may start; undefined where it may at once. Rejects when the device is closed. */
  readonly ready: Promise<void> | undefined;
}

/** A touch of a call, for as long as others may have to wait for it. */
interface Hold {
  readonly touch: Touch;
  /** Calls that wait for its release. */
  readonly waiters: Scheduled[];
}

class Scheduled implements Call {
  /** Its place in the order in which calls began. */
  readonly number: number;
  /** Bytes that it takes, or is expected to. */
  bytes: number;
  holds: Hold[] = [];
  /** Holds of others that it waits for. */
  blockers = 0;
  started = false;
  ready: Promise<void> | undefined;
  start: (() => void) | undefined;
  refuse: ((error: Error) => void) | undefined;
  constructor(number: number, bytes: number) {
    this.number = number;
    this.bytes = bytes;
  }
}

export class Schedule {
  /** The most bytes that calls under way may take, where there is more than one. */
  readonly #most: number;
  /** Bytes of the calls that have started, and how many these are. */
  #bytes = 0;
  #underWay = 0;
  #begun = 0;
  /** What calls hold, those that wait too, in the order in which they began. */
  #holds: Hold[] = [];
  /** All calls that have not started. */
  readonly #waiting = new Set<Scheduled>();
  /** Those of them that wait for nothing but room, in the order in which they began. */
  readonly #line: Scheduled[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Begins a call that touches this memory and takes about so many bytes. */
  begin(touches: readonly Touch[], bytes: number): Call {
    const call = new Scheduled(this.#begun++, bytes);
    const blockers = this.#blockersOf(touches);
    if (blockers.length === 0 && this.#line.length === 0 && this.#hasRoom(call)) {
      this.#start(call);
      // nobody can see what it holds before its work is queued
      for (const touch of touches) if (!touch.brief) this.#hold(call, touch);
      return call;
    }
    call.ready = new Promise<void>((resolve, reject) => {
      call.start = resolve;
      call.refuse = reject;
    });
    this.#waiting.add(call);
    call.blockers = blockers.length;
    for (const { waiters } of blockers) waiters.push(call);
    for (const touch of touches) this.#hold(call, touch);
    if (blockers.length === 0) this.#line.push(call);
    return call;
  }

  /** Says that all work of a call that has started is queued, and how many bytes it takes in fact. */
  queued(started: Call, bytes: number): void {
    const call = started as Scheduled;
    this.#bytes += bytes - call.bytes;
    call.bytes = bytes;
    this.#release(call, true);
  }

  /** Ends a call, whether or not it has started. */
  end(ended: Call): void {
    const call = ended as Scheduled;
    if (call.started) {
      this.#bytes -= call.bytes;
      this.#underWay--;
    }
    this.#release(call, false);
  }

  /** Refuses all calls that wait. */
  close(): void {
    for (const { refuse } of this.#waiting) refuse!(new DeviceClosedError());
    this.#waiting.clear();
    this.#line.length = 0;
    this.#holds = [];
  }

  /**
   * What calls hold that a new one has to wait for, from the latest on. Behind a call that writes all of a range
   * nothing is looked for: that call waits for everything before it.
   */
  #blockersOf(touches: readonly Touch[]): readonly Hold[] {
    if (this.#holds.length === 0) return [];
    const found: Hold[] = [];
    for (const touch of touches)
      for (let i = this.#holds.length - 1; i >= 0; i--) {
        const held = this.#holds[i].touch;
        const { first, end, writes } = held;
        if (!overlap(held, touch)) continue;
        if (!writes && !touch.writes) continue;
        found.push(this.#holds[i]);
        if (writes && first <= touch.first && end >= touch.end) break;
      }
    return found;
  }

  #hold(call: Scheduled, touch: Touch): void {
    const hold: Hold = { touch, waiters: [] };
    call.holds.push(hold);
    this.#holds.push(hold);
  }

  /** Releases what a call holds, or only the brief part of it, and starts the calls that may start then. */
  #release(call: Scheduled, onlyBrief: boolean): void {
    const kept: Hold[] = [];
    for (const hold of call.holds) {
      if (onlyBrief && !hold.touch.brief) {
        kept.push(hold);
        continue;
      }
      this.#holds.splice(this.#holds.indexOf(hold), 1);
      for (const waiter of hold.waiters) if (--waiter.blockers === 0) this.#standInLine(waiter);
    }
    call.holds = kept;
    while (this.#line.length > 0 && this.#hasRoom(this.#line[0])) this.#start(this.#line.shift()!);
  }

  #standInLine(call: Scheduled): void {
    let place = this.#line.length;
    while (place > 0 && this.#line[place - 1].number > call.number) place--;
    this.#line.splice(place, 0, call);
  }

  #hasRoom({ bytes }: Scheduled): boolean {
    return this.#underWay === 0 || this.#bytes + bytes <= this.#most;
  }

  #start(call: Scheduled): void {
    call.started = true;
    this.#bytes += call.bytes;
    this.#underWay++;
    this.#waiting.delete(call);
    call.start?.();
  }
}
