/** Every fenced block of the documentation: it runs, or stands below with the reason why not. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import ts from 'typescript';
import * as assert from 'uvu/assert';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { writeNpy } from '../../ts/files/npy.ts';
import { freePort } from '../support/ports.ts';
import { input } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { suite } from '../support/suite.ts';
import { blocksOf, compared, pages, programsOf, root, type Program } from './blocks.ts';
import { checkCommand, commandsOf } from './commands.ts';
import { runInPage } from './in-page.ts';
import type { Outcome } from './run-programs.ts';

const test = suite('blocks of the documentation');
const run = promisify(execFile);

/** What is not run, by its page and its first words, and why. */
const NOT_RUN: readonly (readonly [page: string, start: string, reason: string])[] = [
  [
    'docs/runtimes.md',
    "import module from 'fewbits/wasm-simd.wasm'",
    'for runtimes that import WebAssembly modules, which Node does not by itself; npm run test:runtimes workerd runs it',
  ],
];

/** Python that serves until it is stopped: the programs of its page run beside it. */
const SERVERS: Readonly<Record<string, { readonly at: string; readonly args: readonly string[] }>> = {
  'python/README.md': { at: 'http://127.0.0.1:8000', args: ['--workers', '1'] },
};

/** Blocks that are no programs: output, files, diagrams. */
const NO_PROGRAM = ['', 'text', 'json', 'html'];
const PROGRAMS = ['ts', 'js', 'ts browser', 'sh', 'python'];

/**
 * `@tensorflow/tfjs`, of which the tests have the core and a backend; npm run test:runtimes runs its programs with the
 * whole.
 */
const TFJS = `import '@tensorflow/tfjs-backend-cpu';
import '../../examples/tfjs/gradients.ts';
export * from '@tensorflow/tfjs-core';
`;
const withTfjs = (code: string): string => code.replaceAll("from '@tensorflow/tfjs'", "from './tfjs.mts'");

const isLeftOut = ({ page, code }: { readonly page: string; readonly code: string }): boolean =>
  NOT_RUN.some(([where, start]) => where === page && code.startsWith(start));

let folder = '';
test.before(() => {
  // inside the package, whose own name then resolves to it
  folder = mkdtempSync(`${root}dist/docs-`);
  writeFileSync(`${folder}/tfjs.mts`, TFJS);
});
test.after(() => rmSync(folder, { recursive: true }));

test('each block has a language that is run, or that is none', () => {
  for (const { page, line, language } of pages.flatMap(blocksOf))
    assert.ok([...PROGRAMS, ...NO_PROGRAM].includes(language), `${page}:${line}: nothing runs ${language}`);
  for (const [page, start] of NOT_RUN)
    assert.ok(
      blocksOf(page).some(({ code }) => code.startsWith(start)),
      `${page} has no block that starts with ${start}`,
    );
});

const fileOf = (name: string, ending: string): string => `${folder}/${name.replaceAll(/\W/g, '-')}${ending}`;

test.long('programs in TypeScript are sound to a strict compiler', () => {
  const programs = pages
    .flatMap((page) => [...programsOf(page, 'ts'), ...programsOf(page, 'ts browser')])
    .filter(({ language }) => language !== 'js');
  const files = programs.map(({ name, code }) => {
    const file = fileOf(name, '.mts');
    writeFileSync(file, withTfjs(code));
    return file;
  });
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root, {
    noUnusedLocals: false,
    isolatedDeclarations: false,
  });
  const found = ts.getPreEmitDiagnostics(ts.createProgram(files, options));
  assert.equal(
    found.map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    ),
    [],
  );
  assert.ok(programs.length > 5);
});

/** Writes the programs to files, and runs them in one process. */
async function runAll(programs: readonly Program[], change: (code: string) => string): Promise<Outcome[]> {
  const args = programs.flatMap(({ name, code }) => {
    const file = fileOf(name, '-run.mts');
    writeFileSync(file, withTfjs(change(compared(code, 'globalThis.check'))));
    return [name, file];
  });
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'tests/docs/run-programs.ts', ...args], {
    cwd: root,
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout) as Outcome[];
}

const failures = (outcomes: readonly Outcome[]): string[] =>
  outcomes.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]));

test('programs run in Node, with the results that they say', async () => {
  const programs = pages
    .filter((page) => !(page in SERVERS))
    .flatMap((page) => programsOf(page, 'ts'))
    .filter((program) => !isLeftOut(program));
  const outcomes = await runAll(programs, (code) => code);
  assert.equal(failures(outcomes), []);
  assert.is(outcomes.length, programs.length);
  const results = outcomes.reduce((sum, outcome) => sum + outcome.compared, 0);
  console.log(`${outcomes.length} programs, ${results} results compared`);
  assert.ok(outcomes.length > 15 && results > 20, `${outcomes.length} programs, ${results} results`);
});

test('programs for browsers run in Chromium, on a GPU where they ask for one', async () => {
  const programs = pages.flatMap((page) => programsOf(page, 'ts browser'));
  assert.ok(programs.length > 2);
  const gpu = await softwareGpu();
  if (gpu === undefined) return skip('the software GPU is carried for Linux x64 alone');
  assert.equal(await runInPage(programs, gpu), []);
});

test('Python runs, and servers in it serve the programs beside them', async () => {
  const python = await findPython();
  if (python === undefined) return skip(NO_PYTHON);
  const env = { ...process.env, PYTHONPATH: `${root}python` };
  for (const page of pages) {
    const server = SERVERS[page];
    const blocks = blocksOf(page).filter(({ language }) => language === 'python');
    const serving = blocks.find(({ code }) => code.includes('serve_forever'));
    for (const { code } of blocks) if (code !== serving?.code) await run(python, ['-B', '-c', code], { env });
    if (server === undefined) continue;
    assert.ok(serving !== undefined, `${page} has no server`);
    const port = await freePort();
    const child = spawn(python, ['-B', '-c', serving?.code ?? '', ...server.args, '--port', String(port)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      const outcomes = await runAll(programsOf(page, 'ts'), (code) =>
        code.replaceAll(server.at, `http://127.0.0.1:${port}`),
      );
      assert.ok(outcomes.length > 0);
      assert.equal(failures(outcomes), []);
    } finally {
      child.kill();
    }
  }
});

test('commands exist, and run where that is quick', async () => {
  const own = mkdtempSync(`${tmpdir()}/fewbits-`);
  try {
    writeFileSync(`${own}/gradient.npy`, writeNpy(input('normal', 1000)));
    const tensors = { weight: { dtype: 'F32', shape: [10, 10], data_offsets: [0, 400] } };
    const header = new TextEncoder().encode(JSON.stringify(tensors).padEnd(104));
    const size = new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer);
    const values = new Uint8Array(input('normal', 100).buffer);
    for (const name of ['model', 'old', 'new'])
      writeFileSync(`${own}/${name}.safetensors`, Buffer.concat([size, header, values]));
    writeFileSync(`${own}/plan.json`, '[{ "match": "*", "compressor": "top-k:ratio=0.1" }]');
    let ran = 0;
    for (const { page, line, code } of pages.flatMap(blocksOf).filter(({ language }) => language === 'sh'))
      for (const command of commandsOf(code))
        try {
          if ((await checkCommand(command, own)) === 'ran') ran++;
        } catch (error) {
          throw new Error(`${page}:${line}: ${(error as Error).message}`, { cause: error });
        }
    assert.ok(ran > 5, `${ran} ran`);
  } finally {
    rmSync(own, { recursive: true });
  }
});

test.run();
