/** Files, read and written whole: a failed command leaves no output behind. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** The bytes of a file. @throws Error with one plain sentence */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Writes a file beside its place and moves it there, so that it is whole or not there at all. */
export async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(beside, bytes);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw new Error(`cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
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
