/** `fewbits inspect`: what a packet is. */
import { inspect as inspectPacket } from '../../inspect.ts';
import { command, type Command } from '../command.ts';
import { escaped } from '../../files/quote.ts';
import { readBytes, withSource } from '../files.ts';
import { inspections, readPacked } from '../model.ts';
import { JSON_REPORT, printJson, summary } from '../options.ts';
import { required } from '../usage.ts';

export const inspect: Command = command({
  forms: [
    ['fewbits inspect IN.fb', 'what a packet is, without decoding it'],
    ['fewbits inspect IN.safetensors', 'what each packet of a model as one file is'],
  ],
  options: JSON_REPORT,
  takesFile: true,
  async run({ json }, input) {
    const path = required(input, 'inspect expected an input file');
    if (path.endsWith('.safetensors')) return inspectModel(path, json);
    const packet = await readBytes(path);
    const inspection = inspectPacket(packet);
    if (json) return printJson(inspection);
    console.log(summary(inspection));
    const { sections, parts } = inspection;
    const width = Math.max(7, ...sections.map(({ name }) => name.length));
    for (const [i, { name, offset, bytes }] of sections.entries()) {
      // before the parts of a plan stands their table
      const part = i === 0 ? undefined : parts?.[i - 1];
      const what = part === undefined ? '' : `: ${summary(part)}`;
      console.log(`  ${name.padEnd(width)} ${String(bytes).padStart(12)} bytes from byte ${offset}${what}`);
    }
  },
});

/** A line for each packet of a model. */
async function inspectModel(path: string, json: boolean | undefined): Promise<void> {
  const model = await withSource(path, (source) => readPacked(path, source));
  const tensors = inspections(model);
  const { carried, base } = model;
  if (json)
    return printJson({
      ...(base !== undefined && { base }),
      carried: carried.map(({ name }) => name),
      tensors,
    });
  console.log(`${tensors.length} tensors as packets, ${carried.length} as they were`);
  if (base !== undefined) console.log(`differences to the file of the SHA-256 ${base}`);
  for (const { name, dtype, shape, delta, ...about } of tensors)
    console.log(
      `  ${escaped(name)} ${dtype} [${shape.join(', ')}]${delta ? ', difference' : ''}: ${summary(about)}`,
    );
}
