/**
 * `npm run software-gpu -- COMMAND ...`: runs a command with the tests' software GPU (SwiftShader) in its environment, for
 * trying `--backend webgpu` on a machine without a GPU. Linux x64; elsewhere the command just runs.
 */
import { spawnSync } from 'node:child_process';
import { softwareGpu } from '../tests/support/software-gpu.ts';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  console.error('npm run software-gpu -- COMMAND ...: expected a command');
  process.exit(2);
}
const gpu = await softwareGpu();
const { status, error } = spawnSync(command, args, {
  stdio: 'inherit',
  env: { ...process.env, ...gpu?.env },
});
if (error) console.error(`cannot run ${command}: ${error.message}`);
process.exitCode = status ?? 1;
