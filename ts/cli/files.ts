/** Files that the command reads and writes: a failed command leaves no output behind. */
import { randomUUID } from 'node:crypto';
import { constants, fstatSync, type BigIntStats } from 'node:fs';
import {
  access,
  chmod,
  copyFile,
  type FileHandle,
  open,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { escaped } from '../files/quote.ts';
import { joined, type Source } from '../files/source.ts';
import { UsageError } from './usage.ts';

/** Bytes that are read at once where a file's size is not known. */
const CHUNK = 2 ** 20;
/** Node reads less than 2^31 bytes at once. */
const MOST_READ = 2 ** 30;

/**
 * Calls `work` with a file as a source. A file on a disk is read where and when `work` asks for it; a pipe or a device
 * is read to its end first.
 * @throws Error with one plain sentence where it cannot be read, which ends with what else there is to do
 */
export async function withSource<T>(
  path: string,
  work: (source: Source) => Promise<T>,
  otherwise?: string,
): Promise<T> {
  let file: FileHandle | undefined;
  try {
    let source: Source;
    try {
      file = await open(path, 'r');
      source = await sourceIn(file);
    } catch (error) {
      const advice = otherwise === undefined ? '' : `; ${otherwise}`;
      throw new Error(`cannot read ${escaped(path)}: ${reasonOf(error)}${advice}`, { cause: error });
    }
    return await work(source);
  } finally {
    await file?.close();
  }
}

async function sourceIn(file: FileHandle): Promise<Source> {
  const about = await file.stat();
  if (about.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
  // files of /proc are regular ones of size 0 that hold something
  if (about.isFile() && about.size > 0)
    return { size: about.size, read: (start, end) => readPart(file, start, end - start) };
  const parts: Uint8Array[] = [];
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK), 0, CHUNK, null);
    if (bytesRead === 0) break;
    parts.push(buffer.subarray(0, bytesRead));
  }
  const bytes = joined(parts);
  return { size: bytes.length, read: (start, end) => Promise.resolve(bytes.subarray(start, end)) };
}

/** So many bytes from a place in a file, or fewer where it ends before. */
async function readPart(file: FileHandle, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, Math.min(length - at, MOST_READ), from + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

/** The bytes of a file. @throws Error with one plain sentence, which ends with what else there is to do */
export function readBytes(path: string, otherwise?: string): Promise<Uint8Array> {
  return withSource(path, (source) => source.read(0, source.size), otherwise);
}

/** Whether there is something at a path. */
export async function isThere(path: string): Promise<boolean> {
  return (await statOf(path)) !== undefined;
}

/** What writes a file: its bytes, or parts of them that are made as they are written. */
export type Content = Uint8Array | Iterable<Uint8Array>;

/**
 * Writes files. Those on a disk are written beside their places and moved there, so that all are whole or none is
 * there; a symbolic link stays, and what it names is replaced. A device or a pipe is written to.
 */
export async function writeFiles(files: Readonly<Record<string, Content>>): Promise<void> {
  const writes = await Promise.all(
    Object.entries(files).map(async ([path, content]): Promise<Write> => {
      const there = await attempt(path, () => statOf(path));
      if (there?.isDirectory()) throw cannotWrite(path, { code: 'EISDIR' });
      const parts = content instanceof Uint8Array ? [content] : content;
      if (there !== undefined && !there.isFile()) return { path, parts, there };
      const target = await attempt(path, () => targetOf(path));
      if (there !== undefined) await attempt(path, () => access(target, constants.W_OK));
      return { path, parts, there, target, beside: `${target}.${randomUUID().slice(0, 8)}.tmp` };
    }),
  );
  try {
    for (const { path, parts, beside, there } of writes)
      if (beside !== undefined)
        await attempt(path, async () => {
          await writeParts(beside, 'wx', parts);
          if (there !== undefined) await chmod(beside, Number(there.mode) & 0o7777);
        });
    for (const { path, parts, beside, there } of writes)
      if (beside === undefined)
        await attempt(path, () => (isStdout(there) ? writeToStdout(parts) : writeParts(path, 'w', parts)));
    for (const { path, target, beside } of writes)
      if (beside !== undefined) await attempt(path, () => replace(beside, target as string));
  } finally {
    for (const { beside } of writes) if (beside !== undefined) await rm(beside, { force: true });
  }
}

/** A file to be written; with `target` and `beside` one on a disk. */
interface Write {
  readonly path: string;
  readonly parts: Iterable<Uint8Array>;
  /** What is there now. */
  readonly there: BigIntStats | undefined;
  /** The file itself, where `path` is a symbolic link. */
  readonly target?: string;
  /** Where it is written before it is moved. */
  readonly beside?: string;
}

async function replace(beside: string, target: string): Promise<void> {
  try {
    await rename(beside, target);
  } catch (error) {
    // a file that is mounted by itself cannot be replaced, only written to
    if ((error as { code?: string }).code !== 'EBUSY') throw error;
    await copyFile(beside, target);
  }
}

async function writeParts(path: string, flags: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, flags);
  try {
    for (const part of parts) await file.writeFile(part);
  } finally {
    await file.close();
  }
}

async function writeToStdout(parts: Iterable<Uint8Array>): Promise<void> {
  for (const part of parts)
    await new Promise<void>((done, fail) => {
      process.stdout.write(part, (error) => (error ? fail(error) : done()));
    });
}

/** Whether something is this process's standard output, as /dev/stdout is. */
function isStdout(there: BigIntStats | undefined): boolean {
  try {
    const { dev, ino } = fstatSync(1, { bigint: true });
    return there !== undefined && there.dev === dev && there.ino === ino;
  } catch {
    return false;
  }
}

/** Whether writing to a path writes to standard output: then nothing else may. */
export async function goesToStdout(path: string): Promise<boolean> {
  return isStdout(await statOf(path));
}

/** Whether there is something at a path that is no file on a disk. */
export async function isDevice(path: string): Promise<boolean> {
  const there = await statOf(path);
  return there !== undefined && !there.isFile() && !there.isDirectory();
}

/**
 * Refuses to write over what was read, by whatever name, and to write two files into one.
 * @throws UsageError that names the two
 */
export async function requireApart(inputs: readonly string[], outputs: readonly string[]): Promise<void> {
  const placeOf = async (path: string): Promise<string> => {
    const there = await statOf(path);
    if (there === undefined) return resolve(path);
    // a terminal or a pipe may well be both
    return there.isFile() ? `${there.dev}:${there.ino}` : '';
  };
  const read = await Promise.all(inputs.map(placeOf));
  const written = await Promise.all(outputs.map(placeOf));
  for (const [i, place] of written.entries()) {
    const same = place === '' ? -1 : read.indexOf(place);
    if (same >= 0)
      throw new UsageError(
        `${escaped(outputs[i])} is the input ${escaped(inputs[same])}; --force writes over it`,
      );
    if (place !== '' && written.indexOf(place) < i)
      throw new UsageError(`${escaped(outputs[i])} would be written twice`);
  }
}

/** What is at a path, symbolic links followed; undefined where nothing is. */
async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file that a path stands for, which need not be there: a symbolic link is followed. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
  }
  const link = await readlink(path).catch(() => undefined);
  return link === undefined ? path : targetOf(resolve(dirname(path), link));
}

async function attempt<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    // what makes the bytes may fail as well, in words of its own
    throw (error as { code?: string }).code === undefined ? error : cannotWrite(path, error);
  }
}

function cannotWrite(path: string, cause: unknown): Error {
  return new Error(`cannot write ${escaped(path)}: ${reasonOf(cause)}`, { cause });
}

const REASONS: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOENT', 'no such file or folder'],
  ['ENOTDIR', 'a part of the path is no folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
  ['EISDIR', 'it is a folder'],
  ['ELOOP', 'its symbolic links lead nowhere'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['ENXIO', 'nothing reads from it'],
  ['EPIPE', 'its reader has left'],
  ['ENOSPC', 'no space left on the device'],
]);

function reasonOf(error: unknown): string {
  const reason = REASONS.get((error as { code?: string }).code);
  return reason ?? (error instanceof Error ? error.message : String(error));
}
