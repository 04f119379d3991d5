/** Nanoseconds an element against n, for a few tasks, by Observable Plot; linkedom stands in for the document. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { ONNX, PLAIN, TF_CPU, TF_WASM } from './peers.ts';
import { ours, READ, type Row } from './rows.ts';

/** Tasks that are drawn, where they were measured. */
const TASKS = ['topK 1 %', 'fwht, whole', 'signs and sums', 'compress topK 1 %'];

/** Candidates that are drawn, and the colour of each. */
const COLOURS: Readonly<Record<string, string>> = {
  [ours('wasm')]: '#4269d0',
  [ours('wasm', 'device')]: '#6cc5b0',
  [ours('js')]: '#97bbf5',
  [TF_WASM]: '#ff725c',
  [TF_CPU]: '#ff8ab7',
  [ONNX]: '#a463f2',
  [PLAIN]: '#efb118',
  [READ]: '#9498a0',
};

/** Pixels of one plot, around it, and from one name to the next. */
const WIDTH = 540;
const HEIGHT = 360;
const TOP = 48;
const BOTTOM = 44;
const LINE = 14;

/** One plot a task, two in a row, both axes logarithmic: a document of its own. */
export function drawPlots(rows: readonly Row[]): string {
  const drawn = rows.filter(({ data, candidate }) => data === 'normal' && candidate in COLOURS);
  const tasks = TASKS.filter((task) => drawn.some((row) => row.task === task));
  const plots = tasks.map((task, i) =>
    drawTask(
      task,
      drawn.filter((row) => row.task === task),
      { x: (i % 2) * WIDTH, y: Math.floor(i / 2) * HEIGHT },
    ),
  );
  const width = Math.min(Math.max(tasks.length, 1), 2) * WIDTH;
  const height = Math.max(1, Math.ceil(tasks.length / 2)) * HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...plots,
    '</svg>\n',
  ].join('\n');
}

function drawTask(task: string, rows: readonly Row[], at: { x: number; y: number }): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const values = rows.map(({ nsPerElement }) => nsPerElement);
  const domain = [Math.min(...values) / 1.3, Math.max(...values) * 1.3] as const;
  const sizes = [...new Set(rows.map(({ n }) => n))];
  const powers = Array.from({ length: 7 }, (_, i) => 16 ** (i + 1)).filter(
    (n) => n >= Math.min(...sizes) && n <= Math.max(...sizes),
  );
  const channels = { x: 'n', y: 'nsPerElement', z: 'candidate', stroke: 'candidate' } as const;
  const svg = Plot.plot({
    document,
    ariaLabel: `${task}: nanoseconds an element against n`,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 52,
    marginRight: 190,
    marginTop: TOP,
    marginBottom: BOTTOM,
    style: { fontSize: '12px', fontFamily: 'sans-serif', color: 'black' },
    x: {
      type: 'log',
      label: null,
      ticks: powers.length > 0 ? powers : sizes,
      tickFormat: (n: number) => (Number.isInteger(Math.log2(n)) ? `n = 2^${Math.log2(n)}` : String(n)),
      grid: true,
    },
    y: {
      type: 'log',
      domain,
      label: null,
      ticks: decades(domain),
      tickFormat: (tick: number) => `${tick} ns`,
      grid: true,
    },
    color: { type: 'categorical', domain: Object.keys(COLOURS), range: Object.values(COLOURS) },
    marks: [
      Plot.line(rows, { ...channels, strokeWidth: 2 }),
      Plot.dot(rows, { ...channels, r: 2.5, fill: 'candidate' }),
      Plot.text(namesOf(rows, domain), {
        x: 'n',
        y: 'y',
        text: 'candidate',
        fill: 'candidate',
        textAnchor: 'start',
        dx: 10,
      }),
      Plot.text([`${task}, time an element`], {
        frameAnchor: 'top-left',
        dx: -46,
        dy: -34,
        fontSize: 14,
        fontWeight: 'bold',
      }),
    ],
  });
  svg.setAttribute('x', String(at.x));
  svg.setAttribute('y', String(at.y));
  return svg.outerHTML;
}

/** Where the name of each candidate stands: beside the end of its line, below the name before it. */
function namesOf(
  rows: readonly Row[],
  [low, high]: readonly [number, number],
): { candidate: string; n: number; y: number }[] {
  const longest = Math.max(...rows.map(({ n }) => n));
  const last = (candidate: string): Row => rows.filter((row) => row.candidate === candidate).at(-1);
  const ends = [...new Set(rows.map(({ candidate }) => candidate))].map(last);
  const pixel = Math.log(high / low) / (HEIGHT - TOP - BOTTOM);
  let least = -Infinity;
  return ends
    .sort((a, b) => b.nsPerElement - a.nsPerElement)
    .map(({ candidate, nsPerElement }) => {
      const place = Math.max(Math.log(high / nsPerElement) / pixel, least);
      least = place + LINE;
      return { candidate, n: longest, y: high / Math.exp(place * pixel) };
    });
}

/** The numbers in a domain that are 1, 2 or 5 times a power of ten; of a wide one the powers alone. */
function decades([low, high]: readonly [number, number]): number[] {
  const digits = high / low > 100 ? [1] : [1, 2, 5];
  return Array.from({ length: 12 }, (_, i) => i - 6)
    .flatMap((exponent) => digits.map((digit) => Number(`${digit}e${exponent}`)))
    .filter((tick) => tick >= low && tick <= high);
}
