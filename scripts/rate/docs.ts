/** The files of docs/ that follow from what was measured. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { filled, formatted } from '../filled.ts';
import { KINDS } from './data.ts';
import type { Measured } from './measure.ts';
import { drawRates, RANGES } from './plot.ts';
import { bestTable, partsTable } from './tables.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));

/** All that was measured, a JSON object a line. */
export const MEASURED: string = `${docs}rate-distortion.jsonl`;

const PAGE = `${docs}compressors.md`;

export function readMeasured(): Measured[] {
  const lines = readFileSync(MEASURED, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Measured);
}

/** The text of each file by its path: the pictures, and the page with its tables. */
export async function docsOf(all: readonly Measured[]): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const kind of KINDS)
    for (const range of RANGES)
      files.set(
        `${docs}images/rate-${kind.replace(' ', '-').toLowerCase()}-${range}.svg`,
        drawRates(all, kind, range),
      );
  let page = readFileSync(PAGE, 'utf8');
  page = filled(page, '<!-- best -->', bestTable(all), '<!-- end of best -->');
  page = filled(page, '<!-- parts -->', partsTable(all), '<!-- end of parts -->');
  return files.set(PAGE, await formatted(page, PAGE));
}
