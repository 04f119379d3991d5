/** Times over links on the page: a table a data set, and the picture docs/images/links.svg. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { DatasetName } from '../../examples/mnist/datasets.ts';
import { MEASURES, measureOf } from '../../examples/mnist/measure.ts';
import { table } from '../filled.ts';
import type { Runs } from './answers.ts';
import { LINKS, secondsTo, stepSeconds } from './links.ts';
import { mean } from './statistics.ts';

/** The score that is waited for: near what dense training ends at. */
const TARGETS: Readonly<Record<DatasetName, number>> = { mnist: 0.97, fashion: 0.86, bible: 3 };

/** Systems whose times are told. */
const SYSTEMS = [
  ...['dense', 'fo-sgd', 'liec-sgd', 'ex-dyna', 'double-squeeze', 'mem-sgd', 'top-k'],
  ...['fed-avg', 'di-lo-co', 'sparse-lo-co'],
];

/** Those of the picture. */
const DRAWN = ['dense', 'fo-sgd', 'liec-sgd', 'ex-dyna', 'fed-avg', 'sparse-lo-co'];

/** Colours of lines on white: those of the report, in its order. */
const COLOURS = ['#444', '#1f6fb4', '#c2410c', '#15803d', '#9333ea', '#b91c1c'];

const PICTURE = fileURLToPath(new URL('../../docs/images/links.svg', import.meta.url));

export interface NamedRuns {
  readonly dataset: DatasetName;
  readonly name: string;
  readonly runs: Runs;
}

interface Times {
  readonly system: string;
  /** Of one step without the link, in seconds. */
  readonly step: number;
  /** By link; undefined where the score was not reached with every seed. */
  readonly seconds: readonly (number | undefined)[];
}

/** A score in words. */
function goalOf({ dataset, runs }: NamedRuns): string {
  const [first] = runs.get('dense') ?? [];
  const { title, format } = MEASURES[measureOf(first)];
  return `${format(TARGETS[dataset])} ${title}`;
}

function timesOf({ dataset, runs }: NamedRuns): Times[] {
  return SYSTEMS.flatMap((system) => {
    const own = runs.get(system);
    if (own === undefined) return [];
    const { rises } = MEASURES[measureOf(own[0])];
    const seconds = LINKS.map((link) => secondsTo(own, TARGETS[dataset], rises, link));
    return [{ system, step: mean(own.map(stepSeconds)), seconds }];
  });
}

const linkName = (link: number): string => (link >= 1000 ? `${link / 1000} Gbit/s` : `${link} Mbit/s`);

/** Seconds to three digits. */
const digits = (seconds: number): string =>
  seconds >= 100 ? Math.round(seconds).toLocaleString('en-US') : seconds.toPrecision(3);

/** What is said of times, and a table for each data set; the shortest time on each link is bold. */
export function linkTables(sets: readonly NamedRuns[]): string {
  const tables = sets.map((set) => {
    const all = timesOf(set);
    const best = LINKS.map((_, i) => Math.min(...all.map(({ seconds }) => seconds[i] ?? Infinity)));
    const rows = all.map(({ system, step, seconds }) => [
      system,
      digits(1000 * step),
      ...seconds.map((value, i) => {
        if (value === undefined) return 'not reached';
        return value === best[i] ? `**${digits(value)}**` : digits(value);
      }),
    ]);
    return `### ${set.name}: seconds to ${goalOf(set)}

${table(['system', 'ms a step', ...LINKS.map(linkName)], rows)}`;
  });
  return `Seconds until the mean model has a score, a mean over the seeds. A step takes what one worker's gradient, its part of
the system and the server's took here, measured (two runs at a time on two cores, jax-js and wasm); each worker's bytes, also
measured, then go up and down its own link one after the other. That sum alone is reckoned, without the link's delay. A
score between two evaluations is reached on a straight line. "Not reached": not with every seed.

![Seconds to a score by the speed of the link, for each system](images/links.svg)

${tables.join('\n\n')}`;
}

/** Draws the picture: a plot for each data set. */
export function drawLinks(sets: readonly NamedRuns[]): void {
  const { document } = parseHTML('<!doctype html><html></html>');
  const points = sets.flatMap((set) =>
    timesOf(set)
      .filter(({ system }) => DRAWN.includes(system))
      .flatMap(({ system, seconds }) =>
        LINKS.flatMap((link, i) => {
          const value = seconds[i];
          const facet = `${set.name}: ${goalOf(set)}`;
          return value === undefined ? [] : [{ system, facet, link, seconds: value }];
        }),
      ),
  );
  const facets = [...new Set(points.map(({ facet }) => facet))];
  const channels = { x: 'link', y: 'seconds', fx: 'facet', stroke: 'system' } as const;
  const svg = Plot.plot({
    document,
    ariaLabel: 'Seconds to a score by the speed of the link',
    width: 1080,
    height: 400,
    marginLeft: 60,
    marginRight: 110,
    marginTop: 40,
    marginBottom: 44,
    style: { fontSize: '12px', fontFamily: 'sans-serif', background: 'white' },
    fx: { label: null, domain: facets },
    x: {
      type: 'log',
      label: 'link of each worker (Mbit/s, log scale)',
      ticks: [...LINKS],
      tickFormat: String,
      grid: true,
    },
    y: { type: 'log', label: 'seconds to the score (log scale)', grid: true, ticks: 5, tickFormat: String },
    color: { domain: DRAWN, range: COLOURS },
    marks: [
      Plot.lineY(points, { ...channels, z: 'system', strokeWidth: 2 }),
      Plot.dot(points, { ...channels, fill: 'system', r: 3 }),
      // the legend, beside the last plot
      ...DRAWN.map((system, i) =>
        Plot.text([system], {
          ...{ text: [system], fx: [facets[facets.length - 1]], fill: COLOURS[i] },
          ...{ frameAnchor: 'top-right', textAnchor: 'start', dx: 14, dy: 16 * i, clip: false },
        }),
      ),
    ],
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  writeFileSync(PICTURE, `${svg.outerHTML}\n`);
}
