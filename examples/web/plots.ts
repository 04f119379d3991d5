/**
 * What the page's plots have in common: Observable Plot in the page's own colours, which follow dark and light by
 * themselves.
 */
import * as Plot from '@observablehq/plot';

import { make } from './elements.ts';

/** Puts a plot of the place's width there, and draws it anew when that changes. */
export function drawn(
  place: HTMLElement,
  draw: (width: number) => SVGSVGElement | HTMLElement | undefined,
): { again(): void } {
  let width = 0;
  const again = (): void => {
    width = place.clientWidth;
    if (width === 0) return;
    const plot = draw(width);
    if (plot === undefined) return place.replaceChildren();
    // a picture to screen readers: its axes and marks are not read out one by one
    plot.setAttribute('role', 'img');
    for (const part of plot.children) part.setAttribute('aria-hidden', 'true');
    place.replaceChildren(plot);
  };
  new ResizeObserver(() => {
    if (place.clientWidth !== width) again();
  }).observe(place);
  return { again };
}

/** A name beside a piece of its line. */
export function keyOf(colour: string, name: string, dash = '0'): HTMLElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  const set = (element: Element, attributes: Readonly<Record<string, string>>): void => {
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  };
  set(svg, { class: 'key', viewBox: '0 0 24 8', 'aria-hidden': 'true' });
  set(line, { d: 'M0 4H24', stroke: colour, 'stroke-width': '3', 'stroke-dasharray': dash });
  svg.append(line);
  return make('span', {}, svg, name);
}

/** A plot with what all of them have. */
export function plot(width: number, options: Plot.PlotOptions): SVGSVGElement | HTMLElement {
  return Plot.plot({
    width,
    height: Math.round(Math.max(220, Math.min(width * 0.6, 340))),
    marginLeft: 48,
    marginRight: 20,
    marginTop: 26,
    marginBottom: 40,
    style: {
      fontSize: '13px',
      fontFamily: 'inherit',
      background: 'none',
      color: 'var(--ink)',
      overflow: 'visible',
    },
    ...options,
  });
}

/** The numbers in `domain` that are one of `digits` times a power of ten. */
export function decades([low, high]: readonly number[], digits: readonly number[]): number[] {
  const exponents = Array.from({ length: 25 }, (_, i) => i - 12);
  return exponents
    .flatMap((exponent) => digits.map((digit) => Number(`${digit}e${exponent}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** A logarithmic axis over these values, with as many ticks as have room. */
export function logarithmic(values: readonly number[], label: string): Plot.ScaleOptions {
  const positive = values.filter((value) => value > 0);
  let [low, high] = [Math.min(...positive), Math.max(...positive)];
  if (positive.length === 0) [low, high] = [0.1, 10];
  const domain = [low / 1.3, high * 1.3];
  const span = Math.log10(domain[1] / domain[0]);
  const every = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const ticks = decades(domain, span < 0.7 ? every : span < 1.4 ? [1, 2, 5] : span < 2.5 ? [1, 3] : [1]);
  return {
    type: 'log',
    label,
    domain,
    ticks: ticks.length > 7 ? ticks.filter((_, i) => i % 2 === 0) : ticks,
    tickFormat: (tick: number) =>
      tick >= 1e6 || tick < 1e-3 ? tick.toExponential(0).replace('+', '') : tick.toLocaleString('en-US'),
  };
}
