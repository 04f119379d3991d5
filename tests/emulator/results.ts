/** The table of modes and their results in docs/same-bytes.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { MODES } from './modes.ts';

const PAGE = fileURLToPath(new URL('../../docs/same-bytes.md', import.meta.url));
const START = '<!-- modes -->';
const END = '<!-- end of modes -->';

/** What came of the suites in a mode. */
export interface Result {
  readonly passed: number;
  readonly failed: number;
}

/** Writes the results of some modes, by name; those of the others stay. @throws Error where the page lacks the table */
export async function updateResults(results: ReadonlyMap<string, Result>): Promise<void> {
  const page = readFileSync(PAGE, 'utf8');
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/same-bytes.md has no ${START} ... ${END}`);
  const old = new Map(
    [...page.slice(start, end).matchAll(/^\| `(.+?)`.*\| (.*?) *\|$/gm)].map(([, name, cell]) => [
      name,
      cell,
    ]),
  );
  const lines = MODES.map(({ name, about, specificationOnly }) => {
    const result = results.get(name);
    const cell = result ? `${result.passed} of ${result.passed + result.failed}` : (old.get(name) ?? '');
    return `| \`${name}\` | ${about.replaceAll('*', '\\*')} | ${specificationOnly ? 'no' : 'yes'} | ${cell} |`;
  });
  const table = [
    '| mode | what it stands for | known to be done | passed |',
    '| --- | --- | --- | --- |',
    ...lines,
  ];
  const text = `${page.slice(0, start + START.length)}\n\n${table.join('\n')}\n\n${page.slice(end)}`;
  writeFileSync(PAGE, await format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}
