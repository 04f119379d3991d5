/** Nanoseconds an element against n, for a few tasks, by Observable Plot; linkedom stands in for the document. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Row } from './rows.ts';

/** Tasks that are drawn, where they were measured. */
const TASKS = ['topK 1 %', 'fwht, whole', 'signs and sums', 'compress topK 1 %'];

/** Pixels of one plot. */
const WIDTH = 520;
const HEIGHT = 360;

/** One plot a task, two in a row, both axes logarithmic: a document of its own. */
export function drawPlots(rows: readonly Row[]): string {
  const normal = rows.filter(({ data }) => data === 'normal');
  const drawn = TASKS.filter((task) => normal.some((row) => row.task === task));
  const plots = drawn.map((task, i) =>
    drawTask(
      task,
      normal.filter((row) => row.task === task),
      { x: (i % 2) * WIDTH, y: Math.floor(i / 2) * HEIGHT },
    ),
  );
  const width = Math.min(Math.max(drawn.length, 1), 2) * WIDTH;
  const height = Math.max(1, Math.ceil(drawn.length / 2)) * HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...plots,
    '</svg>\n',
  ].join('\n');
}

function drawTask(task: string, rows: readonly Row[], at: { x: number; y: number }): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const longest = Math.max(...rows.map(({ n }) => n));
  const ends = rows.filter(({ n }) => n === longest);
  const channels = { x: 'n', y: 'nsPerElement', z: 'candidate', stroke: 'candidate' } as const;
  const svg = Plot.plot({
    document,
    ariaLabel: `${task}: nanoseconds an element against n`,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 48,
    marginRight: 170,
    marginTop: 40,
    marginBottom: 44,
    style: { fontSize: '12px', fontFamily: 'sans-serif', color: 'black' },
    x: { type: 'log', label: 'n', grid: true, ticks: 5 },
    y: { type: 'log', label: 'ns an element', grid: true, ticks: 5 },
    color: { type: 'categorical' },
    marks: [
      Plot.line(rows, { ...channels, strokeWidth: 2 }),
      Plot.dot(rows, { ...channels, r: 2.5, fill: 'candidate' }),
      Plot.text(ends, {
        x: 'n',
        y: 'nsPerElement',
        text: 'candidate',
        fill: 'candidate',
        textAnchor: 'start',
        dx: 8,
      }),
      Plot.text([task], { frameAnchor: 'top-left', dy: -30, fontSize: 14, fontWeight: 'bold' }),
    ],
  });
  svg.setAttribute('x', String(at.x));
  svg.setAttribute('y', String(at.y));
  return svg.outerHTML;
}
