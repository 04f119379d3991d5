/** examples/web in Firefox, as its visitors have it; tests/web has it in Chromium, in full. */
import { setTimeout } from 'node:timers/promises';
import type { Page } from 'puppeteer-core';
import { openSite } from '../web/site.ts';
import type { Check } from './check.ts';
import { launchFirefox, nameOf } from './firefox.ts';

const STEPS = 3;

export function siteChecks(): Check[] {
  let name = 'Firefox';
  return [
    {
      name: () => `${name}, examples/web`,
      async work() {
        const firefox = await launchFirefox();
        try {
          name = await nameOf(firefox);
          return await visit(await firefox.newPage());
        } finally {
          await firefox.close();
        }
      },
    },
  ];
}

/** Goes through all parts of the page. */
async function visit(page: Page): Promise<string> {
  const site = await openSite();
  try {
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(site.address(true));
    const done = [await trains(page), await compresses(page), await benchmarks(page)];
    if (problems.length > 0) throw new Error(problems.join('; '));
    return done.join('; ');
  } finally {
    await site.close();
  }
}

/*
 * The page forbids eval, by which Firefox 140 does what Puppeteer's locators and waitForFunction ask of it: here
 * functions are called, again and again until they have found something.
 */

/** Calls a function in the page until what it gives is true of it; undefined where that is never so. */
async function until<T>(
  page: Page,
  find: (...args: string[]) => T | undefined | false,
  ...args: string[]
): Promise<T | undefined> {
  for (const end = Date.now() + 120_000; Date.now() < end; await setTimeout(100)) {
    const found = await page.evaluate(find, ...args);
    if (found) return found;
  }
  return undefined;
}

/** Goes to a part by its tab. */
async function turnTo(page: Page, part: string): Promise<void> {
  await click(page, `nav a[href="#${part}"]`);
  const shown = await until(
    page,
    (id) => document.querySelector(`main > #${id}:not([hidden])`) !== null,
    part,
  );
  if (shown === undefined) throw new Error(`#${part} stays hidden`);
}

/** Clicks what a selector finds, the first of these that says `words`, once it may be. */
async function click(page: Page, selector: string, words = ''): Promise<void> {
  const place = await until(
    page,
    (wanted, what) => {
      for (const one of document.querySelectorAll<HTMLElement>(wanted)) {
        if (!one.textContent.includes(what) || one.matches(':disabled')) continue;
        one.scrollIntoView({ block: 'center' });
        const { left, top, width, height } = one.getBoundingClientRect();
        return { x: left + width / 2, y: top + height / 2 };
      }
      return undefined;
    },
    selector,
    words,
  );
  if (place === undefined) throw new Error(`no ${selector} that can be clicked says ${words}`);
  await page.mouse.click(place.x, place.y);
}

/** Waits until an element says this; its whole text. An error has what it said in the end. */
async function said(page: Page, selector: string, words: string): Promise<string> {
  const text = await until(
    page,
    (where, what) => {
      const now = document.querySelector(where)?.textContent ?? '';
      return new RegExp(what).test(now) && now;
    },
    selector,
    words,
  );
  if (text !== undefined) return text;
  const now = await page.evaluate((where) => document.querySelector(where)?.textContent, selector);
  throw new Error(`${selector} should say ${words}, says ${now}`);
}

/** Steps of dense training and FO-SGD, and the table that counts their bytes. */
async function trains(page: Page): Promise<string> {
  await turnTo(page, 'train');
  for (let step = 1; step <= STEPS; step++) {
    await click(page, 'button', 'Single step');
    await said(page, '#train-now', `^Stopped at step ${step} of`);
  }
  const rows = await page.evaluate(() =>
    [...document.querySelectorAll('#train-table tbody tr')].map((row) =>
      [...row.children].map((cell) => cell.textContent.trim()),
    ),
  );
  const expected = [/^dense 1× /, /^fo-sgd 31\.\d× /];
  const given = rows.map((row) => row.join(' '));
  if (!expected.every((line, i) => line.test(given[i] ?? ''))) throw new Error(given.join('; '));
  return `dense and FO-SGD, ${STEPS} steps of 4 workers`;
}

async function compresses(page: Page): Promise<string> {
  await turnTo(page, 'compress');
  await click(page, 'button', 'heavy-tailed numbers');
  const text = await said(page, '#compress-now', 'measured on');
  const [, measured, all] = /^(\d+) of (\d+) compressors/.exec(text) ?? [];
  if (measured === undefined || measured !== all) throw new Error(text);
  return `${measured} compressors of a file`;
}

async function benchmarks(page: Page): Promise<string> {
  await turnTo(page, 'browser');
  await page.evaluate(() => {
    document.querySelector<HTMLSelectElement>('#bench-form [name=n]')!.value = '65536';
  });
  await click(page, 'button', 'Start the benchmark');
  return (await said(page, '#bench-now', '^Done')).replace(/^Done: /, '').replace(/\..*/, '');
}
