/** The worker that holds the file and does all that takes time, so that the page stays awake. */
import type { BackendName } from '../../../ts/backends/backend.ts';
import { openDevice, type Device } from '../../../ts/device.ts';
import { inspect, type Inspection } from '../../../ts/inspect.ts';
import { parseCompressor } from '../../../ts/cli/specification.ts';
import { writeMap } from '../../../ts/files/map.ts';
import type { TensorPlace } from '../../../ts/files/safetensors.ts';
import { moved, serve } from '../calls.ts';
import { histogramOf, lossOf, type Histogram, type Loss } from './measure.ts';
import { loadExample, loadFile, nonFinite, shapeOf, type ExampleName, type Loaded } from './vector.ts';

/** What was loaded, without its values. */
export interface About {
  readonly name: string;
  readonly kind: string;
  readonly n: number;
  /** Names and shapes of a .safetensors file's tensors, in the order of their numbers. */
  readonly tensors: readonly string[];
}

/** What a compressor makes of the vector. Times are in milliseconds. */
export interface Measured extends Loss {
  readonly inspection: Inspection;
  readonly pack: number;
  readonly unpack: number;
  readonly histogram: Histogram;
}

/**
 * Calls that take less than this, in milliseconds, are made twice; the shorter time counts, the engine being warm then.
 */
const SHORT = 250;

/** The most threads of a device here; the page and whatever else runs have the rest. */
const THREADS = 4;

let loaded: Loaded | undefined;
let data: Float32Array = new Float32Array(0);
let device: Device | undefined;
let opened: BackendName | undefined;

async function deviceOn(backend: BackendName): Promise<Device> {
  if (device === undefined || opened !== backend) {
    device?.close();
    device = undefined;
    const threads = crossOriginIsolated ? Math.min(THREADS, navigator.hardwareConcurrency) : 1;
    device = await openDevice({ backend, ...(backend === 'wasm' && { threads }) });
    opened = backend;
  }
  return device;
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; milliseconds: number }> {
  const once = async (): Promise<{ result: T; milliseconds: number }> => {
    const start = performance.now();
    return { result: await work(), milliseconds: performance.now() - start };
  };
  const first = await once();
  if (first.milliseconds > SHORT) return first;
  const second = await once();
  return second.milliseconds < first.milliseconds ? second : first;
}

/** @throws Error where no packet can be made of these values */
function requireSound(values: Float32Array, name: string): void {
  if (values.length === 0) throw new Error(`${name} holds no numbers`);
  const { count, first } = nonFinite(values);
  if (count > 0)
    throw new Error(
      `${name} holds ${count} NaN or infinite value${count === 1 ? '' : 's'}, the first at index ${first}; packets carry finite numbers alone`,
    );
}

const functions = {
  /** Takes a file or an example in the place of what there was. @throws Error with one sentence */
  async load(from: File | ExampleName, base: string): Promise<About> {
    loaded = undefined;
    data = new Float32Array(0);
    const next = typeof from === 'string' ? await loadExample(from, base) : await loadFile(from);
    if (next.tensors === undefined || next.data.length === 0) requireSound(next.data, next.name);
    loaded = next;
    data = next.data;
    const { name, kind, tensors = [] } = next;
    return {
      name,
      kind,
      n: data.length,
      tensors: tensors.map((one) => `${one.name} (${shapeOf(one.shape)})`),
    };
  },

  /** Takes one tensor of the file, by its number, or all of them as one vector. How many elements that is. */
  choose(tensor: number | undefined): number {
    const place: TensorPlace | undefined = tensor === undefined ? undefined : loaded?.tensors?.[tensor];
    data = loaded?.data ?? new Float32Array(0);
    if (place !== undefined) data = data.subarray(place.first, place.first + place.count);
    requireSound(data, place === undefined ? (loaded?.name ?? 'the file') : `the tensor "${place.name}"`);
    return data.length;
  },

  async measure(specification: string, backend: BackendName): Promise<Measured> {
    const compressor = parseCompressor(specification);
    const on = await deviceOn(backend);
    const { result: packet, milliseconds: pack } = await timed(() => on.compress(compressor, data));
    const { result: received, milliseconds: unpack } = await timed(() =>
      on.decompress(packet, { maxElements: data.length }),
    );
    return {
      ...lossOf(data, received),
      inspection: inspect(packet),
      pack,
      unpack,
      histogram: histogramOf(data, received),
    };
  },

  /** The packet itself: made again, since the same call gives the same bytes. */
  async packet(specification: string, backend: BackendName): Promise<Uint8Array> {
    const packet = await (await deviceOn(backend)).compress(parseCompressor(specification), data);
    return moved(packet, [packet]);
  },

  /** The map that `fewbits decompress` needs for a .safetensors file. */
  map: (): Uint8Array => writeMap({ layout: loaded?.layout ?? { tensors: [] } }),
};

export type CompressFunctions = typeof functions;

serve(functions);
