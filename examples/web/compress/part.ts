/** The page's part that compresses a file: the file, and what each compressor makes of it. */
import type { BackendName } from 'fewbits';

import { examples } from '../../../ts/cli/specification.ts';
import { whole } from '../../mnist/format.ts';
import { backendChoices } from '../browser/backends.ts';
import { connect } from '../calls.ts';
import { all, by, fillSelect, make, sayProblem } from '../elements.ts';
import { announcer, progressBar } from '../live.ts';
import { drawn } from '../plots.ts';
import { histogramPlot, showDetail } from './detail.ts';
import { createRow, type Row } from './rows.ts';
import type { ExampleName } from './vector.ts';
import type { About, CompressFunctions, Measured } from './worker.ts';

/** The value of the choice of all tensors. */
const ALL = 'all';

export function openCompressPart(): void {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  const { calls } = connect<CompressFunctions>(worker);
  const backend = by<HTMLSelectElement>('compress-backend');
  const tensor = by<HTMLSelectElement>('compress-tensor');
  const status = announcer(by('compress-status'));
  const bar = progressBar(by('compress-progress'));
  const problem = by('compress-problem');
  const file = by<HTMLInputElement>('compress-file');

  let about: About | undefined;
  /** Whether it is a file of the visitor's. */
  let own = false;
  /** Whether packets can be made of what is chosen. */
  let sound = false;
  let seen: Row | undefined;
  const results = new Map<Row, Measured>();
  /** Counts what the visitor asks for: whoever finds another number stops. */
  let turn = 0;

  const rows: readonly Row[] = examples().map((example, i) => {
    const row: Row = createRow(
      example,
      i,
      () => void measure([row]),
      () => see(row),
    );
    return row;
  });
  by('compress-table')
    .querySelector('tbody')
    ?.append(...rows.map(({ element }) => element));

  const histogram = drawn(by('compress-histogram'), (width) => {
    const measured = seen && results.get(seen);
    return measured && histogramPlot(width, measured.histogram);
  });

  const now = (text: string): void => void (by('compress-now').textContent = text);

  /** Shows more of a row; nothing where it has no result. */
  const see = (row: Row): void => {
    seen = row;
    row.choice.checked = true;
    const measured = results.get(row);
    by('compress-detail').hidden = measured === undefined;
    if (measured === undefined || about === undefined) return;
    by('compress-detail-title').textContent = `${about.name} by ${row.specification()}`;
    const whole = tensor.value === ALL || about.tensors.length === 0;
    by('compress-map').hidden = about.tensors.length === 0 || !whole;
    const { name } = about;
    const command = `npx fewbits compress ${name} -o ${name}.fb -c ${row.specification()}`;
    by('compress-command').replaceChildren(
      ...(whole && own ? ['The same on the command line: ', make('code', {}, command)] : []),
    );
    showDetail(measured);
    histogram.again();
  };

  /**
   * Measures these rows, one after the other, unless something else is asked for meanwhile; none of what no packet can
   * hold.
   */
  const measure = async (which: readonly Row[]): Promise<void> => {
    if (about === undefined || !sound) return;
    const mine = ++turn;
    for (const row of rows)
      if (which.includes(row) || !results.has(row)) {
        results.delete(row);
        row.wait();
      }
    const waiting = rows.filter((row) => !results.has(row));
    for (const [i, row] of waiting.entries()) {
      bar.show(i / waiting.length);
      now(`Measuring ${row.specification()} ...`);
      try {
        const measured = await calls.measure(row.specification(), backend.value as BackendName);
        if (turn !== mine) return;
        results.set(row, measured);
        row.show(measured);
      } catch (cause) {
        if (turn !== mine) return;
        row.fail(cause);
      }
      if (row === (seen ?? rows[0])) see(row);
    }
    bar.hide();
    const text = `${results.size} of ${rows.length} compressors measured on ${about.name}.`;
    now(text);
    status.now(text);
  };

  const load = async (from: File | ExampleName): Promise<void> => {
    const mine = ++turn;
    const name = typeof from === 'string' ? 'the example' : from.name;
    sayProblem(problem, undefined);
    by('compress-results').hidden = true;
    about = undefined;
    sound = false;
    own = typeof from !== 'string';
    if (!own) file.value = '';
    results.clear();
    for (const row of rows) row.clear();
    now(`Reading ${name} ...`);
    status.now(`Reading ${name}`);
    bar.show(0);
    try {
      const loaded = await calls.load(from, document.baseURI);
      if (turn !== mine) return;
      about = loaded;
    } catch (cause) {
      if (turn !== mine) return;
      now('');
      bar.hide();
      return sayProblem(problem, cause);
    }
    const { n, kind, tensors } = about;
    by('compress-file-title').textContent = about.name;
    by('compress-about').textContent = `${kind}: ${whole(n)} elements, ${whole(4 * n)} bytes as float32.`;
    by('compress-tensor-field').hidden = tensors.length < 2;
    fillSelect(tensor, [
      [ALL, `all ${tensors.length} as one vector, as the command does`],
      ...tensors.map((one, i) => [String(i), one] as const),
    ]);
    tensor.value = ALL;
    by('compress-results').hidden = false;
    await choose();
  };

  /** Takes what is chosen of the file. */
  const choose = async (): Promise<void> => {
    const mine = ++turn;
    sayProblem(problem, undefined);
    by('compress-detail').hidden = true;
    results.clear();
    sound = false;
    try {
      await calls.choose(tensor.value === ALL ? undefined : Number(tensor.value));
      if (turn !== mine) return;
    } catch (cause) {
      if (turn !== mine) return;
      // another tensor may be sound: what is said of the file stays, the table of what it cannot have goes
      by('compress-each').hidden = true;
      for (const row of rows) row.clear();
      bar.hide();
      now('');
      status.now('');
      return sayProblem(problem, cause);
    }
    sound = true;
    by('compress-each').hidden = false;
    await measure(rows);
  };

  const download = (name: string, bytes: Uint8Array): void => {
    const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
    make('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };

  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen !== undefined) void load(chosen);
  });
  // the same file may be chosen again, changed on the disk
  file.addEventListener('click', () => (file.value = ''));
  for (const button of all<HTMLButtonElement>('[data-example]'))
    button.addEventListener('click', () => void load(button.dataset.example as ExampleName));
  by<HTMLFormElement>('compress-form').addEventListener('submit', (event) => event.preventDefault());
  dropFiles(by('compress'), by('compress-drop'), (dropped) => {
    // the field names it as one that was chosen
    const files = new DataTransfer();
    files.items.add(dropped);
    file.files = files.files;
    void load(dropped);
  });
  tensor.addEventListener('change', () => void choose());
  backend.addEventListener('change', () => void measure(rows));
  by('compress-download').addEventListener('click', () => {
    const row = seen;
    const of = about;
    if (row === undefined || of === undefined) return;
    calls
      .packet(row.specification(), backend.value as BackendName)
      .then((packet) => download(`${of.name}.fb`, packet))
      .catch((cause: unknown) => sayProblem(problem, cause));
  });
  by('compress-map').addEventListener('click', () => {
    const name = about?.name ?? 'map';
    calls
      .map()
      .then((map) => download(`${name}.fb.json`, map))
      .catch((cause: unknown) => sayProblem(problem, cause));
  });
  void backendChoices(backend);
}

/** Takes a file that is dropped anywhere on the part; `target` shows that it would be taken. */
function dropFiles(part: HTMLElement, target: HTMLElement, onFile: (file: File) => void): void {
  const over = (event: DragEvent): void => {
    event.preventDefault();
    target.classList.add('over');
  };
  part.addEventListener('dragover', over);
  part.addEventListener('dragleave', () => target.classList.remove('over'));
  part.addEventListener('drop', (event) => {
    event.preventDefault();
    target.classList.remove('over');
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped !== undefined) onFile(dropped);
  });
}
