/**
 * What the header of a shader says of its passes (docs/architecture.md, "The header of a shader"), read from its text.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** An entry point. Workgroups and words are formulas in the numbers of its pass. */
export interface Costs {
  readonly threads: number;
  readonly workgroups: string;
  /** Of workgroup memory. */
  readonly bytes: number;
  readonly read: string;
  readonly written: string;
}

/** A plan: a kernel, numbers of it as formulas, and its steps: `entry` or `shader.entry`, or `clear NAME`. */
export interface StatedPlan {
  readonly kernel: string;
  readonly params: Readonly<Record<string, string>>;
  readonly steps: readonly string[];
}

export interface Header {
  /** The comment itself, as it stands. */
  readonly text: string;
  readonly entries: Readonly<Record<string, Costs>>;
  readonly plans: readonly StatedPlan[];
}

const COLUMNS = 'threads, workgroups, workgroup bytes, words read, words written';

/** @throws Error where the header lacks a part, or a line of its table a column */
export function readHeader(stem: string): Header {
  const source = readFileSync(fileURLToPath(new URL(`../../wgsl/${stem}.wgsl`, import.meta.url)), 'utf8');
  const text = /^(\/\/.*\n)+/.exec(source)?.[0] ?? '';
  const fail = (reason: string): never => {
    throw new Error(`wgsl/${stem}.wgsl: ${reason}`);
  };
  const part = (name: string): string[] => {
    // a part ends where another begins: at a letter in the first column
    const found = new RegExp(`^// ${name}  .*\n(//   .*\n)*`, 'm').exec(text) ?? fail(`no part "${name}"`);
    return found[0].trimEnd().split('\n');
  };

  const [titles, ...lines] = part('Entry points').map((line) => line.slice(2).trim().split(/ {2,}/));
  if (titles.slice(1).join(', ') !== COLUMNS) fail(`the columns of its entry points are not ${COLUMNS}`);
  const entries = lines.map(([name, threads, workgroups, bytes, read, written, ...rest]): [string, Costs] => {
    if (!written || rest.length > 0) fail(`the line of ${name} has other columns than ${COLUMNS}`);
    return [name, { threads: whole(threads), workgroups, bytes: whole(bytes), read, written }];
  });

  const passes = part('Passes').join('\n').replaceAll('\n//     ', ' ');
  const plans = [...passes.matchAll(/^\/\/ {3}(\w+)\(([^)]*)\): (.+)$/gm)].map(
    ([, kernel, params, steps]): StatedPlan => ({
      kernel,
      params: Object.fromEntries(params.split(', ').map((one) => one.split(' = '))) as Record<string, string>,
      steps: steps.split(/,\s+/),
    }),
  );
  part('Bindings');
  part('Occupancy');
  part('Edges');
  return { text, entries: Object.fromEntries(entries), plans };
}

/** 16,384 as a number. */
function whole(text: string): number {
  return Number(text.replaceAll(',', ''));
}
