/** A project as `npm init -y` makes it, with the packed package installed and what else a check has need of. */
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Consumer } from './consumer.ts';
import { NPM, run } from './tools.ts';

/** What `npm init -y` writes, commonjs, or what a user makes of it. */
export type ModuleType = 'commonjs' | 'module';

/**
 * @param packages other packages: their names, and the folders where they are
 * @returns the project's folder, inside the consumer's, with which it is removed
 */
export async function makeProject(
  consumer: Consumer,
  type: ModuleType,
  packages: Readonly<Record<string, string>> = {},
): Promise<string> {
  const cwd = mkdtempSync(join(consumer.folder, 'project-'));
  await run(NPM, ['init', '-y', '--loglevel', 'error'], { cwd });
  const manifest = join(cwd, 'package.json');
  const made = JSON.parse(readFileSync(manifest, 'utf8')) as Readonly<Record<string, unknown>>;
  writeFileSync(manifest, JSON.stringify({ ...made, type }));
  await run(NPM, ['install', '--offline', '--no-audit', '--no-fund', consumer.tarball], { cwd });
  for (const [name, at] of Object.entries(packages)) {
    const link = join(cwd, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(at, link, 'junction');
  }
  return cwd;
}
