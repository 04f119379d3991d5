/**
 * The fenced blocks of the documentation. A `ts` or `js` block that imports is a program; one that imports nothing goes
 * on from the program before it on its page. `ts browser` is a program for a page.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  readonly page: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  /** What stands behind the fence: `ts`, `ts browser`, `sh`. */
  readonly language: string;
  readonly code: string;
}

export interface Program extends Block {
  /** `page:line` of its last block. */
  readonly name: string;
}

/** All pages of the documentation. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'python/README.md',
  ...readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .map((name) => `docs/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.md') && !name.startsWith('docs/api/'))
    .sort(),
];

/** The blocks of a page, without the indentation of lists. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(`${root}${page}`, 'utf8');
  return [...text.matchAll(/^( *)```([^\n]*)\n([^]*?)^\1```$/gm)].map(
    ({ index, 1: indent, 2: language, 3: code }) => ({
      page,
      line: text.slice(0, index).split('\n').length,
      language: language.trim(),
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

const LANGUAGES: Record<string, string> = { ts: 'ts', js: 'ts', 'ts browser': 'ts browser' };

/** The programs of a page, for Node or for browsers, each with all blocks that it goes on from. */
export function programsOf(page: string, language: 'ts' | 'ts browser'): Program[] {
  const programs: Program[] = [];
  for (const block of blocksOf(page)) {
    if (LANGUAGES[block.language] !== language) continue;
    const before = programs.at(-1);
    const starts = /^import /m.test(block.code);
    if (!starts && before === undefined)
      throw new Error(`${page}:${block.line} imports nothing and follows nothing`);
    const code = starts || before === undefined ? block.code : `${before.code}\n${block.code}`;
    programs.push({ ...block, code, name: `${page}:${block.line}` });
  }
  return programs;
}

/**
 * The same with results looked at: `console.log(x); // 6` compares x with 6. A comment that is no value is prose.
 * `check` is what the program calls the comparison.
 */
export function compared(code: string, check: string): string {
  return code.replaceAll(
    /^( *)(.*?)console\.log\((.*)\); \/\/ (.*)$/gm,
    (_, indent: string, before: string, values: string, comment: string) =>
      `${indent}${before}${check}([${values}], ${JSON.stringify(comment)});`,
  );
}

/** `check`, for Node and for pages: it has no need of anything around it. Returns whether the comment was a value. */
export const CHECK = `(name, seen) => (values, comment) => {
  console.log(...values);
  let expected;
  try {
    expected = (0, eval)('[' + comment.replace(/^\\w+Array(\\(\\d+\\))? /, '') + ']');
  } catch {
    return;
  }
  seen.push(name);
  const plain = (value) => JSON.stringify(value, (_, part) => (ArrayBuffer.isView(part) ? [...part] : part));
  if (plain(values) !== plain(expected)) throw new Error(plain(values) + ' is not what the page says: // ' + comment);
}`;
