/** Counts what kernels and compressors move, on the emulator. */
import { Device } from '../../ts/device.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import type { DeviceBuffer } from '../../ts/backends/backend.ts';
import { COMPRESSORS, type CompressorTask } from '../bench/compressors.ts';
import { MAGNITUDE } from '../../ts/kernels/float-bits.ts';
import { type EmulatedOptions, openEmulated, type Ran } from '../emulator/fewbits.ts';
import { input } from '../support/inputs.ts';
import type { Figures, Row } from './figures.ts';
import { type KernelTask, kernelTasks } from './kernels.ts';

/** A kernel, or compress and decompress of a compressor, over a vector of n elements. */
export interface Task {
  readonly name: string;
  readonly n: number;
  count(): Promise<Row[]>;
}

/** The sizes of every task; those of a selection, whose passes over the vector are few beside it from there on. */
const SIZES = [100_000, 2 ** 20];
const SELECTIONS = 2 ** 22;

/**
 * All that is counted.
 * @param change alters a shader's text, by its stem
 */
export function allTasks(change?: EmulatedOptions['change']): Task[] {
  const selections = kernelTasks(SELECTIONS, (kernel) => kernel === 'topK');
  return [...SIZES.flatMap((n) => tasksOf(n, change)), ...kernelsAs(selections, SELECTIONS, change)];
}

/** Every kernel and every compressor over a vector of n elements. */
export function tasksOf(n: number, change?: EmulatedOptions['change']): Task[] {
  const compressors = COMPRESSORS.map((task) => ({
    name: task.name,
    n,
    count: () => countCompressor(task, n, change),
  }));
  return [...kernelsAs(kernelTasks(n), n, change), ...compressors];
}

function kernelsAs(tasks: readonly KernelTask[], n: number, change: EmulatedOptions['change']): Task[] {
  return tasks.map((task) => ({ name: task.name, n, count: () => countKernel(task, n, change) }));
}

/** What has been done since the counter was made, or reset. */
class Counter {
  #figures = { ...NOTHING };

  readonly add = (ran: Ran): void => {
    const figures = this.#figures;
    if ('cleared' in ran) {
      figures.clears++;
      figures.written += ran.cleared;
      return;
    }
    const { counts } = ran;
    figures.dispatches++;
    figures.workgroups += counts.workgroups;
    figures.barriers += counts.barriers;
    figures.sharedAtomics += counts.workgroupAtomics;
    for (const traffic of Object.values(counts.bindings)) {
      figures.read += traffic.wordsRead;
      figures.written += traffic.wordsWritten;
      figures.atomics += traffic.atomics;
    }
  };

  take(): Figures {
    const found = this.#figures;
    this.#figures = { ...NOTHING };
    return found;
  }
}

const NOTHING: Figures = {
  read: 0,
  written: 0,
  dispatches: 0,
  clears: 0,
  workgroups: 0,
  barriers: 0,
  atomics: 0,
  sharedAtomics: 0,
};

async function countKernel(
  { name, run, least }: KernelTask,
  n: number,
  change: EmulatedOptions['change'],
): Promise<Row[]> {
  const counter = new Counter();
  const backend = openEmulated({}, { onRan: counter.add, change });
  const scope = new Scope(backend);
  const buffers: Record<string, DeviceBuffer> = {};
  for (const [of, data] of Object.entries({ ...run.inputs, ...run.changed })) buffers[of] = scope.put(data);
  for (const [of, words] of Object.entries(run.outputs)) buffers[of] = scope.take(words);
  scope.run(run.kernel, buffers, run.params);
  await backend.read([]);
  return [{ task: name, n, least, ...counter.take() }];
}

/** Of compress and decompress: at least the vector and the packet are moved, each once. */
async function countCompressor(
  task: CompressorTask,
  n: number,
  change: EmulatedOptions['change'],
): Promise<Row[]> {
  const counter = new Counter();
  const backend = openEmulated({}, { onRan: counter.add, change });
  const device = new Device({ backend: 'js' }, { backend, reasons: {} });
  const x = input('normal', n);
  const compressor = task.compressor({ data: 'normal', x, keyOf: keysOf(x) });
  const packet = await device.compress(compressor, x);
  const compress = counter.take();
  await device.decompress(packet);
  const decompress = counter.take();
  device.close();
  // words of a float32 packet are copied, which is no kernel's work
  const words = compressor.name === 'float32' ? 0 : Math.ceil(packet.length / 4);
  return [
    { task: `compress ${task.name}`, n, least: n + words, ...compress },
    { task: `decompress ${task.name}`, n, least: words + (words > 0 ? n : 0), ...decompress },
  ];
}

/** The least key of a magnitude that at most a share of the elements reach. */
function keysOf(x: Float32Array): (share: number) => number {
  const keys = new Uint32Array(x.buffer).map((bits) => bits & MAGNITUDE).sort();
  return (share) => keys[x.length - Math.floor(share * x.length)];
}
