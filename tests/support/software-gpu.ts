/**
 * A headless Chromium, the Vulkan loader and SwiftShader (Vulkan on the CPU) for Linux x64, so that the WebGPU suites
 * run on a machine that has neither a GPU nor a browser. The npm package @sparticuz/chromium carries all of them as
 * brotli archives; only these archives are used, none of its code.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, createBrotliDecompress } from 'node:zlib';

export interface SoftwareGpu {
  /** Where everything lies unpacked. */
  readonly folder: string;
  /** The browser's binary. */
  readonly chromium: string;
  /** What a process needs in its environment from its start: the dynamic linker reads LD_LIBRARY_PATH only then. */
  readonly env: { readonly LD_LIBRARY_PATH: string; readonly VK_DRIVER_FILES: string };
}

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const chromiumPackage = join(modules, '@sparticuz/chromium');
const cache = join(modules, '.cache/fewbits');

/**
 * Unpacks the software GPU and the browser, once for each version of the package.
 * @returns undefined but on Linux x64: elsewhere the tests use the system's own GPU and browser
 */
export async function softwareGpu(): Promise<SoftwareGpu | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const manifest = readFileSync(join(chromiumPackage, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const folder = join(cache, `chromium-${version}`);
  if (!existsSync(folder)) await unpackInto(folder);
  const libraries = [folder, join(folder, 'lib')];
  if (process.env.LD_LIBRARY_PATH) libraries.push(process.env.LD_LIBRARY_PATH);
  return {
    folder,
    chromium: join(folder, 'chromium'),
    env: {
      LD_LIBRARY_PATH: libraries.join(delimiter),
      VK_DRIVER_FILES: join(folder, 'vk_swiftshader_icd.json'),
    },
  };
}

/** Unpacks beside `folder` and renames at the end, so that `folder` is complete or not there at all. */
async function unpackInto(folder: string): Promise<void> {
  const archives = join(chromiumPackage, 'bin');
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(`${folder}-unfinished-`);
  try {
    await unpackTar(join(archives, 'swiftshader.tar.br'), unfinished);
    await unpackTar(join(archives, 'al2023.tar.br'), unfinished);
    await unpackBinary(join(archives, 'chromium.br'), join(unfinished, 'chromium'));
    await chmod(unfinished, 0o755);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another run that started at the same time may have been first; its folder is as good as this one.
    if (!existsSync(folder)) throw error;
  }
}

async function unpackBinary(archive: string, file: string): Promise<void> {
  await pipeline(
    createReadStream(archive),
    createBrotliDecompress(),
    createWriteStream(file, { mode: 0o755 }),
  );
}

/** The archives are made on a machine whose owners do not exist here, hence --no-same-owner for root. */
async function unpackTar(archive: string, folder: string): Promise<void> {
  const tar = spawn('tar', ['-x', '--no-same-owner', '-C', folder], { stdio: ['pipe', 'ignore', 'inherit'] });
  const closed = once(tar, 'close') as Promise<[number | null]>;
  // tar stops reading at the archive's end mark and closes the pipe, perhaps before the padding behind it is written.
  // Whether it got what it needs is told by its status.
  tar.stdin.on('error', () => {});
  tar.stdin.end(brotliDecompressSync(readFileSync(archive)));
  const [status] = await closed;
  if (status !== 0) throw new Error(`tar could not unpack ${archive}: exit status ${status}`);
}
