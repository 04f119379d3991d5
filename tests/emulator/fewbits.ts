/** The one file here that knows fewbits: its kernels' plans, run by the emulator as a backend of the contract. */
import type { Backend, BufferRange, DeviceBuffer, GpuRange, ReadRequest } from '../../ts/backends/backend.ts';
import { shaders, subgroupShaders } from '../../ts/generated/wgsl.ts';
import type { Kernel } from '../../ts/kernels/kernel.ts';
import { planOf } from '../../ts/kernels/plans/index.ts';
import { grid, type Limits, type Pass } from '../../ts/kernels/plans/plan.ts';
import { isCut, WIDE, type InWindows } from '../support/windows.ts';
import { type Counts, Emulator } from './emulator.ts';
import { described, type Finding } from './findings.ts';
import type { Memory } from './memory.ts';
import type { Mode } from './mode.ts';

/** A dispatch that was run, or a buffer that was cleared, with the kernel that asked for it. */
export type Ran =
  | { readonly kernel: string; readonly shader: string; readonly entry: string; readonly counts: Counts }
  | { readonly kernel: string; readonly cleared: number };

export interface EmulatedOptions {
  /** Those of WebGPU where left out; smaller ones make windows and grids of two dimensions. */
  readonly limits?: Limits;
  /** Changes a shader's text, by its stem: `reduce`, `reduce-subgroups`. */
  readonly change?: (stem: string, source: string) => string;
  /** Is told of each step, with words counted. */
  readonly onRan?: (ran: Ran) => void;
}

/** The backend; where it has limits of its own, it takes the cases alone that these change. */
export type EmulatedBackend = Backend & InWindows;

interface ShaderText {
  readonly source: string;
  readonly entries: readonly string[];
}

class EmulatedBuffer implements DeviceBuffer {
  readonly words: number;
  readonly memory: Memory;
  constructor(memory: Memory) {
    this.memory = memory;
    this.words = memory.words.length;
  }
}

/** A program did what no program may do: races, accesses out of bounds and the like. */
export class FindingsError extends Error {
  override readonly name = 'FindingsError';
  readonly findings: readonly Finding[];
  constructor(findings: readonly Finding[]) {
    super(described(findings));
    this.findings = findings;
  }
}

/**
 * A backend that runs the plans of ts/kernels in the emulator. Where mode.subgroups is given, shaders with subgroups
 * are chosen where there are any. `read` rejects with a FindingsError where a kernel did since the last one what none
 * may.
 */
export function openEmulated(mode: Mode, options: EmulatedOptions = {}): EmulatedBackend {
  const { limits = WIDE, change, onRan } = options;
  const emulator = new Emulator(mode, { counts: onRan !== undefined });
  const live = new Set<DeviceBuffer>();

  const requireOwn = (buffer: DeviceBuffer): EmulatedBuffer => {
    if (!live.has(buffer)) throw new Error('the buffer belongs to another backend, or was released');
    return buffer as EmulatedBuffer;
  };
  const allocate = (words: number): EmulatedBuffer => {
    const buffer = new EmulatedBuffer(emulator.memory(words));
    live.add(buffer);
    return buffer;
  };

  const requireRange = (range: GpuRange | BufferRange): { memory: Memory; first: number; words: number } => {
    if (!('of' in range)) throw new TypeError('the emulator has no GPU');
    const { memory, words: room } = requireOwn(range.of);
    if (range.first + range.words > room)
      throw new RangeError(`${range.words} words from ${range.first} on lie outside a buffer of ${room}`);
    return { memory, first: range.first, words: range.words };
  };

  const sources = new Map<string, { label: string; source: string }>();
  /** The text that has an entry point, and its file: as ts/backends/webgpu/pipelines.ts chooses. */
  function textOf(shader: Pass['shader'], entry: string): { label: string; source: string } {
    const faster =
      mode.subgroups === undefined
        ? undefined
        : (subgroupShaders as Readonly<Record<string, ShaderText>>)[shader];
    const chosen = faster?.entries.includes(entry) ? faster : undefined;
    const stem = chosen ? `${shader}-subgroups` : shader;
    let found = sources.get(stem);
    if (!found) {
      const source = (chosen ?? shaders[shader]).source;
      sources.set(stem, (found = { label: `wgsl/${stem}.wgsl`, source: change?.(stem, source) ?? source }));
    }
    return found;
  }

  function dispatch(kernel: string, pass: Pass, memory: ReadonlyMap<string, Memory>): void {
    const bindings = Object.entries(pass.bindings).map(([name, bound]) => {
      const window = typeof bound === 'string' ? { of: bound, first: 0, count: undefined } : bound;
      const of = memory.get(window.of)!;
      return [name, { memory: of, first: window.first, count: window.count ?? of.words.length }] as const;
    });
    const counts = emulator.dispatch({
      ...textOf(pass.shader, pass.entry),
      entry: pass.entry,
      groups: [...grid(pass.groups, limits.gridWidth), 1],
      bindings: Object.fromEntries(bindings),
      uniforms: pass.uniforms,
    });
    onRan?.({ kernel, shader: pass.shader, entry: pass.entry, counts });
  }

  return {
    name: 'webgpu',
    detail: 'emulated',
    lost: false,
    allocate,
    release(buffer) {
      emulator.recycle(requireOwn(buffer).memory);
      live.delete(buffer);
    },
    write(buffer, words) {
      const { memory, words: room } = requireOwn(buffer);
      if (words.length > room) throw new RangeError(`${words.length} words do not fit a buffer of ${room}`);
      memory.write(words);
    },
    lend(words) {
      const buffer = allocate(words.length);
      buffer.memory.write(words);
      return buffer;
    },
    // as on a GPU that binds no part of a buffer: a copy
    borrow(range, contents = true) {
      const { memory, first, words } = requireRange(range);
      const buffer = allocate(words);
      if (contents) buffer.memory.copy(0, memory, first, words);
      return buffer;
    },
    store(buffer, range) {
      const own = requireOwn(buffer);
      const { memory, first, words } = requireRange(range);
      if (words !== own.words) throw new RangeError(`${own.words} words do not fit a range of ${words}`);
      memory.copy(first, own.memory, 0, words);
    },
    run<Buffers extends string, Params extends string>(
      kernel: Kernel<Buffers, Params>,
      buffers: Readonly<Record<Buffers, DeviceBuffer>>,
      params: Readonly<Record<Params, number>>,
    ) {
      const { scratch, steps } = planOf(kernel, params, limits);
      const memory = new Map<string, Memory>();
      for (const name of kernel.buffers) memory.set(name, requireOwn(buffers[name]).memory);
      const between = Object.entries(scratch).map(([name, words]) => [name, emulator.memory(words)] as const);
      for (const [name, own] of between) memory.set(name, own);
      for (const step of steps) {
        if ('clear' in step) {
          const cleared = memory.get(step.clear)!;
          cleared.clear();
          onRan?.({ kernel: kernel.name, cleared: cleared.words.length });
        } else dispatch(kernel.name, step, memory);
      }
      for (const [, own] of between) emulator.recycle(own);
    },
    async read(requests: readonly ReadRequest[]) {
      const findings = emulator.findings.take();
      if (findings.length > 0) throw new FindingsError(findings);
      return requests.map(({ buffer, first = 0, count = buffer.words - first, into }) => {
        const { memory, words } = requireOwn(buffer);
        if (first < 0 || count < 0 || first + count > words)
          throw new RangeError(
            `words ${first} to ${first + count - 1} lie outside a buffer of ${words} words`,
          );
        const found = memory.words.slice(first, first + count);
        into?.set(found);
        return into ?? found;
      });
    },
    takes: limits === WIDE ? undefined : (kernel, params) => isCut(kernel, params, limits),
    trim() {},
    close() {
      live.clear();
    },
  };
}
