/** Mesa's compiler for AMD, ACO, through its Vulkan driver RADV, which compiles for a GPU that is not there. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { librariesFor } from '../../tests/support/lavapipe.ts';
import type { Capture, Captured } from './capture.ts';
import type { MachineCounts } from './counts.ts';
import { countInstructions, listingsOf } from './listing.ts';

/** GPUs by the names of RADV_FORCE_FAMILY. */
export const FAMILIES = {
  polaris10: 'GCN 4',
  vega10: 'GCN 5',
  navi21: 'RDNA 2',
  navi31: 'RDNA 3',
  gfx1201: 'RDNA 4',
} as const;

export type Family = keyof typeof FAMILIES;

/**
 * The GPU that Dawn makes its pipelines for. Later ones fail there at a command buffer, which Dawn begins with the
 * device and which takes more than a driver without its GPU has.
 */
const CAPTURED_ON: Family = 'polaris10';

const SYSTEM = '/usr/share/vulkan/icd.d';
const MOST_OUTPUT = 2 ** 28;

interface Driver {
  readonly library: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * RADV as TEST_RADV names it, its description `radeon_icd.json`, or the system's.
 * @throws Error where there is none
 */
export async function findRadv(): Promise<Driver> {
  const given = process.env.TEST_RADV;
  if (given && !existsSync(given)) throw new Error(`TEST_RADV names ${given}, which does not exist`);
  const found = existsSync(SYSTEM)
    ? readdirSync(SYSTEM).find((name) => name.startsWith('radeon_icd'))
    : undefined;
  const description = given ?? (found && join(SYSTEM, found));
  if (!description)
    throw new Error(
      `no ${SYSTEM}/radeon_icd*.json, and TEST_RADV names none (docs/testing.md has how to get it)`,
    );
  const { ICD } = JSON.parse(readFileSync(description, 'utf8')) as { ICD: { library_path: string } };
  const env = {
    LD_LIBRARY_PATH: await librariesFor(description),
    VK_DRIVER_FILES: description,
    MESA_SHADER_CACHE_DISABLE: 'true',
  };
  return { library: ICD.library_path, env };
}

/** What ACO makes of the shaders for a GPU. */
export interface Compiled {
  readonly family: Family;
  /** Of the shader that is to be fused. */
  readonly control: MachineCounts;
  readonly entries: readonly {
    readonly shader: string;
    readonly entry: string;
    readonly counts: MachineCounts;
  }[];
}

/**
 * Compiles every entry point for each of some GPUs.
 * @param listings a folder that takes a listing a GPU, `navi21.txt`
 * @throws Error where the driver fails, or a listing is missing or not whole
 */
export async function compileAll(
  families: readonly Family[],
  listings?: string,
): Promise<{ readonly driver: string; readonly compiled: readonly Compiled[] }> {
  const radv = await findRadv();
  const folder = mkdtempSync(join(tmpdir(), 'fewbits-spirv-'));
  try {
    const captured = await capture(radv, folder);
    const compiled: Compiled[] = [];
    for (const family of families) {
      const output = await compile(radv, family, folder, [captured.control, ...captured.entries]);
      if (listings !== undefined) writeFileSync(join(listings, `${family}.txt`), output);
      compiled.push(countAll(family, captured, output));
    }
    return { driver: captured.driver, compiled };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function capture({ env }: Driver, folder: string): Promise<Capture> {
  const program = fileURLToPath(new URL('./capture.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, folder], {
    env: { ...process.env, ...env, RADV_FORCE_FAMILY: CAPTURED_ON, MESA_SPIRV_DUMP_PATH: folder },
  });
  return JSON.parse(stdout) as Capture;
}

/** What the driver prints for some files of SPIR-V, behind a heading each. */
async function compile(
  { library, env }: Driver,
  family: Family,
  folder: string,
  entries: readonly Captured[],
): Promise<string> {
  const program = fileURLToPath(new URL('./compile.py', import.meta.url));
  const files = entries.map(({ file }) => join(folder, file));
  const { stderr } = await promisify(execFile)('python3', [program, library, ...files], {
    env: { ...process.env, ...env, RADV_FORCE_FAMILY: family, RADV_DEBUG: 'asm' },
    maxBuffer: MOST_OUTPUT,
  });
  return stderr;
}

function countAll(family: Family, { control, entries }: Capture, output: string): Compiled {
  const listings = listingsOf(output);
  const countOf = ({ shader, entry, file }: Captured): MachineCounts => {
    const lines = listings.get(file) ?? [];
    if (!lines.some((line) => line.includes('s_endpgm')))
      throw new Error(`${family}: Mesa printed no whole listing of ${entry} in wgsl/${shader}.wgsl`);
    return countInstructions(lines);
  };
  return {
    family,
    control: countOf(control),
    entries: entries.map((one) => ({ shader: one.shader, entry: one.entry, counts: countOf(one) })),
  };
}
