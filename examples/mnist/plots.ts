/** The report's plots, drawn by Observable Plot into static SVG; linkedom stands in for the browser's document. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import { whole } from './format.ts';
import type { Run } from './train.ts';

/** Size of a plot and the colour of each system, any CSS colour. */
export interface PlotStyle {
  /** Pixels. */
  readonly width: number;
  readonly colour: (algorithm: string) => string;
}

/** A point of a curve: y against the megabytes sent so far. */
interface Point {
  readonly algorithm: string;
  readonly megabytes: number;
  readonly y: number;
}

/** A loss is averaged over this share of the steps before it: the same width all along a logarithmic axis. */
const WINDOW = 0.2;

/** Points a smoothed curve: more cannot be seen, and every one makes the page longer. */
const POINTS = 200;

/** Test accuracy against megabytes, both ways together, logarithmic. */
export function accuracyPlot(runs: readonly Run[], style: PlotStyle): string {
  const curves = runs.map((run) =>
    run.history.flatMap(({ accuracy, bytesUp, bytesDown }) =>
      accuracy === undefined ? [] : [point(run, bytesUp + bytesDown, 100 * accuracy)],
    ),
  );
  // Where the curves part is at the top; the steep rise from guessing would take most of the height.
  const worst = Math.min(...runs.map((run) => run.accuracy));
  const floor = Math.max(0, Math.floor(10 * worst - 1.5) * 10);
  const seen = curves.map((curve) => curve.slice(Math.max(0, curve.findIndex(({ y }) => y >= floor) - 1)));
  return draw(seen, style, {
    ariaLabel: 'Test accuracy against megabytes sent',
    y: { label: 'test accuracy (%)', domain: [floor, 100], ticks: 5 },
    dots: true,
  });
}

/** Training loss, smoothed, against megabytes, both ways together; both axes logarithmic. */
export function lossPlot(runs: readonly Run[], style: PlotStyle): string {
  const curves = runs.map((run) => {
    const losses = smooth(run.history.map(({ loss }) => loss));
    return spread(run.history.length).map((i) => {
      const { bytesUp, bytesDown } = run.history[i];
      return point(run, bytesUp + bytesDown, losses[i]);
    });
  });
  const values = curves.flat().map(({ y }) => y);
  const domain = [Math.min(...values) / 1.15, Math.max(...values) * 1.15];
  return draw(curves, style, {
    ariaLabel: 'Training loss against megabytes sent',
    y: {
      label: 'training loss (nats, log scale)',
      type: 'log',
      domain,
      ticks: decades(domain, [1, 2, 5]),
      tickFormat: String,
    },
    dots: false,
  });
}

function point(run: Run, bytes: number, y: number): Point {
  return { algorithm: run.algorithm, megabytes: bytes / 1e6, y };
}

interface Drawing {
  readonly ariaLabel: string;
  readonly y: Plot.ScaleOptions;
  /** Whether each point is marked, or only the last of each curve. */
  readonly dots: boolean;
}

function draw(
  curves: readonly (readonly Point[])[],
  style: PlotStyle,
  { ariaLabel, y, dots }: Drawing,
): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const points = curves.flat();
  const ends = curves.flatMap((curve) => curve.slice(-1));
  const channels = { x: 'megabytes', y: 'y', clip: true } as const;
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
    x: { type: 'log', label: 'megabytes sent, up and down (log scale)', grid: true, ...powersOfTen(points) },
    y: { grid: true, ...y },
    marks: [
      Plot.line(points, { ...channels, z: 'algorithm', stroke: colour, strokeWidth: 2 }),
      Plot.dot(dots ? points : [], { ...channels, fill: colour, r: 2.5 }),
      Plot.dot(ends, { ...channels, clip: false, fill: colour, r: 5 }),
    ],
  });
  return svg.outerHTML;
}

/** Domain and ticks of the logarithmic axis: a tick at each power of ten that the data reach. */
function powersOfTen(points: readonly Point[]): Plot.ScaleOptions {
  const values = points.map(({ megabytes }) => megabytes);
  const domain = [Math.min(...values) / 1.2, Math.max(...values) * 1.2];
  return {
    domain,
    ticks: decades(domain, [1]),
    tickFormat: (tick: number) => (tick < 1 ? String(tick) : whole(tick)),
  };
}

/** The numbers in `domain` that are one of `digits` times a power of ten. */
function decades([low, high]: readonly number[], digits: readonly number[]): number[] {
  const exponents = Array.from({ length: 19 }, (_, i) => i - 9);
  return exponents
    .flatMap((exponent) => digits.map((digit) => Number(`${digit}e${exponent}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** The mean of each value and those before it, `WINDOW` of the way back to the start. */
function smooth(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return values.map((_, i) => {
    const end = i + 1;
    const start = Math.min(i, Math.floor(end * (1 - WINDOW)));
    return (sums[end] - sums[start]) / (end - start);
  });
}

/** At most about `POINTS` indices below `length`, evenly spaced on a logarithmic scale, the last one among them. */
function spread(length: number): number[] {
  const ratio = length ** (1 / POINTS);
  const indices: number[] = [];
  for (let step = 1; step < length; step = Math.max(step + 1, Math.round(step * ratio)))
    indices.push(step - 1);
  return [...indices, length - 1];
}
