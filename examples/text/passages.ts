/** Text as the network takes it: characters as codes, in passages of one length. */
import { openRandom } from '../mnist/random.ts';

/** The characters in the order of their codes: those of the King James Bible, a line end between two verses. */
const ALPHABET = "\n !#'(),-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZ[]abcdefghijklmnopqrstuvwxyz";

/** Kinds of characters. */
export const CHARACTERS: number = ALPHABET.length;

/** Characters that the network sees at most. */
export const CONTEXT = 64;

/** Characters of a passage: all but the last are read, all but the first are named. */
const LENGTH = CONTEXT + 1;

/** Passages that a worker takes a step. */
export const PASSAGES = 8;

/** Random stream of the places where they start; the initial weights have another. */
export const PASSAGES_STREAM = 12;

/** Passages that a text is scored on: at the end, and before it. */
export const SCORED = 512;
export const SCORED_BEFORE = 128;

/** Passages that are scored at a time: both are whole multiples, so that no other number is compiled. */
const AT_A_TIME = 64;

/** Passages, end to end. */
export interface Passages {
  /** A code a character, `CONTEXT` + 1 a passage. */
  readonly codes: Uint8Array;
}

/** A text in three parts, as codes: whole chapters to learn from, to choose settings by, and to test with. */
export interface Text {
  readonly train: Uint8Array;
  readonly validation: Uint8Array;
  readonly test: Uint8Array;
}

/** Of so many chapters one is for the test, and one to choose settings by. */
const HELD_OUT = 20;

/** Parts of the text: chapters, in their order. @throws RangeError where a character is not of the alphabet */
export function splitChapters(chapters: readonly string[]): Text {
  const part = (isIn: (place: number) => boolean): Uint8Array =>
    codesOf(chapters.filter((_, i) => isIn(i % HELD_OUT)).join('\n'));
  const [test, validation] = [HELD_OUT / 2 - 1, HELD_OUT - 1];
  return {
    train: part((place) => place !== test && place !== validation),
    validation: part((place) => place === validation),
    test: part((place) => place === test),
  };
}

function codesOf(text: string): Uint8Array {
  const codes = new Uint8Array(text.length);
  for (let i = 0; i < codes.length; i++) {
    const code = ALPHABET.indexOf(text[i]);
    if (code < 0) throw new RangeError(`the alphabet has no ${JSON.stringify(text[i])}`);
    codes[i] = code;
  }
  return codes;
}

/** The batches of a run by their number: `count` passages each, from random places. */
export function openPassages(
  codes: Uint8Array,
  seed: number,
  stream: number,
  count: number,
): (batch: number) => Passages {
  return (batch) => {
    const random = openRandom(seed, (stream << 24) + batch);
    return passagesAt(codes, count, () => Math.floor(random.uniform() * (codes.length - LENGTH + 1)));
  };
}

/** At most `count` passages, evenly over the whole text; where all are taken, each character is named once. */
export function evenPassages(codes: Uint8Array, count: number): Passages {
  const all = Math.floor((codes.length - 1) / CONTEXT);
  const taken = Math.min(count, all);
  return passagesAt(codes, taken, (i) => Math.floor((i * all) / taken) * CONTEXT);
}

/** Passages as they are scored, so many at a time, in the memory of them all. */
export function partsOf({ codes }: Passages): Passages[] {
  const size = AT_A_TIME * LENGTH;
  return Array.from({ length: Math.ceil(codes.length / size) }, (_, i) => ({
    codes: codes.subarray(i * size, (i + 1) * size),
  }));
}

function passagesAt(codes: Uint8Array, count: number, startOf: (i: number) => number): Passages {
  const passages = new Uint8Array(count * LENGTH);
  for (let i = 0; i < count; i++) {
    const start = startOf(i);
    passages.set(codes.subarray(start, start + LENGTH), i * LENGTH);
  }
  return { codes: passages };
}
