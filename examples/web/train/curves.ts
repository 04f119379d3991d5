/** The curves of a run: score and loss of each system, against megabytes, steps or seconds over a link. */
import * as Plot from '@observablehq/plot';

import { capital } from '../../mnist/format.ts';
import { MEASURES, scoreOf, type Measure } from '../../mnist/measure.ts';
import { smooth } from '../../mnist/smooth.ts';
import { logarithmic, plot } from '../plots.ts';
import { secondsOver } from './link.ts';
import type { StepEntry } from './setting.ts';

export type Axis = 'megabytes' | 'steps' | 'seconds';

/** What the curves are drawn against. */
export interface Against {
  readonly axis: Axis;
  readonly workers: number;
  readonly bitsASecond: number;
}

type Histories = ReadonlyMap<string, readonly StepEntry[]>;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Points of a curve that can be told apart. */
const POINTS = 250;

const LABELS: Record<Axis, string> = {
  megabytes: 'megabytes up and down (log scale)',
  steps: 'step',
  seconds: 'seconds over the link (log scale)',
};

function placeOf(entry: StepEntry, { axis, workers, bitsASecond }: Against): number {
  if (axis === 'steps') return entry.step;
  if (axis === 'seconds') return secondsOver(entry, workers, bitsASecond);
  return (entry.bytesUp + entry.bytesDown) / 1e6;
}

/** Scores on held-out data. */
export function scoreCurves(
  width: number,
  measure: Measure,
  histories: Histories,
  against: Against,
): SVGSVGElement | HTMLElement | undefined {
  const { title, axis, scale, rises, format } = MEASURES[measure];
  const curves = new Map(
    [...histories].map(([name, history]) => [
      name,
      history.flatMap((entry): Point[] => {
        const score = scoreOf(entry);
        return score === undefined ? [] : [{ x: placeOf(entry, against), y: scale * score }];
      }),
    ]),
  );
  const all = [...curves.values()].flatMap((points) => points.map(({ y }) => y)).filter(Number.isFinite);
  // where curves of accuracy part is at the top
  const domain = rises
    ? [Math.max(0, Math.floor(Math.min(90, ...all) / 10) * 10), 100]
    : [Math.floor(2 * Math.min(...all)) / 2, Math.ceil(2 * Math.max(...all)) / 2];
  const label = `${capital(title)} against ${against.axis}: ${lasts(curves, (y) => format(y / scale))}`;
  return draw(width, curves, against, { label, dots: true, y: { label: axis, domain, ticks: 5 } });
}

/** Training loss, averaged over some of the steps before each. */
export function lossCurves(
  width: number,
  histories: Histories,
  against: Against,
): SVGSVGElement | HTMLElement | undefined {
  const curves = new Map(
    [...histories].map(([name, history]) => {
      const losses = smooth(history.map(({ loss }) => loss));
      const every = Math.ceil(history.length / POINTS);
      const points = history.flatMap((entry, i): Point[] =>
        i % every === 0 || i === history.length - 1 ? [{ x: placeOf(entry, against), y: losses[i] }] : [],
      );
      return [name, points];
    }),
  );
  const label = `Training loss against ${against.axis}: ${lasts(curves, (y) => y.toFixed(3))}`;
  const values = [...curves.values()].flatMap((points) => points.map(({ y }) => y));
  return draw(width, curves, against, {
    label,
    dots: false,
    y: logarithmic(values, 'training loss (nats, log scale)'),
  });
}

function lasts(curves: ReadonlyMap<string, readonly Point[]>, show: (y: number) => string): string {
  return [...curves]
    .map(([name, points]) => `${name} ${points.length > 0 ? show(points[points.length - 1].y) : 'none yet'}`)
    .join(', ');
}

function draw(
  width: number,
  given: ReadonlyMap<string, readonly Point[]>,
  { axis }: Against,
  { label, dots, y }: { label: string; dots: boolean; y: Plot.ScaleOptions },
): SVGSVGElement | HTMLElement | undefined {
  // before anything was sent there is no place on a logarithmic axis
  const hasPlace = ({ x }: Point): boolean => axis === 'steps' || x > 0;
  const curves = new Map([...given].map(([name, points]) => [name, points.filter(hasPlace)]));
  const places = [...curves.values()].flatMap((points) => points.map(({ x }) => x));
  if (places.length === 0) return undefined;
  const x =
    axis === 'steps'
      ? { label: LABELS.steps, domain: [0, Math.max(10, ...places)], ticks: 5 }
      : logarithmic(places, LABELS[axis]);
  return plot(width, {
    ariaLabel: label,
    x: { grid: true, ...x },
    y: { grid: true, ...y },
    marks: [...curves].flatMap(([name, points]) => {
      const colour = colourOf(name);
      return [
        Plot.line(points, { x: 'x', y: 'y', stroke: colour, strokeWidth: 2, strokeDasharray: dashOf(name) }),
        Plot.dot(dots ? points : points.slice(-1), { x: 'x', y: 'y', fill: colour, r: dots ? 3 : 4 }),
      ];
    }),
  });
}

/** Dense is one colour, whatever trains beside it the other. */
export function colourOf(algorithm: string): string {
  return algorithm === 'dense' ? 'var(--dense)' : 'var(--system)';
}

/** Not by colour alone. */
export function dashOf(algorithm: string): string {
  return algorithm === 'dense' ? '5 4' : '0';
}
