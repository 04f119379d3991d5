/** What `fewbits bench` prints: a table for each backend, all with the same columns. */
import type { BenchReport, Result, Times } from './bench.ts';

const HEADER = [
  'compressor',
  'compress ms',
  'quartiles',
  'ns/element',
  'first ms',
  'decompress ms',
  'quartiles',
  'ns/element',
  'first ms',
  'bytes',
  'smaller',
  'pays below',
];

export function renderBench({ runtime, platform, n, backends, notMeasured, results }: BenchReport): string {
  const lines = table([HEADER, ...results.map(cellsOf)]);
  const text = [`${runtime} on ${platform}, n = ${whole(n)}`];
  for (const [backend, detail] of Object.entries(backends)) {
    text.push('', `${backend} (${detail})`, lines[0]);
    text.push(...lines.slice(1).filter((_, i) => results[i].backend === backend));
  }
  if (Object.keys(notMeasured).length > 0) text.push('');
  for (const [backend, reason] of Object.entries(notMeasured))
    text.push(`${backend} was not measured: ${reason.replaceAll(/\s*\n\s*/g, ' ')}`);
  text.push(
    '',
    'Over links slower than "pays below", compress, packet and decompress take less than raw float32.',
  );
  return text.join('\n');
}

function cellsOf({
  compressor,
  compress,
  decompress,
  bytes,
  timesSmaller,
  paysBelowMbits,
}: Result): string[] {
  const times = ({ median, lower, upper, nanosecondsPerElement, first }: Times): string[] => [
    digits(median),
    `${digits(lower)} .. ${digits(upper)}`,
    digits(nanosecondsPerElement),
    digits(first),
  ];
  const link = paysBelowMbits === null ? 'never' : `${digits(paysBelowMbits)} Mbit/s`;
  return [
    compressor,
    ...times(compress),
    ...times(decompress),
    whole(bytes),
    `${digits(timesSmaller)}x`,
    link,
  ];
}

/** Lines of aligned cells: the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => {
    const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
    return `  ${cells.join('  ')}`;
  });
}

/** Three significant digits; all of a whole number's, with thousands apart. */
function digits(value: number): string {
  return value >= 1000
    ? whole(value)
    : value.toLocaleString('en-US', { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
