/** Models as one file: compressed tensor by tensor to a .safetensors file of packets, and back. */
import { createHash } from 'node:crypto';
import { drawOf } from '../compressors/plan.ts';
import { choicesOf, requireFit, type PlanOptions, type PlanRule } from '../compressors/tensor-rules.ts';
import type { Device } from '../device.ts';
import { NonFiniteError } from '../errors.ts';
import { inOrder, PACKED, packedIn, type PackedModel, type PackedTensor } from '../files/packed.ts';
import { escaped, quoted } from '../files/quote.ts';
import {
  isCarried,
  placesOf,
  readPlaces,
  readSafetensors,
  type Flattened,
  type TensorPlace,
} from '../files/safetensors.ts';
import { piecesOf, type Source } from '../files/source.ts';
import { inspect, type Inspection } from '../inspect.ts';
import { withSource } from './files.ts';
import { UsageError } from './usage.ts';

/** The model that differences are to. */
export interface Base {
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** The SHA-256 of its file, in hexadecimal. */
  readonly digest: string;
}

/** Reads a base. @throws Error where the file is no model, or one of packets */
export function readBase(path: string, most: number): Promise<Base> {
  return withSource(path, async (source) => {
    const hash = createHash('sha256');
    for await (const piece of piecesOf(source, 0, source.size)) hash.update(piece);
    const read = await readSafetensors(source, { most });
    if (read.metadata?.has(PACKED))
      throw new Error(`the base ${escaped(path)} is a model of packets: decompress it first`);
    const tensors = new Map(
      placesOf(read).map(({ name, shape, first, count }) => [
        name,
        { shape, data: read.data.subarray(first, first + count) },
      ]),
    );
    return { tensors, digest: hash.digest('hex') };
  });
}

/** A tensor's values in the base; undefined where that has none of the name and shape. */
function inBase(
  base: Base,
  { name, shape }: { name: string; shape: readonly number[] },
): Float32Array | undefined {
  const own = base.tensors.get(name);
  return own !== undefined && own.shape.join() === shape.join() ? own.data : undefined;
}

/** What is to be done with a model. */
export interface Packing {
  readonly rules: readonly PlanRule[];
  readonly options: PlanOptions;
  readonly base?: Base;
  readonly step: number;
  readonly most: number;
}

/** A model of packets, and what its report says. */
export interface Packed {
  readonly model: PackedModel;
  /** Elements of F64 that float32 had to round. */
  readonly rounded: number;
  /** Tensors that the base has not, which are as they were. */
  readonly unknown: readonly string[];
}

/**
 * The tensors of a model as packets, each by the first rule that matches it; small ones, those of other types, and
 * those that a base has not are as they were.
 * @throws UsageError where the rules do not fit the model; Error where a tensor is not finite, or packed already
 */
export async function packModel(device: Device, source: Source, packing: Packing): Promise<Packed> {
  const { rules, options, base, step, most } = packing;
  if (rules.some(({ together = false }) => together))
    throw new UsageError(
      '"together" expected false: in a model as one file each tensor is a packet of its own',
    );
  const places = await readPlaces(source);
  const compressors = new Map(
    asUsage(() => choicesOf(rules, { tensors: places }, options))
      .filter(({ rule }) => rule >= 0)
      .map(({ name, compressor }) => [name, compressor]),
  );
  const unknown = base === undefined ? [] : places.filter((place) => inBase(base, place) === undefined);
  for (const { name } of unknown) compressors.delete(name);
  for (const { name, count } of places) {
    const compressor = compressors.get(name);
    if (compressor !== undefined) asUsage(() => requireFit([name], count, compressor));
  }
  const read = await readSafetensors(source, { most, carries: (name) => !compressors.has(name) });
  if (read.metadata?.has(PACKED)) throw new Error('the model is one of packets already');
  const packed: PackedTensor[] = [];
  for (const [place, tensor] of read.tensors.entries()) {
    if (isCarried(tensor)) continue;
    const { name, dtype, shape, first, count } = tensor;
    const data = read.data.subarray(first, first + count);
    const old = base && inBase(base, tensor);
    const x = old === undefined ? data : data.map((value, i) => value - old[i]);
    const draw = drawOf({ step, stream: 0 }, packed.length);
    const packet = await device.compress(compressors.get(name)!, x, draw).catch((error: unknown) => {
      if (!(error instanceof NonFiniteError)) throw error;
      throw new Error(`the tensor ${quoted(name)}: ${error.message}`, { cause: error });
    });
    packed.push({ name, dtype, shape, place, delta: old !== undefined, packet });
  }
  const { metadata, rounded } = read;
  const carried = read.tensors.filter(isCarried);
  return {
    model: { packed, carried, ...(metadata && { metadata }), ...(base && { base: base.digest }) },
    rounded,
    unknown: unknown.map(({ name }) => name),
  };
}

function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** The model of a file of packets. @throws Error where it is none */
export async function readPacked(path: string, source: Source): Promise<PackedModel> {
  const model = packedIn(await readSafetensors(source, { carries: () => true }));
  if (model === undefined)
    throw new Error(`${escaped(path)} is a model, not one of packets that fewbits compress has made`);
  return model;
}

/** What `inspect` says of each packet. @throws Error where one is not sound, or of another number of elements */
export function inspections(model: PackedModel): (Inspection & PackedTensor)[] {
  return model.packed.map((tensor) => {
    const about = named(tensor, () => inspect(tensor.packet));
    const elements = tensor.shape.reduce((product, size) => product * size, 1);
    if (about.n !== elements)
      throw new Error(
        `the packet of ${quoted(tensor.name)} is of ${about.n} elements, its shape of ${elements}`,
      );
    return { ...tensor, ...about };
  });
}

/** What `work` gives; an error names the tensor. */
function named<T>({ name }: PackedTensor, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`the packet of ${quoted(name)}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The model as it was, as far as its compressors keep it.
 * @throws Error where a packet is not sound, there are more elements than `most`, or the base is another
 */
export async function unpackModel(
  device: Device,
  model: PackedModel,
  { base, most }: { readonly base?: Base; readonly most: number },
): Promise<Flattened> {
  if (model.base !== undefined && base === undefined)
    throw new Error(
      `the model is the difference to another: --base names that, of the SHA-256 ${model.base}`,
    );
  if (model.base === undefined && base !== undefined)
    throw new UsageError('--base expected a model that is the difference to another; this one is none');
  if (base !== undefined && base.digest !== model.base)
    throw new Error(`the base has the SHA-256 ${base.digest}; the model is the difference to ${model.base}`);
  const about = inspections(model);
  const total = about.reduce((sum, { n }) => sum + n, 0);
  if (total > most) throw new Error(`the model has ${total} elements; --max-elements allows ${most}`);
  const data = new Float32Array(total);
  let next = 0;
  const places = new Map<string, TensorPlace>();
  for (const tensor of about) {
    const { name, dtype, shape, n, packet, delta } = tensor;
    const into = data.subarray(next, next + n);
    places.set(name, { name, dtype, shape, first: next, count: n });
    next += n;
    try {
      await device.decompress(packet, { into, maxElements: most });
    } catch (error) {
      named(tensor, () => {
        throw error;
      });
    }
    if (!delta) continue;
    const old = inBase(base!, tensor);
    if (old === undefined) throw new Error(`the base has no tensor ${quoted(name)} of the same shape`);
    for (let i = 0; i < n; i++) into[i] += old[i];
  }
  const { metadata } = model;
  return { data, tensors: inOrder(model, ({ name }) => places.get(name)!), ...(metadata && { metadata }) };
}
