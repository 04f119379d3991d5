/**
 * One compressor's packet, its layout and sections, and how far the decompressed values are from those of the file, as
 * pictures and tables.
 */
import * as Plot from '@observablehq/plot';

import { by, fill, fillList, make } from '../elements.ts';
import { digits } from '../numbers.ts';
import { decades, plot } from '../plots.ts';
import { whole } from '../../mnist/format.ts';
import type { Inspection } from '../../../ts/inspect.ts';
import type { Histogram } from './measure.ts';
import type { Measured } from './worker.ts';

/** Bytes of a packet before its parameters, and of the CRC at its end (docs/packet.md). */
const HEADER_BYTES = 16;
const CRC_BYTES = 4;

/** Colours of parts; no packet has more of them than a sparse one. */
const COLOURS = 7;

interface Part {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** All parts of a packet in their order, what stands around the sections too. */
export function partsOf({ bytes, sections }: Inspection): Part[] {
  const body = sections[0]?.offset ?? bytes - CRC_BYTES;
  return [
    { name: 'header', offset: 0, bytes: HEADER_BYTES },
    { name: 'parameters', offset: HEADER_BYTES, bytes: body - HEADER_BYTES },
    ...sections,
    { name: 'CRC-32C', offset: bytes - CRC_BYTES, bytes: CRC_BYTES },
  ].filter((part) => part.bytes > 0);
}

/** Shows all but the histogram, which is drawn when there is room. */
export function showDetail({ inspection, relative, largest, pack, unpack }: Measured): void {
  const { compressor, parameters, n, bytes, bitsPerElement } = inspection;
  const parts = partsOf(inspection);
  by('compress-layout').replaceChildren(
    ...parts.map(({ name, bytes: size }, i) => {
      const share = size / bytes;
      const block = make(
        'span',
        { class: `part part-${i % COLOURS}`, style: `flex-grow: ${share}` },
        share > 0.12 ? name : '',
      );
      block.title = `${name}: ${whole(size)} bytes`;
      return block;
    }),
  );
  fill(
    by('compress-sections'),
    parts.map(({ name, offset, bytes: size }, i) => [
      make('span', {}, make('span', { class: `swatch part-${i % COLOURS}`, 'aria-hidden': 'true' }), name),
      whole(offset),
      whole(size),
      `${digits((100 * size) / bytes)} %`,
    ]),
  );
  fillList(by('compress-inspection'), [
    ['compressor', compressor],
    ...Object.entries(parameters).map(([name, value]) => [name, String(value)] as const),
    ['n', whole(n)],
    ['bytes', whole(bytes)],
    ['bits an element', digits(bitsPerElement)],
    ['relative error', digits(relative)],
    ['largest error', digits(largest)],
    ['pack, unpack', `${digits(pack)} ms, ${digits(unpack)} ms`],
  ]);
}

/** Values before above those after, on the same bins. */
export function histogramPlot(
  width: number,
  { low, high, before, after }: Histogram,
): SVGSVGElement | HTMLElement {
  const step = (high - low) / before.length;
  const most = Math.max(...before, ...after);
  const bars = (counts: readonly number[], when: string): object[] =>
    counts.flatMap((count, i) =>
      count === 0 ? [] : [{ when, x1: low + i * step, x2: low + (i + 1) * step, y1: 0.6, y2: count }],
    );
  const ticks = decades([1, most], [1]);
  return plot(width, {
    ariaLabel: `Histograms before and after, from ${digits(low)} to ${digits(high)}: ${words(before, 'before')}; ${words(after, 'after')}`,
    height: 340,
    marginLeft: 56,
    marginRight: 60,
    x: { label: 'value', domain: [low, high], ticks: width < 420 ? 3 : 5 },
    y: {
      type: 'log',
      label: 'elements',
      domain: [0.6, most * 1.2],
      grid: true,
      ticks: ticks.filter((_, i) => i % (ticks.length > 4 ? 2 : 1) === 0),
      tickFormat: (tick: number) => tick.toLocaleString('en-US'),
    },
    fy: { label: null, domain: ['before', 'after'], padding: 0.15 },
    marks: [
      Plot.rect([...bars(before, 'before'), ...bars(after, 'after')], {
        x1: 'x1',
        x2: 'x2',
        y1: 'y1',
        y2: 'y2',
        fy: 'when',
        inset: 0,
        fill: (bar: { when: string }) => (bar.when === 'before' ? 'var(--dense)' : 'var(--system)'),
      }),
    ],
  });
}

/** A histogram in words. */
function words(counts: readonly number[], when: string): string {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const filled = counts.filter((count) => count > 0).length;
  const middle = counts[(counts.length - 1) / 2];
  return `${when}, ${filled} of ${counts.length} bins have values, ${digits((100 * middle) / all)} % lie in the one around 0`;
}
