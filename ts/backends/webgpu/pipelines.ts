/** Shader modules and pipelines, made when first used, with layouts from the generated tables. */
import { shaders, subgroupShaders } from '../../generated/wgsl.ts';
import { COMPUTE_STAGE } from './flags.ts';

/** What the generated tables say of an entry point. */
export interface EntryTable {
  readonly workgroupSize: number;
  readonly bindings: Readonly<
    Record<string, { readonly binding: number; readonly access: 'read' | 'read_write' }>
  >;
  readonly uniforms: Readonly<Record<string, { readonly offset: number; readonly type: 'u32' | 'f32' }>>;
  readonly uniformBytes: number;
}

export interface Pipeline {
  readonly table: EntryTable;
  readonly layout: GPUBindGroupLayout;
  readonly pipeline: GPUComputePipeline;
}

interface ShaderText {
  readonly source: string;
  readonly entries: readonly string[];
}

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #subgroups: boolean;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<string, Pipeline>();

  /** `subgroups` says whether shaders may use them here. */
  constructor(device: GPUDevice, subgroups: boolean) {
    this.#device = device;
    this.#subgroups = subgroups;
  }

  get(shader: keyof typeof shaders, entry: string): Pipeline {
    const name = `${shader}.${entry}`;
    let found = this.#pipelines.get(name);
    if (!found) this.#pipelines.set(name, (found = this.#create(shader, entry)));
    return found;
  }

  /** The first compilation error of the modules made so far, as `wgsl/FILE:LINE: message`. */
  async compilationError(): Promise<string | undefined> {
    for (const [name, module] of this.#modules) {
      const found = await compilationError(name, module);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #create(shader: keyof typeof shaders, entry: string): Pipeline {
    const device = this.#device;
    const table = (shaders[shader].entries as Readonly<Record<string, EntryTable>>)[entry];
    const label = `${shader}.${entry}`;
    const buffers = Object.values(table.bindings).map(({ binding, access }): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: COMPUTE_STAGE,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    }));
    if (table.uniformBytes > 0)
      buffers.push({
        binding: 0,
        visibility: COMPUTE_STAGE,
        buffer: { type: 'uniform', hasDynamicOffset: true },
      });
    const layout = device.createBindGroupLayout({ label, entries: buffers });
    const pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: { module: this.#module(shader, entry), entryPoint: entry },
    });
    return { table, layout, pipeline };
  }

  /** The one place that chooses between a shader and its faster form for devices with subgroups. */
  #module(shader: keyof typeof shaders, entry: string): GPUShaderModule {
    const faster = this.#subgroups
      ? (subgroupShaders as Readonly<Record<string, ShaderText>>)[shader]
      : undefined;
    const [name, code] = faster?.entries.includes(entry)
      ? [`${shader}-subgroups`, faster.source]
      : [shader, shaders[shader].source];
    let module = this.#modules.get(name);
    if (!module)
      this.#modules.set(
        name,
        (module = this.#device.createShaderModule({ label: `wgsl/${name}.wgsl`, code })),
      );
    return module;
  }
}

/** The first error in a module's compilation, where it has any, with the place in its file in wgsl/. */
export async function compilationError(name: string, module: GPUShaderModule): Promise<string | undefined> {
  const { messages } = await module.getCompilationInfo();
  const error = messages.find(({ type }) => type === 'error');
  return error && `wgsl/${name}.wgsl:${error.lineNum}: ${error.message}`;
}
