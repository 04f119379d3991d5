/**
 * The report of `npm start`: one HTML page with the table, the plots and the settings, which needs nothing but itself.
 */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

import { algorithms } from './algorithms.ts';
import { cuts } from './cuts.ts';
import { DATASETS, type DatasetName } from './datasets.ts';
import { capital, times, whole } from './format.ts';
import { endText, MEASURES, measureOf } from './measure.ts';
import { BATCH } from './mnist.ts';
import { errorPlot, lossPlot, meanErrors, scorePlot, stepPlot } from './plots.ts';
import type { PlotStyle } from './plots.ts';
import type { HeldOut } from './problem.ts';
import { rateOf } from './rates.ts';
import type { Shares } from './shares.ts';
import { MOMENTUM } from './split.ts';
import { compare, timesSmaller } from './table.ts';
import { LOCAL_STEPS } from './train.ts';
import type { HistoryEntry, Run } from './train.ts';
import { CAPTIONS, counted, difference, legend, papersOf, WORDS } from './words.ts';

/** What the page tells. */
export interface ReportContent {
  /** Runs of data-parallel training. */
  readonly data: readonly Run[];
  /** Runs of split learning. */
  readonly split: readonly Run[];
  readonly dataset: DatasetName;
  readonly heldOut: HeldOut;
  readonly shares: Shares;
  /** Steps between two exchanges, for systems that take models. */
  readonly localSteps: number;
  /** What was typed to get this page. */
  readonly command: string;
}

/** Widths of the two drawings of each plot, for a desk and for a phone, in pixels. */
const WIDE = 800;
const NARROW = 350;

/** Colours that report.css defines; after them lines are dashed, then dotted. */
const COLOURS = 6;
const DASHES = [
  { ofLine: 'none', ofBorder: 'solid' },
  { ofLine: '6 3', ofBorder: 'dashed' },
  { ofLine: '2 2', ofBorder: 'dotted' },
];

/** The whole page as text. */
export async function renderReport(content: ReportContent): Promise<string> {
  const style = await readFile(new URL('./report.css', import.meta.url), 'utf8');
  const { data, split, command } = content;
  const dataset = DATASETS[content.dataset];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fewbits: ${dataset} with compressed traffic</title>
<style>
${style}</style>
</head>
<body>
<h1>${dataset} with compressed traffic</h1>
${data.length > 0 ? dataParallel(content) : ''}
${split.length > 0 ? splitLearning(content) : ''}
<h2>Settings</h2>
${settings(content)}
<pre><code>${escape(command)}</code></pre>
</body>
</html>
`;
}

function dataParallel({ data: runs, dataset, localSteps }: ReportContent): string {
  const { workers, steps } = runs[0];
  const measure = measureOf(runs[0]);
  const { title } = MEASURES[measure];
  const sent = 'what the workers send each other, or a server';
  const scores = figure(
    `${capital(title)} against traffic`,
    runs,
    scorePlot,
    `${CAPTIONS[measure]}${upright(runs)}`,
  );
  return `<h2>Data-parallel training</h2>
<p class="quiet">${counted(workers, 'worker')} ${workers === 1 ? 'trains' : 'train'} one network for ${counted(steps, 'step')}.
${difference(runs, sent, areSearched(runs, 'data', dataset))}</p>
${papers(runs)}
${headlines(runs, 'dense')}
${table(runs, false, localSteps)}
${scores === '' ? NO_CURVES : scores}
${figure('Training loss against traffic', runs, lossPlot, LOSS_CAPTION)}
${alongSteps(runs)}`;
}

/** In the place of a plot of scores. */
const NO_CURVES =
  '<p class="quiet">No run was scored twice with traffic in between, so there are no curves of scores; longer runs have them.</p>';

const LOSS_CAPTION =
  'Cross entropy of the mean model on the training batches, a mean over the last fifth of the steps so far, against all ' +
  'that was sent up to then.';

/** Where runs learn between two exchanges. */
function upright(runs: readonly Run[]): string {
  const isStill = (
    { bytesUp, accuracy, bits }: HistoryEntry,
    i: number,
    history: readonly HistoryEntry[],
  ): boolean => bytesUp > 0 && (accuracy ?? bits) !== undefined && history[i - 1]?.bytesUp === bytesUp;
  return runs.some(({ history }) => history.some(isStill))
    ? ' Where a curve is upright, workers train alone and send nothing.'
    : '';
}

/** Whether all have the rates of rates.ts. */
function areSearched(runs: readonly Run[], task: 'data' | 'split', dataset: DatasetName): boolean {
  return runs.every(({ algorithm, learningRate }) => learningRate === rateOf(task, dataset, algorithm));
}

/** What the systems of the papers are. */
function papers(runs: readonly Run[]): string {
  const lines = papersOf(runs).map((line) => `<li>${escape(line)}</li>`);
  return lines.length === 0 ? '' : `<ul class="papers">\n${lines.join('\n')}\n</ul>`;
}

/** What sparse systems say of each step: shown where a run has it. */
function alongSteps(runs: readonly Run[]): string {
  const kinds: { key: keyof HistoryEntry; title: string; label: string; caption: string }[] = [
    {
      key: 'union',
      title: 'Density, step by step',
      label: 'elements in the exchange (%)',
      caption: 'Share of the elements that all workers together touched in a step, a mean over 20 steps.',
    },
    {
      key: 'imbalance',
      title: 'Load imbalance, step by step',
      label: 'busiest worker / mean worker',
      caption:
        'How many times as many elements as the mean worker the busiest one selected, a mean over 20 steps; 1 is even.',
    },
    {
      key: 'threshold',
      title: 'Threshold, step by step',
      label: 'threshold (log scale)',
      caption: 'The magnitude from which on elements are sent, a mean over 20 steps.',
    },
  ];
  return kinds
    .map(({ key, title, label, caption }) => {
      const some = runs.filter(({ history }) => history.some((entry) => entry[key] !== undefined));
      if (some.length === 0) return '';
      const plot = (shown: readonly Run[], style: PlotStyle): string | undefined =>
        stepPlot(shown, style, { key, label, percent: key === 'union', log: key === 'threshold' });
      return figure(title, some, plot, caption);
    })
    .join('\n');
}

function splitLearning({ split: runs, dataset, localSteps }: ReportContent): string {
  const scores = figure(
    'Test accuracy against uplink',
    runs,
    (shown, style) => scorePlot(shown, style, 'up'),
    'Share of the held-out pictures named right (the first 2,000 of them before the end, all 10,000 at the end), against what the client had sent up to then.',
  );
  return `<h2>Split learning</h2>
<p class="quiet">A client with two convolutions sends its feature maps to a server with the rest of the network, and gets
their gradient back as float32, for ${counted(runs[0].steps, 'step')}. ${difference(runs, 'what the client sends', areSearched(runs, 'split', dataset))}</p>
${papers(runs)}
${headlines(runs, 'split')}
${table(runs, true, localSteps)}
${scores === '' ? NO_CURVES : scores}
${compressionErrors(runs)}`;
}

/** A plot, or a sentence where only one run loses something. */
function compressionErrors(runs: readonly Run[]): string {
  const errors = meanErrors(runs);
  if (errors.length === 1) {
    const [{ algorithm, error, bits }] = errors;
    return `<h3>Compression error</h3>
<p class="quiet">The features that the server received of ${escape(algorithm)} were off by ${error.toFixed(3)} of their size,
|received - sent| / |sent|, in the mean over all steps, at ${bits.toFixed(2)} bits an element.</p>`;
  }
  const caption =
    'How far the features that the server received were off, |received - sent| / |sent|, in the mean over all steps, ' +
    'against the bits that the client sent for each.';
  return figure('Compression error against uplink', runs, errorPlot, caption);
}

/** One card for each run that compresses; `reference` is the run that does not. */
function headlines(runs: readonly Run[], reference: string): string {
  const plain = runs.find((run) => run.algorithm === reference);
  const cards = runs
    .filter((run) => run !== plain)
    .map((run) => {
      const { title } = MEASURES[measureOf(run)];
      const beside = plain === undefined ? '' : `, ${reference} ${endText(plain)}`;
      // of split learning what goes down is not compressed
      const up = run.history.some(({ error }) => error !== undefined)
        ? `${times(run.bytesDense / 2 / run.bytesUp)} less up; `
        : '';
      return `<li style="border-color:${colour(run.algorithm)}"><span>${escape(run.algorithm)}</span>
<strong>${times(timesSmaller(run))}</strong>
<small>less traffic</small>
<small>${up}${title} ${endText(run)}${beside}</small></li>`;
    });
  return cards.length === 0 ? '' : `<ul class="cards">\n${cards.join('\n')}\n</ul>`;
}

function table(runs: readonly Run[], isSplit: boolean, localSteps: number): string {
  const { header, rows } = compare(runs);
  const head = header.map((title) => `<th scope="col">${escape(title)}</th>`).join('');
  const body = rows.map(([name, ...numbers]) => {
    const cells = numbers
      .map((cell, j) => `<td data-title="${escape(header[j + 1])}">${escape(cell)}</td>`)
      .join('');
    return `<tr><th scope="row">${swatch(name)}${escape(name)}<small>${escape(describe(name, localSteps))}</small></th>${cells}</tr>`;
  });
  return `<table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>
<p class="quiet">${legend(isSplit)}</p>`;
}

/** A heading and a plot, wide and narrow; nothing where there is no plot. */
function figure(
  title: string,
  runs: readonly Run[],
  plot: (runs: readonly Run[], style: PlotStyle) => string | undefined,
  caption: string,
): string {
  const [wide, narrow] = [WIDE, NARROW].map((width) =>
    plot(runs, { width, colour, dash: (name) => dashesOf(name).ofLine }),
  );
  if (wide === undefined || narrow === undefined) return '';
  const legend = runs.map(({ algorithm }) => `<li>${swatch(algorithm)}${escape(algorithm)}</li>`).join('');
  return `<h3>${escape(title)}</h3>
<figure>
<ul class="legend">${legend}</ul>
<div class="wide">${wide}</div>
<div class="narrow">${narrow}</div>
<figcaption>${escape(caption)}</figcaption>
</figure>`;
}

function settings({ data, split, dataset, heldOut, shares, localSteps }: ReportContent): string {
  const [{ seed, backend }] = [...data, ...split];
  const ratesOf = (runs: readonly Run[]): string =>
    runs
      .map(({ algorithm, learningRate }) => {
        const momentum = algorithms.find(({ name }) => name === algorithm)?.momentum ?? MOMENTUM;
        return `${algorithm} ${learningRate}${momentum > 0 ? `, momentum ${momentum}` : ''}`;
      })
      .join('; ');
  const entries = [
    ...(data.length > 0
      ? [
          ['network', `${WORDS[dataset].network}: ${whole(data[0].parameters)} parameters`],
          ['workers', `${whole(data[0].workers)}, ${WORDS[dataset].batch} each a step`],
          [
            'shares',
            shares === 'classes'
              ? 'each worker has pictures of two to five classes'
              : 'all workers draw from all data',
          ],
          ...(data.some(({ algorithm }) => isLocal(algorithm))
            ? [['local steps', `${localSteps} between two exchanges`]]
            : []),
          ['learning rates', ratesOf(data)],
        ]
      : []),
    ...(split.length > 0
      ? [
          [
            'split network',
            'two 3 x 3 convolutions, 8 and 16 channels | 784 - 64 - 10; 3,136 numbers an image cross the cut',
          ],
          ['split batches', `${BATCH} pictures a step`],
          ['split learning rates', ratesOf(split)],
        ]
      : []),
    ['data', `${DATASETS[dataset]}: ${WORDS[dataset].data}`],
    ...(heldOut === 'validation'
      ? [['scores', 'of a part of the training data that was not trained on; the test data had no part']]
      : []),
    ['seed', String(seed)],
    ['compression', `${backend} backend of fewbits`],
    ['training', 'jax-js, WebAssembly'],
    ['machine', `Node ${process.versions.node}, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}`],
    ['date', new Date().toISOString().slice(0, 10)],
  ];
  return `<dl>
${entries.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join('\n')}
</dl>`;
}

/** A system's place among those of its task: the same in each report whichever were run. */
function placeOf(name: string): number {
  const place = algorithms.findIndex((algorithm) => algorithm.name === name);
  return place >= 0 ? place : cuts.findIndex((cut) => cut.name === name);
}

function describe(name: string, localSteps: number): string {
  const description = [...algorithms, ...cuts].find((system) => system.name === name)?.description ?? '';
  return description.replace(`${LOCAL_STEPS} steps alone`, `${counted(localSteps, 'step')} alone`);
}

/** Whether workers train by themselves between two exchanges. */
function isLocal(name: string): boolean {
  return algorithms.find((algorithm) => algorithm.name === name)?.system.takes === 'model';
}

function colour(name: string): string {
  return `var(--series-${placeOf(name) % COLOURS})`;
}

function dashesOf(name: string): (typeof DASHES)[number] {
  return DASHES[Math.floor(placeOf(name) / COLOURS) % DASHES.length];
}

function swatch(name: string): string {
  const { ofBorder } = dashesOf(name);
  return `<span class="swatch" style="border-top:4px ${ofBorder} ${colour(name)}"></span>`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
