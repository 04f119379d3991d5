/**
 * The float adds, multiplies and fused multiply-adds of each entry point, as written in WGSL and as each GPU's compiler
 * emits them: a table for docs/same-bytes.md and the terminal.
 */
import type { Compiled, Family } from './aco.ts';
import { FAMILIES } from './aco.ts';
import type { MachineCounts, SourceCounts } from './counts.ts';
import { EXPECTED } from './expected.ts';
import { differences } from './verdict.ts';

/** An entry point, in the source and in what was made of it for each GPU. */
export interface Row {
  readonly shader: string;
  readonly entry: string;
  readonly source: SourceCounts;
  readonly machines: ReadonlyMap<Family, MachineCounts>;
  readonly verdict: string;
  readonly differs: boolean;
}

/** @param sources the counts of the source, by shader and entry point */
export function rowsOf(
  sources: ReadonlyMap<string, ReadonlyMap<string, SourceCounts>>,
  compiled: readonly Compiled[],
): Row[] {
  return compiled[0].entries.map(({ shader, entry }, i) => {
    const source = sources.get(shader)!.get(entry)!;
    const machines = new Map(compiled.map(({ family, entries }) => [family, entries[i].counts]));
    return { shader, entry, source, machines, ...verdictOf(shader, entry, source, machines) };
  });
}

function verdictOf(
  shader: string,
  entry: string,
  source: SourceCounts,
  machines: ReadonlyMap<Family, MachineCounts>,
): Pick<Row, 'verdict' | 'differs'> {
  const expected = EXPECTED.find((one) => one.shader === shader && one.entry === entry);
  const wrong = [...machines].flatMap(([family, counts]) => {
    const found = differences(source, counts, expected);
    return found.length > 0 ? [`${family} ${found.join(', ')}`] : [];
  });
  if (wrong.length > 0) return { verdict: `differs: ${wrong.join('; ')}`, differs: true };
  const fused = Math.max(...[...machines.values()].map((counts) => counts.fused));
  if (fused === 0 || !expected) return { verdict: 'as written', differs: false };
  return { verdict: `${fused} fused: ${expected.reason}`, differs: false };
}

const hasFloats = ({ source, differs }: Row): boolean =>
  differs || source.adds + source.multiplies + source.fused + source.doubles > 0;

/** GPUs whose counts are the same for every row, together. */
function groupsOf(rows: readonly Row[]): Family[][] {
  const groups = new Map<string, Family[]>();
  for (const family of rows[0].machines.keys()) {
    const key = JSON.stringify(rows.map(({ machines }) => machineCell(machines.get(family)!)));
    groups.set(key, [...(groups.get(key) ?? []), family]);
  }
  return [...groups.values()];
}

const sourceCell = ({ adds, multiplies, fused, doubles }: SourceCounts): string =>
  `${adds} / ${multiplies + doubles} / ${fused}`;

function machineCell({ adds, multiplies, fused, mads }: MachineCounts): string {
  return `${adds} / ${multiplies} / ${fused}${mads > 0 ? `, ${mads} mad` : ''}`;
}

const headingOf = (families: readonly Family[]): string =>
  families.map((family) => `${family} (${FAMILIES[family]})`).join(', ');

/** A Markdown table of the rows that have float operations, and a line for the others. */
export function markdownOf(rows: readonly Row[], versions: string): string {
  const shown = rows.filter(hasFloats);
  const groups = groupsOf(shown);
  const lines = [
    ['entry point', 'source', ...groups.map(headingOf), 'float operations'],
    ['---', '---', ...groups.map(() => '---'), '---'],
    ...shown.map(({ shader, entry, source, machines, verdict }) => [
      `\`${shader}.${entry}\``,
      sourceCell(source),
      ...groups.map(([family]) => machineCell(machines.get(family)!)),
      verdict,
    ]),
  ].map((cells) => `| ${cells.join(' | ')} |`);
  const others = rows.filter((row) => !hasFloats(row));
  return [
    `${versions}; \`npm run compilers -- --update\`.`,
    `A cell: adds / multiplies / fused.`,
    '',
    ...lines,
    '',
    `${others.length} entry points have no float operation but for quotients of integers, here as there: those of`,
    `${[...new Set(others.map(({ shader }) => shader))].join(', ')}.`,
  ].join('\n');
}
