/**
 * `npm run compilers`: the float operations of every entry point of wgsl/ beside those that a GPU's own compiler makes
 * of them, without that GPU. docs/testing.md says how to get the compiler, docs/same-bytes.md has the table.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { shaders, subgroupShaders } from '../../ts/generated/wgsl.ts';
import { type Compiled, compileAll, FAMILIES, type Family } from './aco.ts';
import { countSource } from './source.ts';
import type { SourceCounts } from './counts.ts';
import { markdownOf, rowsOf } from './table.ts';

const PAGE = fileURLToPath(new URL('../../docs/same-bytes.md', import.meta.url));
const START = '<!-- compilers -->';
const END = '<!-- end of compilers -->';

const help = `npm run compilers -- [options]

Compiles every shader with Mesa's compiler for AMD GPUs, none of which has to be there, and counts float operations. A
fused product and sum, or an addition that is missing, shows that the compiler rounds otherwise than the source. Exit
status 1 where an entry point differs and scripts/compilers/expected.ts has no reason for it, 2 where it cannot tell.

  --gpu NAME         a GPU, may be given several times: ${Object.keys(FAMILIES).join(', ')} (all)
  --listings FOLDER  leave the compiler's listings there
  --update           write the table of docs/same-bytes.md
  --help             print this

TEST_RADV=/path/to/radeon_icd.json names Mesa's driver, where it is not the system's (docs/testing.md).
`;

interface Options {
  readonly families: readonly Family[];
  readonly listings?: string;
  readonly update: boolean;
}

const isFamily = (name: string): name is Family => name in FAMILIES;

/** @throws TypeError where the arguments are wrong */
function readOptions(): Options {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      gpu: { type: 'string', multiple: true },
      listings: { type: 'string' },
      ...{ update: flag, help: flag },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const names = values.gpu ?? Object.keys(FAMILIES);
  const families = names.filter(isFamily);
  const unknown = names.find((name) => !isFamily(name));
  if (unknown !== undefined)
    throw new TypeError(`--gpu expected one of ${Object.keys(FAMILIES).join(', ')}, got ${unknown}`);
  if (values.update && values.gpu) throw new TypeError('--update writes all GPUs: leave --gpu out');
  return { families, listings: values.listings, update: values.update };
}

function countSources(): Map<string, Map<string, SourceCounts>> {
  const found = new Map<string, Map<string, SourceCounts>>();
  for (const [name, { source }] of Object.entries(shaders)) found.set(name, countSource(source));
  for (const [name, { source }] of Object.entries(subgroupShaders))
    found.set(`${name}-subgroups`, countSource(source));
  return found;
}

/** @throws Error where a compiler fuses nothing at all, so that what it leaves as written says nothing */
function requireFusing(compiled: readonly Compiled[]): void {
  for (const { family, control } of compiled)
    if (control.fused + control.mads === 0)
      throw new Error(
        `${family}: the compiler left x * y + z as it is, so this is not how a GPU's driver runs it`,
      );
}

/** Writes between the marks of the page. */
async function update(table: string): Promise<void> {
  const page = readFileSync(PAGE, 'utf8');
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/same-bytes.md has no ${START} ... ${END}`);
  const text = `${page.slice(0, start + START.length)}\n\n${table}\n\n${page.slice(end)}`;
  writeFileSync(PAGE, await format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}

/** The exit status: whether an entry point differs. */
async function run(options: Options): Promise<number> {
  if (options.listings !== undefined) mkdirSync(options.listings, { recursive: true });
  const { driver, compiled } = await compileAll(options.families, options.listings);
  requireFusing(compiled);
  const rows = rowsOf(countSources(), compiled);
  const { version } = createRequire(import.meta.url)('webgpu/package.json') as { version: string };
  const table = markdownOf(
    rows,
    `ACO of ${driver.replace(/^radv: /, '')}, SPIR-V by Dawn of webgpu ${version}`,
  );
  console.log(await format(table, { parser: 'markdown' }));
  if (options.update) await update(table);
  const differing = rows.filter(({ differs }) => differs);
  for (const { shader, entry, verdict } of differing)
    console.error(`wgsl/${shader}.wgsl, ${entry}: ${verdict}`);
  console.log(`${rows.length - differing.length} as written or accounted for, ${differing.length} differ`);
  return differing.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await run(readOptions());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
