/** The report: one HTML page with the table, the plots and the settings, which needs nothing but itself. */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

import type { Algorithm } from './algorithms.ts';
import { algorithms } from './algorithms.ts';
import { percent, times, whole } from './format.ts';
import { accuracyPlot, lossPlot } from './plots.ts';
import type { PlotStyle } from './plots.ts';
import { compare, timesSmaller } from './table.ts';
import type { Run } from './train.ts';
import { BATCH, MOMENTUM } from './train.ts';

/** What the page tells. */
export interface ReportContent {
  /** At least one. */
  readonly runs: readonly Run[];
  /** The systems of these runs. */
  readonly algorithms: readonly Algorithm[];
  /** Parameters of the network. */
  readonly parameters: number;
  /** What was typed to get this page. */
  readonly command: string;
}

/** Widths of the two drawings of each plot, for a desk and for a phone, in pixels. */
const WIDE = 800;
const NARROW = 350;

/** Colours that report.css defines. */
const COLOURS = 6;

/** The whole page as text. */
export async function renderReport(content: ReportContent): Promise<string> {
  const style = await readFile(new URL('./report.css', import.meta.url), 'utf8');
  const { runs, parameters } = content;
  const { workers, steps } = runs[0];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fewbits: MNIST with compressed gradients</title>
<style>
${style}</style>
</head>
<body>
<h1>MNIST with compressed gradients</h1>
<p class="quiet">${whole(workers)} workers train one network of ${whole(parameters)} parameters on the MNIST digits for
${whole(steps)} steps. The runs differ only in what the workers and the server send each other.</p>
${headlines(runs, parameters)}
${table(content)}
<h2>Test accuracy against traffic</h2>
${figure(runs, accuracyPlot, 'Share of the 10,000 test digits that the network names right, against all that was sent up to then.')}
<h2>Training loss against traffic</h2>
${figure(runs, lossPlot, 'Cross entropy of the training batches, a mean over the last fifth of the steps so far, against all that was sent up to then.')}
<h2>Settings</h2>
${settings(content)}
<pre><code>${escape(content.command)}</code></pre>
</body>
</html>
`;
}

/** One card for each run that compresses. */
function headlines(runs: readonly Run[], parameters: number): string {
  const dense = runs.find((run) => run.algorithm === 'dense');
  const cards = runs
    .filter((run) => run !== dense)
    .map((run) => {
      const reference = dense === undefined ? '' : `, dense ${percent(dense.accuracy)}`;
      return `<li style="border-color:${colour(run.algorithm)}"><span>${escape(run.algorithm)}</span>
<strong>${times(timesSmaller(run, parameters))}</strong> less traffic
<small>test accuracy ${percent(run.accuracy)}${reference}</small></li>`;
    });
  return cards.length === 0 ? '' : `<ul class="cards">\n${cards.join('\n')}\n</ul>`;
}

function table({ runs, algorithms: systems, parameters }: ReportContent): string {
  const { header, rows } = compare(runs, parameters);
  const head = header.map((title) => `<th scope="col">${escape(title)}</th>`).join('');
  const body = rows.map(([name, ...numbers], i) => {
    const cells = numbers
      .map((cell, j) => `<td data-title="${escape(header[j + 1])}">${escape(cell)}</td>`)
      .join('');
    return `<tr><th scope="row">${swatch(name)}${escape(name)}<small>${escape(systems[i].description)}</small></th>${cells}</tr>`;
  });
  return `<table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>
<p class="quiet">Up: from all workers to the server; down: from the server to all workers; MB: 10<sup>6</sup> bytes, summed
over all steps. Dense float32 takes 4 bytes an element each way. Seconds are of the whole run on one machine, training
and evaluation included.</p>`;
}

function figure(
  runs: readonly Run[],
  plot: (runs: readonly Run[], style: PlotStyle) => string,
  caption: string,
): string {
  const legend = runs.map(({ algorithm }) => `<li>${swatch(algorithm)}${escape(algorithm)}</li>`).join('');
  return `<figure>
<ul class="legend">${legend}</ul>
<div class="wide">${plot(runs, { width: WIDE, colour })}</div>
<div class="narrow">${plot(runs, { width: NARROW, colour })}</div>
<figcaption>${escape(caption)}</figcaption>
</figure>`;
}

function settings({ runs, algorithms: systems, parameters }: ReportContent): string {
  const { workers, steps, seed, backend } = runs[0];
  const entries = [
    ['network', `784 - 128 - 10, ReLU, softmax cross entropy: ${whole(parameters)} parameters`],
    ['data', 'MNIST: 60,000 digits to train on, 10,000 to test with'],
    ['workers', `${whole(workers)}, ${BATCH} digits each a step`],
    ['steps', whole(steps)],
    ['learning rate', systems.map(({ name, learningRate }) => `${name} ${learningRate}`).join(', ')],
    ['momentum', `${MOMENTUM}, after the exchange`],
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

/** A system's colour, the same in each report whichever systems were run. */
function colour(name: string): string {
  const place = algorithms.findIndex((algorithm) => algorithm.name === name);
  return `var(--series-${place % COLOURS})`;
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
