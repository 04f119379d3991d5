/**
 * A project that uses the package as a user does: installed from the tarball that npm would publish, in a folder
 * outside of the repository, with the golden packets and the README's program beside it.
 */
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { goldenPlanArguments, type PlanName } from '../../ts/verify/golden-plans.ts';
import { goldens, lineOf, type Golden } from '../support/golden.ts';
import { input } from '../support/inputs.ts';
import { NPM, run } from './tools.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Consumer {
  readonly folder: string;
  /** What pages need bundled, whoever bundles them: the worker's file, whose imports no map finds. */
  readonly bundled: string;
  readonly tarball: string;
}

/** The README's program, as it stands there. */
export function readmeProgram(): string {
  const code = /```ts\n([^]*?)```/.exec(readFileSync(`${ROOT}README.md`, 'utf8'))?.[1];
  if (!code?.includes('openDevice')) throw new Error('README.md has no program');
  return code;
}

/** Packs what was built, and makes the project. */
export async function makeConsumer(): Promise<Consumer> {
  const folder = mkdtempSync(join(tmpdir(), 'fewbits-consumer-'));
  cpSync(fileURLToPath(new URL('./consumer', import.meta.url)), folder, { recursive: true });

  const { stdout } = await run(
    NPM,
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder, '--loglevel', 'error'],
    { cwd: ROOT },
  );
  const tarball = join(folder, nameOfPacked(JSON.parse(stdout)));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  await run(NPM, ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: folder });
  // the optional peer, which Node needs for a GPU and Bun must not load
  symlinkSync(join(ROOT, 'node_modules/webgpu'), join(folder, 'node_modules/webgpu'), 'junction');

  const program = readmeProgram();
  writeFileSync(join(folder, 'readme.mjs'), program);
  writeFileSync(join(folder, 'readme-in-a-function.mjs'), inFunction(program));
  writeFileSync(join(folder, 'goldens.json'), JSON.stringify(goldensForUsers()));
  const bundled = join(folder, 'bundled');
  await build({
    absWorkingDir: folder,
    entryPoints: ['in-worker.mjs'],
    outfile: join(bundled, 'in-worker.mjs'),
    bundle: true,
    format: 'esm',
    logLevel: 'error',
  });
  return { folder, bundled, tarball };
}

/** npm 11 prints a list, npm 12 an object by the packages' names. */
function nameOfPacked(report: unknown): string {
  const [packed] = Object.values(report as Record<string, { filename: string }>);
  return packed.filename;
}

/** The same lines, those after the imports as the body of `readme`. */
function inFunction(program: string): string {
  const lines = program.split('\n');
  const first = lines.findIndex((line) => !/^(import .*|\/\/ .*)?$/.test(line));
  return [...lines.slice(0, first), 'export async function readme() {', ...lines.slice(first), '}', ''].join(
    '\n',
  );
}

/** The golden packets, one object each, with what they were made from; the bytes as base64. */
function goldensForUsers(): object[] {
  if (goldens.length === 0) throw new Error('tests/vectors is empty');
  return goldens.map((golden) => {
    const { kind, seed } = golden.input;
    const x = Buffer.from(input(kind, golden.n, seed).buffer as ArrayBuffer).toString('base64');
    return { ...(JSON.parse(lineOf(golden)) as object), plan: planForUsers(golden), x };
  });
}

/** What `plan` is called with, as JSON has it: compressors by name and options, regular expressions by their source. */
function planForUsers({ compressor, options, n }: Golden): object | undefined {
  if (compressor !== 'plan') return undefined;
  const [rules, layout, planOptions] = goldenPlanArguments(options.of as PlanName, n);
  return {
    rules: rules.map(({ match, compressor: own, together }) => ({
      match: typeof match === 'string' ? match : undefined,
      source: typeof match === 'string' ? undefined : match.source,
      compressor: own.name,
      options: own.options,
      together,
    })),
    layout,
    options: planOptions,
  };
}
