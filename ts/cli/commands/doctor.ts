/** `fewbits doctor`, on the command line. */
import { command, type Command } from '../command.ts';
import { diagnose } from '../doctor.ts';
import { lookForGpu } from '../gpu.ts';
import { JSON_REPORT, printJson } from '../options.ts';

export const doctor: Command = command({
  forms: [['fewbits doctor', 'which backends work here, and why others do not']],
  options: JSON_REPORT,
  takesFile: false,
  async run({ json }) {
    await lookForGpu(undefined);
    const diagnosis = await diagnose();
    if (json) return printJson(diagnosis);
    console.log(`${diagnosis.runtime} on ${diagnosis.platform}`);
    for (const { backend, works, detail, notTaken } of diagnosis.backends)
      console.log(
        `  ${backend.padEnd(7)} ${works ? 'works' : 'no   '}  ${detail}${notTaken ? `; ${notTaken}` : ''}`,
      );
    console.log(`openDevice() takes ${diagnosis.auto} here`);
  },
});
