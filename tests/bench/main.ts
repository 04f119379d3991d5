/**
 * `npm run bench`: how fast the kernels and the compressors are on one thread, beside peers and beside what the machine
 * can do at best, and whole steps of the systems. `npm run bench -- --help` lists the options.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { times, whole } from '../../examples/mnist/format.ts';
import { renderText } from '../../examples/mnist/table.ts';
import { DATA, DATA_NAMES, type DataKind } from './data.ts';
import { type Bench, type Group, openBench } from './bench.ts';
import { GROUPS } from './groups.ts';
import { measure } from './measure.ts';
import { helpText, type Options, readOptions, UsageError } from './options.ts';
import { openPeers, type Peer, type Peers, plainPeer } from './peers.ts';
import { drawPlots } from './plot.ts';
import { digits, renderGroup, type Row, rowsOf } from './rows.ts';
import { stepTable } from './step-table.ts';
import { measureSystem, openGradients, type StepRow } from './steps.ts';
import { SYSTEMS } from './systems.ts';
import { judge, type Outcome } from './targets.ts';
import { type ByteCodec, runtimeCodecs } from './wire.ts';

/** Sizes at which other data than normal ones are measured, where none are named. */
const EVERY_DATA: readonly number[] = [2 ** 20, 2 ** 24];

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(helpText);
    return;
  }
  const tasks = [
    ...GROUPS.filter(({ group }) => options.groups.includes(group)).map(({ task }) => task),
    ...(options.groups.includes('systems') ? SYSTEMS.map(({ name }) => name) : []),
  ];
  const unknown = options.only.find(
    (name) => !tasks.some((task) => isNamed(task, { ...options, only: [name] })),
  );
  if (unknown !== undefined) throw new UsageError(`no task has ${JSON.stringify(unknown)} in its name`);
  const compared = options.peers && options.groups.some((group) => group !== 'systems');
  const { peers, codecs, versions } = compared ? await findPeers() : NOBODY;
  const machine = describeMachine(versions);
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, one thread; ${machine.date}`);

  const rows = await measureTasks(options, peers, [...runtimeCodecs(), ...codecs]);
  const systems = await measureSystems(options);
  const outcomes = judge(rows);
  if (rows.length > 0) console.log(`\n${renderOutcomes(outcomes)}`);
  const { json, plot } = options;
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ machine, rows, systems, targets: outcomes }, undefined, 2)}\n`);
  if (plot !== undefined) writeFileSync(plot, drawPlots(rows));
}

/** Kernels and compressors, printed group by group. */
async function measureTasks(
  options: Options,
  peers: readonly Peer[],
  codecs: readonly ByteCodec[],
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const n of options.sizes)
    for (const data of options.data ?? DATA) {
      const groups = GROUPS.filter((group) => wanted(group, { n, data }, options));
      if (groups.length === 0) continue;
      // how data of other kinds compare with normal ones is a question to ourselves
      const compared = data === 'normal' || options.data !== undefined;
      const others = compared ? [...peers, plainPeer] : [];
      const bench = await openBench({ n, data }, options, others, compared ? codecs : []);
      for (const group of groups) {
        const found = await measureGroup(group, bench, options.rounds);
        rows.push(...found);
        console.log(`\n${renderGroup(found)}`);
      }
      bench.close();
    }
  return rows;
}

/** Steps of systems, printed length by length. */
async function measureSystems(options: Options): Promise<StepRow[]> {
  const tasks = SYSTEMS.filter(({ name }) => isNamed(name, options));
  if (!options.groups.includes('systems') || !options.backends.includes('wasm') || tasks.length === 0)
    return [];
  const rows: StepRow[] = [];
  for (const n of options.systemSizes)
    for (const data of options.data ?? ['normal']) {
      const gradients = await openGradients(data, n);
      const found: StepRow[] = [];
      for (const task of tasks)
        for await (const row of measureSystem(task, gradients, options)) {
          console.error(`${row.system}, ${row.candidate}: ${times(row.copies)} copies`);
          found.push(row);
        }
      console.log(`\nn = ${whole(n)}, ${DATA_NAMES[data]}, copy ${digits(found[0].copy)} ns an element\n`);
      console.log(renderText(stepTable(found)));
      rows.push(...found);
    }
  return rows;
}

/** Without peers from npm. */
const NOBODY: Peers = { peers: [], codecs: [], versions: {} };

/** The peers from npm; where they cannot be had, the run goes on without. */
async function findPeers(): Promise<Peers> {
  try {
    return await openPeers();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`Without TensorFlow.js, onnxruntime and MessagePack: ${reason.split('\n')[0]}`);
    return NOBODY;
  }
}

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly date: string;
  readonly packages: Readonly<Record<string, string>>;
}

function describeMachine(peers: Readonly<Record<string, string>>): Machine {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.versions.node,
    date: new Date().toISOString(),
    packages: { fewbits: version, ...peers },
  };
}

function wanted(
  { group, task, everyData }: Group,
  { n, data }: { n: number; data: DataKind },
  options: Pick<Options, 'groups' | 'only' | 'exact' | 'data'>,
): boolean {
  if (!options.groups.includes(group)) return false;
  if (options.data === undefined && data !== 'normal' && !(everyData && EVERY_DATA.includes(n))) return false;
  return isNamed(task, options);
}

function isNamed(task: string, { only, exact }: Pick<Options, 'only' | 'exact'>): boolean {
  const name = task.toLowerCase();
  return only.length === 0 || only.some((part) => (exact ? name === part : name.includes(part)));
}

async function measureGroup(group: Group, bench: Bench, rounds: number): Promise<Row[]> {
  const participants = await group.prepare(bench);
  try {
    const spreads = await measure(participants, rounds);
    const entries = participants.map(({ kind, candidate, backend, bytes }) => ({
      kind,
      candidate,
      backend,
      bytes,
    }));
    const { x, data } = bench.input;
    return rowsOf({ task: group.task, n: x.length, data }, entries, spreads);
  } finally {
    for (const { end } of participants) end?.();
  }
}

function renderOutcomes(outcomes: readonly Outcome[]): string {
  const measured = outcomes.filter(({ reached }) => reached !== undefined);
  const left = outcomes.length - measured.length;
  if (measured.length === 0) return `None of the ${left} targets was measured.`;
  const rows = measured.map(({ target, wanted, measured, reached }) => [
    target,
    wanted,
    measured?.toPrecision(3) ?? '',
    reached ? 'yes' : 'no',
  ]);
  const header = ['targets, at n = 25,600,000 unless said', 'wanted', 'measured', 'reached'];
  const others = left === 0 ? '' : `\n${left} others were not measured.`;
  return `${renderText({ header, rows })}${others}`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`npm run bench: ${error.message}`);
  process.exitCode = 2;
}
