/** Tables that are wider than their place say so: a visitor of a narrow window sees that there is more, and where. */
import { all } from './elements.ts';

/** Marks each place that scrolls sideways with `data-cut` while it does: style.css has the words and the shadow. */
export function watchScrolling(): void {
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) mark(target.closest<HTMLElement>('.scroll'));
  });
  for (const place of all('.scroll')) {
    watch.observe(place);
    // what is filled in later makes the table wider than its place, which stays as it is
    for (const table of all('table', place)) watch.observe(table);
  }
}

function mark(place: HTMLElement | null): void {
  place?.toggleAttribute('data-cut', place.scrollWidth > place.clientWidth);
}
