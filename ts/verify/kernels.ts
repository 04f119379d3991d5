/**
 * Which kernel it is where packets differ. The js backend does the case once more and everything that it is asked for
 * is written down; the other backend then gets each kernel by itself, from the same words.
 */
import type { Backend, DeviceBuffer } from '../backends/backend.ts';
import { Device } from '../device.ts';
import { openJs } from '../backends/js/index.ts';
import type { Call } from './call.ts';
import type { Case } from './cases.ts';
import { outcomeOf } from './outcome.ts';
import { isRepeated, promisedBy } from './promised.ts';

/** A kernel that leaves other words than that of js, where it promises them. */
export interface KernelDifference {
  readonly kernel: string;
  readonly params: Readonly<Record<string, number>>;
  /** The buffer, and the first word of it that differs. */
  readonly buffer: string;
  readonly word: number;
  readonly expected: string;
  readonly got: string;
}

/**
 * The first kernel of the case that differs on `backend` by itself; undefined where none does, so that the difference
 * comes from how they follow each other.
 */
export async function kernelThatDiffers(
  backend: Backend,
  one: Case,
  x: Float32Array,
): Promise<KernelDifference | undefined> {
  return callThatDiffers(backend, await callsOf(one, x));
}

/** The first of these calls whose kernel differs on `backend`; undefined where none does. */
export async function callThatDiffers(
  backend: Backend,
  calls: readonly Call[],
): Promise<KernelDifference | undefined> {
  for (const call of calls) {
    const found = await replay(backend, call);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every call of a kernel that js makes for the case. */
export async function callsOf(one: Case, x: Float32Array): Promise<Call[]> {
  const js = openJs();
  const calls: Omit<Call, 'dropped'>[] = [];
  const wordsOf = (buffers: Readonly<Record<string, DeviceBuffer>>): Map<string, Uint32Array> =>
    new Map(
      Object.entries(buffers).map(([name, buffer]) => {
        // js is synchronous: what it reads is there before its promise is
        const words = new Uint32Array(buffer.words);
        void js.read([{ buffer, into: words }]);
        return [name, words];
      }),
    );
  const recording = withRun(js, (kernel, buffers, params) => {
    const before = wordsOf(buffers);
    js.run(kernel, buffers, params);
    calls.push({ kernel, params: { ...params }, before, after: wordsOf(buffers) });
  });
  const device = new Device({ backend: 'js' }, { backend: recording, reasons: {} });
  const { error } = await outcomeOf(device, one, x);
  device.close();
  return calls.map((call, i) => ({
    ...call,
    dropped: error !== undefined || isRepeated(call, calls.slice(i + 1)),
  }));
}

/** A backend whose kernels are run by something else, and whose memory is that of `inner`. */
export function withRun(inner: Backend, run: Backend['run']): Backend {
  return {
    name: inner.name,
    detail: inner.detail,
    gpu: inner.gpu,
    get lost() {
      return inner.lost;
    },
    allocate: (words) => inner.allocate(words),
    release: (buffer) => inner.release(buffer),
    write: (buffer, words) => inner.write(buffer, words),
    lend: (words) => inner.lend(words),
    keep: (buffer, stays) => inner.keep?.(buffer, stays),
    borrow: (range, contents) => inner.borrow(range, contents),
    store: (buffer, range) => inner.store(buffer, range),
    run,
    read: (requests) => inner.read(requests),
    readNow: inner.readNow && ((requests) => inner.readNow!(requests)),
    trim: () => inner.trim(),
    close: () => inner.close(),
  };
}

async function replay(backend: Backend, call: Call): Promise<KernelDifference | undefined> {
  const { kernel, params, before, after } = call;
  const buffers: Record<string, DeviceBuffer> = {};
  try {
    for (const [name, words] of before) {
      buffers[name] = backend.allocate(words.length);
      if (words.length > 0) backend.write(buffers[name], words);
    }
    backend.run(kernel, buffers, params);
    const read = await backend.read([...before.keys()].map((name) => ({ buffer: buffers[name] })));
    for (const [i, [buffer, expected]] of [...after].entries()) {
      const isPromised = promisedBy(call, buffer);
      const word = expected.findIndex((value, place) => value !== read[i][place] && isPromised(place));
      if (word < 0) continue;
      const [a, b] = [expected[word], read[i][word]].map(
        (value) => `0x${value.toString(16).padStart(8, '0')}`,
      );
      return { kernel: kernel.name, params, buffer, word, expected: a, got: b };
    }
    return undefined;
  } finally {
    for (const buffer of Object.values(buffers)) backend.release(buffer);
  }
}
