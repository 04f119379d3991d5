/** The benchmark: how fast the backends of this browser pack and unpack, as a table, a plot and JSON to copy. */
import type { BackendName } from 'fewbits';

import type { BenchReport } from '../../../ts/cli/bench.ts';
import { whole } from '../../mnist/format.ts';
import { by, fill, make } from '../elements.ts';
import { digits } from '../numbers.ts';
import { drawn, keyOf } from '../plots.ts';
import { backendChoices } from './backends.ts';
import { backendColour, benchPlot } from './bench-plot.ts';
import { openForm } from './form.ts';

/** The choice of all backends. */
const ALL = 'all';

export function openBench(): void {
  let report: BenchReport | undefined;
  const plot = drawn(by('bench-plot'), (width) => report && benchPlot(width, report.results));
  openForm<BenchReport>({
    name: 'bench',
    done: 'measured',
    cancelled: 'Cancelled.',
    work(calls, field) {
      const backend = field('backend');
      const seconds = new URLSearchParams(location.search).get('bench-seconds');
      return calls.bench(
        Number(field('n')),
        backend === ALL ? undefined : (backend as BackendName),
        seconds === null ? undefined : Number(seconds),
      );
    },
    show(next) {
      report = next;
      by('bench-results').hidden = false;
      showTable(next);
      plot.again();
      const left = Object.entries(next.notMeasured).map(
        ([backend, why]) => ` ${backend} was not measured: ${why}.`,
      );
      return `Done: ${whole(next.n)} elements on ${Object.keys(next.backends).join(' and ')}.${left.join('')}`;
    },
    text: () => JSON.stringify(report, undefined, 2),
  });
  const select = by<HTMLFormElement>('bench-form').elements.namedItem('backend') as HTMLSelectElement;
  void backendChoices(select, [[ALL, 'all that work, no software GPU']]);
}

function showTable({ results, backends }: BenchReport): void {
  fill(
    by('bench-table'),
    results.map(({ compressor, backend, compress, decompress, bytes, timesSmaller, paysBelowMbits }) => [
      compressor,
      backend,
      digits(compress.median),
      digits(decompress.median),
      whole(bytes),
      `${digits(timesSmaller)}×`,
      paysBelowMbits === null ? 'never' : `${digits(paysBelowMbits)} Mbit/s`,
    ]),
  );
  by('bench-keys').replaceChildren(
    ...Object.keys(backends).map((name) => keyOf(backendColour(name), name)),
    make('span', {}, '○ pack'),
    make('span', {}, '× unpack'),
  );
}
