/**
 * The MNIST task of examples/ as one module in dist/, for the published command: its packages stay imports, and
 * optional.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

export async function bundleTasks(): Promise<void> {
  await build({
    entryPoints: [`${root}examples/mnist/task.ts`],
    outfile: `${root}dist/tasks/mnist.js`,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    logLevel: 'warning',
  });
}
