/**
 * `npm run bench:mqtt`: one server and 64 simulated workers with packets of 100 KB, and the same bytes moved by a plain
 * mqtt.js
 * program: rounds a second, bytes a second, memory, and their ratio. Broker, server and workers each in a process of
 * their own.
 *
 *   npm run bench:mqtt -- [--workers 64] [--bytes 100000] [--rounds 60] [--broker mqtt://127.0.0.1:1883] [--json FILE]
 *
 * Without --broker Mosquitto is started where it is installed, else aedes.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brokers } from '../brokers.ts';
import type { LoadReport, LoadSettings } from './process.ts';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '64' },
    bytes: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '60' },
    broker: { type: 'string' },
    json: { type: 'string' },
  },
});
const setting = {
  workers: Number(values.workers),
  bytes: Number(values.bytes),
  rounds: Number(values.rounds),
};

/** A process with a role, and what it reports in the end. */
function start(settings: LoadSettings): {
  child: ChildProcess;
  ready: Promise<void>;
  done: Promise<LoadReport>;
} {
  const child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
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
      child.once('exit', (code) =>
        reject(new Error(`${settings.role} of ${settings.kind} ended with ${code}`)),
      );
    }),
  };
}

async function measure(kind: LoadSettings['kind'], url: string): Promise<LoadReport> {
  const run = `load-${kind}-${process.pid}`;
  const server = start({ ...setting, kind, role: 'server', url, run });
  await server.ready;
  const workers = start({ ...setting, kind, role: 'workers', url, run });
  workers.done.catch(() => {});
  try {
    return await server.done;
  } finally {
    server.child.kill();
    workers.child.kill();
  }
}

const [aedes, mosquitto] = brokers;
const kind = mosquitto.missing === undefined ? mosquitto : aedes;
const broker = values.broker === undefined ? await kind.open(['max_inflight_messages 100']) : undefined;
try {
  const url = values.broker ?? (broker as { url: string }).url;
  const rows: Record<string, LoadReport> = {};
  // in turns, so that a machine that slows down slows both
  for (const name of ['plain', 'fewbits', 'plain', 'fewbits', 'plain', 'fewbits'] as const) {
    const report = await measure(name, url);
    if (rows[name] === undefined || report.seconds < rows[name].seconds) rows[name] = report;
  }
  const { workers, bytes, rounds } = setting;
  console.log(
    `${workers} workers, packets of ${bytes} bytes up and down, ${rounds} rounds, best of 3; ` +
      `${broker === undefined ? url : kind.name}, Node ${process.versions.node}, ${cpus().length} cores of ${cpus()[0].model}\n`,
  );
  console.log('|              | rounds/s | MB/s at the broker, both ways | server, MB |');
  console.log('| ------------ | -------- | ---------------------------- | ---------- |');
  for (const [name, { seconds, memory }] of Object.entries(rows)) {
    const perSecond = rounds / seconds;
    const moved = (perSecond * workers * bytes * 2) / 1e6;
    console.log(
      `| ${name.padEnd(12)} | ${perSecond.toFixed(2).padStart(8)} | ${moved.toFixed(1).padStart(28)} | ${(memory / 1e6).toFixed(0).padStart(10)} |`,
    );
  }
  const ratio = rows.plain.seconds / rows.fewbits.seconds;
  console.log(`\nfewbits / plain mqtt.js: ${ratio.toFixed(2)} of its rounds a second`);
  const { decode } = rows.fewbits;
  console.log(
    `of a round the server computes ${((1000 * decode) / rounds).toFixed(1)} ms (decoding, adding, answer)`,
  );
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ setting, rows, ratio }, undefined, 2)}\n`);
} finally {
  await broker?.close();
}
