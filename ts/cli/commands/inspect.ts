/** `fewbits inspect`: what a packet is. */
import { inspect as inspectPacket } from '../../inspect.ts';
import { command, type Command } from '../command.ts';
import { readBytes } from '../files.ts';
import { JSON_REPORT, printJson, summary } from '../options.ts';
import { required } from '../usage.ts';

export const inspect: Command = command({
  forms: [['fewbits inspect IN.fb', 'what a packet is, without decoding it']],
  options: JSON_REPORT,
  takesFile: true,
  async run({ json }, input) {
    const packet = await readBytes(required(input, 'inspect expected an input file'));
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
