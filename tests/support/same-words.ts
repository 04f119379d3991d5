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

/** How many buffers of a case are compared. */
const countOf = ({ outputs, changed = {} }: Case): number =>
  Object.keys(outputs).length + Object.keys(changed).length;

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

/** Two hashes of words, each of 32 bits: what is equal by chance in both is one in 2^64. */
class Digest {
  #a = 0x9e3779b9;
  #b = 0x85ebca6b;

  add(values: Float32Array | Uint32Array): this {
    let [a, b] = [this.#a ^ values.length, this.#b];
    for (const word of wordsOf(values)) {
      a = Math.imul(a ^ word, 0x01000193);
      a ^= a >>> 15;
      b = Math.imul(b + word, 0xcc9e2d51);
      b = (b << 13) | (b >>> 19);
    }
    [this.#a, this.#b] = [a, b];
    return this;
  }

  toString(): string {
    return `${this.#a},${this.#b}`;
  }
}

/** A case with all that js makes its words from. */
function nameOf({ label, kernel, inputs, outputs, changed = {}, defined, params }: Case): string {
  const given = new Digest();
  for (const data of [...Object.values(inputs), ...Object.values(changed)]) given.add(data);
  const lengths = Object.values(inputs).map(({ length }) => length);
  return JSON.stringify([kernel.name, label, params, outputs, defined, lengths, String(given)]);
}

const digestsOf = (words: readonly { readonly words: Uint32Array }[]): string =>
  String(words.reduce((digest, one) => digest.add(one.words), new Digest()));

/** What js has left of cases so far, by their names: other backends of this process have the same ones. */
const known = new Map<string, string>();

/** Asserts that all cases that `backend` takes leave the same words on it as on js, which does each case once. */
export async function assertSameWords(backend: Backend & InWindows, cases: Iterable<Case>): Promise<void> {
  const js = openJs();
  let batch: Case[] = [];
  let names: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const actual = await outputs(backend, batch);
    for (const [i, one] of batch.entries()) {
      const words = actual.splice(0, countOf(one));
      const [name, digest] = [names[i], digestsOf(words)];
      if (known.get(name) === digest) continue;
      const expected = await outputs(js, [one]);
      expected.forEach(({ label, words: right }, at) => assertWords(words[at].words, right, label));
      assert.not(known.has(name), `js leaves other words than before: ${name}`);
      known.set(name, digest);
    }
    batch = [];
    names = [];
    size = 0;
  };
  for (const one of cases) {
    if (backend.takes?.(one.kernel, one.params) === false) continue;
    batch.push(one);
    names.push(nameOf(one));
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
