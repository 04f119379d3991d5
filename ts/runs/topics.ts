/**
 * The topics of a run, all under one prefix, so that access rules, a broker's for example, can separate runs and
 * workers.
 */
import { shown } from '../arguments.ts';

/** Where the messages of a run go. NAME is a worker's. */
export interface Topics {
  /** Retained: what the run is. */
  readonly server: string;
  /** From the server to all. */
  readonly down: string;
  /** Filters for the topics of all workers. */
  readonly allHere: string;
  readonly allUp: string;
  readonly allPeers: string;
  /** Retained: that NAME is here. */
  here(name: string): string;
  /** From NAME to the server. */
  up(name: string): string;
  /** From NAME to all. */
  peer(name: string): string;
  /** From the server to NAME. */
  to(name: string): string;
  /** The kind of a topic of this run, and the worker's name where it has one. */
  read(topic: string): { readonly kind: string; readonly name: string } | undefined;
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** @throws TypeError or RangeError unless `value` is a name: 1 to 64 of A-Z a-z 0-9 . _ - */
export function requireName(argument: string, value: unknown): string {
  const message = `"${argument}" expected 1 to 64 of A-Z a-z 0-9 . _ -, got ${shown(value)}`;
  if (typeof value !== 'string') throw new TypeError(message);
  if (!NAME.test(value)) throw new RangeError(message);
  return value;
}

/**
 * The topics of a run.
 * @throws RangeError where the run is no name, or a level of the prefix is none
 */
export function topicsOf(run: string, prefix = 'fewbits'): Topics {
  for (const level of prefix.split('/')) requireName('prefix', level);
  const root = `${prefix}/${requireName('run', run)}`;
  const of = (kind: string) => (name: string) => `${root}/${kind}/${requireName('name', name)}`;
  return {
    server: `${root}/server`,
    down: `${root}/down`,
    allHere: `${root}/here/+`,
    allUp: `${root}/up/+`,
    allPeers: `${root}/peer/+`,
    here: of('here'),
    up: of('up'),
    peer: of('peer'),
    to: of('to'),
    read(topic) {
      if (!topic.startsWith(`${root}/`)) return undefined;
      const [kind, name = '', ...rest] = topic.slice(root.length + 1).split('/');
      return rest.length > 0 ? undefined : { kind, name };
    },
  };
}
