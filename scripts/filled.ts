/** Pages of docs/ in which a command writes what stands between two marks. */
import { format, resolveConfig } from 'prettier';

/** Cells as a table of Markdown. */
export function table(header: readonly string[], body: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * A page with another text between two marks.
 * @throws Error where the page does not have them in this order
 */
export function filled(page: string, start: string, text: string, end: string): string {
  const [first, last] = [page.indexOf(start), page.indexOf(end)];
  if (first < 0 || last < first) throw new Error(`the page has no ${start} ... ${end}`);
  return `${page.slice(0, first + start.length)}\n\n${text.trim()}\n\n${page.slice(last)}`;
}

/** The page as the formatter writes it. */
export async function formatted(page: string, file: string): Promise<string> {
  return format(page, { ...(await resolveConfig(file)), parser: 'markdown' });
}
