/**
 * JSON of files from strangers (RFC 8259), read from its bytes. Unlike `JSON.parse` it refuses a key that an object has
 * twice, invalid UTF-8 and halves of surrogate pairs, keeps keys such as `__proto__`, and tells integers from numbers
 * that are merely written without a fraction.
 */

import { quoted } from './quote.ts';

/** A value. Objects are maps; integers from 0 on are numbers, all other numbers `OtherNumber`. */
export type Json =
  | null
  | boolean
  | string
  | number
  | OtherNumber
  | readonly Json[]
  | ReadonlyMap<string, Json>;

/** A number that is negative, beyond 2^53 - 1, or written with a point or an exponent. */
export interface OtherNumber {
  readonly number: string;
}

/** More levels than this are refused: the reader descends into each. */
const MOST_LEVELS = 128;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** @throws Error that says what is wrong, and at which byte */
export function parseJson(bytes: Uint8Array): Json {
  return new Reader(bytes).whole();
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  whole(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#bytes.length) this.#fail('more text behind the end');
    return value;
  }

  #fail(what: string, at: number = this.#at): never {
    throw new Error(`${what} at byte ${at}`);
  }

  #space(): void {
    const bytes = this.#bytes;
    while (
      bytes[this.#at] === 0x20 ||
      bytes[this.#at] === 0x0a ||
      bytes[this.#at] === 0x0d ||
      bytes[this.#at] === 0x09
    )
      this.#at++;
  }

  /** Steps over a byte, if it is the next one that is no space. */
  #next(byte: number): boolean {
    this.#space();
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #value(level: number): Json {
    if (level > MOST_LEVELS) this.#fail(`lists and objects more than ${MOST_LEVELS} levels deep`);
    if (this.#next(OPEN_OBJECT)) return this.#object(level);
    if (this.#next(OPEN_LIST)) return this.#list(level);
    if (this.#bytes[this.#at] === QUOTE) return this.#string();
    return this.#word();
  }

  #list(level: number): Json[] {
    const list: Json[] = [];
    if (this.#next(CLOSE_LIST)) return list;
    do list.push(this.#value(level + 1));
    while (this.#next(COMMA));
    if (!this.#next(CLOSE_LIST)) this.#fail('expected , or ]');
    return list;
  }

  #object(level: number): ReadonlyMap<string, Json> {
    const object = new Map<string, Json>();
    if (this.#next(CLOSE_OBJECT)) return object;
    do {
      this.#space();
      const at = this.#at;
      if (this.#bytes[at] !== QUOTE) this.#fail('expected a key in quotation marks');
      const key = this.#string();
      if (object.has(key)) this.#fail(`the key ${quoted(key)} stands twice, the second time`, at);
      if (!this.#next(COLON)) this.#fail('expected :');
      object.set(key, this.#value(level + 1));
    } while (this.#next(COMMA));
    if (!this.#next(CLOSE_OBJECT)) this.#fail('expected , or }');
    return object;
  }

  #string(): string {
    const bytes = this.#bytes;
    const start = ++this.#at;
    let plain = true;
    while (bytes[this.#at] !== QUOTE) {
      if (this.#at >= bytes.length) this.#fail('a text without an end', start);
      if (bytes[this.#at] < 0x20) this.#fail('a control character in a text');
      if (bytes[this.#at] === BACKSLASH) {
        plain = false;
        this.#at++;
      }
      this.#at++;
    }
    const text = this.#decode(start, this.#at++);
    if (plain) return text;
    const whole = text.replace(/\\(u[\da-fA-F]{4}|[^])/g, (_, escape: string) => {
      if (escape.length === 5) return String.fromCharCode(parseInt(escape.slice(1), 16));
      return ESCAPES.get(escape) ?? this.#fail('an unknown escape in the text', start);
    });
    if (/\p{Cs}/u.test(whole)) this.#fail('half of a surrogate pair in the text', start);
    return whole;
  }

  #decode(start: number, end: number): string {
    try {
      return this.#decoder.decode(this.#bytes.subarray(start, end));
    } catch {
      return this.#fail('invalid UTF-8 in the text', start);
    }
  }

  /** true, false, null or a number. */
  #word(): Json {
    const start = this.#at;
    const ends = (byte: number): boolean =>
      byte <= 0x20 || byte === COMMA || byte === COLON || byte === CLOSE_LIST || byte === CLOSE_OBJECT;
    while (this.#at < this.#bytes.length && !ends(this.#bytes[this.#at])) this.#at++;
    const text = String.fromCharCode(...this.#bytes.subarray(start, Math.min(this.#at, start + 400)));
    if (text === 'true' || text === 'false') return text === 'true';
    if (text === 'null') return null;
    if (this.#at - start > 400 || !NUMBER.test(text)) this.#fail('expected a value', start);
    const value = Number(text);
    return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : { number: text };
  }
}

/** The value of a key where `json` is an object. */
export function member(json: Json | undefined, key: string): Json | undefined {
  return json instanceof Map ? (json as ReadonlyMap<string, Json>).get(key) : undefined;
}

/** Whether a value is a list of integers from 0 to 2^53 - 1. */
export function isSizes(json: Json | undefined): json is readonly number[] {
  return Array.isArray(json) && json.every((size) => typeof size === 'number');
}
