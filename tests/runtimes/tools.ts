/**
 * The runtimes and bundlers: npm packages in a project of their own, tests/runtimes/tools, installed at the first
 * use; and running them.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('./tools/', import.meta.url));
const MODULES = `${PROJECT}node_modules`;
const WINDOWS = process.platform === 'win32';

/** How long one program may take, in seconds. */
const LIMIT = 480;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs a program and gives what it printed.
 * @throws Error with the end of what it printed, where it fails or takes too long
 */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, env }: RunOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: WINDOWS && command.endsWith('.cmd'),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT * 1000);
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject).once('close', (...ended) => resolve(ended));
  }).finally(() => clearTimeout(timer));
  if (status === 0) return { stdout, stderr };
  const ending = signal === 'SIGKILL' ? `took more than ${LIMIT} s` : `ended with ${signal ?? status}`;
  throw new Error(`${[command, ...args].join(' ')} ${ending}\n${`${stdout}\n${stderr}`.trim().slice(-3000)}`);
}

/** npm's command. */
export const NPM: string = WINDOWS ? 'npm.cmd' : 'npm';

/** Installs the project unless that was done after its lock file was last written. */
export async function install(): Promise<void> {
  const installed = `${MODULES}/.package-lock.json`; // what npm writes last
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(`${PROJECT}package-lock.json`).mtimeMs)
    return;
  process.stdout.write('Fetching runtimes and bundlers (about 1.7 GB on disk), once.\n');
  await run(NPM, ['ci', '--no-audit', '--no-fund', '--loglevel', 'error'], { cwd: PROJECT });
}

/** The command `name` of the project. */
export function command(name: string): string {
  return `${MODULES}/.bin/${name}${WINDOWS ? '.cmd' : ''}`;
}

/** A file of a package of the project. */
export function packaged(path: string): string {
  return `${MODULES}/${path}`;
}

/** The version of a package of the project; undefined where it is not installed, for another system say. */
export function versionOf(name: string): string | undefined {
  try {
    const manifest = readFileSync(`${MODULES}/${name}/package.json`, 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  } catch {
    return undefined;
  }
}

/** The Node of a package `node-22`, `node-24` and so on; undefined where it is not for this system. */
export function nodeOf(name: string): string | undefined {
  const path = `${MODULES}/${name}/bin/node`;
  return existsSync(path) ? path : undefined;
}
