/** `fewbits decompress`: a packet as a file, .npy or .safetensors, whose kind follows the name after -o. */
import type { Changes } from '../../files/floats.ts';
import { elementsOf, readMap, type FileMap } from '../../files/map.ts';
import { npyParts } from '../../files/npy.ts';
import { escaped } from '../../files/quote.ts';
import { safetensorsParts } from '../../files/safetensors.ts';
import { inspect } from '../../inspect.ts';
import { command, type Command } from '../command.ts';
import { goesToStdout, isThere, readBytes, requireApart, withSource, writeFiles } from '../files.ts';
import { readBase, readPacked, unpackModel } from '../model.ts';
import {
  BACKEND,
  BASE,
  countOf,
  FILES,
  JSON_REPORT,
  mapOf,
  maxElementsOf,
  note,
  withDevice,
} from '../options.ts';
import { required, UsageError } from '../usage.ts';

/** What helps where the map of a packet is not there. */
const NO_MAP =
  'a .safetensors file needs the map that compress wrote beside the packet of one: name it with --map, or decompress to a .npy file';

export const decompress: Command = command({
  forms: [
    ['fewbits decompress IN.fb -o OUT.npy', 'a packet as an array, of the shape and type that its map has'],
    ['fewbits decompress IN.fb -o OUT.safetensors', 'a packet as a model; needs the map that compress wrote'],
    ['fewbits decompress IN.safetensors -o OUT.safetensors', 'a model of packets as it was; needs no map'],
  ],
  options: { ...FILES, ...BASE, ...BACKEND, ...JSON_REPORT },
  takesFile: true,
  async run(values, input) {
    const from = required(input, 'decompress expected an input file');
    const to = required(values.output, 'decompress expected -o OUT.npy');
    const most = maxElementsOf(values['max-elements']);
    if (isModel(from)) return decompressModel(from, to, most, values);
    if (values.base !== undefined)
      throw new UsageError('--base expected a model as one file, IN.safetensors');
    const mapAt = mapOf(from, values.map);
    await requireApart(values.force ? [] : [from, mapAt], [to]);
    const packet = await readBytes(from);
    const about = inspect(packet);
    if (about.n > most)
      throw new Error(`${escaped(from)} stands for ${about.n} elements; --max-elements allows ${most}`);
    const map = await mapFor(to, mapAt, values.map !== undefined);
    if (map !== undefined && elementsOf(map) !== about.n)
      throw new Error(
        `${escaped(mapAt)} is the map of ${elementsOf(map)} elements, ${escaped(from)} stands for ${about.n}`,
      );
    await withDevice(values.backend, async (device) => {
      const data = await device.decompress(packet, { maxElements: most });
      const changes = { rounded: 0, beyond: 0 };
      const say = (await goesToStdout(to)) ? console.error : console.log;
      await writeFiles({ [to]: partsOf(to, data, map, changes) });
      noteChanges(changes);
      const report = { input: from, output: to, backend: device.backend, ...changes, ...about };
      if (values.json) return say(JSON.stringify(report, undefined, 2));
      say(`${escaped(from)} -> ${escaped(to)} on ${device.backend} (${device.detail}): ${about.n} elements`);
    });
  },
});

/** Says what the types of the file changed. */
function noteChanges({ rounded, beyond }: Changes): void {
  if (rounded + beyond === 0) return;
  const more =
    beyond > 0 ? `; beyond its range, so that its largest stands there: ${countOf(beyond, 'value')}` : '';
  note(`rounded to the type that they had: ${countOf(rounded, 'value')}${more}`);
}

/** What is done with a model as one file. */
async function decompressModel(
  from: string,
  to: string,
  most: number,
  values: { map?: string; base?: string; force?: boolean; backend?: string; json?: boolean },
): Promise<void> {
  if (values.map !== undefined)
    throw new UsageError('--map expected a packet; a model as one file has no map');
  if (!isModel(to)) throw new UsageError('a model as one file expected -o OUT.safetensors');
  const { base: path } = values;
  await requireApart(values.force ? [] : [from, ...(path === undefined ? [] : [path])], [to]);
  const model = await withSource(from, (source) => readPacked(from, source));
  const base = path === undefined ? undefined : await readBase(path, most);
  await withDevice(values.backend, async (device) => {
    const restored = await unpackModel(device, model, { base, most });
    const changes = { rounded: 0, beyond: 0 };
    const say = (await goesToStdout(to)) ? console.error : console.log;
    await writeFiles({ [to]: safetensorsParts(restored, changes) });
    noteChanges(changes);
    const { length: elements } = restored.data;
    const report = { input: from, output: to, backend: device.backend, ...changes, elements };
    if (values.json) return say(JSON.stringify(report, undefined, 2));
    say(`${escaped(from)} -> ${escaped(to)} on ${device.backend} (${device.detail}): ${elements} elements`);
  });
}

const isModel = (path: string): boolean => path.endsWith('.safetensors');

/** The map that the output needs; undefined where an array is to be a plain list of float32. */
async function mapFor(to: string, mapAt: string, named: boolean): Promise<FileMap | undefined> {
  if (isModel(to)) {
    const map = readMap(await readBytes(mapAt, NO_MAP));
    if ('array' in map)
      throw new Error(`${escaped(mapAt)} is the map of an .npy file; decompress to a .npy file`);
    return map;
  }
  if (!named && !(await isThere(mapAt))) return undefined;
  return readMap(await readBytes(mapAt));
}

function partsOf(
  to: string,
  data: Float32Array,
  map: FileMap | undefined,
  changes: Changes,
): Iterable<Uint8Array> {
  if (map !== undefined && 'array' in map) return npyParts(data, map.array, changes);
  if (map !== undefined && isModel(to)) return safetensorsParts({ data, ...map.layout }, changes);
  // the vector of a model, or of a packet from elsewhere
  return npyParts(data, { shape: [data.length], dtype: '<f4', fortranOrder: false }, changes);
}
