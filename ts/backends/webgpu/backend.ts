/**
 * The contract over a GPU. `run` only records; `read` encodes everything recorded since, with the copies of what it is
 * to bring back, into one command buffer, and submits and maps once.
 */
import { requireInteger } from '../../arguments.ts';
import { DeviceClosedError, DeviceLostError } from '../../errors.ts';
import { type Clear, grid, type Kernel, type Limits, type Pass, WINDOW_UNIT } from '../../kernels/kernel.ts';
import type { Backend, DeviceBuffer, GpuRange, ReadRequest } from '../backend.ts';
import { MAP_READ, USAGE } from './flags.ts';
import type { OpenedGpu } from './open.ts';
import { Pipelines } from './pipelines.ts';
import { BufferPool } from './pool.ts';
import { type Problem, withErrorScopes } from './problems.ts';
import { UniformArena } from './uniforms.ts';

export interface WebgpuParts {
  readonly device: GPUDevice;
  /** Where the device is the backend's own, to be closed with it. */
  readonly own?: OpenedGpu;
  readonly detail: string;
  readonly subgroups: boolean;
  readonly limits: Limits;
  /** The most bytes of a buffer that is mapped; the device's own limit if left out. */
  readonly readbackBytes?: number;
}

/** Memory by the name that a plan gives it. */
interface Memory {
  readonly buffer: GPUBuffer;
  /** Where it starts, in bytes. */
  readonly offset: number;
  readonly words: number;
}

/** A step with its memory found. */
type Recorded =
  | { readonly copy: Memory; readonly to: Memory }
  | { readonly clear: Memory }
  | {
      readonly kernel: string;
      readonly pass: Pass;
      readonly resources: ReadonlyMap<string, GPUBufferBinding>;
    };

/** Bytes of a buffer that are read back. */
interface Copy {
  readonly from: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** What one readback buffer brings: copies, one after the other. */
interface Readback {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly pieces: readonly Piece[];
}

/** A part of the copy of this number: where it lies in that, in bytes. */
interface Piece extends Copy {
  readonly copy: number;
  readonly at: number;
}

class WebgpuBuffer implements DeviceBuffer {
  readonly words: number;
  readonly buffer: GPUBuffer;
  readonly offset: number;
  constructor(words: number, buffer: GPUBuffer, offset = 0) {
    this.words = words;
    this.buffer = buffer;
    this.offset = offset;
  }
}

export class WebgpuBackend implements Backend {
  readonly name = 'webgpu';
  readonly synchronous = false;
  readonly detail: string;
  readonly #device: GPUDevice;
  readonly #own: OpenedGpu | undefined;
  readonly #limits: Limits;
  readonly #pipelines: Pipelines;
  readonly #memory: BufferPool;
  readonly #readbacks: BufferPool;
  readonly #uniforms: UniformArena;
  readonly #live = new Set<DeviceBuffer>();
  /** What is not submitted yet, and the buffers that it uses. */
  #recorded: Recorded[] = [];
  readonly #used = new Set<GPUBuffer>();
  /** What may have gone wrong since the last read. */
  readonly #problems: Problem[] = [];
  /** Rejects a read that waits. */
  readonly #waiting = new Set<(error: Error) => void>();
  /** Reads on their way, whether or not anybody still waits for them. */
  readonly #reading = new Set<Promise<unknown>>();
  #lost: DeviceLostError | undefined;
  #closed = false;

  constructor({ device, own, detail, subgroups, limits, readbackBytes }: WebgpuParts) {
    this.detail = detail;
    this.#device = device;
    this.#own = own;
    this.#limits = limits;
    this.#pipelines = new Pipelines(device, subgroups);
    this.#memory = new BufferPool(
      device,
      USAGE.storage | USAGE.copySource | USAGE.copyTarget,
      this.#problems,
    );
    const readable = USAGE.mapRead | USAGE.copyTarget;
    this.#readbacks = new BufferPool(device, readable, this.#problems, readbackBytes);
    this.#uniforms = new UniformArena(device);
    void device.lost.then(({ message, reason }) => {
      if (this.#closed) return;
      this.#lost = new DeviceLostError(message || reason);
      this.#rejectWaiting(this.#lost);
    });
  }

  get gpu(): GPUDevice {
    return this.#device;
  }

  /** Whether the GPU went away: every call fails from then on. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  allocate(words: number): DeviceBuffer {
    this.#requireAlive();
    const buffer = new WebgpuBuffer(words, this.#memory.take(words * 4));
    this.#live.add(buffer);
    return buffer;
  }

  release(buffer: DeviceBuffer): void {
    // A scope that ends gives its buffers back whatever happened to the device.
    if (this.#live.delete(buffer)) this.#memory.give((buffer as WebgpuBuffer).buffer);
    else if (!this.#closed) this.#requireOwn(buffer);
  }

  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#requireAlive();
    const { buffer: target, offset, words: room } = this.#requireOwn(buffer);
    if (words.length > room) throw new RangeError(`${words.length} words do not fit a buffer of ${room}`);
    // A write is queued behind what was submitted; what was recorded must not see it.
    if (this.#used.has(target)) this.#submit([]);
    for (const [part, first] of writable(words)) {
      const { buffer: source, byteOffset, byteLength } = part;
      this.#device.queue.writeBuffer(target, offset + first * 4, source, byteOffset, byteLength);
    }
  }

  lend(words: Uint32Array): DeviceBuffer {
    const buffer = this.allocate(words.length);
    if (words.length > 0) this.write(buffer, words);
    return buffer;
  }

  borrow(range: GpuRange): DeviceBuffer {
    this.#requireAlive();
    const theirs = memoryOf(range);
    const { buffer, offset, words } = theirs;
    if ((buffer.usage & USAGE.storage) !== 0 && offset % (WINDOW_UNIT * 4) === 0 && words > 0) {
      const borrowed = new WebgpuBuffer(words, buffer, offset);
      this.#live.add(borrowed);
      return borrowed;
    }
    if ((buffer.usage & USAGE.copySource) === 0)
      throw new TypeError(
        `the GPU buffer expected usage STORAGE and an offset that is a multiple of ${WINDOW_UNIT * 4}, or usage COPY_SRC`,
      );
    const copy = this.allocate(words);
    this.#record({ copy: theirs, to: this.#requireOwn(copy) });
    return copy;
  }

  store(buffer: DeviceBuffer, range: GpuRange): void {
    this.#requireAlive();
    const own = this.#requireOwn(buffer);
    const to = memoryOf(range);
    if (to.words !== own.words)
      throw new RangeError(`the range has ${to.words} words, the vector ${own.words}`);
    if (own.buffer === to.buffer && own.offset === to.offset) return;
    if ((to.buffer.usage & USAGE.copyTarget) === 0)
      throw new TypeError('the GPU buffer expected usage COPY_DST');
    this.#record({ copy: own, to });
  }

  run<Buffers extends string, Params extends string>(
    kernel: Kernel<Buffers, Params>,
    buffers: Readonly<Record<Buffers, DeviceBuffer>>,
    params: Readonly<Record<Params, number>>,
  ): void {
    this.#requireAlive();
    const { scratch, steps } = kernel.plan(params, this.#limits);
    const memory = new Map<string, Memory>();
    for (const name of kernel.buffers) memory.set(name, this.#requireOwn(buffers[name]));
    const taken: GPUBuffer[] = [];
    try {
      for (const [name, words] of Object.entries(scratch)) {
        const buffer = this.#memory.take(words * 4);
        taken.push(buffer);
        memory.set(name, { buffer, offset: 0, words });
      }
    } finally {
      // Scratch memory may be taken again at once: what comes next is queued behind these steps.
      for (const buffer of taken) this.#memory.give(buffer);
    }
    const recorded = steps.map((step) => resolve(kernel.name, step, memory));
    for (const { buffer } of memory.values()) this.#used.add(buffer);
    this.#recorded.push(...recorded);
  }

  async read(requests: readonly ReadRequest[]): Promise<Uint32Array[]> {
    this.#requireAlive();
    const copies = requests.map(({ buffer, first = 0, count = buffer.words - first }): Copy => {
      const { buffer: from, offset, words } = this.#requireOwn(buffer);
      if (first < 0 || count < 0 || first + count > words)
        throw new RangeError(`words ${first} to ${first + count - 1} lie outside a buffer of ${words} words`);
      return { from, offset: offset + first * 4, bytes: count * 4 };
    });
    const readbacks = this.#readbacksFor(copies);
    this.#submit(readbacks);
    const problems = this.#problems.splice(0);
    return this.#unlessGone(async () => {
      try {
        const mapped =
          readbacks.length > 0
            ? Promise.all(readbacks.map(({ buffer, bytes }) => buffer.mapAsync(MAP_READ, 0, bytes)))
            : this.#device.queue.onSubmittedWorkDone();
        const [error] = await Promise.all([
          firstOf(problems),
          mapped.catch((reason: unknown) => this.#mapFailed(problems, reason)),
        ]);
        if (error) throw error;
        const found = copies.map(({ bytes }, i) => requests[i].into ?? new Uint32Array(bytes / 4));
        for (const { buffer, bytes, pieces } of readbacks) {
          const range = buffer.getMappedRange(0, bytes);
          let start = 0;
          for (const { copy, at, bytes: length } of pieces) {
            found[copy].set(new Uint32Array(range, start, length / 4), at / 4);
            start += length;
          }
        }
        return found;
      } finally {
        for (const { buffer } of readbacks) {
          if (buffer.mapState !== 'unmapped') buffer.unmap();
          this.#readbacks.give(buffer);
        }
      }
    });
  }

  trim(): void {
    // recorded work may use buffers that are free
    if (this.#recorded.length > 0) this.#submit([]);
    this.#memory.trim();
    this.#readbacks.trim();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rejectWaiting(new DeviceClosedError());
    this.#recorded = [];
    this.#used.clear();
    this.#live.clear();
    this.#memory.close();
    this.#readbacks.close();
    this.#uniforms.close();
    this.#own?.close([...this.#problems, ...this.#reading]);
  }

  /** Buffers that bring copies back: one, or where they are more than a buffer holds, several full ones. */
  #readbacksFor(copies: readonly Copy[]): Readback[] {
    const most = this.#readbacks.most - (this.#readbacks.most % 4);
    let last: Piece[] = [];
    const all = [last];
    let room = most;
    for (const [copy, { from, offset, bytes }] of copies.entries())
      for (let at = 0; at < bytes;) {
        if (room === 0) {
          all.push((last = []));
          room = most;
        }
        const length = Math.min(bytes - at, room);
        last.push({ copy, at, from, offset: offset + at, bytes: length });
        at += length;
        room -= length;
      }
    return all
      .filter((pieces) => pieces.length > 0)
      .map((pieces) => {
        const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
        return { buffer: this.#readbacks.take(bytes), bytes, pieces };
      });
  }

  #record(copy: { readonly copy: Memory; readonly to: Memory }): void {
    if (copy.to.words === 0) return;
    this.#recorded.push(copy);
    this.#used.add(copy.copy.buffer).add(copy.to.buffer);
  }

  #requireAlive(): void {
    if (this.#closed) throw new DeviceClosedError();
    if (this.#lost) throw this.#lost;
  }

  #requireOwn(buffer: DeviceBuffer): WebgpuBuffer {
    if (!this.#live.has(buffer)) throw new Error('the buffer belongs to another backend, or was released');
    return buffer as WebgpuBuffer;
  }

  #rejectWaiting(error: Error): void {
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** The result of `work`, unless the device is lost or closed meanwhile. */
  #unlessGone<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const reading = work()
        .then(resolve, reject)
        .finally(() => {
          this.#waiting.delete(reject);
          this.#reading.delete(reading);
        });
      this.#reading.add(reading);
    });
  }

  /**
   * A buffer could not be mapped: because of a problem that has a better name, or because the device went away, which
   * may be known a moment later.
   */
  async #mapFailed(problems: readonly Problem[], reason: unknown): Promise<never> {
    const problem = await firstOf(problems);
    if (problem) throw problem;
    if (!this.#closed)
      await Promise.race([this.#device.lost, new Promise((resolve) => setTimeout(resolve, 1000))]);
    throw reason;
  }

  /** Encodes and submits what was recorded, then the copies of `readbacks`. */
  #submit(readbacks: readonly Readback[]): void {
    const recorded = this.#recorded;
    this.#recorded = [];
    this.#used.clear();
    const { error } = withErrorScopes(this.#device, () => {
      const encoder = this.#device.createCommandEncoder({ label: 'fewbits' });
      this.#encode(encoder, recorded);
      for (const { buffer, pieces } of readbacks) {
        let at = 0;
        for (const { from, offset, bytes } of pieces) {
          encoder.copyBufferToBuffer(from, offset, buffer, at, bytes);
          at += bytes;
        }
      }
      this.#uniforms.upload();
      this.#device.queue.submit([encoder.finish()]);
    });
    this.#memory.submitted();
    this.#readbacks.submitted();
    const kernels = [...new Set(recorded.flatMap((step) => ('kernel' in step ? step.kernel : [])))];
    this.#problems.push(error.then((found) => found && this.#explain(found.message, kernels)));
  }

  /** All steps in order; dispatches that follow each other share a compute pass. */
  #encode(encoder: GPUCommandEncoder, recorded: readonly Recorded[]): void {
    let compute: GPUComputePassEncoder | undefined;
    for (const step of recorded) {
      if ('pass' in step) {
        compute ??= encoder.beginComputePass();
        this.#dispatch(compute, step);
        continue;
      }
      compute?.end();
      compute = undefined;
      if ('clear' in step) {
        const { buffer, offset, words } = step.clear;
        encoder.clearBuffer(buffer, offset, words * 4);
      } else {
        const { copy, to } = step;
        encoder.copyBufferToBuffer(copy.buffer, copy.offset, to.buffer, to.offset, to.words * 4);
      }
    }
    compute?.end();
  }

  #dispatch(
    compute: GPUComputePassEncoder,
    { kernel, pass, resources }: Extract<Recorded, { pass: Pass }>,
  ): void {
    const { table, layout, pipeline } = this.#pipelines.get(pass.shader, pass.entry);
    const entries = Object.entries(table.bindings).map(([name, { binding }]): GPUBindGroupEntry => {
      return { binding, resource: resources.get(name)! };
    });
    if (table.uniformBytes > 0)
      entries.push({ binding: 0, resource: this.#uniforms.add(table, pass.uniforms) });
    compute.setPipeline(pipeline);
    // Dawn's messages quote the label: it says which kernel of a submit went wrong.
    const label = `${kernel}: ${pass.shader}.${pass.entry}`;
    compute.setBindGroup(0, this.#device.createBindGroup({ label, layout, entries }));
    compute.dispatchWorkgroups(...grid(pass.groups, this.#limits.gridWidth));
  }

  /** An error's message, with the kernel it comes from, and the shader's line where it did not compile. */
  async #explain(message: string, kernels: readonly string[]): Promise<Error> {
    const compilation = await this.#pipelines.compilationError().catch(() => undefined);
    const named = kernels.filter((kernel) => message.includes(`${kernel}: `));
    const where = (named.length > 0 ? named : kernels).join(', ');
    return new Error(`running ${where || 'copies'} on the GPU: ${compilation ?? message}`);
  }
}

/** @throws RangeError where a plan's window passes the end of its buffer */
function resolve(kernel: string, step: Pass | Clear, memory: ReadonlyMap<string, Memory>): Recorded {
  if ('clear' in step) return { clear: memory.get(step.clear)! };
  const resources = new Map<string, GPUBufferBinding>();
  for (const [name, bound] of Object.entries(step.bindings)) {
    const { of, first, count } =
      typeof bound === 'string' ? { of: bound, first: 0, count: undefined } : bound;
    const { buffer, offset, words } = memory.get(of)!;
    const size = count ?? words;
    if (first + size > words)
      throw new RangeError(`${kernel}: "${of}" expected ${first + size} words or more, got ${words}`);
    resources.set(name, { buffer, offset: offset + first * 4, size: size * 4 });
  }
  return { kernel, pass: step, resources };
}

/** @throws RangeError unless the range lies inside its buffer */
function memoryOf({ buffer, offset = 0, length }: GpuRange): Memory {
  const most = Math.floor((buffer.size - offset) / 4);
  requireInteger('offset', offset, 0, buffer.size);
  if (offset % 4 !== 0) throw new RangeError(`"offset" expected a multiple of 4, got ${offset}`);
  return { buffer, offset, words: requireInteger('length', length ?? most, 0, most) };
}

/** Words that are copied to give them to the GPU at a time, where it does not take them from where they lie: 1 MiB. */
const COPIED = 2 ** 18;

/**
 * Words as a queue's `writeBuffer` takes them, with their place: as they are, or, in memory that is shared or may be resized,
 * which Dawn in Node and Firefox refuse, one copied part after the other, in the same array.
 */
function* writable(words: Uint32Array): Generator<readonly [part: Uint32Array, first: number]> {
  const { buffer, length } = words;
  const plain = buffer as { readonly [Symbol.toStringTag]: string; readonly resizable?: boolean };
  if (plain[Symbol.toStringTag] === 'ArrayBuffer' && plain.resizable !== true) {
    yield [words, 0];
    return;
  }
  const copy = new Uint32Array(Math.min(length, COPIED));
  for (let first = 0; first < length; first += COPIED) {
    const part = words.subarray(first, first + COPIED);
    copy.set(part);
    yield [copy.subarray(0, part.length), first];
  }
}

async function firstOf(problems: readonly Problem[]): Promise<Error | undefined> {
  return (await Promise.all(problems)).find((problem) => problem !== undefined);
}
