/** Files, read and written whole: a failed command leaves no output behind. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** The bytes of a file. @throws Error with one plain sentence, which ends with what else there is to do */
export async function readBytes(path: string, otherwise?: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const advice = otherwise === undefined ? '' : `; ${otherwise}`;
    throw new Error(`cannot read ${path}: ${reasonOf(error)}${advice}`, { cause: error });
  }
}

/** Writes files beside their places and moves them there, so that all are whole or none is there. */
export async function writeFiles(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const beside = (path: string): string => `${path}.${process.pid}.tmp`;
  const paths = Object.keys(files);
  const each = async (step: (path: string) => Promise<void>): Promise<void> => {
    for (const path of paths)
      try {
        await step(path);
      } catch (error) {
        await Promise.all(paths.map((one) => rm(beside(one), { force: true })));
        throw new Error(`cannot write ${path}: ${reasonOf(error)}`, { cause: error });
      }
  };
  await each((path) => writeFile(beside(path), files[path]));
  await each((path) => rename(beside(path), path));
}

function reasonOf(error: unknown): string {
  const reasons: Record<string, string> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
    ENOSPC: 'no space left on the device',
  };
  const code = (error as { code?: string }).code ?? '';
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
