/** `fewbits doctor` on the command line: its options and its output. What it asks is in ../doctor.ts. */
import { arch, availableParallelism, cpus, release, totalmem, type as system } from 'node:os';
import { command, type Command } from '../command.ts';
import { diagnose } from '../doctor.ts';
import { lookForGpu } from '../gpu.ts';
import { JSON_REPORT, printJson } from '../options.ts';
import { progressOn } from '../progress.ts';
import { integerOf, UsageError } from '../usage.ts';

export const doctor: Command = command({
  forms: [
    ['fewbits doctor', 'which backends work here, and why others do not'],
    ['fewbits doctor --verify', 'whether they give the same bytes, as a report to paste into an issue'],
  ],
  options: {
    verify: { type: 'boolean', about: 'compare the bytes of every backend, software GPUs included' },
    quick: { type: 'boolean', about: 'with --verify: no vector of more than 65,537 elements' },
    seed: {
      type: 'string',
      value: 'N',
      about: 'with --verify: what the larger vectors are drawn from (default 1)',
    },
    ...JSON_REPORT,
  },
  notes: `
--verify compresses, decompresses and accumulates the inputs of the golden packets and larger vectors, normal, heavy-tailed,
constant, with ties, subnormal and others, with every compressor on every backend that opens, and compares the bytes with those
of plain JavaScript. It takes one to a few minutes, more with a GPU that computes on the CPU. The status is 1 where bytes
differ, or where a backend opens and then fails.`,
  takesFile: false,
  async run({ verify, quick, seed, json }) {
    if (!verify && (quick || seed !== undefined))
      throw new UsageError(`doctor takes ${quick ? '--quick' : '--seed'} with --verify alone`);
    const number = seed === undefined ? undefined : integerOf('seed', seed, 0);
    await lookForGpu(undefined);
    return verify ? compareBytes({ quick, seed: number, json }) : tellBackends(json);
  },
});

async function tellBackends(json: boolean | undefined): Promise<void> {
  const diagnosis = await diagnose();
  if (json) return printJson(diagnosis);
  console.log(`${diagnosis.runtime} on ${diagnosis.platform}`);
  for (const { backend, works, detail, notTaken } of diagnosis.backends)
    console.log(
      `  ${backend.padEnd(7)} ${works ? 'works' : 'no   '}  ${detail}${notTaken ? `; ${notTaken}` : ''}`,
    );
  console.log(`openDevice() takes ${diagnosis.auto} here`);
}

async function compareBytes(given: { quick?: boolean; seed?: number; json?: boolean }): Promise<void> {
  const { renderReport, verify } = await import('../../verify/index.ts');
  const progress = progressOn(process.stderr);
  const onProgress = (what: string, done: number): void =>
    progress.show(`${String(Math.floor(done * 100)).padStart(3)} %  ${what}`);
  const { quick, seed } = given;
  const report = await verify({ quick, seed, machine: machineHere(), onProgress }).finally(() =>
    progress.end(),
  );
  if (given.json) printJson(report);
  else console.log(renderReport(report));
  if (!report.same) process.exitCode = 1;
}

/** What Node tells of the machine; nothing that names its owner. */
function machineHere(): Record<string, string> {
  return {
    system: `${system()} ${release()} ${arch()}`,
    CPU: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}
