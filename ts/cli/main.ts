#!/usr/bin/env node
/** The command `fewbits`. Errors are one line on standard error, status 1, or 2 where the line makes no sense. */
import { createRequire } from 'node:module';
import { escaped, quoted } from '../files/quote.ts';
import { columns, runCommand, type Command } from './command.ts';
import { bench } from './commands/bench.ts';
import { compress } from './commands/compress.ts';
import { decompress } from './commands/decompress.ts';
import { doctor } from './commands/doctor.ts';
import { inspect } from './commands/inspect.ts';
import { join } from './commands/join.ts';
import { plan } from './commands/plan.ts';
import { serve } from './commands/serve.ts';
import { nearest } from '../nearest.ts';
import { UsageError } from './usage.ts';

const COMMANDS: Readonly<Record<string, Command>> = {
  doctor,
  bench,
  compress,
  decompress,
  inspect,
  serve,
  join,
  plan,
};

/** The help of all: what there is, and where to read on. */
function help(): string {
  const forms = Object.values(COMMANDS).flatMap(({ forms }) => forms);
  const lines = forms.map(([form, about]): [string, string] => [`  ${form}`, about]);
  return `fewbits: makes gradients and feature maps small

${columns(lines, 62)}

fewbits COMMAND --help   its options
fewbits --version        the version of the package
`;
}

function version(): string {
  const require = createRequire(import.meta.url);
  return (require('../../package.json') as { version: string }).version;
}

async function main([name, ...args]: string[]): Promise<void> {
  if (name === 'help' && args.length > 0) return main([args[0], '--help']);
  if (name === '--help' || name === '-h' || name === 'help') return console.log(help());
  if (name === '--version' || name === '-V') return console.log(version());
  const known = Object.keys(COMMANDS);
  if (name?.startsWith('-')) throw new UsageError(`expected a command before ${quoted(name)}`);
  if (name === undefined) throw new UsageError(`expected a command: ${known.join(', ')}`);
  if (!Object.hasOwn(COMMANDS, name)) {
    const close = nearest(name, known);
    const advice = close === undefined ? `known are ${known.join(', ')}` : `did you mean ${close}?`;
    throw new UsageError(`unknown command ${quoted(name)}; ${advice}`);
  }
  await runCommand(name, args, COMMANDS);
}

/** What tells how a line is to be. */
function helpCommand([name = '']: string[]): string {
  return Object.hasOwn(COMMANDS, name) ? `fewbits ${name} --help` : 'fewbits --help';
}

// a reader that has seen enough, such as head, is no error
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

const args = process.argv.slice(2);
/** Resolves when the command has ended: a process that runs one after the other waits for it. */
export const ended: Promise<void> = main(args).catch((error: unknown) => {
  const usage = error instanceof UsageError;
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  console.error(`fewbits: ${escaped(line)}${usage ? ` (${helpCommand(args)})` : ''}`);
  process.exitCode = usage ? 2 : 1;
});
