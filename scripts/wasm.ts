/**
 * Compiles assembly/ twice, with SIMD and without, by the flags in asconfig.json. Writes ts/generated/wasm-TARGET.wasm with
 * its type beside it, for runtimes that import such files, and ts/generated/wasm-TARGET.ts, which carries the same bytes as
 * text, so that any bundler and any other runtime loads them.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const GENERATED = join(ROOT, 'ts', 'generated');
const TARGETS = ['simd', 'scalar'] as const;
const DOCS = {
  simd: 'The kernels compiled with SIMD, as base64.',
  scalar: 'The kernels compiled without SIMD, as base64.',
};

/** The type of a .wasm file where importing one gives its module, not its exports. */
const TYPE = `/** The kernels, compiled. Made by scripts/wasm.ts. */
declare const module: WebAssembly.Module;
export { module as default };
`;

/** Compiles both targets, unless sources, flags and compiler are those of the last time. */
export async function generateWasm(): Promise<void> {
  await mkdir(GENERATED, { recursive: true });
  const digest = await sourceDigest();
  const stamp = join(GENERATED, 'wasm.sha256');
  const last = await readFile(stamp, 'utf8').catch(() => '');
  if (last === digest && (await outputsExist())) return;
  for (const target of TARGETS) await compile(target);
  await replace(stamp, digest);
}

async function compile(target: (typeof TARGETS)[number]): Promise<void> {
  // Loaded only where there is something to compile: the compiler takes seconds to start.
  const { default: asc } = await import('assemblyscript/asc');
  let binary: Uint8Array | undefined;
  const messages: string[] = [];
  const { error } = await asc.main(
    ['--config', 'asconfig.json', '--target', target, '--outFile', 'kernels.wasm'],
    {
      readFile: (name, base) => readFile(join(ROOT, base, name), 'utf8').catch(() => null),
      writeFile: (_name, contents) => {
        if (typeof contents !== 'string') binary = contents;
      },
      stderr: {
        write: (chunk) =>
          void messages.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()),
      },
      listFiles: (folder, base) => readdir(join(ROOT, base, folder)).catch(() => null),
    },
  );
  if (error || binary === undefined) throw new Error(`asc --target ${target} failed\n${messages.join('')}`);
  const text = Buffer.from(binary).toString('base64');
  await replace(join(GENERATED, `wasm-${target}.wasm`), binary);
  await replace(join(GENERATED, `wasm-${target}.d.wasm.ts`), TYPE);
  await replace(
    join(GENERATED, `wasm-${target}.ts`),
    `/** ${DOCS[target]} Made by scripts/wasm.ts from assembly/. */\nexport const bytes: string = '${text}';\n`,
  );
}

/** What the outputs are made of, as one hash. */
async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256');
  const sources = (await readdir(join(ROOT, 'assembly'))).filter((name) => name.endsWith('.ts')).sort();
  for (const file of [
    'node_modules/assemblyscript/package.json',
    'asconfig.json',
    'scripts/wasm.ts',
    ...sources.map((name) => `assembly/${name}`),
  ]) {
    hash.update(`\0${file}\0`).update(await readFile(join(ROOT, file)));
  }
  return hash.digest('hex');
}

async function outputsExist(): Promise<boolean> {
  const names = await readdir(GENERATED);
  return TARGETS.every((target) =>
    ['wasm', 'ts', 'd.wasm.ts'].every((ending) => names.includes(`wasm-${target}.${ending}`)),
  );
}

/** Writes a file that others may be reading. */
async function replace(path: string, contents: string | Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, contents);
  await rename(draft, path);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await generateWasm();
