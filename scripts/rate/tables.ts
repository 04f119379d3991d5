/** What was measured as tables of docs/compressors.md. */
import { table } from '../filled.ts';
import { KINDS, type Kind } from './data.ts';
import { measuredOf, PARTED, PARTS, type Measured } from './measure.ts';

/** Bits an element that a packet may have, by rows of the table: a little above whole ones, for scales and headers. */
const BUDGETS = [0.05, 0.1, 0.2, 0.5, 1.1, 2.1, 3.1, 4.1, 6.1, 8.1];

/** A figure in three digits. */
export const figure = (value: number): string => String(Number(value.toPrecision(3)));

/** The setting of the least error among those of at most so many bits; the smaller where two have the same. */
export function bestOf(all: readonly Measured[], kind: Kind, budget: number): Measured {
  const within = all.filter(({ points }) => points[kind].bits <= budget);
  if (within.length === 0) throw new RangeError(`no setting takes ${budget} bits or less on ${kind}`);
  return within.reduce((best, other) => {
    const [a, b] = [best.points[kind], other.points[kind]];
    return b.error < a.error || (b.error === a.error && b.bits < a.bits) ? other : best;
  });
}

/** Bits on normal numbers and errors on all kinds, with what `npm run docs:compressors` found of bias and speed. */
export function compressorTable(
  all: readonly Measured[],
  rows: readonly { readonly setting: string; readonly biased: string; readonly speed: string }[],
): string {
  const body = rows.map(({ setting, biased, speed }) => {
    const { points } = measuredOf(all, setting);
    const errors = KINDS.map((kind) => figure(points[kind].error));
    return [`\`${setting}\``, points.normal.bits.toFixed(3), ...errors, biased, speed];
  });
  const errors = KINDS.map((kind) => `error, ${kind}`);
  return table(['compressor', 'bits an element', ...errors, 'biased', 'speed'], body);
}

/** Which setting has the least error within so many bits, by kind of data. */
export function bestTable(all: readonly Measured[]): string {
  const body = BUDGETS.map((budget) => [
    String(budget),
    ...KINDS.map((kind) => {
      const { setting, points } = bestOf(all, kind, budget);
      return `\`${setting}\` ${figure(points[kind].error)}`;
    }),
  ]);
  return table(['bits at most', ...KINDS], body);
}

/** What the packet of each curve's usual setting is made of. */
export function partsTable(all: readonly Measured[]): string {
  const body = all.flatMap(({ setting, points, sizes }) => {
    if (sizes === undefined) return [];
    const bytes = PARTS.reduce((sum, part) => sum + sizes[part], 0);
    const bitsOf = (part: (typeof PARTS)[number]): string =>
      sizes[part] === 0 ? '' : figure((points[PARTED].bits * sizes[part]) / bytes);
    const parts = PARTS.filter((part) => part !== 'header').map(bitsOf);
    return [[`\`${setting}\``, figure(points[PARTED].bits), ...parts, String(sizes.header)]];
  });
  return table(['compressor', 'bits an element', ...PARTS.slice(0, -1), 'header, bytes'], body);
}
