/** Words of a WGSL source, each with its place. */

export interface Token {
  readonly kind: 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
  readonly line: number;
}

/** What is wrong with a source, with the line that it is wrong on. */
export class WgslError extends Error {
  override readonly name = 'WgslError';
  readonly line: number;
  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.line = line;
  }
}

/** Spaces and comments, numbers, names, signs: the longest of those that begin alike comes first. */
const PATTERN = new RegExp(
  [
    String.raw`(\s+|//[^\n]*|/\*[^]*?\*/)`,
    String.raw`(0[xX][0-9a-fA-F]+[ui]?|(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?[fh]?|\d+[eE][+-]?\d+[fh]?|\d+[uifh]?)`,
    String.raw`([A-Za-z_]\w*)`,
    String.raw`(<<=|>>=|&&|\|\||==|!=|<=|>=|<<|>>|\+=|-=|\*=|/=|%=|&=|\|=|\^=|\+\+|--|->|[-+*/%&|^~!<>=(){}[\],;:.@])`,
  ].join('|'),
  'y',
);

/** @throws WgslError where a character belongs to no word */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  while (at < source.length) {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(source);
    if (!match) throw new WgslError(line, `unexpected ${JSON.stringify(source[at])}`);
    const [text, , number, name, sign] = match;
    if (number !== undefined) tokens.push({ kind: 'number', text, line });
    else if (name !== undefined) tokens.push({ kind: 'name', text, line });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text, line });
    for (const character of text) if (character === '\n') line++;
    at += text.length;
  }
  tokens.push({ kind: 'end', text: 'the end', line });
  return tokens;
}
