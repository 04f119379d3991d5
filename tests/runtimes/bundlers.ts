/** Vite, webpack, Parcel and esbuild, each with no configuration: the consumer's page, bundled. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SoftwareGpu } from '../support/software-gpu.ts';
import { openChromium } from './browsers.ts';
import type { Check } from './check.ts';
import type { Consumer } from './consumer.ts';
import { summary } from './report.ts';
import { reportOf } from './serve.ts';
import { command, run, versionOf } from './tools.ts';

interface Bundler {
  readonly name: string;
  /** The package whose version is the bundler's. */
  readonly package: string;
  /** Bundles the page in `folder` into a folder of its own, whose name is returned. */
  readonly bundle: (folder: string) => Promise<string>;
}

const html = (script: string): string =>
  `<!doctype html>\n<meta charset="utf-8">\n<title>fewbits</title>\n${script}\n`;

/** A word of warning from a bundler is a failure: users would see it in every build. */
async function quietly(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { stdout, stderr } = await run(command(program), args, { cwd, env: { NO_COLOR: '1' } });
  const complaint = /^.*\b(warning|warn|error)\b.*$/im.exec(`${stdout}\n${stderr}`);
  if (complaint) throw new Error(`${program} says: ${`${stdout}\n${stderr}`.slice(0, 2000)}`);
}

function esbuild(name: string, folder: string, args: readonly string[]): Bundler {
  return {
    name,
    package: 'esbuild',
    async bundle(cwd) {
      await quietly('esbuild', ['page.mjs', '--bundle', '--minify', ...args, `--outdir=${folder}`], cwd);
      writeFileSync(join(cwd, folder, 'index.html'), html('<script type="module" src="page.js"></script>'));
      return folder;
    },
  };
}

const BUNDLERS: readonly Bundler[] = [
  {
    name: 'Vite',
    package: 'vite',
    async bundle(cwd) {
      await quietly('vite', ['build', '--outDir', 'by-vite', '--logLevel', 'warn'], cwd);
      return 'by-vite';
    },
  },
  {
    name: 'webpack',
    package: 'webpack',
    async bundle(cwd) {
      const output = join(cwd, 'by-webpack');
      await quietly('webpack', ['./page.mjs', '--mode', 'production', '--output-path', output], cwd);
      writeFileSync(join(output, 'index.html'), html('<script defer src="main.js"></script>'));
      return 'by-webpack';
    },
  },
  {
    // finds entries by "alias" of package.json; and has no await at the top of a module, as the README's program does
    name: 'Parcel',
    package: 'parcel',
    async bundle(cwd) {
      mkdirSync(join(cwd, 'for-parcel'));
      writeFileSync(
        join(cwd, 'for-parcel/index.html'),
        html('<script type="module" src="page.mjs"></script>'),
      );
      const page = readFileSync(join(cwd, 'page.mjs'), 'utf8')
        .replace(
          "import('./readme.mjs')",
          "import('./readme-in-a-function.mjs').then(({ readme }) => readme())",
        )
        // a worker of its own bundling does not find the chunks that it shares with the page
        .replace("new URL('./in-worker.mjs', import.meta.url)", "location.origin + '/in-worker.mjs'")
        .replaceAll("'./", "'../");
      writeFileSync(join(cwd, 'for-parcel/page.mjs'), page);
      // a package that Parcel would install in the user's project is an error
      const options = ['--dist-dir', 'by-parcel', '--no-cache', '--no-autoinstall'];
      await quietly('parcel', ['build', 'for-parcel/index.html', ...options], cwd);
      return 'by-parcel';
    },
  },
  esbuild('esbuild', 'by-esbuild', ['--format=esm', '--splitting']),
  esbuild('esbuild, one file', 'by-esbuild-whole', ['--format=esm']),
];

/** Each bundler's output, in Chromium. */
export function bundlerChecks({ folder, bundled }: Consumer, gpu: SoftwareGpu | undefined): Check[] {
  return BUNDLERS.map(({ name, package: from, bundle }) => ({
    name: () => `${name.replace(/,.*/, '')} ${versionOf(from)}${/,.*/.exec(name)?.[0] ?? ''}`,
    async work() {
      const output = await bundle(folder);
      const backends = ['wasm', 'js'];
      const browser = await openChromium(gpu);
      try {
        return summary(
          await reportOf(browser, { folders: [join(folder, output), bundled, folder], backends }),
          backends,
        );
      } finally {
        await browser.close();
      }
    },
  }));
}
