/** Bundles test files into one ES module for a page. */
import { SourceMap } from 'node:module';
import { relative } from 'node:path';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';

export interface Bundle {
  readonly code: string;
  /** Replaces places in the bundle (`http://.../NAME:line:column`) by places in the sources. */
  mapStack(text: string): string;
}

/**
 * Code that chooses its runtime at run time may import Node's modules and `webgpu` dynamically: such an import stays
 * as it is, and is never reached in a page. A static one is an error that esbuild reports.
 */
const nodeOnly: Plugin = {
  name: 'node-only',
  setup(build) {
    build.onResolve({ filter: /^(node:.*|webgpu)$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

/**
 * Bundles `paths` under `root`; the bundle will be served as `name`. Each file is imported dynamically, so that one
 * that throws while it is imported does not take the others with it.
 * @throws where a file does not compile or imports what a page cannot have
 */
export async function bundleSuites(paths: readonly string[], root: string, name: string): Promise<Bundle> {
  const files = paths.map((path) => {
    const file = JSON.stringify(relative(root, path));
    return `  { name: ${file}, load: () => import(${JSON.stringify(`./${relative(root, path)}`)}) },`;
  });
  const result = await build({
    stdin: {
      contents: `import { runPage } from './tests/browser/page.ts';\nvoid runPage([\n${files.join('\n')}\n]);\n`,
      resolveDir: root,
      sourcefile: 'suites.ts',
    },
    outfile: name,
    absWorkingDir: root,
    write: false,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: 'external',
    logLevel: 'silent',
    plugins: [nodeOnly],
  });
  const output = (ending: string): string => {
    const file = result.outputFiles.find(({ path }) => path.endsWith(ending));
    if (!file) throw new Error(`esbuild wrote no ${name}${ending}`);
    return file.text;
  };
  const map = new SourceMap(JSON.parse(output('.map')) as ConstructorParameters<typeof SourceMap>[0]);
  const place = new RegExp(`https?://[^\\s/]+/${name.replaceAll('.', '\\.')}:(\\d+):(\\d+)`, 'g');
  return {
    code: output('.js'),
    mapStack: (text) =>
      text.replace(place, (whole, line: string, column: string) => {
        const origin = map.findOrigin(Number(line), Number(column));
        return 'fileName' in origin
          ? `${origin.fileName}:${origin.lineNumber}:${origin.columnNumber}`
          : whole;
      }),
  };
}
