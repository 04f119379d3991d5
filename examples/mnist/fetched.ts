/** Data that are npm packages of their own projects beside the examples, installed at the first use. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** What goes wrong where data cannot be fetched or are not what they should be. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
}

/**
 * A path in a project's folder, whose packages are installed where it does not exist yet.
 * @param what the data and their size, for people
 * @throws DatasetError where npm fails, or has not brought it
 */
export function installed(project: string, part: string, what: string): string {
  const found = path.join(project, part);
  if (existsSync(found)) return found;
  console.log(`Fetching ${what}, once.`);
  const isWindows = process.platform === 'win32';
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock'];
  const { status, stderr } = spawnSync(isWindows ? 'npm.cmd' : 'npm', args, {
    cwd: project,
    encoding: 'utf8',
    shell: isWindows,
  });
  if (status !== 0 || !existsSync(found))
    throw new DatasetError(`npm install in ${project} failed: ${stderr.trim().split('\n').pop() ?? ''}`);
  return found;
}
