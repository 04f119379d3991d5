/** `fewbits compress`: the vector of a file as a packet, and a map of what else the file had. */
import type { Compressor } from '../../compressors/compressor.ts';
import { plan } from '../../compressors/plan.ts';
import { NonFiniteError } from '../../errors.ts';
import { mapParts, type FileMap } from '../../files/map.ts';
import { readNpy, type ReadOptions } from '../../files/npy.ts';
import { escaped } from '../../files/quote.ts';
import { elementName, isCarried, placesOf, readSafetensors } from '../../files/safetensors.ts';
import type { Source } from '../../files/source.ts';
import { inspect } from '../../inspect.ts';
import { command, type Command } from '../command.ts';
import { type Content, goesToStdout, isDevice, requireApart, withSource, writeFiles } from '../files.ts';
import {
  BACKEND,
  countOf,
  FILES,
  JSON_REPORT,
  mapOf,
  maxElementsOf,
  note,
  SPECIFICATIONS,
  STEP,
  summary,
  withDevice,
} from '../options.ts';
import { isPlanFile, readPlan, type PlanFile } from '../plan-file.ts';
import { examples, parseCompressor } from '../specification.ts';
import { integerOf, required, UsageError } from '../usage.ts';

/** What a file holds. */
interface Input {
  readonly data: Float32Array;
  readonly map: FileMap;
  /** What the report says of it. */
  readonly about: object;
  /** How an element of the vector is called, where that is more than its index. */
  readonly nameOf?: (index: number) => string;
}

export const compress: Command = command({
  forms: [
    ['fewbits compress IN.npy -o OUT.fb --compressor SPEC', 'an array as a packet'],
    [
      'fewbits compress IN.safetensors -o OUT.fb --compressor SPEC',
      'all floating-point tensors of a model as one vector; the map carries the others as they are',
    ],
    [
      'fewbits compress IN.safetensors -o OUT.fb --compressor PLAN.json',
      'each tensor by the first rule that matches its name: [{ "match": "*", "compressor": SPEC }, ...]',
    ],
  ],
  options: {
    compressor: {
      type: 'string',
      short: 'c',
      multiple: true,
      value: 'SPEC',
      about: 'a compressor and its options, such as top-k:ratio=0.01, or a plan, a .json file',
    },
    ...FILES,
    ...STEP,
    ...BACKEND,
    ...JSON_REPORT,
  },
  notes: SPECIFICATIONS,
  takesFile: true,
  async run(values, input) {
    const from = required(input, 'compress expected an input file');
    const to = required(values.output, 'compress expected -o OUT.fb');
    const [spec, another] = values.compressor ?? [];
    required(spec, `compress expected --compressor, such as ${examples()[0]}`);
    if (another !== undefined) throw new UsageError('compress expected one --compressor');
    const chosen = isPlanFile(spec) ? await readPlan(spec) : parseCompressor(spec);
    const step = values.step === undefined ? 0 : integerOf('step', values.step, 0);
    const most = maxElementsOf(values['max-elements']);
    // a map has no place beside a device
    const mapAt = values.map === undefined && (await isDevice(to)) ? undefined : mapOf(to, values.map);
    const outputs = [to, ...(mapAt === undefined ? [] : [mapAt])];
    await requireApart(values.force ? [] : [from], outputs);
    const { data, map, about, nameOf } = await withSource(from, (source) => read(from, source, { most }));
    const compressor = compressorFor(chosen, map);
    await withDevice(values.backend, async (device) => {
      const packet = await device.compress(compressor, data, { step }).catch((error: unknown) => {
        if (!(error instanceof NonFiniteError) || nameOf === undefined) throw error;
        throw new Error(`${error.message}, ${nameOf(error.first)}`, { cause: error });
      });
      const say = (await goesToStdout(to)) ? console.error : console.log;
      const files: [string, Content][] = [[to, packet]];
      if (mapAt === undefined) note(`no map is written beside ${escaped(to)}; --map FILE writes one`);
      else files.push([mapAt, mapParts(map)]);
      await writeFiles(Object.fromEntries(files));
      const report = {
        input: from,
        output: to,
        map: mapAt,
        backend: device.backend,
        ...about,
        ...inspect(packet),
      };
      if (values.json) return say(JSON.stringify(report, undefined, 2));
      say(`${escaped(from)} -> ${escaped(to)} on ${device.backend} (${device.detail})`);
      say(summary(report));
    });
  },
});

/** @throws UsageError where a plan does not fit what the file holds */
function compressorFor(chosen: Compressor | PlanFile, map: FileMap): Compressor {
  if (!('rules' in chosen)) return chosen;
  if (!('layout' in map))
    throw new UsageError('a plan expected a .safetensors file, whose tensors have names');
  try {
    return plan(chosen.rules, map.layout, chosen.options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

async function read(path: string, source: Source, options: ReadOptions): Promise<Input> {
  try {
    return await (path.endsWith('.safetensors')
      ? readModel(path, source, options)
      : readArray(path, source, options));
  } catch (error) {
    if (error instanceof RangeError && options.most !== undefined && /at most/.test(error.message))
      throw new Error(
        `${escaped(path)} has ${error.message.replace(/;.*/, '')}; --max-elements allows ${options.most}`,
        { cause: error },
      );
    throw error;
  }
}

async function readModel(path: string, source: Source, options: ReadOptions): Promise<Input> {
  const { data, tensors, metadata, rounded } = await readSafetensors(source, options);
  const places = placesOf({ tensors });
  const carried = tensors.filter(isCarried);
  if (rounded > 0) note(`${escaped(path)} holds F64, of which float32 rounded ${countOf(rounded, 'value')}`);
  if (carried.length > 0)
    note(
      `${carried.length} of ${tensors.length} tensors are carried as they are: ${typesOf(carried)}, ` +
        countOf(
          carried.reduce((sum, { bytes }) => sum + bytes.length, 0),
          'byte',
        ),
    );
  return {
    data,
    map: { layout: { tensors, ...(metadata && { metadata }) } },
    about: { tensors: places.length, carried: carried.length, rounded },
    nameOf: (index) => elementName(places, index),
  };
}

const typesOf = (tensors: readonly { dtype: string }[]): string =>
  [...new Set(tensors.map(({ dtype }) => dtype))].join(', ');

async function readArray(path: string, source: Source, options: ReadOptions): Promise<Input> {
  const { data, shape, dtype, fortranOrder, rounded, trailing } = await readNpy(source, options);
  if (rounded > 0)
    note(`${escaped(path)} holds float64, of which float32 rounded ${countOf(rounded, 'value')}`);
  if (trailing > 0) note(`${countOf(trailing, 'byte')} behind the array in ${escaped(path)} left out`);
  return { data, map: { array: { shape, dtype, fortranOrder } }, about: { shape, dtype, rounded } };
}
