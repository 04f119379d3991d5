/** The tarball itself: its manifest, its types, and that nothing runs when it is imported. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Check } from './check.ts';
import type { Consumer } from './consumer.ts';
import { command, packaged, run, versionOf } from './tools.ts';

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

export function packageChecks(consumer: Consumer): Check[] {
  const check = (name: string, work: (consumer: Consumer) => Promise<string>): Check => ({
    name: () => name,
    work: () => work(consumer),
  });
  return [
    check(`publint ${versionOf('publint')}`, publint),
    check(`attw ${versionOf('@arethetypeswrong/cli')}`, typesFound),
    check(`TypeScript ${ts.version}`, typesCompile),
    check('types of old compilers', typesEverywhere),
    check('imports', nothingRuns),
    check('fewbits doctor', doctor),
  ];
}

/** publint's rules, its suggestions among them. */
async function publint({ tarball }: Consumer): Promise<string> {
  const { stdout } = await run(command('publint'), ['--strict', tarball]);
  if (!stdout.includes('All good!')) throw new Error(stdout);
  return 'no suggestions';
}

/** Are the types wrong? For ES modules alone: there is nothing else in the package. */
async function typesFound({ tarball }: Consumer): Promise<string> {
  await run(command('attw'), ['--profile', 'esm-only', tarball]);
  return 'types of each entry found from ES modules and bundlers';
}

/**
 * The versions whose rules on typed arrays, libraries and emit differ: the oldest, 5.7's generic arrays, the newest.
 */
const COMPILERS = ['typescript-5.4', 'typescript-5.6', 'typescript-5.7', 'typescript-5.9', 'typescript-7'];

/**
 * Programs of which nothing may be `any` (consumer/types.mts, and in pages types-in-page.mts): by old and new
 * compilers, with the DOM library and without, with declarations checked and not. There are no @webgpu/types,
 * no @types/node and no peers.
 */
async function typesEverywhere({ folder }: Consumer): Promise<string> {
  for (const compiler of COMPILERS)
    for (const [lib, files] of [
      [['es2022'], ['types.mts']],
      [
        ['es2022', 'dom'],
        ['types.mts', 'types-in-page.mts'],
      ],
    ])
      for (const skipLibCheck of [false, true]) {
        const compilerOptions = {
          ...{ noEmit: true, strict: true, target: 'es2022', lib, types: [], skipLibCheck },
          ...{ module: 'nodenext', moduleResolution: 'nodenext' },
        };
        const project = join(folder, 'tsconfig.types.json');
        writeFileSync(project, JSON.stringify({ compilerOptions, files }));
        await run(process.execPath, [packaged(`${compiler}/bin/tsc`), '-p', project], { cwd: folder });
      }
  return 'TypeScript 5.4 to 7, with DOM and without, declarations checked and not: nothing is any';
}

/** A user's program in strict TypeScript, which also reads all of the package's declarations. */
async function typesCompile({ folder }: Consumer): Promise<string> {
  const own = join(folder, 'types');
  mkdirSync(own);
  writeFileSync(
    join(own, 'program.mts'),
    `import { openDevice, topK, type Device } from 'fewbits';
import { foSgd } from 'fewbits/algorithms';
import { fwht } from 'fewbits/kernels';
import simd from 'fewbits/wasm-simd.wasm';

const device: Device = await openDevice({ module: simd });
const packet: Uint8Array = await device.compress(topK({ k: 1 }), await fwht(device, new Float32Array(4)));
// @ts-expect-error
await device.compress(topK({ k: '1' }), packet);
console.log(foSgd);
`,
  );
  const resolutions = ['nodenext', 'bundler'];
  for (const resolution of resolutions)
    await run(
      process.execPath,
      [
        TSC,
        ...['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom'],
        ...['--module', resolution === 'bundler' ? 'esnext' : resolution, '--moduleResolution', resolution],
        'types/program.mts',
      ],
      { cwd: folder },
    );
  return `a program compiles (${resolutions.join(', ')}), declarations checked`;
}

/** Imports reach for nothing but the language, and leave no timer. */
async function nothingRuns({ folder }: Consumer): Promise<string> {
  const { stdout } = await run(process.execPath, ['import-only.mjs'], { cwd: folder });
  if (stdout.trim() !== '[]') throw new Error(`importing the package reaches for ${stdout}`);
  return 'importing every entry touches nothing of the runtime';
}

/** The command, as npm installs it. */
async function doctor({ folder }: Consumer): Promise<string> {
  const fewbits = join(folder, 'node_modules/.bin', process.platform === 'win32' ? 'fewbits.cmd' : 'fewbits');
  const { stdout } = await run(fewbits, ['doctor', '--json'], { cwd: folder });
  const { backends } = JSON.parse(stdout) as { backends: { backend: string; works: boolean }[] };
  for (const name of ['wasm', 'js'])
    if (!backends.some(({ backend, works }) => backend === name && works)) throw new Error(stdout);
  return 'finds wasm and js';
}
