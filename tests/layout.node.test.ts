/** The project's own rules: one stem a kernel family, one value a constant, imports that point one way. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as assert from 'uvu/assert';
import { suite } from './support/suite.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const test = suite('layout');

function filesUnder(folder: string): string[] {
  return readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('generated'))
    .map((name) => `${folder}/${name}`);
}

const read = (file: string): string => readFileSync(`${root}/${file}`, 'utf8');

/** The shaders, and the stems of the kernel families: FAMILY.wgsl, beside which FAMILY-PART.wgsl may stand. */
const shaders = readdirSync(`${root}/wgsl`)
  .filter((name) => name.endsWith('.wgsl'))
  .map((name) => name.replace('.wgsl', ''));
const familyOf = (shader: string): string => shader.split('-')[0];
const stems = shaders.filter((name) => name === familyOf(name));

/** Whether all kernels of a family are made of others: what runs them one after the other needs no file of its own. */
async function isMadeOfOthers(stem: string): Promise<boolean> {
  const own = (await import(`../ts/kernels/${stem}.ts`)) as Record<string, { readonly parts?: unknown }>;
  const kernels = Object.keys(own).filter((name) => name.endsWith('Kernel'));
  return kernels.length > 0 && kernels.every((name) => own[name].parts !== undefined);
}

test('each kernel family has its file in all three languages and its tests', async () => {
  assert.ok(stems.length >= 8, `${stems.join(', ')}`);
  for (const stem of stems) {
    const own = [`assembly/${stem}.ts`, `ts/backends/js/${stem}.ts`, `ts/backends/wasm/kernels/${stem}.ts`];
    const all = [`ts/kernels/${stem}.ts`, `tests/kernels/${stem}.test.ts`];
    for (const file of (await isMadeOfOthers(stem)) ? all : [...all, ...own])
      assert.not.throws(() => read(file), `${file} is missing`);
  }
  for (const name of shaders)
    assert.ok(stems.includes(familyOf(name)), `${name} is a part or a variant of nothing`);
});

test('each compressor has its tests', () => {
  const support = [
    'at-scale',
    'codecs',
    'compressor',
    'count',
    'decoded',
    'flattening',
    'lambda',
    'levels',
    'lists',
    'side-by-side',
    'sparse-list',
  ];
  for (const file of filesUnder('ts/compressors')) {
    const stem = file.split('/').pop()?.replace('.ts', '') ?? '';
    if (!support.includes(stem))
      assert.not.throws(() => read(`tests/compressors/${stem}.test.ts`), `${stem} has no test`);
  }
});

test('Parcel, which reads "alias", finds the entries that "exports" names', () => {
  const { exports, alias } = JSON.parse(read('package.json')) as {
    exports: Record<string, { default: string }>;
    alias: Record<string, string>;
  };
  const programs = Object.entries(exports).filter(
    ([name, to]) => name !== '.' && to.default?.endsWith('.js'),
  );
  assert.ok(programs.length >= 8);
  assert.equal(alias, Object.fromEntries(programs.map(([name, to]) => [name, to.default])));
});

test('what pages load takes Node’s process from globalThis: bundlers put packages in the place of the bare name', async () => {
  const { outputFiles } = await build({
    entryPoints: [
      'index',
      'sparse',
      'kernels/index',
      'algorithms/index',
      'federated/index',
      'messages/index',
      'runs/index',
      'mqtt/index',
      'verify/index',
    ].map((name) => `${root}/ts/${name}.ts`),
    outdir: 'nowhere',
    ...{ bundle: true, write: false, format: 'esm', packages: 'external' },
    define: { process: 'bareProcess' }, // where no declaration has the name
  });
  for (const { path, text } of outputFiles) assert.not.match(text, /^.*bareProcess.*$/m, path);
});

test('openDeviceSync brings no GPU and no module with it, and openDevice no backend before it takes one', async () => {
  /** The files of ts/ that are in the bundle of a page, or where it is split in the page's own file. */
  const bundled = async (contents: string, splitting: boolean): Promise<string[]> => {
    const { metafile } = await build({
      stdin: { contents, resolveDir: `${root}/ts`, sourcefile: 'page.ts' },
      absWorkingDir: root,
      outdir: 'nowhere',
      ...{ bundle: true, splitting, write: false, format: 'esm', metafile: true },
    });
    const page = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint?.endsWith('page.ts'))!;
    return Object.keys(page.inputs).filter((name) => page.inputs[name].bytesInOutput > 0);
  };
  const sync = await bundled(
    `import { openDeviceSync } from './index.ts'; console.log(openDeviceSync);`,
    false,
  );
  for (const file of ['wasm/backend.ts', 'js/index.ts'])
    assert.ok(sync.includes(`ts/backends/${file}`), file);
  const unwanted =
    /backends.webgpu|generated.(wgsl|wasm-s|worker)|kernels.plans|wasm.threads|ts.backends.open/;
  assert.equal(
    sync.filter((name) => unwanted.test(name)),
    [],
  );
  const waits = await bundled(`import { openDevice } from './index.ts'; console.log(openDevice);`, true);
  assert.ok(waits.includes('ts/device.ts'));
  assert.equal(
    waits.filter((name) => /backends.(js|wasm|webgpu)/.test(name)),
    [],
  );
});

/** What a folder of ts/ may import from, beside itself, errors, arguments and the platform's types. */
const ALLOWED: Record<string, readonly string[]> = {
  // types only, checked below: the contract names kernels, kernels name buffers, plans name shaders
  kernels: ['backends/backend.ts', 'generated/wgsl.ts'],
  packet: [],
  files: ['packet'],
  'backends/js': ['backends/backend.ts', 'backends/free-list.ts', 'backends/parts.ts', 'kernels'],
  'backends/wasm': [
    'backends/backend.ts',
    'backends/free-list.ts',
    'backends/parts.ts',
    'kernels',
    'generated',
  ],
  // how kernels run knows nothing of the backend and its threads, and workers nothing of what starts them
  'backends/wasm/kernels': [
    'backends/wasm/executor.ts',
    'backends/wasm/task.ts',
    'kernels',
    'generated/wasm-exports.ts',
  ],
  'backends/wasm/threads': [
    'backends/wasm/executor.ts',
    'backends/wasm/fusion.ts',
    'backends/wasm/kernels',
    'backends/wasm/task.ts',
    'generated',
  ],
  'backends/webgpu': ['backends/backend.ts', 'backends/free-list.ts', 'kernels', 'generated', 'runtime.ts'],
  compressors: ['kernels', 'packet', 'backends/backend.ts'],
  algorithms: [
    'compressors',
    'kernels',
    'packet',
    'device.ts',
    'schedule.ts',
    'inspect.ts',
    'backends/backend.ts',
  ],
  federated: ['algorithms', 'compressors', 'kernels', 'packet', 'device.ts'],
  messages: ['packet'],
  // everything but input and output: no Node modules, no command line
  verify: [
    'backends',
    'compressors',
    'kernels',
    'packet',
    'device.ts',
    'generated/version.ts',
    'index.ts',
    'inspect.ts',
    'runtime.ts',
  ],
  runs: ['algorithms', 'messages', 'packet', 'device.ts'],
  mqtt: ['runs'],
  frameworks: [
    'algorithms',
    'federated',
    'kernels',
    'device.ts',
    'schedule.ts',
    'backends/backend.ts',
    'backends/webgpu/flags.ts',
  ],
};

test('imports point one way', () => {
  for (const [folder, allowed] of Object.entries(ALLOWED))
    for (const file of filesUnder(`ts/${folder}`))
      for (const [, kind, specifier] of read(file).matchAll(/^import (type )?[^;]*?from '(\.[^']+)';/gms)) {
        const target = new URL(specifier, `file:///${file}`).pathname.slice('/ts/'.length);
        const fine = [folder, 'errors.ts', 'arguments.ts', 'platform.ts', ...allowed].some((place) =>
          target.startsWith(place),
        );
        assert.ok(fine, `${file} imports ${target}`);
        if (target === 'backends/backend.ts')
          assert.ok(kind, `${file} imports more than types from the contract`);
      }
});

test('the modules of runs and of MQTT import each other in no circle, and a worker nothing of the server', () => {
  const files = ['ts/runs', 'ts/mqtt'].flatMap(filesUnder);
  const importsOf = (file: string): string[] =>
    [...read(file).matchAll(/^(?:import|export) [^;]*?from '(\.[^']+)';/gms)]
      .map(([, name]) => new URL(name, `file:///${file}`).pathname.slice(1))
      .filter((name) => files.includes(name));
  const reached = (file: string, seen = new Set<string>()): Set<string> => {
    for (const name of importsOf(file)) if (!seen.has(name)) reached(name, seen.add(name));
    return seen;
  };
  assert.ok(files.length > 25, `${files.length} files`);
  for (const file of files) assert.not(reached(file).has(file), `${file} imports itself in a circle`);
  const ofServers = ['server', 'host', 'round', 'membership', 'history', 'checkpoint', 'replica', 'store'];
  for (const worker of ['ts/runs/worker.ts', 'ts/runs/split/client.ts'])
    for (const stem of ofServers) assert.not(reached(worker).has(`ts/runs/${stem}.ts`), `${worker}: ${stem}`);
  assert.ok(reached('ts/mqtt/index.ts').has('ts/runs/server.ts'));
});

test('the wasm backend imports in no circle', () => {
  const imports = new Map<string, string[]>();
  for (const file of filesUnder('ts/backends/wasm')) {
    const specifiers = [...read(file).matchAll(/^import [^;]*?from '(\.[^']+)';/gms)].map(([, name]) => name);
    imports.set(
      file,
      specifiers.map((name) => new URL(name, `file:///${file}`).pathname.slice(1)),
    );
  }
  const visit = (file: string, path: readonly string[]): void => {
    assert.not(path.includes(file), `a circle: ${[...path, file].join(' > ')}`);
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
  };
  assert.ok(imports.size > 20);
  for (const file of imports.keys()) visit(file, []);
});

/** Packages that a module may import as it is loaded: all others are optional, and imported where they are needed. */
const IMPORTED: Record<string, readonly string[]> = {
  'ts/frameworks/jax.ts': ['@jax-js/jax'],
  'ts/frameworks/tensors.ts': ['@tensorflow/tfjs-core'],
  'ts/frameworks/optimizer.ts': ['@tensorflow/tfjs-core'],
  'ts/frameworks/optimizer-step.ts': ['@tensorflow/tfjs-core'],
  'ts/frameworks/optimizer-state.ts': ['@tensorflow/tfjs-core'],
  'ts/frameworks/snapshot.ts': ['@tensorflow/tfjs-core'],
};

/** What comes from elsewhere when a module is loaded; `type` imports are gone by then. */
const loads = (file: string): string[] =>
  [...read(file).matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?'([^']+)';/gms)].map(
    ([, name]) => name,
  );

test('no package is loaded with fewbits, and each adapter loads its framework alone', () => {
  for (const file of filesUnder('ts')) {
    const packages = loads(file).filter((name) => !name.startsWith('.') && !name.startsWith('node:'));
    assert.equal(
      packages.filter((name) => !(IMPORTED[file] ?? []).includes(name)),
      [],
      `${file} loads`,
    );
    for (const name of loads(file).filter((name) => name.startsWith('.'))) {
      const target = new URL(name, `file:///${file}`).pathname.slice('/ts/'.length);
      if (target.startsWith('frameworks/'))
        assert.ok(file.startsWith('ts/frameworks/'), `${file} loads ${target}`);
    }
  }
  const framework = (file: string, seen = new Set<string>()): Set<string> => {
    if (!seen.has(file))
      for (const name of (seen.add(file), loads(file)))
        if (name.startsWith('.')) framework(new URL(name, `file:///${file}`).pathname.slice(1), seen);
        else seen.add(name);
    return seen;
  };
  assert.ok(framework('ts/frameworks/jax.ts').has('@jax-js/jax'));
  assert.not(framework('ts/frameworks/jax.ts').has('@tensorflow/tfjs-core'));
  assert.ok(framework('ts/frameworks/tfjs.ts').has('@tensorflow/tfjs-core'));
  assert.not(framework('ts/frameworks/tfjs.ts').has('@jax-js/jax'));
});

test('a constant has one value in TypeScript, WGSL and AssemblyScript', async () => {
  let compared = 0;
  for (const stem of stems) {
    // a family of kernels made of others may have no files for wasm
    const existing = (file: string): string[] => (existsSync(`${root}/${file}`) ? [file] : []);
    const sources = [`ts/kernels/${stem}.ts`, ...existing(`ts/backends/wasm/kernels/${stem}.ts`)];
    const constants: Record<string, unknown> = {};
    for (const source of sources) Object.assign(constants, await import(`../${source}`));
    const own = shaders.filter((shader) => familyOf(shader) === stem).map((shader) => `wgsl/${shader}.wgsl`);
    const languages = existing(`assembly/${stem}.ts`);
    for (const file of [...own, ...languages])
      for (const [, name, text] of read(file).matchAll(
        /^(?:export )?const (\w+)(?:\s*:\s*\w+)?\s*=\s*([^;]+);/gm,
      )) {
        if (typeof constants[name] !== 'number') continue;
        const value = Number(
          text
            .replace(/<\w+>/, '')
            .replace(/(?<=\d)[uif]$/, '')
            .replace(/(?<=[\da-f])u$/, ''),
        );
        if (Number.isNaN(value)) continue;
        assert.is(value >>> 0, constants[name] >>> 0, `${name} in ${file}`);
        compared++;
      }
  }
  assert.ok(compared >= 6, `only ${compared} constants were compared`);
});

test.run();
