/**
 * Error against bits an element, drawn by Observable Plot into SVG; linkedom stands in for the document. One picture a
 * kind of data and a range of bits, narrow enough to be read on a phone, and two of them side by side on a page. Lines
 * differ in colour, mark and dashes; the marks of unbiased compressors are outlines.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { CURVES } from './curves.ts';
import type { Kind } from './data.ts';
import type { Measured, Point } from './measure.ts';

/** What of a kind a picture shows, by the end of its file's name, and from how many bits an element to how many. */
export const RANGES = ['few', 'many'] as const;
export type Range = (typeof RANGES)[number];
const BITS = { few: [0.015, 1.65], many: [1.65, 17] } as const;

/** The least error that is drawn, and the greatest: one above is named below the plot. */
const LEAST = 1e-5;
const MOST = 2;

/** Pixels: of a picture, of the plot in it, and of a line of its legend. */
const WIDTH = 400;
const HEIGHT = 330;
const LINE = 18;
const MARGIN = { left: 56, right: 10, top: 52, bottom: 40 } as const;
const TEXT = 12;
/** Letters that fit a line across the picture. */
const LETTERS = 60;

/** Colours in light and in dark pages; six are those of the report of `npm start`. */
const COLOURS = [
  ['#0072b2', '#56b4e9'],
  ['#d55e00', '#f58a3c'],
  ['#00805e', '#2cc79b'],
  ['#b8508a', '#e39cc4'],
  ['#8a6200', '#e9b93c'],
  ['#5b4fc4', '#b3a9ff'],
  ['#b02a37', '#ff8a8a'],
  ['#5b6670', '#aab4bd'],
] as const;
const FILLED = ['circle', 'square', 'triangle', 'diamond', 'star', 'cross', 'wye'] as const;
const OUTLINES = ['circle', 'square2', 'triangle2', 'diamond2', 'asterisk', 'times', 'plus'] as const;
const DASHES = ['none', '5 3', '1.5 2.5'] as const;

const STYLE = `
:root { --page: #fcfcfa; --text: #1d2328; --quiet: #5b6670; ${COLOURS.map(([light], i) => `--c${i}: ${light};`).join(' ')} }
@media (prefers-color-scheme: dark) {
:root { --page: #14181b; --text: #e4e8eb; --quiet: #98a4ae; ${COLOURS.map(([, dark], i) => `--c${i}: ${dark};`).join(' ')} }
}`;

interface Look {
  readonly stroke: string;
  readonly dash: string;
  /** Of a line without marks: undefined. */
  readonly symbol: (typeof FILLED)[number] | (typeof OUTLINES)[number] | undefined;
  readonly fill: string;
}

/** How a curve looks: by its place in the table, the same in every picture. */
function lookOf(name: string): Look {
  const place = CURVES.findIndex((curve) => curve.name === name);
  const unbiased = CURVES[place].unbiased === true;
  const ofKind = CURVES.slice(0, place).filter((curve) => (curve.unbiased === true) === unbiased).length;
  const marks = unbiased ? OUTLINES : FILLED;
  // eight colours and seven marks: no two lines of the same kind have both in common
  const stroke = `var(--c${(ofKind + (unbiased ? 3 : 0)) % COLOURS.length})`;
  return {
    stroke,
    dash: DASHES[Math.floor(ofKind / marks.length) % DASHES.length],
    symbol: marks[ofKind % marks.length],
    fill: unbiased ? 'none' : stroke,
  };
}

interface Line {
  readonly name: string;
  readonly look: Look;
  readonly points: readonly Point[];
}

/** What a picture shows: lines with a point in it, and words about points above it. */
interface Content {
  readonly lines: readonly Line[];
  readonly errors: readonly [least: number, most: number];
  readonly texts: readonly string[];
}

/** One picture, a document of its own. Those of a kind are equally high. */
export function drawRates(all: readonly Measured[], kind: Kind, range: Range): string {
  const content = contentOf(all, kind, range);
  const legend = drawLegend(content);
  const height = HEIGHT + Math.max(...RANGES.map((each) => legendHeight(contentOf(all, kind, each))));
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${height}" fill="var(--page)"/>`,
    // numbered in the order of drawing by Plot; one picture has one of them
    drawPlot(kind, range, content).replaceAll(/plot-clip-\d+/g, 'clip'),
    legend,
    '</svg>\n',
  ].join('\n');
  // hundredths of a pixel cannot be seen
  return svg.replaceAll(/\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2))));
}

function contentOf(all: readonly Measured[], kind: Kind, range: Range): Content {
  const [low, high] = BITS[range];
  const within = ({ bits }: Point): boolean => bits >= low && bits < high;
  const seen = (point: Point): boolean => within(point) && point.error >= LEAST && point.error <= MOST;
  const curves = CURVES.map(({ name }): Line => {
    const own = all.filter(({ curve }) => curve === name).map(({ points }) => points[kind]);
    return { name, look: lookOf(name), points: own.filter(({ error }) => error > 0) };
  });
  const above = curves.flatMap(({ name, points }) => {
    const off = points.filter((point) => within(point) && point.error > MOST).map(({ error }) => error);
    return off.length > 0 ? [`${name} ${spanOf(off)}`] : [];
  });
  const least = Math.min(...curves.flatMap(({ points }) => points.filter(seen).map(({ error }) => error)));
  return {
    lines: curves.filter(({ points }) => points.some(seen)),
    errors: [least / 1.3, MOST],
    texts: above.length > 0 ? wrapped(`above ${MOST}: ${above.join('; ')}`) : [],
  };
}

/** The least and the greatest of errors, in two digits. */
function spanOf(errors: readonly number[]): string {
  const [least, most] = [Math.min(...errors), Math.max(...errors)].map((error) =>
    String(Number(error.toPrecision(2))),
  );
  return least === most ? least : `${least} to ${most}`;
}

const BASE = { style: { fontSize: `${TEXT}px`, fontFamily: 'sans-serif', color: 'var(--text)' } } as const;

function drawPlot(kind: Kind, range: Range, { lines, errors }: Content): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const [low, high] = BITS[range];
  const channels = { x: 'bits', y: 'error', clip: true } as const;
  const bound = Array.from({ length: 60 }, (_, i) => low * (high / low) ** (i / 59)).map((bits) => ({
    bits,
    error: 2 ** (-2 * bits),
  }));
  const title = `${kind}: ${range === 'few' ? 'few bits' : 'more bits'}`;
  const svg = Plot.plot({
    ...BASE,
    document,
    ariaLabel: `${title}. Relative squared error against bits an element, both logarithmic`,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    x: {
      type: 'log',
      domain: [low, high],
      label: null,
      ticks: ticks([low, high], [1, 2, 5]),
      tickFormat: String,
      grid: true,
    },
    y: {
      type: 'log',
      domain: errors,
      label: null,
      ticks: ticks(errors, errors[1] / errors[0] > 200 ? [1] : [1, 2, 5]),
      tickFormat: String,
      grid: true,
    },
    marks: [
      Plot.line(bound, { ...channels, stroke: 'var(--quiet)', strokeWidth: 3, strokeOpacity: 0.6 }),
      ...lines.map(({ points, look }) =>
        Plot.line(points, { ...channels, stroke: look.stroke, strokeDasharray: look.dash, strokeWidth: 1.5 }),
      ),
      ...lines.map(({ points, look }) =>
        Plot.dot(points, {
          ...channels,
          symbol: look.symbol,
          stroke: look.stroke,
          fill: look.fill,
          strokeWidth: 1.5,
          r: 3,
        }),
      ),
      Plot.text([title], { ...corner, dy: -36, fontSize: 14, fontWeight: 'bold' }),
      Plot.text(['relative squared error'], { ...corner, dy: -17 }),
      Plot.text(['bits an element'], { frameAnchor: 'bottom', dy: 34 }),
    ],
  });
  return svg.outerHTML;
}

const corner = { frameAnchor: 'top-left', dx: 4 - MARGIN.left } as const;

/** Rows of names, two in a row, that of the bound among them. */
const rowsOf = ({ lines }: Content): number => Math.ceil((lines.length + 1) / 2);

function legendHeight(content: Content): number {
  return (rowsOf(content) + content.texts.length + 0.5) * LINE;
}

/** Names beside marks, then lines of text, below the plot. */
function drawLegend(content: Content): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const bound: Look = { stroke: 'var(--quiet)', dash: 'none', symbol: undefined, fill: 'none' };
  const entries = [...content.lines, { name: 'bound of a Gaussian', look: bound }];
  const rows = rowsOf(content);
  const height = legendHeight(content);
  const at = (i: number): { x: number; y: number } => ({
    x: 10 + Math.floor(i / rows) * (WIDTH / 2),
    y: (i % rows) * LINE + LINE / 2,
  });
  const svg = Plot.plot({
    ...BASE,
    document,
    width: WIDTH,
    height,
    margin: 0,
    axis: null,
    x: { type: 'identity' },
    y: { type: 'identity' },
    marks: entries
      .flatMap(({ name, look }, i): Plot.Markish[] => {
        const { x, y } = at(i);
        return [
          Plot.link([0], {
            x1: x,
            x2: x + 28,
            y1: y,
            y2: y,
            stroke: look.stroke,
            strokeDasharray: look.dash,
            strokeWidth: look.symbol === undefined ? 3 : 1.5,
            strokeOpacity: look.symbol === undefined ? 0.6 : 1,
          }),
          look.symbol === undefined
            ? null
            : Plot.dot([0], {
                x: x + 14,
                y,
                symbol: look.symbol,
                stroke: look.stroke,
                fill: look.fill,
                strokeWidth: 1.5,
                r: 3,
              }),
          Plot.text([name], { x: x + 34, y, textAnchor: 'start' }),
        ];
      })
      .concat(
        content.texts.map((text, i) =>
          Plot.text([text], {
            x: 10,
            y: (rows + i) * LINE + LINE / 2,
            textAnchor: 'start',
            fill: 'var(--quiet)',
          }),
        ),
      ),
  });
  svg.setAttribute('y', String(HEIGHT));
  return svg.outerHTML;
}

/** A text in lines of at most `LETTERS`. */
function wrapped(text: string): string[] {
  return text.split(' ').reduce<string[]>((lines, word) => {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > LETTERS) return [...lines, word];
    return [...lines.slice(0, -1), `${last} ${word}`];
  }, []);
}

/** The numbers in a domain that are one of `digits` times a power of ten. */
function ticks([low, high]: readonly [number, number], digits: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, i) => i - 6)
    .flatMap((exponent) => digits.map((digit) => Number(`${digit}e${exponent}`)))
    .filter((tick) => tick >= low && tick <= high);
}
