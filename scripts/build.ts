/**
 * `npm run build`: the generated modules from wgsl/ and assembly/, then dist/ from ts/ and the task of examples/mnist.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleTasks } from './tasks.ts';
import { generateVersion } from './version.ts';
import { generateWasm } from './wasm.ts';
import { generateWgsl } from './wgsl.ts';
import { generateWorker } from './worker.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

await generateWgsl();
await generateWasm();
await generateWorker();
await generateVersion();
const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
// What tsc leaves where it is: the compiled modules and their types.
for (const name of readdirSync(`${root}ts/generated`))
  if (/\.wasm(\.ts)?$/.test(name))
    copyFileSync(`${root}ts/generated/${name}`, `${root}dist/generated/${name}`);
if (status === 0) await bundleTasks();
process.exitCode = status ?? 1;
