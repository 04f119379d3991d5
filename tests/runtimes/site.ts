/** examples/web in Firefox, as its visitors have it; tests/web has it in Chromium, in full. */
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

/** Goes to a part by its tab. */
async function turnTo(page: Page, part: string): Promise<void> {
  await page.locator(`nav a[href="#${part}"]`).click();
  await page.waitForSelector(`main > #${part}:not([hidden])`);
}

const click = (page: Page, name: string): Promise<void> =>
  page.locator(`::-p-aria([name="${name}"][role="button"])`).click();

/** Waits until an element says this; its whole text. An error has what it said in the end. */
async function said(page: Page, selector: string, words: string): Promise<string> {
  const text = await page
    .waitForFunction(
      (where, what) => {
        const now = document.querySelector(where)?.textContent ?? '';
        return new RegExp(what).test(now) && now;
      },
      { timeout: 120_000 },
      selector,
      words,
    )
    .catch(async (cause: unknown) => {
      const now = await page.$eval(selector, (element) => element.textContent);
      throw new Error(`${selector} should say ${words}, says ${now}`, { cause });
    });
  return (await text.jsonValue()) || '';
}

/** Steps of dense training and FO-SGD, and the table that counts their bytes. */
async function trains(page: Page): Promise<string> {
  await turnTo(page, 'train');
  for (let step = 1; step <= STEPS; step++) {
    await click(page, 'Single step');
    await said(page, '#train-now', `^Stopped at step ${step} of`);
  }
  const rows = await page.$$eval('#train-table tbody tr', (all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent.trim())),
  );
  const expected = [/^dense 1× /, /^fo-sgd 31\.\d× /];
  const given = rows.map((row) => row.join(' '));
  if (!expected.every((line, i) => line.test(given[i] ?? ''))) throw new Error(given.join('; '));
  return `dense and FO-SGD, ${STEPS} steps of 4 workers`;
}

async function compresses(page: Page): Promise<string> {
  await turnTo(page, 'compress');
  await click(page, 'heavy-tailed numbers');
  const text = await said(page, '#compress-now', 'measured on');
  const [, measured, all] = /^(\d+) of (\d+) compressors/.exec(text) ?? [];
  if (measured === undefined || measured !== all) throw new Error(text);
  return `${measured} compressors of a file`;
}

async function benchmarks(page: Page): Promise<string> {
  await turnTo(page, 'browser');
  await page.select('#bench-form [name=n]', '65536');
  await click(page, 'Start the benchmark');
  return (await said(page, '#bench-now', '^Done')).replace(/^Done: /, '').replace(/\..*/, '');
}
