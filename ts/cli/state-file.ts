/** The state of a run in a file, for `--state`: replaced as a whole, and refused where it is another run's. */
import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { PacketError } from '../errors.ts';
import { checkpointHeadOf } from '../runs/checkpoint.ts';
import type { Store } from '../runs/store.ts';
import { escaped } from '../files/quote.ts';
import { readBytes, writeFiles } from './files.ts';
import { isPathOfTask, type About } from './tasks.ts';
import { UsageError } from './usage.ts';

/** What a state must be of. */
export interface StateOf {
  readonly about: About;
  readonly system: string;
  readonly workers: { readonly least: number; readonly most: number };
}

/**
 * The state in a file. Reading it rejects with a UsageError that names the option where the file is the state of
 * another run, of one that has gone further than `about.steps`, or no regular file.
 */
export function fileStore(path: string, of: StateOf): Store {
  return {
    async read() {
      if (!existsSync(path)) return undefined;
      // a device cannot be replaced as a whole, and may have no end
      if (!statSync(path).isFile())
        throw new UsageError(`--state expected a regular file, got ${escaped(path)}`);
      const bytes = await readBytes(path);
      requireSame(path, bytes, of);
      return bytes;
    },
    write: (state) => writeFiles({ [path]: state }),
  };
}

function requireSame(path: string, bytes: Uint8Array, { about, system, workers }: StateOf): void {
  const { least, most } = workers;
  const saved = checkpointHeadOf(bytes);
  const told = (saved.about ?? {}) as Partial<About>;
  const file = escaped(path);
  // the same module by another path is the same task
  const taskOf = (name: string | undefined): string | undefined =>
    name !== undefined && isPathOfTask(name) ? basename(name) : name;
  const pairs: [option: string, saved: string | number | undefined, given: string | number | undefined][] = [
    ['task', taskOf(told.task), taskOf(about.task)],
    [
      'algorithm',
      told.algorithm ?? saved.system,
      about.algorithm ?? (told.algorithm === undefined ? system : undefined),
    ],
    // where they come and go there may be any number of them
    ['workers', least === most ? saved.workers : undefined, least === most ? least : undefined],
    ['seed', told.seed, about.seed],
    ['local-steps', told.localSteps, about.localSteps],
  ];
  for (const [option, was, is] of pairs)
    if (was !== is)
      throw new UsageError(
        `--state ${file} is of a run with --${option} ${escaped(String(was))}, this one has ${escaped(String(is ?? 'none'))}`,
      );
  const { step = 0 } = saved;
  if (step > about.steps)
    throw new UsageError(
      `--steps ${about.steps}: the run of --state ${file} has done ${step} steps already; a new run needs another file`,
    );
}

/** What is wrong with the bytes of a state, for people: the file instead of the place in it. */
export function stateError(path: string | undefined, error: unknown): unknown {
  if (path === undefined || !(error instanceof PacketError)) return error;
  const reason = error.message.replace(/ \(at byte \d+\)$/, '');
  return new Error(`cannot go on from --state ${escaped(path)}: ${reason}`, { cause: error });
}
