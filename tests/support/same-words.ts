/**
 * The comparison on which everything stands: a kernel over the same inputs leaves the same words on a backend as on the
 * js backend. Many cases share one read, since each read of a software GPU costs tens of milliseconds.
 */
import * as assert from 'uvu/assert';
import type { Backend, DeviceBuffer } from '../../ts/backends/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Kernel } from '../../ts/kernels/kernel.ts';
import { Scope, wordsOf } from '../../ts/kernels/scope.ts';
import type { InWindows } from './windows.ts';

/** One run of a kernel: words for its inputs, words of each output. */
export interface Case {
  readonly label: string;
  readonly kernel: Kernel<string, string>;
  readonly inputs: Readonly<Record<string, Float32Array | Uint32Array>>;
  readonly outputs: Readonly<Record<string, number>>;
  /** Words of buffers that are input and output. */
  readonly changed?: Readonly<Record<string, Float32Array | Uint32Array>>;
  /** How many words of an output the kernel defines, where it is not all of them. */
  readonly defined?: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, number>>;
}

/** A case, its names checked against the kernel by the compiler. */
export function kernelCase<Buffers extends string, Params extends string, Inputs extends Buffers>(
  kernel: Kernel<Buffers, Params>,
  label: string,
  inputs: Readonly<Record<Inputs, Float32Array | Uint32Array>>,
  outputs: Readonly<Record<Exclude<Buffers, Inputs>, number>>,
  params: Readonly<Record<Params, number>>,
): Case {
  return { label, kernel: kernel, inputs, outputs, params };
}

/** Cases in one read, and the most words that they may hold together. */
const BATCH = 64;
const BATCH_WORDS = 2 ** 21;

/** Runs cases on a backend and gives the words of all outputs, output by output. */
async function outputs(
  backend: Backend,
  cases: readonly Case[],
): Promise<{ label: string; words: Uint32Array }[]> {
  const scope = new Scope(backend);
  try {
    const labels: string[] = [];
    const requests: { buffer: DeviceBuffer; count: number }[] = [];
    for (const { label, kernel, inputs, changed = {}, outputs, defined, params } of cases) {
      const buffers: Record<string, DeviceBuffer> = {};
      for (const [name, data] of Object.entries(inputs)) buffers[name] = scope.put(data);
      for (const [name, count] of Object.entries(outputs)) {
        // What a kernel must write it must write over old contents.
        buffers[name] = scope.put(new Uint32Array(count).fill(0xa5a5a5a5));
        labels.push(`${kernel.name} ${label}, ${name}`);
        requests.push({ buffer: buffers[name], count: defined?.[name] ?? count });
      }
      for (const [name, data] of Object.entries(changed)) {
        buffers[name] = scope.put(data);
        labels.push(`${kernel.name} ${label}, ${name}`);
        requests.push({ buffer: buffers[name], count: data.length });
      }
      scope.run(kernel, buffers, params);
    }
    const read = await backend.read(scope.read(...requests));
    return read.map((words, i) => ({ label: labels[i], words }));
  } finally {
    scope.end();
  }
}

/** Asserts that all cases that `backend` takes leave the same words on it as on js. */
export async function assertSameWords(backend: Backend & InWindows, cases: Iterable<Case>): Promise<void> {
  const js = openJs();
  let batch: Case[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const [expected, actual] = await Promise.all([outputs(js, batch), outputs(backend, batch)]);
    expected.forEach(({ label, words }, i) => assertWords(actual[i].words, words, label));
    batch = [];
    size = 0;
  };
  for (const one of cases) {
    if (backend.takes?.(one.kernel, one.params) === false) continue;
    batch.push(one);
    for (const data of Object.values(one.inputs)) size += data.length;
    for (const count of Object.values(one.outputs)) size += count;
    if (batch.length >= BATCH || size >= BATCH_WORDS) await flush();
  }
  await flush();
  js.close();
}

/** Asserts equal words, and names the first that differ. */
export function assertWords(
  actual: Float32Array | Uint32Array,
  expected: Float32Array | Uint32Array,
  label: string,
): void {
  const a = wordsOf(actual);
  const e = wordsOf(expected);
  assert.is(a.length, e.length, `${label}: ${a.length} words, expected ${e.length}`);
  const at = e.findIndex((word, i) => word !== a[i]);
  if (at < 0) return;
  const shown = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`;
  assert.unreachable(`${label}: word ${at} is ${shown(a[at])}, expected ${shown(e[at])}`);
}
