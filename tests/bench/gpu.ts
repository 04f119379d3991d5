/**
 * `npm run bench:gpu`: how long the kernels and the compressors take on a GPU, beside a copy of the vector from buffer
 * to buffer in the same run. Kernels are timed by the GPU's own clock (timestamp queries), compress by the wall clock,
 * since its readback belongs to it. `npm run bench:gpu -- --help` lists the options.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { times, whole } from '../../examples/mnist/format.ts';
import { renderText } from '../../examples/mnist/table.ts';
import type { Backend, DeviceBuffer } from '../../ts/backends/backend.ts';
import { USAGE } from '../../ts/backends/webgpu/flags.ts';
import { openWebgpu } from '../../ts/backends/webgpu/index.ts';
import { openDevice } from '../../ts/index.ts';
import { type Kernel } from '../../ts/kernels/kernel.ts';
import { planOf } from '../../ts/kernels/plans/index.ts';
import { type Limits, WINDOW_UNIT } from '../../ts/kernels/plans/plan.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import { valueOf } from '../support/formula.ts';
import { readHeader } from '../support/headers.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { COMPRESSORS } from './compressors.ts';
import { type Input, vector } from './data.ts';
import { type MeasuredGpu, openMeasuredGpu } from './gpu-clock.ts';
import { keysOf } from './bench.ts';
import { KERNELS } from './kernels.ts';
import { type Spread, spreadOf } from './measure.ts';
import { readOutput, readSizes, UsageError, usageError } from './options.ts';
import { digits } from './rows.ts';

const helpText = `Measures every kernel and every compressor on a GPU, beside a copy of the vector from buffer to buffer.

Usage: npm run bench:gpu -- [options]

  --only NAME   tasks with this in their name, "topK" say; may be given several times (all)
  --n N         elements, 65536 or 2^16; may be given several times (2^20 and 2^24)
  --software    a GPU that computes on the CPU will do; its times mean nothing
  --json FILE   all numbers
  --help        this text

Kernels are timed by timestamp queries around a submit, compress by the wall clock with its readback. What a kernel
moves is what its passes read and write, by the headers in wgsl/; "copies" is the time in copies of the vector.
`;

interface Options {
  readonly help: boolean;
  readonly only: readonly string[];
  readonly sizes: readonly number[];
  readonly software: boolean;
  readonly json: string | undefined;
}

function readOptions(args: readonly string[]): Options {
  const texts = { type: 'string', multiple: true } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { only: texts, n: texts, software: flag, json: { type: 'string' }, help: flag },
    });
    return {
      help: values.help,
      only: (values.only ?? []).map((name) => name.toLowerCase()),
      sizes: readSizes(values.n) ?? [2 ** 20, 2 ** 24],
      software: values.software,
      json: readOutput('json', values.json),
    };
  } catch (error) {
    throw error instanceof UsageError ? error : usageError(error);
  }
}

/** Rounds in which a kernel and the copy take turns; a software GPU is too slow for as many. */
const ROUNDS = 11;
const SOFTWARE_ROUNDS = 3;

/** Elements that a submit works on at least, by doing the same several times, and how often at most. */
const SUBMIT = 2 ** 25;
const MOST_REPEATS = 32;

/** A task on the GPU. */
interface Row {
  readonly task: string;
  readonly kind: 'copy' | 'kernel' | 'compress';
  readonly n: number;
  /** The median, and the quartiles around it. */
  readonly microseconds: number;
  readonly lower: number;
  readonly upper: number;
  /** Read and written: of a kernel by its plan and the headers of its shaders. */
  readonly bytesMoved?: number;
  /** In copies of the vector, taken in turns with it. */
  readonly copies: number;
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(helpText);
    return 0;
  }
  const child = options.software ? await besideSoftwareGpu(args) : undefined;
  if (child !== undefined) return child;
  const gpu = await openMeasuredGpu(options.software).catch((error: Error) => error);
  if (gpu instanceof Error) {
    console.error(`npm run bench:gpu: no GPU here: ${gpu.message.replaceAll(/\s*\n\s*/g, ' ')}`);
    return 1;
  }
  const date = new Date().toISOString();
  console.log(`${gpu.name}, Node ${process.versions.node}; ${date}`);
  const warning = 'This is a software GPU: the CPU does the work, and these times say nothing of any GPU.';
  if (gpu.software) console.log(warning);

  const rows: Row[] = [];
  for (const n of options.sizes) {
    const found = await measureSize(gpu, n, options);
    rows.push(...found);
    console.log(`\n${renderRows(found)}`);
  }
  if (gpu.software) console.log(`\n${warning}`);
  if (options.json !== undefined) {
    const machine = { gpu: gpu.name, software: gpu.software, node: process.versions.node, date };
    writeFileSync(options.json, `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
  }
  await gpu.close();
  return 0;
}

/** Runs this program again where the software GPU is found; undefined where that is so, or not needed. */
async function besideSoftwareGpu(args: readonly string[]): Promise<number | undefined> {
  const found = await softwareGpu();
  if (found === undefined || process.env.VK_DRIVER_FILES === found.env.VK_DRIVER_FILES) return undefined;
  const program = fileURLToPath(import.meta.url);
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', program, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...found.env },
  });
  return status ?? 1;
}

async function measureSize(gpu: MeasuredGpu, n: number, { only }: Options): Promise<Row[]> {
  const { device } = gpu;
  const x = vector('normal', n);
  const input: Input = { data: 'normal', x, keyOf: await keysOf(x) };
  const wanted = ({ name }: { name: string }): boolean =>
    only.length === 0 || only.some((part) => name.toLowerCase().includes(part));
  const usage = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
  const [from, to] = [1, 2].map(() => device.createBuffer({ size: 4 * n, usage }));
  device.queue.writeBuffer(from, 0, x.buffer);
  const rounds = gpu.software ? SOFTWARE_ROUNDS : ROUNDS;
  const repeats = gpu.software ? 1 : Math.min(Math.max(Math.floor(SUBMIT / n), 1), MOST_REPEATS);

  /** Nanoseconds of one copy. */
  const copy = async (): Promise<number> => {
    const spent = await gpu.time(async () => {
      const encoder = device.createCommandEncoder();
      for (let i = 0; i < repeats; i++) encoder.copyBufferToBuffer(from, 0, to, 0, 4 * n);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    });
    return spent / repeats;
  };
  /** Samples of a task and of the copy in turns, after a first one of each. */
  const besideCopy = async (once: () => Promise<number>): Promise<{ own: Spread; copied: Spread }> => {
    const samples: [own: number, copied: number][] = [];
    for (let round = 0; round <= rounds; round++) samples.push([await once(), await copy()]);
    const [own, copied] = [0, 1].map((which) => spreadOf(samples.slice(1).map((pair) => pair[which])));
    return { own, copied };
  };
  const row = (
    { task, kind, bytesMoved }: Pick<Row, 'task' | 'kind' | 'bytesMoved'>,
    { own, copied }: { own: Spread; copied: Spread },
  ): Row => ({
    task,
    kind,
    n,
    microseconds: own.median / 1e3,
    lower: own.lower / 1e3,
    upper: own.upper / 1e3,
    bytesMoved,
    copies: own.median / copied.median,
  });

  const rows: Row[] = [row({ task: 'copy', kind: 'copy', bytesMoved: 8 * n }, await besideCopy(copy))];
  const backend = await openWebgpu({ gpu: device });
  const held = new Scope(backend);
  const put = held.vector(x);
  for (const task of KERNELS.filter(wanted)) {
    const taken = new Scope(backend);
    const work = task.prepare(taken, put, input);
    await backend.read([]);
    const bytesMoved = await countBytes(backend, limitsOf(device), work);
    const kernel = async (): Promise<number> => {
      const spent = await gpu.time(async () => {
        for (let i = 0; i < repeats; i++) {
          const call = new Scope(backend);
          work(call);
          call.end();
        }
        await backend.read([]);
      });
      return spent / repeats;
    };
    rows.push(row({ task: task.name, kind: 'kernel', bytesMoved }, await besideCopy(kernel)));
    taken.end();
  }
  held.end();
  backend.close();

  const opened = await openDevice({ backend: 'webgpu', gpu: device });
  for (const task of COMPRESSORS.filter(wanted)) {
    const compressor = task.compressor(input);
    const sources = { 'GPU buffer': { buffer: from }, Float32Array: x };
    for (const [name, source] of Object.entries(sources)) {
      const wall = async (): Promise<number> => {
        const start = performance.now();
        await opened.compress(compressor, source);
        return (performance.now() - start) * 1e6;
      };
      const title = `compress ${task.name}, ${name}`;
      rows.push(row({ task: title, kind: 'compress' }, await besideCopy(wall)));
    }
  }
  opened.close();
  for (const buffer of [from, to]) buffer.destroy();
  return rows;
}

/** Bytes of all that the passes of one call read, write or clear. */
async function countBytes(backend: Backend, limits: Limits, work: (call: Scope) => void): Promise<number> {
  let bytes = 0;
  const counting: Backend['run'] = (kernel, buffers, params) => {
    bytes += movedBytes(kernel, buffers, params, limits);
  };
  const counted = new Proxy(backend, {
    get(target, name) {
      if (name === 'run') return counting;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const call = new Scope(counted);
  work(call);
  call.end();
  await backend.read([]);
  return bytes;
}

function movedBytes<Buffers extends string, Params extends string>(
  kernel: Kernel<Buffers, Params>,
  buffers: Readonly<Record<Buffers, DeviceBuffer>>,
  params: Readonly<Record<Params, number>>,
  limits: Limits,
): number {
  const { scratch, steps } = planOf(kernel, params, limits);
  let words = 0;
  for (const step of steps)
    if ('clear' in step) words += scratch[step.clear] ?? buffers[step.clear as Buffers].words;
    else {
      const { read, written } = readHeader(step.shader).entries[step.entry];
      words += valueOf(read, step.uniforms) + valueOf(written, step.uniforms);
    }
  return Math.round(4 * words);
}

/** As the backend takes them from the device. */
function limitsOf({ limits }: GPUDevice): Limits {
  const words = Math.floor(Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / 4);
  return {
    bindingWords: words - (words % WINDOW_UNIT),
    gridWidth: limits.maxComputeWorkgroupsPerDimension,
  };
}

function renderRows(rows: readonly Row[]): string {
  const header = [`n = ${whole(rows[0].n)}`, 'microseconds', 'quartiles', 'MB moved', 'GB/s', 'copies'];
  const cells = rows.map(({ task, microseconds, lower, upper, bytesMoved, copies }) => [
    task,
    digits(microseconds),
    `${digits(lower)} .. ${digits(upper)}`,
    bytesMoved === undefined ? '' : digits(bytesMoved / 1e6),
    bytesMoved === undefined ? '' : digits(bytesMoved / microseconds / 1e3),
    times(copies),
  ]);
  return renderText({ header, rows: cells });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`npm run bench:gpu: ${error.message}`);
  process.exitCode = 2;
}
