/**
 * The contract of ../backend.ts over a GPU. `run` only records. Reads that are asked for in one turn of the event loop
 * are gathered: what was recorded and the copies of what they bring back go into one command buffer, submitted and
 * mapped once.
 */
import { DeviceClosedError, DeviceLostError } from '../../errors.ts';
import { type Kernel } from '../../kernels/kernel.ts';
import { type Clear, type Limits, type Pass, WINDOW_UNIT } from '../../kernels/plans/plan.ts';
import { planOf } from '../../kernels/plans/index.ts';
import type { Backend, BufferRange, DeviceBuffer, GpuRange, ReadRequest } from '../backend.ts';
import { BindGroups } from './bind-groups.ts';
import { type Command, commandsOf, Encoder, writtenBy } from './commands.ts';
import { USAGE } from './flags.ts';
import { type Memory, memoryOf, WebgpuBuffer } from './memory.ts';
import type { OpenedGpu } from './open.ts';
import { Pipelines } from './pipelines.ts';
import { BufferPool } from './pool.ts';
import { type Problem, withErrorScopes } from './problems.ts';
import { type Copy, Readback } from './readback.ts';
import { UniformArena } from './uniforms.ts';
import { upload } from './upload.ts';

/** Microtasks for which a read waits for others: those between a call and its first read, and more. */
const GATHERING = 8;

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

/** Copies that a read asked for, and what it waits for. */
interface Read {
  readonly copies: readonly Copy[];
  readonly resolve: (words: Uint32Array[]) => void;
  readonly reject: (error: unknown) => void;
}

export class WebgpuBackend implements Backend {
  readonly name = 'webgpu';
  readonly detail: string;
  readonly #device: GPUDevice;
  readonly #own: OpenedGpu | undefined;
  readonly #limits: Limits;
  readonly #pipelines: Pipelines;
  readonly #groups: BindGroups;
  readonly #encoder: Encoder;
  readonly #memory: BufferPool;
  readonly #readbacks: BufferPool;
  readonly #uniforms: UniformArena;
  readonly #live = new Set<DeviceBuffer>();
  /** What is not submitted yet, and the buffers that it uses. */
  #recorded: Command[] = [];
  readonly #used = new Set<GPUBuffer>();
  /** Reads that wait for the next submit. */
  #reads: Read[] = [];
  /** What may have gone wrong since the last read. */
  readonly #problems: Problem[] = [];
  /** All reads that wait, those that are submitted too. */
  readonly #waiting = new Set<Read>();
  /** Submits on their way, whether or not anybody still waits for what they bring. */
  readonly #reading = new Set<Promise<unknown>>();
  #lost: DeviceLostError | undefined;
  #closed = false;

  constructor({ device, own, detail, subgroups, limits, readbackBytes }: WebgpuParts) {
    this.detail = detail;
    this.#device = device;
    this.#own = own;
    this.#limits = limits;
    const problems = this.#problems;
    this.#pipelines = new Pipelines(device, subgroups);
    this.#uniforms = new UniformArena(device);
    this.#memory = new BufferPool(device, {
      usage: USAGE.storage | USAGE.copySource | USAGE.copyTarget,
      problems,
      destroyed: (buffer) => this.#groups.forget(buffer),
    });
    this.#readbacks = new BufferPool(device, {
      usage: USAGE.mapRead | USAGE.copyTarget,
      problems,
      most: readbackBytes,
    });
    this.#groups = new BindGroups(device, (buffer) => this.#memory.has(buffer));
    this.#encoder = new Encoder(this.#pipelines, this.#uniforms, this.#groups, limits);
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
    const { own, buffer: memory } = buffer as WebgpuBuffer;
    if (this.#live.delete(buffer)) {
      if (own) this.#memory.give(memory);
    } else if (!this.#closed) this.#requireOwn(buffer);
  }

  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#requireAlive();
    const target = this.#requireOwn(buffer);
    if (words.length > target.words)
      throw new RangeError(`${words.length} words do not fit a buffer of ${target.words}`);
    // A write is queued behind what was submitted; what was recorded must not see it.
    if (this.#used.has(target.buffer)) {
      if (target.untouched && target.own) this.#move(target);
      else this.#submit();
    }
    upload(this.#device.queue, target.buffer, target.offset, words);
  }

  lend(words: Uint32Array): DeviceBuffer {
    const buffer = this.allocate(words.length);
    if (words.length > 0) this.write(buffer, words);
    return buffer;
  }

  borrow(range: GpuRange | BufferRange, contents = true): DeviceBuffer {
    this.#requireAlive();
    const theirs = this.#memoryOf(range);
    const { buffer, offset, words } = theirs;
    if ((buffer.usage & USAGE.storage) !== 0 && offset % (WINDOW_UNIT * 4) === 0 && words > 0) {
      const borrowed = new WebgpuBuffer(words, buffer, { offset });
      this.#live.add(borrowed);
      return borrowed;
    }
    if (!contents) return this.allocate(words);
    if ((buffer.usage & USAGE.copySource) === 0)
      throw new TypeError(
        `the GPU buffer expected usage STORAGE and an offset that is a multiple of ${WINDOW_UNIT * 4}, or usage COPY_SRC`,
      );
    const copy = this.allocate(words);
    this.#record({ copy: theirs, to: this.#requireOwn(copy) });
    return copy;
  }

  store(buffer: DeviceBuffer, range: GpuRange | BufferRange): void {
    this.#requireAlive();
    const own = this.#requireOwn(buffer);
    const to = this.#memoryOf(range);
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
    const { scratch, steps } = planOf(kernel, params, this.#limits);
    const memory = new Map<string, Memory>();
    const given = kernel.buffers.map((name) => [name, this.#requireOwn(buffers[name])] as const);
    for (const [name, buffer] of given) memory.set(name, buffer);
    const taken: GPUBuffer[] = [];
    try {
      for (const [name, words] of Object.entries(scratch)) {
        const buffer = this.#memory.take(words * 4);
        taken.push(buffer);
        memory.set(name, { buffer, offset: 0, words });
      }
      taken.push(...this.#separate(steps, memory));
    } finally {
      // Scratch memory may be taken again at once: what comes next is queued behind these steps.
      for (const buffer of taken) this.#memory.give(buffer);
    }
    const commands = commandsOf(kernel.name, steps, memory);
    for (const [, buffer] of given) buffer.untouched = false;
    for (const { buffer } of memory.values()) this.#used.add(buffer);
    this.#recorded.push(...commands);
  }

  async read(requests: readonly ReadRequest[]): Promise<Uint32Array[]> {
    this.#requireAlive();
    const copies = requests.map(({ buffer, first = 0, count = buffer.words - first, into }): Copy => {
      const { buffer: from, offset, words } = this.#requireOwn(buffer);
      if (first < 0 || count < 0 || first + count > words)
        throw new RangeError(`words ${first} to ${first + count - 1} lie outside a buffer of ${words} words`);
      return { from, offset: offset + first * 4, bytes: count * 4, into };
    });
    return new Promise((resolve, reject) => {
      const read = { copies, resolve, reject };
      this.#waiting.add(read);
      this.#reads.push(read);
      if (this.#reads.length === 1) void this.#gather();
    });
  }

  trim(): void {
    // recorded work may use buffers that are free
    if (this.#recorded.length > 0) this.#submit();
    this.#memory.trim();
    this.#readbacks.trim();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rejectWaiting(new DeviceClosedError());
    this.#recorded = [];
    this.#reads = [];
    this.#used.clear();
    this.#live.clear();
    this.#memory.close();
    this.#readbacks.close();
    this.#uniforms.close();
    this.#own?.close([...this.#problems, ...this.#reading]);
  }

  #memoryOf(range: GpuRange | BufferRange): Memory {
    if (!('of' in range)) return memoryOf(range);
    const own = this.#requireOwn(range.of);
    own.untouched = false;
    return { buffer: own.buffer, offset: own.offset + range.first * 4, words: range.words };
  }

  #record(copy: { readonly copy: Memory; readonly to: Memory }): void {
    if (copy.to.words === 0) return;
    const { copy: from, to } = copy;
    if (from.buffer === to.buffer) {
      // WebGPU copies nothing within a buffer
      const between = this.#copyOf(from);
      this.#recorded.push({ copy: between, to });
      this.#memory.give(between.buffer);
    } else this.#recorded.push(copy);
    for (const memory of [from, to]) {
      this.#used.add(memory.buffer);
      if (memory instanceof WebgpuBuffer) memory.untouched = false;
    }
  }

  /** Queues a copy to memory of its own, which the caller gives back when what reads it is queued. */
  #copyOf(from: Memory): Memory {
    const buffer = this.#memory.take(from.words * 4);
    const to = { buffer, offset: 0, words: from.words };
    this.#recorded.push({ copy: from, to });
    this.#used.add(buffer);
    return to;
  }

  /**
   * Ranges of one buffer, of which some are written and others only read, are no bindings of one dispatch, even where
   * they lie apart: what is only read is copied before. Gives the memory of the copies.
   */
  #separate(steps: readonly (Pass | Clear)[], memory: Map<string, Memory>): GPUBuffer[] {
    const buffers = new Set([...memory.values()].map(({ buffer }) => buffer));
    if (buffers.size === memory.size) return [];
    const written = writtenBy(steps);
    const targets = new Set([...written].map((name) => memory.get(name)!.buffer));
    const copies: GPUBuffer[] = [];
    for (const [name, only] of memory) {
      if (written.has(name) || !targets.has(only.buffer)) continue;
      const copy = this.#copyOf(only);
      copies.push(copy.buffer);
      memory.set(name, copy);
    }
    return copies;
  }

  /** Puts a buffer that nothing has used into memory that nothing recorded uses. */
  #move(buffer: WebgpuBuffer): void {
    const { buffer: old } = buffer;
    buffer.buffer = this.#memory.take(buffer.words * 4, this.#used);
    this.#memory.give(old);
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
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** Waits until no more reads come in, and submits for all of them. */
  async #gather(): Promise<void> {
    for (let seen = 0; seen < this.#reads.length;) {
      seen = this.#reads.length;
      for (let i = 0; i < GATHERING; i++) await Promise.resolve();
    }
    if (this.#closed || this.#lost) return;
    const reads = this.#reads;
    this.#reads = [];
    const reading = this.#bring(reads).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** Submits for these reads and gives them what they asked for, or all of them the error. Never rejects. */
  async #bring(reads: readonly Read[]): Promise<void> {
    let readback: Readback | undefined;
    try {
      readback = new Readback(
        reads.flatMap(({ copies }) => copies),
        this.#readbacks,
      );
      this.#submit(readback);
      const found = await this.#words(readback);
      let first = 0;
      for (const { copies, resolve } of reads) {
        resolve(found.slice(first, first + copies.length));
        first += copies.length;
      }
    } catch (error) {
      for (const { reject } of reads) reject(error);
    } finally {
      readback?.end();
      for (const read of reads) this.#waiting.delete(read);
    }
  }

  /** What a submit brings back. @throws where anything went wrong since the last one */
  async #words(readback: Readback): Promise<Uint32Array[]> {
    const problems = this.#problems.splice(0);
    const mapped = readback.empty ? this.#device.queue.onSubmittedWorkDone() : readback.mapped();
    const [error] = await Promise.all([
      firstOf(problems),
      mapped.catch((reason: unknown) => this.#mapFailed(problems, reason)),
    ]);
    if (error) throw error;
    return readback.words();
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

  /** Encodes and submits what was recorded, then the copies of a readback. */
  #submit(readback?: Readback): void {
    const recorded = this.#recorded;
    this.#recorded = [];
    this.#used.clear();
    const { error } = withErrorScopes(this.#device, () => {
      const encoder = this.#device.createCommandEncoder({ label: 'fewbits' });
      this.#encoder.encode(encoder, recorded);
      readback?.encode(encoder);
      this.#uniforms.upload();
      this.#device.queue.submit([encoder.finish()]);
    });
    this.#memory.submitted();
    this.#readbacks.submitted();
    this.#groups.submitted();
    const kernels = [...new Set(recorded.flatMap((command) => ('kernel' in command ? command.kernel : [])))];
    this.#problems.push(error.then((found) => found && this.#explain(found.message, kernels)));
  }

  /** An error's message, with the kernel it comes from, and the shader's line where it did not compile. */
  async #explain(message: string, kernels: readonly string[]): Promise<Error> {
    const compilation = await this.#pipelines.compilationError().catch(() => undefined);
    const named = kernels.filter((kernel) => message.includes(`${kernel}: `));
    const where = (named.length > 0 ? named : kernels).join(', ');
    return new Error(`running ${where || 'copies'} on the GPU: ${compilation ?? message}`);
  }
}

async function firstOf(problems: readonly Problem[]): Promise<Error | undefined> {
  return (await Promise.all(problems)).find((problem) => problem !== undefined);
}
