/** What this browser can do: its backends, and how fast they are. */
import type { BackendName } from 'fewbits';

import type { BenchReport } from '../../../ts/cli/bench.ts';
import { whole } from '../../mnist/format.ts';
import type { Connection } from '../calls.ts';
import { all, by, fill, fillList, make, sayProblem, sentence } from '../elements.ts';
import { announcer, progressBar } from '../live.ts';
import { digits } from '../numbers.ts';
import { drawn, keyOf } from '../plots.ts';
import { backendChoices, diagnosis, startBrowserWorker } from './backends.ts';
import { backendColour, benchPlot } from './bench-plot.ts';
import { openVerify } from './verify.ts';
import type { BrowserFunctions, Progress } from './worker.ts';

/** The choice of all backends. */
const ALL = 'all';

export function openBrowserPart(): void {
  showBackends().catch((cause: unknown) => void (by('browser-taken').textContent = sentence(cause)));
  openVerify();
  openBench();
}

async function showBackends(): Promise<void> {
  const { backends, auto, runtime } = await diagnosis();
  fill(
    by('browser-backends'),
    backends.map(({ backend, works, detail, notTaken }) => [
      backend,
      works ? 'yes' : 'no',
      notTaken === undefined ? sentence(detail) : `${sentence(detail)} ${sentence(notTaken)}`,
    ]),
  );
  by('browser-taken').textContent = `fewbits takes ${auto} in this browser.`;
  const simd = backends.find(({ backend }) => backend === 'wasm')?.detail ?? '';
  const { calls, end } = startBrowserWorker();
  try {
    const { threads, gpu, gpuFeatures } = await calls.facts();
    fillList(by('browser-facts'), [
      ['WebAssembly', simd],
      ['threads', threads],
      ['GPU', gpu],
      ['GPU features', gpuFeatures],
      ['browser', runtime],
    ]);
  } finally {
    end();
  }
}

function openBench(): void {
  const form = by<HTMLFormElement>('bench-form');
  const field = (name: string): HTMLSelectElement => form.elements.namedItem(name) as HTMLSelectElement;
  const [start] = all<HTMLButtonElement>('button[type=submit]', form);
  const [cancel] = all<HTMLButtonElement>('[data-do=cancel]', form);
  const [copy] = all<HTMLButtonElement>('[data-do=copy]', form);
  const status = announcer(by('bench-status'));
  const bar = progressBar(by('bench-progress'));
  const problem = by('bench-problem');
  let running: Connection<BrowserFunctions> | undefined;
  let report: BenchReport | undefined;

  const now = (text: string): void => void (by('bench-now').textContent = text);
  const plot = drawn(by('bench-plot'), (width) => report && benchPlot(width, report.results));

  /** Says how it ended, and lets another one start. */
  const end = (text: string): void => {
    running?.end();
    running = undefined;
    start.disabled = false;
    cancel.disabled = true;
    bar.hide();
    now(text);
    status.now(text);
  };

  const show = (next: BenchReport): void => {
    report = next;
    copy.disabled = false;
    by('bench-results').hidden = false;
    fill(
      by('bench-table'),
      next.results.map(
        ({ compressor, backend, compress, decompress, bytes, timesSmaller, paysBelowMbits }) => [
          compressor,
          backend,
          digits(compress.median),
          digits(decompress.median),
          whole(bytes),
          `${digits(timesSmaller)}×`,
          paysBelowMbits === null ? 'never' : `${digits(paysBelowMbits)} Mbit/s`,
        ],
      ),
    );
    by('bench-keys').replaceChildren(
      ...Object.keys(next.backends).map((name) => keyOf(backendColour(name), name)),
      make('span', {}, '○ pack'),
      make('span', {}, '× unpack'),
    );
    plot.again();
    const left = Object.entries(next.notMeasured).map(
      ([backend, why]) => ` ${backend} was not measured: ${why}.`,
    );
    end(`Done: ${whole(next.n)} elements on ${Object.keys(next.backends).join(' and ')}.${left.join('')}`);
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (running !== undefined) return;
    sayProblem(problem, undefined);
    start.disabled = true;
    cancel.disabled = false;
    running = startBrowserWorker(({ what, done }: Progress) => {
      bar.show(done);
      now(`${Math.floor(100 * done)} %: ${what}`);
      status.say(`${Math.floor(100 * done)} % measured`);
    });
    bar.show(0);
    now('Opening the backends ...');
    const backend = field('backend').value;
    const seconds = new URLSearchParams(location.search).get('bench-seconds');
    running.calls
      .bench(
        Number(field('n').value),
        backend === ALL ? undefined : (backend as BackendName),
        seconds === null ? undefined : Number(seconds),
      )
      .then(show)
      .catch((cause: unknown) => {
        end('');
        sayProblem(problem, cause);
      });
  });
  cancel.addEventListener('click', () => {
    end('Cancelled.');
    start.focus();
  });
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(JSON.stringify(report, undefined, 2)).then(
      () => status.now('Copied.'),
      (cause: unknown) => sayProblem(problem, cause),
    );
    now('Copied.');
  });
  void backendChoices(field('backend'), [[ALL, 'all that work, no software GPU']]);
}
