/**
 * Compiles assembly/ by the targets in asconfig.json: all kernels with SIMD, all without, and those of sparse packets
 * with SIMD. Writes to ts/generated wasm-TARGET.ts, which carries the module as text, so that any bundler and any
 * runtime loads it, and wasm-TARGET.wasm with its type beside it, for runtimes that import such files; and
 * wasm-exports.ts, which calls what the modules export by the names that assembly/ declares.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deflateSync } from 'node:zlib';
import { interfaceOf, requireSame, signaturesOf } from './wasm-interface.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const GENERATED = join(ROOT, 'ts', 'generated');
const ENTRIES = {
  simd: 'assembly/index.ts',
  scalar: 'assembly/index.ts',
  sparse: 'assembly/index-sparse.ts',
} as const;
type Target = keyof typeof ENTRIES;
const TARGETS = Object.keys(ENTRIES) as Target[];
const INTERFACE = 'wasm-exports.ts';
const DOCS = {
  simd: 'All kernels, compiled with SIMD, deflated',
  scalar: 'All kernels, compiled without SIMD',
  sparse: 'The kernels of sparse packets, compiled with SIMD, deflated',
};

/** The type of a .wasm file where importing one gives its module, not its exports. */
const TYPE = `/** The kernels, compiled. Made by scripts/wasm.ts. */
declare const module: WebAssembly.Module;
export { module as default };
`;

/** Compiles all targets, unless sources, flags and compiler are those of the last time. */
export async function generateWasm(): Promise<void> {
  await mkdir(GENERATED, { recursive: true });
  const digest = await sourceDigest();
  const stamp = join(GENERATED, 'wasm.sha256');
  const last = await readFile(stamp, 'utf8').catch(() => '');
  if (last === digest && (await outputsExist())) return;
  const declarations = {} as Record<Target, string>;
  for (const target of TARGETS) declarations[target] = await compile(target);
  const all = signaturesOf(declarations.simd);
  requireSame(all, signaturesOf(declarations.scalar));
  requireSame(signaturesOf(declarations.sparse), all);
  await replace(join(GENERATED, INTERFACE), interfaceOf(all));
  await replace(stamp, digest);
}

/** Writes the files of a target. Returns asc's declarations of what the module exports. */
async function compile(target: Target): Promise<string> {
  // Loaded only where there is something to compile: the compiler takes seconds to start.
  const { default: asc } = await import('assemblyscript/asc');
  let binary: Uint8Array | undefined;
  let declarations = '';
  const messages: string[] = [];
  const { error } = await asc.main(
    [
      ...[ENTRIES[target], '--config', 'asconfig.json', '--target', target],
      ...['--outFile', 'kernels.wasm', '--bindings', 'raw'],
    ],
    {
      readFile: (name, base) => readFile(join(ROOT, base, name), 'utf8').catch(() => null),
      writeFile: (name, contents) => {
        if (typeof contents !== 'string') binary = contents;
        else if (name.endsWith('.d.ts')) declarations = contents;
      },
      stderr: {
        write: (chunk) =>
          void messages.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()),
      },
      listFiles: (folder, base) => readdir(join(ROOT, base, folder)).catch(() => null),
    },
  );
  if (error || binary === undefined) throw new Error(`asc --target ${target} failed\n${messages.join('')}`);
  for (const [ending, contents] of Object.entries(outputsOf(target, binary)))
    await replace(join(GENERATED, `wasm-${target}.${ending}`), contents);
  return declarations;
}

/**
 * The files of a target by their endings. Text, six bits a letter, hides from a server's compression what is alike in
 * the bytes, so they are deflated before. Not those for engines without SIMD, which are too old to inflate them.
 */
function outputsOf(target: Target, binary: Uint8Array): Record<string, string | Uint8Array> {
  const packed = target === 'scalar' ? Buffer.from(binary) : deflateSync(binary, { level: 9 });
  return {
    wasm: binary,
    'd.wasm.ts': TYPE,
    ts: `/** ${DOCS[target]}, as base64. Made by scripts/wasm.ts from assembly/. */
export const bytes: string = '${packed.toString('base64')}';\n`,
  };
}

/** What the outputs are made of, as one hash. */
async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256');
  const sources = (await readdir(join(ROOT, 'assembly'), { recursive: true }))
    .filter((name) => name.endsWith('.ts'))
    .sort();
  for (const file of [
    'node_modules/assemblyscript/package.json',
    'asconfig.json',
    'scripts/wasm.ts',
    'scripts/wasm-interface.ts',
    ...sources.map((name) => `assembly/${name}`),
  ]) {
    hash.update(`\0${file}\0`).update(await readFile(join(ROOT, file)));
  }
  return hash.digest('hex');
}

async function outputsExist(): Promise<boolean> {
  const names = await readdir(GENERATED);
  const outputs = TARGETS.flatMap((target) =>
    Object.keys(outputsOf(target, new Uint8Array())).map((ending) => `wasm-${target}.${ending}`),
  );
  return [INTERFACE, ...outputs].every((name) => names.includes(name));
}

/** Writes a file that others may be reading. */
async function replace(path: string, contents: string | Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, contents);
  await rename(draft, path);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await generateWasm();
