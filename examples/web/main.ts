/** The page: shows the part that the address names, and starts each part when it is first seen. */
import { openBrowserPart } from './browser/part.ts';
import { openCompressPart } from './compress/part.ts';
import { all, by } from './elements.ts';
import { watchScrolling } from './scroll.ts';
import { openTrainPart } from './train/part.ts';

const parts: Readonly<Record<string, () => void>> = {
  train: openTrainPart,
  compress: openCompressPart,
  browser: openBrowserPart,
};

const seen = new Set<string>();

/** Shows one part; a visitor who went there by a link is taken to its heading. */
function show(name: string, move: boolean): void {
  for (const section of all('main > section')) section.hidden = section.id !== name;
  for (const link of all('nav a'))
    if (link.getAttribute('href') === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  const title = by<HTMLElement>(`${name}-title`);
  document.title = `${title.textContent} - fewbits`;
  if (!seen.has(name)) {
    seen.add(name);
    parts[name]();
  }
  if (move) {
    title.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

const named = (): string | undefined => {
  const name = location.hash.slice(1);
  return Object.hasOwn(parts, name) ? name : undefined;
};

addEventListener('hashchange', () => {
  const name = named();
  if (name !== undefined) show(name, true);
});
watchScrolling();
show(named() ?? 'train', false);
