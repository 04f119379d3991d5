/** Elements of the page, found and made. */
import { capital } from '../mnist/format.ts';

/** The element of that id. @throws Error where the page has none */
export function by<E extends HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** All elements that a selector finds, below `root`. */
export function all<E extends HTMLElement>(selector: string, root: ParentNode = document): E[] {
  return [...root.querySelectorAll<E>(selector)];
}

/** An element with attributes and what is in it. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...inside: readonly (string | Node)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

/** Puts rows in a table's body: the first cell of each heads it. */
export function fill(table: HTMLElement, rows: readonly (readonly (string | Node)[])[]): void {
  const body = table.querySelector('tbody');
  body?.replaceChildren(
    ...rows.map(([head, ...cells]) =>
      make('tr', {}, make('th', { scope: 'row' }, head), ...cells.map((cell) => make('td', {}, cell))),
    ),
  );
}

/** Names and what they are, in a `dl`. */
export function fillList(list: HTMLElement, entries: readonly (readonly [string, string])[]): void {
  list.replaceChildren(
    ...entries.map(([name, text]) => make('div', {}, make('dt', {}, name), make('dd', {}, text))),
  );
}

/** Options of a select: values, and what they are called. Keeps what was chosen, if it is still there. */
export function fillSelect(
  select: HTMLSelectElement,
  options: readonly (readonly [value: string, text: string])[],
): void {
  const { value: chosen } = select;
  select.replaceChildren(...options.map(([value, text]) => make('option', { value }, text)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** Shows a sentence, or hides its place where there is none. */
export function sayProblem(place: HTMLElement, problem: unknown): void {
  place.hidden = problem === undefined;
  place.textContent = problem === undefined ? '' : sentence(problem);
}

/** What an error says, as a sentence; names of files stay as they are. */
export function sentence(problem: unknown): string {
  const text = problem instanceof Error ? problem.message : String(problem);
  const begun = /^[a-z]+[ ,]/.test(text) ? capital(text) : text;
  return begun + (/[.!?]$/.test(text) ? '' : '.');
}

/** Offers a file to be saved. */
export function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
