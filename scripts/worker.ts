/**
 * Bundles what runs in a worker of the wasm backend to ts/generated/worker.ts, as text: a worker starts from it
 * anywhere.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = `${root}/ts/generated/worker.ts`;

/** Writes the bundle, where it differs from what is there. */
export async function generateWorker(): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [`${root}/ts/backends/wasm/threads/worker.ts`],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'neutral',
    target: 'es2022',
    legalComments: 'none',
  });
  const text = [
    '/** The worker of the wasm backend. Made by scripts/worker.ts from ts/backends/wasm/threads/worker.ts. */\n',
    `export const source: string = ${JSON.stringify(outputFiles[0].text)};\n`,
  ].join('');
  if ((await readFile(output, 'utf8').catch(() => '')) === text) return;
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await generateWorker();
