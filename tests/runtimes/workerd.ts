/**
 * Cloudflare's workerd runs what a deploying tool bundles, so this does what Wrangler does: its conditions, and .wasm
 * files left as imports of compiled modules.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build as bundle, type Plugin } from 'esbuild';
import { type Report, summary } from './report.ts';
import { command, run } from './tools.ts';

export async function runWorkerd(folder: string): Promise<string> {
  const modules: string[] = [];
  await bundle({
    absWorkingDir: folder,
    entryPoints: ['worker.mjs'],
    outfile: 'workerd/worker.js',
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'error',
    plugins: [compiledModules(modules)],
  });
  const embedded = modules.map((path, i) => {
    copyFileSync(path, join(folder, `workerd/${i}.wasm`));
    return `(name = "${i}.wasm", wasm = embed "${i}.wasm")`;
  });
  writeFileSync(
    join(folder, 'workerd/config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js"), ${embedded.join(', ')}],
  compatibilityDate = "2026-01-01",
))]);
`,
  );
  const { stdout } = await run(command('workerd'), ['test', 'config.capnp'], {
    cwd: join(folder, 'workerd'),
  });
  const line = stdout.split('\n').find((text) => text.includes('"checked"'));
  if (line === undefined) throw new Error(`workerd printed no report: ${stdout}`);
  return summary(JSON.parse(line) as Report, ['wasm', 'js']);
}

/** Leaves imports of .wasm files to the runtime, as `./0.wasm` and so on; `paths` receives the files. */
function compiledModules(paths: string[]): Plugin {
  const resolving = Symbol('resolving');
  return {
    name: 'compiled modules',
    setup(build) {
      build.onResolve({ filter: /\.wasm$/ }, async ({ path, pluginData, kind, resolveDir, importer }) => {
        if (pluginData === resolving) return undefined; // the question below
        const found = await build.resolve(path, { kind, resolveDir, importer, pluginData: resolving });
        return { path: `./${paths.push(found.path) - 1}.wasm`, external: true };
      });
    },
  };
}
