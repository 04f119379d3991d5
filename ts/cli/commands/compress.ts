/** `fewbits compress`: the vector of a file as a packet, and a map of what else the file had. */
import type { Compressor } from '../../compressors/compressor.ts';
import { plan } from '../../compressors/plan.ts';
import { NonFiniteError } from '../../errors.ts';
import { mapParts, type FileMap } from '../../files/map.ts';
import { readNpy, type ReadOptions } from '../../files/npy.ts';
import { packedParts } from '../../files/packed.ts';
import { escaped } from '../../files/quote.ts';
import { elementName, isCarried, placesOf, readSafetensors } from '../../files/safetensors.ts';
import type { Source } from '../../files/source.ts';
import { inspect } from '../../inspect.ts';
import { command, type Command } from '../command.ts';
import { type Content, goesToStdout, isDevice, requireApart, withSource, writeFiles } from '../files.ts';
import { inspections, packModel, readBase, type Packing } from '../model.ts';
import {
  BACKEND,
  BASE,
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
    [
      'fewbits compress IN.safetensors -o OUT.safetensors --compressor SPEC|PLAN.json',
      'a model as one file: a .safetensors file whose tensors are packets; no map',
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
    ...BASE,
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
    if (isModel(from) && isModel(to)) {
      const packing = { ...rulesOf(chosen), step, most };
      return compressModel(from, to, packing, values);
    }
    if (values.base !== undefined)
      throw new UsageError('--base expected a model as one file: -o OUT.safetensors of a .safetensors file');
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

const isModel = (path: string): boolean => path.endsWith('.safetensors');

/** One rule for all where there is no plan. */
const rulesOf = (chosen: Compressor | PlanFile): PlanFile =>
  'rules' in chosen ? chosen : { rules: [{ match: '*', compressor: chosen }], options: {} };

/** What `-o OUT.safetensors` writes: the model as one file. */
async function compressModel(
  from: string,
  to: string,
  packing: Omit<Packing, 'base'>,
  values: { map?: string; base?: string; force?: boolean; backend?: string; json?: boolean },
): Promise<void> {
  if (values.map !== undefined)
    throw new UsageError('--map expected a packet; a model as one file has no map');
  const { base: path } = values;
  await requireApart(values.force ? [] : [from, ...(path === undefined ? [] : [path])], [to]);
  const base = path === undefined ? undefined : await readBase(path, packing.most);
  await withDevice(values.backend, async (device) => {
    const { model, rounded, unknown } = await withSource(from, (source) =>
      packModel(device, source, { ...packing, base }),
    );
    if (rounded > 0)
      note(`${escaped(from)} holds F64, of which float32 rounded ${countOf(rounded, 'value')}`);
    if (unknown.length > 0)
      note(
        `${countOf(unknown.length, 'tensor')} that the base has not left as they were: ${unknown.join(', ')}`,
      );
    const say = (await goesToStdout(to)) ? console.error : console.log;
    await writeFiles({ [to]: packedParts(model) });
    const tensors = inspections(model);
    const [elements, bytes] = [
      tensors.reduce((sum, { n }) => sum + n, 0),
      tensors.reduce((sum, own) => sum + own.bytes, 0),
    ];
    const report = {
      ...{ input: from, output: to, backend: device.backend, rounded },
      ...{ packed: tensors.length, carried: model.carried.length, elements, bytes, base: model.base },
    };
    if (values.json) return say(JSON.stringify(report, undefined, 2));
    say(`${escaped(from)} -> ${escaped(to)} on ${device.backend} (${device.detail})`);
    const times = bytes === 0 ? '' : `, ${((elements * 4) / bytes).toFixed(2)} times smaller than float32`;
    say(
      `${countOf(tensors.length, 'tensor')} as packets, ${model.carried.length} as they were: ` +
        `${elements} elements in ${bytes} bytes${times}`,
    );
  });
}

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
    return await (isModel(path) ? readModel(path, source, options) : readArray(path, source, options));
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
