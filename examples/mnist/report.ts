/**
 * The report of `npm start`: one HTML page with the table, the plots and the settings, which needs nothing but itself.
 */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

import { algorithms } from './algorithms.ts';
import { cuts } from './cuts.ts';
import { DATASETS, type DatasetName } from './datasets.ts';
import { times, whole } from './format.ts';
import { endText, MEASURES, measureOf, type Measure } from './measure.ts';
import { errorPlot, lossPlot, scorePlot, stepPlot } from './plots.ts';
import type { PlotStyle } from './plots.ts';
import { CONTEXT, PASSAGES } from '../text/passages.ts';
import { BATCH } from './mnist.ts';
import type { HeldOut } from './problem.ts';
import { MOMENTUM } from './split.ts';
import { compare, timesSmaller } from './table.ts';
import type { HistoryEntry, Run } from './train.ts';

/** What the page tells. */
export interface ReportContent {
  /** Runs of data-parallel training. */
  readonly data: readonly Run[];
  /** Runs of split learning. */
  readonly split: readonly Run[];
  readonly dataset: DatasetName;
  readonly heldOut: HeldOut;
  /** What was typed to get this page. */
  readonly command: string;
}

/** Widths of the two drawings of each plot, for a desk and for a phone, in pixels. */
const WIDE = 800;
const NARROW = 350;

/** Colours that report.css defines; after them lines are dashed, then dotted. */
const COLOURS = 6;
const DASHES = ['none', '6 3', '2 2'];

/** What scores against traffic show. */
const CAPTIONS: Readonly<Record<Measure, string>> = {
  accuracy:
    'Share of the held-out pictures that the network names right, against all that was sent up to then.',
  bits: 'Bits that a character of held-out text takes, against all that was sent up to then; less is better.',
};

/** What is trained on what, in words. */
interface Words {
  readonly network: string;
  /** What a worker takes a step. */
  readonly batch: string;
  readonly data: string;
}

const PICTURE_WORDS: Words = {
  network: '784 - 128 - 10, ReLU, softmax cross entropy',
  batch: `${BATCH} pictures`,
  data: '70,000 pictures, of which 10,000 are held out to test with',
};

const WORDS: Readonly<Record<DatasetName, Words>> = {
  mnist: PICTURE_WORDS,
  fashion: PICTURE_WORDS,
  bible: {
    network: 'transformer: two layers of width 64, four heads, 64 characters of context',
    batch: `${PASSAGES} passages of ${CONTEXT} characters`,
    data: '1,189 chapters, of which every twentieth is held out to test with',
  },
};

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
${data.length > 0 ? dataParallel(data) : ''}
${split.length > 0 ? splitLearning(split) : ''}
<h2>Settings</h2>
${settings(content)}
<pre><code>${escape(command)}</code></pre>
</body>
</html>
`;
}

function dataParallel(runs: readonly Run[]): string {
  const { workers, steps } = runs[0];
  return `<h2>Data-parallel training</h2>
<p class="quiet">${whole(workers)} workers train one network for ${whole(steps)} steps. The runs differ in what the
workers send each other, or a server, and in the learning rate, which was chosen for each system by the same search.</p>
${headlines(runs, 'dense')}
${table(runs)}
<h3>${capital(MEASURES[measureOf(runs[0])].title)} against traffic</h3>
${figure(runs, scorePlot, CAPTIONS[measureOf(runs[0])])}
<h3>Training loss against traffic</h3>
${figure(runs, lossPlot, 'Cross entropy of the mean model on the training batches, a mean over the last fifth of the steps so far, against all that was sent up to then.')}
${steps > 1 ? alongSteps(runs) : ''}`;
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
      caption: 'The magnitude from which on elements are sent.',
    },
  ];
  return kinds
    .map(({ key, title, label, caption }) => {
      const some = runs.filter(({ history }) => history.some((entry) => entry[key] !== undefined));
      if (some.length === 0) return '';
      const plot = (shown: readonly Run[], style: PlotStyle): string =>
        stepPlot(shown, style, { key, label, percent: key === 'union', log: key === 'threshold' });
      return `<h3>${title}</h3>\n${figure(some, plot, caption)}`;
    })
    .join('\n');
}

function splitLearning(runs: readonly Run[]): string {
  return `<h2>Split learning</h2>
<p class="quiet">A client with two convolutions sends its feature maps to a server with the rest of the network, and gets
their gradient back, for ${whole(runs[0].steps)} batches. The runs differ in what the client sends, and in the learning
rate, which was chosen for each by the same search.</p>
${headlines(runs, 'split')}
${table(runs)}
<h3>Test accuracy against uplink</h3>
${figure(runs, (shown, style) => scorePlot(shown, style, 'up'), 'Share of the held-out pictures named right (the first 2,000 of them before the end, all 10,000 at the end), against what the client had sent up to then.')}
<h3>Compression error against uplink</h3>
${figure(runs, errorPlot, 'How far the features that the server received were off, |received - sent| / |sent|, in the mean over all steps, against the bits that the client sent for each.')}`;
}

/** One card for each run that compresses; \`reference\` is the run that does not. */
function headlines(runs: readonly Run[], reference: string): string {
  const plain = runs.find((run) => run.algorithm === reference);
  const cards = runs
    .filter((run) => run !== plain)
    .map((run) => {
      const { title } = MEASURES[measureOf(run)];
      const beside = plain === undefined ? '' : `, ${reference} ${endText(plain)}`;
      return `<li style="border-color:${colour(run.algorithm)}"><span>${escape(run.algorithm)}</span>
<strong>${times(timesSmaller(run))}</strong> less traffic
<small>${title} ${endText(run)}${beside}</small></li>`;
    });
  return cards.length === 0 ? '' : `<ul class="cards">\n${cards.join('\n')}\n</ul>`;
}

function table(runs: readonly Run[]): string {
  const { header, rows } = compare(runs);
  const head = header.map((title) => `<th scope="col">${escape(title)}</th>`).join('');
  const body = rows.map(([name, ...numbers]) => {
    const cells = numbers
      .map((cell, j) => `<td data-title="${escape(header[j + 1])}">${escape(cell)}</td>`)
      .join('');
    return `<tr><th scope="row">${swatch(name)}${escape(name)}<small>${escape(describe(name))}</small></th>${cells}</tr>`;
  });
  return `<table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>
<p class="quiet">Up: what all workers, or the client, sent; down: what they received; MB: 10<sup>6</sup> bytes, summed over
all steps. Float32 takes 4 bytes an element each way. Seconds are of the whole run, all workers one after the other
on one core, training, compression and evaluation included, while other runs had the other cores.</p>`;
}

function figure(
  runs: readonly Run[],
  plot: (runs: readonly Run[], style: PlotStyle) => string,
  caption: string,
): string {
  const legend = runs.map(({ algorithm }) => `<li>${swatch(algorithm)}${escape(algorithm)}</li>`).join('');
  return `<figure>
<ul class="legend">${legend}</ul>
<div class="wide">${plot(runs, { width: WIDE, colour, dash })}</div>
<div class="narrow">${plot(runs, { width: NARROW, colour, dash })}</div>
<figcaption>${escape(caption)}</figcaption>
</figure>`;
}

function settings({ data, split, dataset, heldOut }: ReportContent): string {
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
          ['learning rates', ratesOf(data)],
        ]
      : []),
    ...(split.length > 0
      ? [
          [
            'split network',
            'two 3 x 3 convolutions, 8 and 16 channels | 784 - 64 - 10; 3,136 numbers an image cross the cut',
          ],
          ['split learning rates', `${ratesOf(split)}; ${BATCH} pictures a step`],
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

function capital(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

/** A system's place among those of its task: the same in each report whichever were run. */
function placeOf(name: string): number {
  const place = algorithms.findIndex((algorithm) => algorithm.name === name);
  return place >= 0 ? place : cuts.findIndex((cut) => cut.name === name);
}

function describe(name: string): string {
  return [...algorithms, ...cuts].find((system) => system.name === name)?.description ?? '';
}

function colour(name: string): string {
  return `var(--series-${placeOf(name) % COLOURS})`;
}

function dash(name: string): string {
  return DASHES[Math.floor(placeOf(name) / COLOURS) % DASHES.length];
}

function swatch(name: string): string {
  return `<span class="swatch" style="background:${colour(name)}"></span>`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
