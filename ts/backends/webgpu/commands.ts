/** What is to be submitted: steps of plans with their memory found, and copies. */
import { shaders } from '../../generated/wgsl.ts';
import { type Clear, grid, type Limits, type Pass } from '../../kernels/plans/plan.ts';
import type { BindGroups } from './bind-groups.ts';
import type { Memory } from './memory.ts';
import type { EntryTable, Pipelines } from './pipelines.ts';
import type { UniformArena } from './uniforms.ts';

/** A pass, with its memory by the names that its shader has. */
export interface Dispatch {
  readonly kernel: string;
  readonly pass: Pass;
  readonly resources: ReadonlyMap<string, GPUBufferBinding>;
}

export type Command = Dispatch | { readonly copy: Memory; readonly to: Memory } | { readonly clear: Memory };

/**
 * The steps of a kernel's plan, with memory by the names that the plan uses.
 * @throws RangeError where a window passes the end of its buffer
 */
export function commandsOf(
  kernel: string,
  steps: readonly (Pass | Clear)[],
  memory: ReadonlyMap<string, Memory>,
): Command[] {
  return steps.map((step) => {
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
  });
}

/** The memory that passes write, by the names of the plan. */
export function writtenBy(steps: readonly (Pass | Clear)[]): Set<string> {
  const written = new Set<string>();
  for (const step of steps) {
    if ('clear' in step) continue;
    const { bindings } = (shaders[step.shader].entries as Readonly<Record<string, EntryTable>>)[step.entry];
    for (const [name, bound] of Object.entries(step.bindings))
      if (bindings[name].access === 'read_write') written.add(typeof bound === 'string' ? bound : bound.of);
  }
  return written;
}

export class Encoder {
  readonly #pipelines: Pipelines;
  readonly #uniforms: UniformArena;
  readonly #groups: BindGroups;
  readonly #limits: Limits;

  constructor(pipelines: Pipelines, uniforms: UniformArena, groups: BindGroups, limits: Limits) {
    this.#pipelines = pipelines;
    this.#uniforms = uniforms;
    this.#groups = groups;
    this.#limits = limits;
  }

  /** All commands in order; dispatches that follow each other share a compute pass. */
  encode(encoder: GPUCommandEncoder, commands: readonly Command[]): void {
    let compute: GPUComputePassEncoder | undefined;
    for (const command of commands) {
      if ('pass' in command) {
        compute ??= encoder.beginComputePass();
        this.#dispatch(compute, command);
        continue;
      }
      compute?.end();
      compute = undefined;
      if ('clear' in command) {
        const { buffer, offset, words } = command.clear;
        encoder.clearBuffer(buffer, offset, words * 4);
      } else {
        const { copy, to } = command;
        encoder.copyBufferToBuffer(copy.buffer, copy.offset, to.buffer, to.offset, to.words * 4);
      }
    }
    compute?.end();
  }

  #dispatch(compute: GPUComputePassEncoder, { kernel, pass, resources }: Dispatch): void {
    const pipeline = this.#pipelines.get(pass.shader, pass.entry);
    const block = this.#uniforms.add(pipeline.table, pass.uniforms);
    compute.setPipeline(pipeline.pipeline);
    // Dawn's messages quote the label: it says which kernel of a submit went wrong.
    const label = `${kernel}: ${pass.shader}.${pass.entry}`;
    const group = this.#groups.get(label, pipeline, resources, block?.buffer);
    compute.setBindGroup(0, group, block ? [block.offset] : []);
    compute.dispatchWorkgroups(...grid(pass.groups, this.#limits.gridWidth));
  }
}
