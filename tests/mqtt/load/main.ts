/**
 * `npm run bench:mqtt`: one server and 64 simulated workers with packets of 100 KB, by system, and the same bytes moved
 * by a plain mqtt.js program: rounds a second, and what of the plain program's that is. Broker, server and workers each
 * in a process of their own. docs/distributed.md says what the columns are.
 *
 *   npm run bench:mqtt -- [--workers 64] [--bytes 100000] [--rounds 30] [--times 3] [--threads 1]
 *     [--spread 0] [--early yes] [--only doubleSqueeze,foSgd] [--broker mqtt://127.0.0.1:1883]
 *     [--json FILE] [--profile FOLDER]
 *
 * Without --broker Mosquitto is started where it is installed, else aedes. --only: programs whose names have one of
 * these in them, and the plain one. --spread: milliseconds over which the workers' packets are spread by chance, so
 * that ranks come in any order. --early no: the server takes no packet before it has all of them. --profile: V8's
 * profiles of servers and workers.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brokers } from '../brokers.ts';
import { programs, type Program } from './loads.ts';
import { median } from './median.ts';
import type { LoadReport, LoadSettings } from './process.ts';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '64' },
    bytes: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '30' },
    times: { type: 'string', default: '3' },
    threads: { type: 'string', default: '1' },
    spread: { type: 'string', default: '0' },
    early: { type: 'string', default: 'yes' },
    only: { type: 'string', default: '' },
    broker: { type: 'string' },
    json: { type: 'string' },
    profile: { type: 'string' },
  },
});
const setting = {
  workers: Number(values.workers),
  bytes: Number(values.bytes),
  rounds: Number(values.rounds),
  threads: Number(values.threads),
  spread: Number(values.spread),
  early: values.early !== 'no',
};

/** A process with a role, and what it reports in the end. */
function start(settings: LoadSettings): {
  child: ChildProcess;
  ready: Promise<void>;
  done: Promise<LoadReport>;
} {
  const { program, role } = settings;
  const profiled = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir'];
  const child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), {
    execArgv: [...profiled, ...profiled.slice(1).map(() => `${values.profile}/${program}-${role}`)].concat([
      '--import',
      'tsx',
    ]),
  });
  child.send(settings);
  let ready: () => void = () => {};
  let done: (report: LoadReport) => void = () => {};
  child.on('message', (said: 'ready' | LoadReport) => (said === 'ready' ? ready() : done(said)));
  return {
    child,
    ready: new Promise((resolve) => (ready = resolve)),
    done: new Promise((resolve, reject) => {
      done = resolve;
      child.once('exit', (code) => reject(new Error(`${role} of ${program} ended with ${code}`)));
    }),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}

async function measure(program: Program, url: string): Promise<LoadReport> {
  const run = `load-${program}-${process.pid}`.replace(/[^\w-]/g, '-');
  const server = start({ ...setting, program, role: 'server', url, run });
  await Promise.race([server.ready, server.done]);
  const workers = start({ ...setting, program, role: 'workers', url, run });
  workers.done.catch(() => {});
  try {
    return await server.done;
  } finally {
    await end(server.child);
    await end(workers.child);
  }
}

const columns = ['program', 'packet, bytes', 'rounds/s', 'of plain', 'server, ms', 'to answer, ms', 'MB'];

function row(program: Program, { packet, ...report }: LoadReport, plain: LoadReport): string[] {
  const { seconds, computing, toAnswer, memory } = report;
  const { rounds } = setting;
  return [
    program,
    String(packet),
    (rounds / seconds).toFixed(1),
    (plain.seconds / seconds).toFixed(2),
    ((1000 * computing) / rounds).toFixed(1),
    program === 'plain' ? '' : toAnswer.toFixed(1),
    (memory / 1e6).toFixed(0),
  ];
}

/** A table in Markdown. */
function show(rows: readonly (readonly string[])[]): void {
  const widths = columns.map((_, c) => Math.max(...rows.map((cells) => cells[c].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join(' | ')} |`;
  const [head, ...rest] = rows;
  console.log(line(head));
  console.log(line(widths.map((width) => '-'.repeat(width))));
  for (const cells of rest) console.log(line(cells));
}

const [aedes, mosquitto] = brokers;
const kind = mosquitto.missing === undefined ? mosquitto : aedes;
const broker = values.broker === undefined ? await kind.open(['max_inflight_messages 100']) : undefined;
try {
  const url = values.broker ?? (broker as { url: string }).url;
  const wanted = values.only.split(',');
  const chosen = programs.filter((name) => name === 'plain' || wanted.some((part) => name.includes(part)));
  const reports = new Map<Program, LoadReport[]>(chosen.map((name) => [name, []]));
  // in turns, so that a machine that slows down slows all
  for (let time = 0; time < Number(values.times); time++)
    for (const [name, all] of reports) all.push(await measure(name, url));
  const { workers, bytes, rounds, threads } = setting;
  console.log(
    `${workers} workers, packets of about ${bytes} bytes up and down, ${rounds} rounds, medians of ${values.times}, ` +
      `server of ${threads} threads; ${broker === undefined ? url : kind.name}, Node ${process.versions.node}, ` +
      `${cpus().length} cores of ${cpus()[0].model}\n`,
  );
  const middle = (all: readonly LoadReport[]): LoadReport => {
    const seconds = median(all.map((report) => report.seconds));
    return all.find((report) => report.seconds === seconds)!;
  };
  const plain = middle(reports.get('plain')!);
  show([columns, ...[...reports].map(([name, all]) => row(name, middle(all), plain))]);
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      `${JSON.stringify({ setting, reports: Object.fromEntries(reports) }, undefined, 2)}\n`,
    );
} finally {
  await broker?.close();
}
