/**
 * `npm run software-gpu -- [--lavapipe] COMMAND ...`: runs a command with the tests' software GPU in its environment,
 * SwiftShader or Mesa's lavapipe (docs/testing.md), for trying `--backend webgpu` on a machine without a GPU. Linux
 * x64; elsewhere the command just runs.
 */
import { spawnSync } from 'node:child_process';
import { findLavapipe } from '../tests/support/lavapipe.ts';
import { softwareGpu } from '../tests/support/software-gpu.ts';

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

const args = process.argv.slice(2);
const onLavapipe = args[0] === '--lavapipe';
if (onLavapipe) args.shift();
const [command, ...rest] = args;
if (command === undefined) fail('npm run software-gpu -- [--lavapipe] COMMAND ...: expected a command');
const gpu = onLavapipe ? await findLavapipe() : await softwareGpu();
if (typeof gpu === 'string') fail(`lavapipe is not found: ${gpu}`);
const { status, error } = spawnSync(command, rest, {
  stdio: 'inherit',
  env: { ...process.env, ...gpu?.env },
});
if (error) console.error(`cannot run ${command}: ${error.message}`);
process.exitCode = status ?? 1;
