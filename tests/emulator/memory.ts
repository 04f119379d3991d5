/**
 * Memory of 32-bit words, and what invocations see of it: each access is held to the bounds, and two accesses of
 * different invocations that no barrier orders are found where one of them writes.
 */
import { bitsOf } from './floats.ts';
import type { Findings } from './findings.ts';
import type { Mode } from './mode.ts';

/** Words, and what is known of each. */
export class Memory {
  readonly words: Uint32Array;
  readonly floats: Float32Array;
  readonly integers: Int32Array;
  /** Whether a word was ever written. */
  readonly valid: Uint8Array;
  #history: History | undefined;
  #touched: Touched | undefined;

  constructor(words: number) {
    this.words = new Uint32Array(words);
    this.floats = new Float32Array(this.words.buffer);
    this.integers = new Int32Array(this.words.buffer);
    this.valid = new Uint8Array(words);
  }

  /** Puts words at the start. */
  write(words: Uint32Array): void {
    this.words.set(words);
    this.valid.fill(1, 0, words.length);
  }

  /** Puts `count` words of another memory here, from word `to` on: written ones and such as never were. */
  copy(to: number, from: Memory, first: number, count: number): void {
    this.words.set(from.words.subarray(first, first + count), to);
    this.valid.set(from.valid.subarray(first, first + count), to);
  }

  /** Sets all words to zero. */
  clear(): void {
    this.words.fill(0);
    this.valid.fill(1);
  }

  get history(): History {
    return (this.#history ??= new History(this.words.length));
  }

  get touched(): Touched {
    return (this.#touched ??= new Touched(this.words.length));
  }
}

/** When each word was last written and read, and by which invocation of a workgroup: -1 for several. */
class History {
  readonly written: Int32Array;
  readonly writer: Int32Array;
  readonly read: Int32Array;
  readonly reader: Int32Array;
  /** The dispatch in which a word was read by another workgroup than that of `read`. */
  readonly readElsewhere: Int32Array;

  constructor(words: number) {
    const all = new Int32Array(words * 5);
    this.written = all.subarray(0, words);
    this.writer = all.subarray(words, 2 * words);
    this.read = all.subarray(2 * words, 3 * words);
    this.reader = all.subarray(3 * words, 4 * words);
    this.readElsewhere = all.subarray(4 * words);
  }
}

/** The last workgroup that read, or wrote, each word: traffic counts it once. */
class Touched {
  readonly readIn: Int32Array;
  readonly writtenIn: Int32Array;

  constructor(words: number) {
    this.readIn = new Int32Array(words);
    this.writtenIn = new Int32Array(words);
  }
}

/** The time, in epochs: a new one begins with each dispatch, workgroup, and barrier that orders this memory. */
export interface Epochs {
  /** The first of the dispatch; in workgroup memory, of the workgroup. */
  dispatch: number;
  /** The first of the workgroup. */
  workgroup: number;
  now: number;
}

/** What all views of a run share. */
export interface Turn {
  readonly mode: Mode;
  readonly findings: Findings;
  readonly random: () => number;
  /** The invocation that runs, by its index in the workgroup. */
  invocation: number;
}

export interface Traffic {
  /** Accesses, and the words that they touch: each word once a workgroup, as with a cache that holds a tile. */
  loads: number;
  stores: number;
  wordsRead: number;
  wordsWritten: number;
  atomics: number;
}

/** A binding, or a variable of workgroup memory: `count` words of a memory from `first` on. */
export class View implements Traffic {
  readonly count: number;
  loads = 0;
  stores = 0;
  wordsRead = 0;
  wordsWritten = 0;
  atomics = 0;
  readonly #name: string;
  readonly #memory: Memory;
  readonly #first: number;
  readonly #epochs: Epochs;
  readonly #turn: Turn;
  /** Undefined where nobody writes: then nothing can race. */
  readonly #history: History | undefined;
  /** Undefined where words are not counted. */
  readonly #touched: Touched | undefined;
  readonly #reportsUnwritten: boolean;

  constructor(
    name: string,
    turn: Turn,
    epochs: Epochs,
    memory: Memory,
    options: { first: number; count: number; writable: boolean; counted: boolean },
  ) {
    this.#name = name;
    this.#turn = turn;
    this.#epochs = epochs;
    this.#memory = memory;
    this.#first = options.first;
    this.count = options.count;
    this.#history = options.writable ? memory.history : undefined;
    this.#touched = options.counted ? memory.touched : undefined;
    this.#reportsUnwritten = turn.mode.garbage ?? false;
  }

  u32(i: number, line: number): number {
    const at = this.#read(i, line);
    return at < 0 ? 0 : this.#memory.words[at];
  }

  i32(i: number, line: number): number {
    const at = this.#read(i, line);
    return at < 0 ? 0 : this.#memory.integers[at];
  }

  f32(i: number, line: number): number {
    const at = this.#read(i, line);
    return at < 0 ? 0 : this.#memory.floats[at];
  }

  setU32(i: number, value: number, line: number): void {
    const at = this.#write(i, line);
    if (at >= 0) this.#memory.words[at] = value;
  }

  setF32(i: number, value: number, line: number): void {
    const at = this.#write(i, line);
    if (at >= 0) this.#memory.words[at] = bitsOf(value);
  }

  /** An index of `count` elements, held to the bounds. */
  index(i: number, count: number, line: number): number {
    if (i < count) return i;
    this.#turn.findings.add('out of bounds', line, `${this.#name}, element ${i} of ${count}`);
    if (count === 0) return 0;
    return this.#turn.mode.bounds === 'elsewhere' ? this.#turn.random() % count : count - 1;
  }

  /** Elements of a runtime-sized array that starts at word `offset`. */
  elements(offset: number, stride: number): number {
    return Math.max(0, Math.floor((this.count - offset) / stride));
  }

  /** An atomic operation: what was there before. Atomics are ordered among themselves. */
  atomic(name: string, signed: boolean, i: number, value: number, line: number): number {
    const at = this.#inside(i, line, 'atomic access');
    if (at < 0) return 0;
    this.atomics++;
    const { words, integers, valid } = this.#memory;
    if (name !== 'Store' && this.#reportsUnwritten && valid[at] === 0) this.#unwritten(line);
    valid[at] = 1;
    const old = signed ? integers[at] : words[at];
    words[at] = changed(name, old, value);
    return old;
  }

  /** Where word i lies; -1 where it is to be left alone. */
  #inside(i: number, line: number, what: string): number {
    if (i < this.count) return this.#first + i;
    this.#turn.findings.add('out of bounds', line, `${what} of ${this.#name}, ${this.count} words`);
    const { bounds } = this.#turn.mode;
    if (bounds === 'none' || this.count === 0) return -1;
    return this.#first + (bounds === 'elsewhere' ? this.#turn.random() % this.count : this.count - 1);
  }

  #unwritten(line: number): void {
    this.#turn.findings.add('never written', line, `read of ${this.#name}`);
  }

  #read(i: number, line: number): number {
    const at = this.#inside(i, line, 'read');
    if (at < 0) return -1;
    this.loads++;
    if (this.#reportsUnwritten && this.#memory.valid[at] === 0) this.#unwritten(line);
    const touched = this.#touched;
    if (touched && touched.readIn[at] !== this.#epochs.workgroup) {
      touched.readIn[at] = this.#epochs.workgroup;
      this.wordsRead++;
    }
    const history = this.#history;
    if (!history) return at;
    const { dispatch, workgroup, now } = this.#epochs;
    const { invocation } = this.#turn;
    this.#holdToWrites(history, at, 'read', line);
    const read = history.read[at];
    if (read === now) {
      if (history.reader[at] !== invocation) history.reader[at] = -1;
    } else {
      if (read >= dispatch && read < workgroup) history.readElsewhere[at] = dispatch;
      history.read[at] = now;
      history.reader[at] = invocation;
    }
    return at;
  }

  #write(i: number, line: number): number {
    const at = this.#inside(i, line, 'write');
    if (at < 0) return -1;
    this.stores++;
    this.#memory.valid[at] = 1;
    const touched = this.#touched;
    if (touched && touched.writtenIn[at] !== this.#epochs.workgroup) {
      touched.writtenIn[at] = this.#epochs.workgroup;
      this.wordsWritten++;
    }
    const history = this.#history!;
    const { dispatch, workgroup, now } = this.#epochs;
    const { invocation } = this.#turn;
    this.#holdToWrites(history, at, 'write', line);
    const read = history.read[at];
    const elsewhere = history.readElsewhere[at] === dispatch;
    if (
      read >= dispatch &&
      (read < workgroup || elsewhere || (read === now && history.reader[at] !== invocation))
    )
      this.#race(line, 'write', 'read', read < workgroup || elsewhere);
    history.written[at] = now;
    history.writer[at] = invocation;
    return at;
  }

  /** Reports an access to a word that was written where no barrier orders the two. */
  #holdToWrites(history: History, at: number, own: string, line: number): void {
    const written = history.written[at];
    const { dispatch, workgroup, now } = this.#epochs;
    if (written < dispatch) return;
    const isElsewhere = written < workgroup;
    if (isElsewhere || (written === now && history.writer[at] !== this.#turn.invocation))
      this.#race(line, own, 'written', isElsewhere);
  }

  #race(line: number, own: string, other: string, elsewhere: boolean): void {
    const by = elsewhere ? 'in another workgroup' : 'by another invocation, with no barrier between';
    this.#turn.findings.add('race', line, `${own} of ${this.#name}, ${other} ${by}`);
  }
}

function changed(name: string, old: number, value: number): number {
  switch (name) {
    case 'Load':
      return old;
    case 'Store':
    case 'Exchange':
      return value;
    case 'Add':
      return old + value;
    case 'Sub':
      return old - value;
    case 'Max':
      return Math.max(old, value);
    case 'Min':
      return Math.min(old, value);
    case 'And':
      return old & value;
    case 'Or':
      return old | value;
    case 'Xor':
      return old ^ value;
    default:
      throw new Error(`atomic${name} is not supported`);
  }
}
