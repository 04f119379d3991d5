/**
 * lavapipe, Mesa's Vulkan on the CPU: a second driver for the suites of webgpu, with another compiler than
 * SwiftShader's and subnormals that it keeps. It is part of the system (docs/testing.md), or lies in a folder of its
 * own.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { softwareGpu } from './software-gpu.ts';

export interface Lavapipe {
  /** As its adapter calls itself: `llvmpipe: Mesa 25.0.7 (LLVM 19.1.7)`. */
  readonly name: string;
  /** What a process needs in its environment from its start. */
  readonly env: { readonly LD_LIBRARY_PATH: string; readonly VK_DRIVER_FILES: string };
}

/** Where the system's packages put the drivers' descriptions. */
const SYSTEM = '/usr/share/vulkan/icd.d';

/** Asks the environment that it runs in for its adapter. */
const PROBE = `
import { create } from 'webgpu';
const gpu = create([]);
const adapter = await gpu.requestAdapter();
console.log(adapter ? adapter.info.description : '');
process.exit();`;

/**
 * lavapipe where Dawn takes it. TEST_LAVAPIPE names its description, \`lvp_icd.x86_64.json\`, or is \`0\` for none; the
 * system's if left out.
 * @returns why there is none, as a sentence, where there is none
 */
export async function findLavapipe(): Promise<Lavapipe | string> {
  const given = process.env.TEST_LAVAPIPE;
  if (given === '0') return 'TEST_LAVAPIPE=0';
  if (given && !existsSync(given)) throw new Error(`TEST_LAVAPIPE names ${given}, which does not exist`);
  const system = existsSync(SYSTEM)
    ? readdirSync(SYSTEM).find((name) => name.startsWith('lvp_icd'))
    : undefined;
  const driver = given ?? (system && join(SYSTEM, system));
  if (!driver) return `no ${SYSTEM}/lvp_icd*.json, and TEST_LAVAPIPE names none`;
  const env = { LD_LIBRARY_PATH: await librariesFor(driver), VK_DRIVER_FILES: driver };
  const options = { env: { ...process.env, ...env }, cwd: fileURLToPath(new URL('../..', import.meta.url)) };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', PROBE],
    options,
  ).catch(() => ({ stdout: '' }));
  const name = stdout.trim();
  return name.includes('llvmpipe')
    ? { name, env }
    : `Dawn does not take ${driver} (Mesa 23.1 or later is needed)`;
}

/** Folders of libraries: the driver's own, where it is unpacked beside its description, and a Vulkan loader's. */
export async function librariesFor(driver: string): Promise<string> {
  // ROOT/usr/share/vulkan/icd.d/lvp_icd.json and ROOT/usr/lib/x86_64-linux-gnu
  const beside = join(
    dirname(driver),
    '../../../lib',
    `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  );
  const loader = (await softwareGpu())?.folder;
  const folders = [dirname(driver) === SYSTEM ? '' : beside, process.env.LD_LIBRARY_PATH ?? '', loader ?? ''];
  return folders.filter((folder) => folder !== '').join(delimiter);
}
