/**
 * `npm run size`: bundles what was built as a user would, with esbuild, and writes the table of docs/runtimes.md. With
 * `--check` it changes nothing, and fails where a size passes its limit, or is more than a tenth over the table.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { format, resolveConfig } from 'prettier';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = `${ROOT}docs/runtimes.md`;
const START = '<!-- sizes -->';
const END = '<!-- end of sizes -->';
/** How much over the table a size may be. */
const GROWTH = 1.1;

const roundTrip = (entry: string, options: string): string => `
import { openDevice, topK } from '${entry}';
export async function roundTrip(x) {
  const device = await openDevice(${options});
  const packet = await device.compress(topK({ ratio: 0.01 }), x);
  return device.decompress(packet);
}`;

/** What `openDeviceSync` has at hand is two backends, which a page that opens a device by waiting does not load. */
const entry = (await import(new URL('../dist/index.js', import.meta.url).href)) as Record<string, unknown>;
const names = Object.keys(entry)
  .filter((name) => name !== 'openDeviceSync')
  .join(', ');

const everything = [
  `import { ${names} } from 'fewbits'; console.log(${names});`,
  ...['kernels', 'algorithms'].map(
    (part) => `import * as ${part} from 'fewbits/${part}'; console.log(${part});`,
  ),
].join('\n');

const withoutWaiting = `
import { openDeviceSync, topK } from 'fewbits';
export function roundTrip(module, x) {
  const device = openDeviceSync({ backend: 'wasm', module });
  return device.decompressSync(device.compressSync(topK({ ratio: 0.01 }), x));
}`;

interface Row {
  readonly what: string;
  readonly source: string;
  /**
   * Modules that are imported where they are needed, and are loaded here; then the bundle is split, and files that are
   * not loaded do not count. Left out, the bundle is one file.
   */
  readonly loaded?: readonly string[];
  /** In kilobytes, gzip. */
  readonly limit?: number;
}

/** What looks for a GPU. */
const LOOK = 'backends/webgpu/index.js';
const WASM = ['backends/wasm/index.js', 'generated/wasm-simd.js'];

const ROWS: readonly Row[] = [
  {
    what: '`topK` on wasm, from `fewbits/sparse`; one file',
    source: roundTrip('fewbits/sparse', ''),
    limit: 28, // the coder of index lists among it, 2 kB, and values of few bits with their sums, 2 kB
  },
  {
    what: '`topK` on wasm, from `fewbits`; what is loaded',
    source: roundTrip('fewbits', `{ backend: 'wasm' }`),
    loaded: WASM,
  },
  {
    what: '`topK` without waiting, by `openDeviceSync`; one file, to which the module comes',
    source: withoutWaiting,
  },
  {
    what: 'everything, where there is no GPU: on wasm; what is loaded',
    source: everything,
    loaded: [LOOK, ...WASM],
    limit: 99, // the systems of fewbits/algorithms among it
  },
  {
    what: 'everything, where there is one: on webgpu; what is loaded',
    source: everything,
    loaded: [LOOK, 'backends/webgpu/backend.js'],
    limit: 105, // a third of it shaders
  },
  { what: 'everything, all backends; one file', source: everything },
];

/** The bytes of a row's bundle, minified and as gzip -9 makes them, file by file. */
async function measure({ source, loaded }: Row): Promise<{ minified: number; gzip: number }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: ROOT, sourcefile: 'page.js' },
    absWorkingDir: ROOT,
    outdir: 'bundle',
    bundle: true,
    minify: true,
    format: 'esm',
    splitting: loaded !== undefined,
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  const wanted = loadedFiles(metafile, loaded ?? []);
  const files = outputFiles.filter(({ path }) => wanted.has(path.slice(ROOT.length).replaceAll('\\', '/')));
  if (files.length !== wanted.size) throw new Error(`found ${files.length} of ${[...wanted].join(', ')}`);
  const sum = (size: (contents: Uint8Array) => number): number =>
    files.reduce((total, { contents }) => total + size(contents), 0);
  return {
    minified: sum((contents) => contents.length),
    gzip: sum((contents) => gzipSync(contents, { level: 9 }).length),
  };
}

/** The page's file, those of the modules that are loaded later, and all that these import at once. */
function loadedFiles({ outputs }: Metafile, later: readonly string[]): Set<string> {
  const files = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { path, kind } of outputs[file].imports) if (kind === 'import-statement') visit(path);
  };
  const entry = (ending: string): void => {
    const found = Object.keys(outputs).find((file) => outputs[file].entryPoint?.endsWith(ending));
    if (found === undefined) throw new Error(`the bundle has no file for ${ending}`);
    visit(found);
  };
  for (const ending of ['page.js', ...later]) entry(ending);
  return files;
}

const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(1);

const check = process.argv.includes('--check');
const page = readFileSync(PAGE, 'utf8');
const [start, end] = [page.indexOf(START), page.indexOf(END)];
if (start < 0 || end < start) throw new Error(`docs/runtimes.md has no ${START} ... ${END}`);
const table = page.slice(start, end).split('\n');

const lines: string[] = [];
let bad = false;
for (const row of ROWS) {
  const { minified, gzip } = await measure(row);
  lines.push(
    `| ${row.what} | ${kilobytes(minified)} kB | ${kilobytes(gzip)} kB | ${row.limit ? `${row.limit} kB` : ''} |`,
  );
  const written = table.find((line) => line.includes(row.what))?.split('|')[3];
  const before = written === undefined ? undefined : parseFloat(written) * 1000;
  const problems: string[] = [];
  if (row.limit !== undefined && gzip > row.limit * 1000) problems.push(`over its limit of ${row.limit} kB`);
  if (check && before === undefined) problems.push('not in the table of docs/runtimes.md: npm run size');
  if (check && before !== undefined && gzip > before * GROWTH)
    problems.push(`more than a tenth over the ${kilobytes(before)} kB of docs/runtimes.md`);
  bad ||= problems.length > 0;
  console.log(
    `${kilobytes(gzip).padStart(6)} kB  ${row.what}${problems.map((text) => `; FAIL: ${text}`).join('')}`,
  );
}
if (!check) {
  const rows = ['| bundle | minified | gzip | at most |', '| --- | --- | --- | --- |', ...lines].join('\n');
  const text = `${page.slice(0, start + START.length)}\n\n${rows}\n\n${page.slice(end)}`;
  writeFileSync(PAGE, await format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}
if (bad) process.exitCode = 1;
