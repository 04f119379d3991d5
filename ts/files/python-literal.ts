/**
 * Literals of Python, as the headers of .npy files have them: dictionaries, tuples, lists, texts, integers, True, False
 * and None (docs.python.org/3/library/ast.html#ast.literal_eval). Floats, bytes and sets are not read; no header has
 * them.
 */

/** A value. Tuples and lists differ: numpy takes only tuples as shapes. */
export type Literal = null | boolean | string | bigint | Sequence | ReadonlyMap<string, Literal>;

export interface Sequence {
  readonly kind: 'tuple' | 'list';
  readonly items: readonly Literal[];
}

export interface LiteralOptions {
  /** Whether integers may end in L, as those of Python 2 do. */
  readonly long: boolean;
}

/** More levels than this are refused, here as in Python: the reader descends into each. */
const MOST_LEVELS = 200;

/** What stands between values: spaces, ends of lines, comments. */
const SPACE = /(?:[ \t\f\r\n]|#[^\r\n]*)*/y;
const WORD = /[A-Za-z_]\w*/y;
const INTEGER =
  /0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?0)*(?![\d_])|[1-9](?:_?\d)*/y;
const TEXT = /([rRuU]?)('''|"""|'|")/y;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\n', ''],
]);

/** @throws Error that says what is wrong, and at which character */
export function parseLiteral(text: string, options: LiteralOptions): Literal {
  return new Reader(text, options).whole();
}

class Reader {
  readonly #text: string;
  readonly #long: boolean;
  #at = 0;

  constructor(text: string, { long }: LiteralOptions) {
    this.#text = text;
    this.#long = long;
  }

  whole(): Literal {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail('more text behind the end');
    return value;
  }

  #fail(what: string): never {
    throw new Error(`${what} at character ${this.#at}`);
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  #space(): void {
    this.#match(SPACE);
  }

  /** Steps over a character, if it is the next one. */
  #next(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #value(level: number): Literal {
    if (level > MOST_LEVELS) this.#fail(`more than ${MOST_LEVELS} levels deep`);
    if (this.#next('{')) return this.#dictionary(level);
    if (this.#next('(')) return this.#tuple(level);
    if (this.#next('[')) return { kind: 'list', items: this.#items(level, ']') };
    return this.#string() ?? this.#number() ?? this.#name();
  }

  #dictionary(level: number): ReadonlyMap<string, Literal> {
    const entries = new Map<string, Literal>();
    while (!this.#next('}')) {
      const key = this.#value(level + 1);
      if (typeof key !== 'string') this.#fail('a key that is no text');
      if (!this.#next(':')) this.#fail('expected :');
      // of a key that stands twice the last counts, as in Python
      entries.set(key, this.#value(level + 1));
      if (this.#next(',')) continue;
      if (!this.#next('}')) this.#fail('expected , or }');
      break;
    }
    return entries;
  }

  /** A tuple, or a value in parentheses. */
  #tuple(level: number): Literal {
    if (this.#next(')')) return { kind: 'tuple', items: [] };
    const first = this.#value(level + 1);
    if (this.#next(')')) return first;
    if (!this.#next(',')) this.#fail('expected , or )');
    return { kind: 'tuple', items: [first, ...this.#items(level, ')')] };
  }

  #items(level: number, end: string): Literal[] {
    const items: Literal[] = [];
    while (!this.#next(end)) {
      items.push(this.#value(level + 1));
      if (this.#next(',')) continue;
      if (!this.#next(end)) this.#fail(`expected , or ${end}`);
      break;
    }
    return items;
  }

  /** A text; several in a row are one, as in Python. */
  #string(): string | undefined {
    let whole: string | undefined;
    for (let start = this.#match(TEXT); start !== undefined; start = this.#match(TEXT)) {
      whole = (whole ?? '') + this.#rest(start[2], /r/i.test(start[1]));
      this.#space();
    }
    return whole;
  }

  /** What stands behind an opening quotation mark. */
  #rest(mark: string, raw: boolean): string {
    let value = '';
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || (mark.length === 1 && character === '\n'))
        this.#fail('a text without an end');
      if (this.#text.startsWith(mark, this.#at)) {
        this.#at += mark.length;
        return value;
      }
      this.#at++;
      if (character !== '\\') value += character;
      else value += raw ? `\\${this.#text[this.#at++] ?? ''}` : this.#escape();
    }
  }

  #escape(): string {
    const digits = this.#match(/x([\da-fA-F]{2})|u([\da-fA-F]{4})/y);
    if (digits !== undefined) return String.fromCharCode(parseInt(digits[1] ?? digits[2], 16));
    const character = this.#text[this.#at++] ?? '';
    if (/[xuUN0-7]/.test(character)) this.#fail('an unknown escape');
    return ESCAPES.get(character) ?? `\\${character}`;
  }

  #number(): bigint | undefined {
    const sign = this.#match(/[+-]/y)?.[0];
    if (sign !== undefined) this.#space();
    const digits = this.#match(INTEGER)?.[0];
    if (digits === undefined) return sign === undefined ? undefined : this.#fail('expected an integer');
    if (this.#long && this.#text[this.#at] === 'L') this.#at++;
    if (/[\w.]/.test(this.#text[this.#at] ?? '')) this.#fail('expected an integer');
    const value = BigInt(digits.replaceAll('_', ''));
    return sign === '-' ? -value : value;
  }

  #name(): Literal {
    const name = this.#match(WORD)?.[0];
    if (name === 'True' || name === 'False') return name === 'True';
    if (name === 'None') return null;
    return this.#fail('expected a value');
  }
}
