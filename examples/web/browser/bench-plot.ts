/** The benchmark's picture: a line a compressor, a dot a backend and way. */
import * as Plot from '@observablehq/plot';

import type { Result } from '../../../ts/cli/bench.ts';
import { digits } from '../numbers.ts';
import { logarithmic, plot } from '../plots.ts';

/** Nanoseconds an element. */
interface Dot {
  readonly compressor: string;
  readonly backend: string;
  readonly way: 'pack' | 'unpack';
  readonly time: number;
}

const COLOURS: Readonly<Record<string, string>> = {
  webgpu: 'var(--part-1)',
  wasm: 'var(--system)',
  js: 'var(--dense)',
};

export function backendColour(backend: string): string {
  return COLOURS[backend] ?? 'var(--ink)';
}

export function benchPlot(width: number, results: readonly Result[]): SVGSVGElement | HTMLElement {
  const dots = results.flatMap(({ compressor, backend, compress, decompress }): Dot[] => {
    const name = compressor.split(':')[0];
    return [
      { compressor: name, backend, way: 'pack', time: compress.nanosecondsPerElement },
      { compressor: name, backend, way: 'unpack', time: decompress.nanosecondsPerElement },
    ];
  });
  const names = [...new Set(dots.map(({ compressor }) => compressor))];
  const backends = [...new Set(dots.map(({ backend }) => backend))];
  const fastest = backends.map((backend) => {
    const times = dots.filter((dot) => dot.backend === backend).map(({ time }) => time);
    return `${backend} from ${digits(Math.min(...times))} to ${digits(Math.max(...times))}`;
  });
  return plot(width, {
    ariaLabel: `Nanoseconds an element: ${fastest.join(', ')}`,
    height: 60 + names.length * 26,
    marginLeft: 128,
    x: {
      grid: true,
      ...logarithmic(
        dots.map(({ time }) => time),
        'ns an element',
      ),
    },
    y: { label: null, domain: names },
    color: { domain: backends, range: backends.map(backendColour), legend: false },
    symbol: { domain: ['pack', 'unpack'], range: ['circle', 'times'] },
    marks: [
      Plot.ruleY(names, { stroke: 'var(--line)' }),
      Plot.dot(dots, {
        x: 'time',
        y: 'compressor',
        stroke: 'backend',
        symbol: 'way',
        r: 4.5,
        strokeWidth: 2,
      }),
    ],
  });
}
