/** `fewbits bench` on the command line: its options and its output. What it measures is in ../bench.ts. */
import type { BackendName } from '../../backends/backend.ts';
import { bench as measure } from '../bench.ts';
import { lookForGpu } from '../gpu.ts';
import { renderBench } from '../bench-table.ts';
import { command, type Command } from '../command.ts';
import { BACKEND, JSON_REPORT, printJson, SPECIFICATIONS } from '../options.ts';
import { progressOn } from '../progress.ts';
import { examples, parseCompressor, parseCount } from '../specification.ts';

export const bench: Command = command({
  forms: [['fewbits bench', 'how fast compressors are here, and for which links that pays']],
  options: {
    compressor: {
      type: 'string',
      short: 'c',
      multiple: true,
      value: 'SPEC',
      about: 'a compressor to measure; may be given several times (default: one of each)',
    },
    n: { type: 'string', value: 'N', about: 'elements, as 1000000, 1e6 or 2^20 (default 2^20)' },
    ...BACKEND,
    ...JSON_REPORT,
  },
  notes: `
Normal numbers are compressed from a Float32Array and decompressed into one, on each backend that works here or that of
--backend; a GPU that computes on the CPU is measured only where --backend webgpu asks for it. Times are medians with
quartiles, behind ten calls that do not count, the first of which has a column of its own. Compression pays on links of
fewer than (32 n - 8 bytes) / (compress + decompress) bits a second: there packing, sending the packet and unpacking it
take less time together than sending 32 n bits of raw float32. Both sides are taken to be as fast as this machine.

${SPECIFICATIONS}`,
  takesFile: false,
  async run(values) {
    const n = values.n === undefined ? 2 ** 20 : parseCount('--n', values.n, 2 ** 28);
    const compressors = new Map(
      (values.compressor ?? examples()).map((spec) => [spec, parseCompressor(spec)]),
    );
    const backend = values.backend as BackendName | undefined;
    const progress = progressOn(process.stderr);
    const onProgress = (what: string, done: number): void =>
      progress.show(`${String(Math.floor(done * 100)).padStart(3)} %  ${what}`);
    await lookForGpu(backend);
    const report = await measure({ n, compressors, backend, onProgress }).finally(() => progress.end());
    if (values.json) return printJson(report);
    console.log(renderBench(report));
  },
});
