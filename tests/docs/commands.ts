/**
 * The lines of `sh` blocks: each is a command that is known here, and it is run, or held against what says that it
 * exists.
 */
import { existsSync, readFileSync } from 'node:fs';

import { runLine } from '../support/command.ts';
import { root } from './blocks.ts';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as Manifest;

/** Commands of npm itself. */
const NPM = ['ci', 'cit', 'test', 'start'];

/** Programs that are not the package's: only their files are looked for. */
const OTHERS = ['mosquitto', 'python3', 'node'];

/** Subcommands of `fewbits` that take no longer than a test may; `doctor --verify` takes longer. */
const QUICK = ['compress', 'decompress', 'inspect', 'plan', 'doctor'];

/** The commands of a block: without comments, `&&` as two. */
export function commandsOf(code: string): string[] {
  return code
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)#.*/, '').split('&&'))
    .map((command) => command.trim())
    .filter((command) => command !== '');
}

/** @throws Error where there is no such command; `folder` is where it runs */
export async function checkCommand(command: string, folder: string): Promise<'ran' | 'exists'> {
  const words = command.split(/\s+/).filter((word) => !/^[A-Z_]+=/.test(word));
  if (words[0] === 'npx') words.shift();
  const [program, ...args] = words;
  const require = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`\`${command}\`: ${what}`);
  };
  if (program === 'npm') {
    const [verb, ...rest] = args;
    const packages = rest.filter((word) => !word.startsWith('-'));
    // one that the tests have in parts: its core and its backends
    const inParts = { '@tensorflow/tfjs': '' };
    const known = { ...manifest.devDependencies, ...manifest.peerDependencies, ...inParts, fewbits: '' };
    if (verb === 'i' || verb === 'install')
      for (const name of packages) require(name in known, `${name} is no package that the tests know`);
    else if (verb === 'run') require(packages[0] in manifest.scripts, `there is no script ${packages[0]}`);
    else require(NPM.includes(verb), `npm has no ${verb}`);
    return 'exists';
  }
  if (program === 'fewbits') {
    const { status: known, stdout: help } = await runLine(folder, [args[0], '--help']);
    require(known === 0, `there is no ${args[0]}`);
    for (const word of args)
      if (word.startsWith('--')) require(help.includes(word), `the help does not know ${word}`);
    if (!QUICK.includes(args[0]) || args.includes('--verify')) return 'exists';
    const { status, stderr } = await runLine(folder, args);
    require(status === 0, stderr);
    return 'ran';
  }
  require(OTHERS.includes(program), `${program} is not known`);
  for (const word of args)
    if (/\.(py|ts|mjs)$/.test(word)) require(existsSync(root + word), `there is no ${word}`);
  return 'exists';
}
