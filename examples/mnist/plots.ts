/**
 * The plots of the report of `npm start`, drawn by Observable Plot into static SVG; linkedom stands in for the
 * browser's document.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import { capital, whole } from './format.ts';
import { endOf, MEASURES, measureOf, scoreOf } from './measure.ts';
import { smooth } from './smooth.ts';
import type { HistoryEntry, Run } from './train.ts';

/** Size of a plot and the colour of each system, any CSS colour. */
export interface PlotStyle {
  /** Pixels. */
  readonly width: number;
  readonly colour: (algorithm: string) => string;
  /** The dashes of its line, as SVG's stroke-dasharray. */
  readonly dash: (algorithm: string) => string;
}

/** A point of a curve. */
interface Point {
  readonly algorithm: string;
  readonly x: number;
  readonly y: number;
}

/** Points a smoothed curve: more cannot be seen, and every one makes the page longer. */
const POINTS = 200;

/** A drawing, or undefined where no run has two points to draw a line between. */
type Plotted = string | undefined;

/**
 * Scores on held-out data against megabytes, logarithmic: both ways together, or those up alone. The axis of scores
 * says where it starts: the steep part after guessing would take most of the height.
 */
export function scorePlot(
  runs: readonly Run[],
  style: PlotStyle,
  direction: 'both' | 'up' = 'both',
): Plotted {
  const { rises, axis, scale, title } = MEASURES[measureOf(runs[0])];
  const curves = runs.map((run) =>
    run.history
      .flatMap((entry) => {
        const score = scoreOf(entry);
        const bytes = entry.bytesUp + (direction === 'both' ? entry.bytesDown : 0);
        return score === undefined ? [] : [point(run, bytes, scale * score)];
      })
      .filter(hasPlace),
  );
  const ends = runs.map((run) => scale * endOf(run)).filter(Number.isFinite);
  if (ends.length === 0) return '<p class="quiet">All of these runs have diverged.</p>';
  const [least, most] = rises
    ? [Math.max(0, Math.floor((Math.min(...ends) - 15) / 10) * 10), 100]
    : [Math.floor(Math.min(...ends) * 5) / 5, (Math.ceil(Math.max(...ends) * 5) + 5) / 5];
  const isSeen = ({ y }: Point): boolean => (rises ? y >= least : y <= most);
  const seen = curves.map((curve) => curve.slice(Math.max(0, curve.findIndex(isSeen) - 1)));
  if (!haveLines(curves)) return undefined;
  return draw(seen, style, {
    ariaLabel: `${capital(title)} against megabytes sent`,
    x: megabytesAxis(curves.flat(), direction === 'both' ? 'sent, up and down' : 'sent up'),
    y: { label: `${axis}, axis from ${least} to ${most}`, domain: [least, most], ticks: 5 },
    dots: true,
  });
}

/** Training loss, smoothed, against megabytes, both ways together; both axes logarithmic. */
export function lossPlot(runs: readonly Run[], style: PlotStyle): Plotted {
  const curves = runs.map((run) => {
    const losses = smooth(run.history.map(({ loss }) => loss));
    const points = spread(run.history.length).map((i) => {
      const { bytesUp, bytesDown } = run.history[i];
      return point(run, bytesUp + bytesDown, losses[i]);
    });
    return points.filter(hasPlace);
  });
  if (!haveLines(curves)) return undefined;
  return draw(curves, style, {
    ariaLabel: 'Training loss against megabytes sent',
    x: megabytesAxis(curves.flat(), 'sent, up and down'),
    y: logarithmic(
      curves.flat().map(({ y }) => y),
      1.15,
      'training loss (nats, log scale)',
    ),
    dots: false,
  });
}

/** Steps over which what differs from step to step is averaged. */
const STEPS = 20;

/** Something that each step has, against steps. */
export function stepPlot(
  runs: readonly Run[],
  style: PlotStyle,
  kind: { key: keyof HistoryEntry; label: string; percent: boolean; log: boolean },
): Plotted {
  const curves = runs.map(({ algorithm, history }) => {
    const values = history.map((entry) => (entry[kind.key] ?? NaN) * (kind.percent ? 100 : 1));
    const every = Math.max(1, Math.floor(history.length / POINTS));
    return history.flatMap(({ step }, i) => {
      if ((i + 1) % every !== 0 && i + 1 !== history.length) return [];
      const window = values.slice(Math.max(0, i + 1 - STEPS), i + 1).filter(Number.isFinite);
      if (window.length === 0) return [];
      return [{ algorithm, x: step, y: window.reduce((sum, value) => sum + value, 0) / window.length }];
    });
  });
  if (!haveLines(curves)) return undefined;
  return draw(curves, style, {
    ariaLabel: `${kind.label} against steps`,
    x: { label: 'step', nice: true },
    y: kind.log
      ? logarithmic(
          curves.flat().map(({ y }) => y),
          1.1,
          kind.label,
        )
      : { label: kind.label, zero: true, nice: true, ticks: 5 },
    dots: false,
  });
}

/** How far a run's features were off in the mean over all steps, at so many bits an element up. */
export interface MeanError {
  readonly algorithm: string;
  /** |received - sent| / |sent| */
  readonly error: number;
  readonly bits: number;
}

/** Of the runs that lose something. */
export function meanErrors(runs: readonly Run[]): MeanError[] {
  return runs
    .filter(({ history }) => history.some(({ error }) => (error ?? 0) > 0))
    .map(({ algorithm, history, bytesUp, bytesDense }) => {
      const errors = history.map(({ error }) => error ?? 0);
      const error = errors.reduce((sum, one) => sum + one, 0) / errors.length;
      return { algorithm, error, bits: (64 * bytesUp) / bytesDense };
    });
}

/** The mean error of each run against the bits an element that it sent up: a point a run, of two or more. */
export function errorPlot(runs: readonly Run[], style: PlotStyle): Plotted {
  const points = meanErrors(runs).map(({ algorithm, error, bits }) => [{ algorithm, x: bits, y: error }]);
  if (points.length < 2) return undefined;
  return draw(points, style, {
    ariaLabel: 'Compression error against bits an element',
    x: { label: 'bits an element sent up', zero: true, nice: true },
    y: { label: 'relative error of the features', zero: true, nice: true, ticks: 5 },
    dots: true,
  });
}

function haveLines(curves: readonly (readonly Point[])[]): boolean {
  return curves.some(({ length }) => length > 1);
}

function point(run: Run, bytes: number, y: number): Point {
  return { algorithm: run.algorithm, x: bytes / 1e6, y };
}

/** Before anything was sent there is no place on a logarithmic axis: workers that train alone begin there. */
function hasPlace({ x }: Point): boolean {
  return x > 0;
}

/** A scale; `places` are ticks that all have their number, where Plot would leave some numbers out. */
interface Axis extends Plot.ScaleOptions {
  readonly places?: readonly number[];
}

interface Drawing {
  readonly ariaLabel: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Whether each point is marked, or only the last of each curve. */
  readonly dots: boolean;
}

function draw(
  curves: readonly (readonly Point[])[],
  style: PlotStyle,
  { ariaLabel, x: { places: atX, ...x }, y: { places: atY, ...y }, dots }: Drawing,
): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const points = curves.flat();
  const ends = curves.flatMap((curve) => curve.slice(-1));
  const channels = { x: 'x', y: 'y', clip: true } as const;
  const colour = ({ algorithm }: Point): string => style.colour(algorithm);
  const svg = Plot.plot({
    document,
    ariaLabel,
    width: style.width,
    height: Math.round(style.width < 500 ? style.width * 0.8 : style.width * 0.5),
    marginLeft: 44,
    marginRight: 16,
    marginTop: 28,
    marginBottom: 44,
    style: { fontSize: '12px', fontFamily: 'inherit' },
    x: { grid: atX === undefined, ...x },
    y: { grid: atY === undefined, ...y },
    marks: [
      ...(atX ? [Plot.gridX(atX), Plot.axisX(atX, { text: numberAt })] : []),
      ...(atY ? [Plot.gridY(atY), Plot.axisY(atY, { text: numberAt })] : []),
      ...curves
        .filter(({ length }) => length > 0)
        .map((curve) =>
          Plot.line(curve, {
            ...channels,
            stroke: style.colour(curve[0].algorithm),
            strokeDasharray: style.dash(curve[0].algorithm),
            strokeWidth: 2,
          }),
        ),
      Plot.dot(dots ? points : [], { ...channels, fill: colour, r: 2.5 }),
      Plot.dot(ends, { ...channels, clip: false, fill: colour, r: 5 }),
    ],
  });
  return svg.outerHTML;
}

/** A logarithmic axis of megabytes: a tick at each power of ten, where the data reach more than one. */
function megabytesAxis(points: readonly Point[], what: string): Axis {
  const values = points.map(({ x }) => x);
  return logarithmic(values, 1.2, `megabytes ${what} (log scale)`);
}

/** A logarithmic axis of these values, wider by a factor at both ends, with two ticks or more. */
function logarithmic(values: readonly number[], wider: number, label: string): Axis {
  const positive = values.filter((value) => value > 0 && value < Infinity);
  const domain = [Math.min(...positive) / wider, Math.max(...positive) * wider];
  return { type: 'log', label, domain, places: ticksIn(domain) };
}

/** A place as its tick says it. */
function numberAt(place: number): string {
  return place < 1000 ? String(place) : whole(place);
}

/** Digits at which there are ticks, from few to many. */
const DIGITS = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]];

/** As few ticks as are two or more: one of `DIGITS` times a power of ten, or else multiples of one. */
function ticksIn(domain: readonly number[]): number[] {
  const found = DIGITS.map((digits) => decades(domain, digits)).find(({ length }) => length > 1);
  if (found !== undefined) return found;
  const [low, high] = domain;
  // at most six ticks, and two or more
  const unit = 10 ** Math.floor(Math.log10((high - low) / 2));
  const step = unit * ([1, 2, 5].find((count) => (high - low) / (count * unit) <= 6) ?? 10);
  const [least, most] = [Math.ceil(low / step), Math.floor(high / step)];
  return Array.from({ length: most - least + 1 }, (_, i) => Number(((least + i) * step).toPrecision(6)));
}

/** The numbers in `domain` that are one of `digits` times a power of ten. */
function decades([low, high]: readonly number[], digits: readonly number[]): number[] {
  const exponents = Array.from({ length: 19 }, (_, i) => i - 9);
  return exponents
    .flatMap((exponent) => digits.map((digit) => Number(`${digit}e${exponent}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** At most about `POINTS` indices below `length`, evenly spaced on a logarithmic scale, the last one among them. */
function spread(length: number): number[] {
  if (length === 0) return [];
  const ratio = length ** (1 / POINTS);
  const indices: number[] = [];
  for (let step = 1; step < length; step = Math.max(step + 1, Math.round(step * ratio)))
    indices.push(step - 1);
  return [...indices, length - 1];
}
