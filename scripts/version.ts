/** Writes the version of package.json to ts/generated/version.ts, for what runs where there is no file to read. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = `${root}ts/generated/version.ts`;

export async function generateVersion(): Promise<void> {
  const { version } = JSON.parse(await readFile(`${root}package.json`, 'utf8')) as { version: string };
  const text = `/** Made by scripts/version.ts from package.json. */\nexport const version: string = '${version}';\n`;
  if ((await readFile(output, 'utf8').catch(() => '')) === text) return;
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await generateVersion();
