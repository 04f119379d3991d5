/** Text from a file or a command line inside an error message: one line, short, without control characters. */

/**
 * Control and format characters (bidirectional overrides among them), lone surrogates, line and paragraph separators.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** `text` with unprintable characters as `\u{...}`, cut after `most` characters of the result. */
export function escaped(text: string, most: number = Infinity): string {
  let line = '';
  for (const character of text) {
    const shown = UNPRINTABLE.test(character)
      ? `\\u{${(character.codePointAt(0) as number).toString(16)}}`
      : character;
    if (line.length + shown.length > most) return `${line}...`;
    line += shown;
  }
  return line;
}

/** `text` in quotation marks: 80 characters at most, so that two of them fit into a message. */
export function quoted(text: string): string {
  return `"${escaped(text, 80)}"`;
}
