/**
 * `npm run web:pictures`: the README's pictures of examples/web, one of each part, taken by the tests' browser; names
 * after `--` take some.
 */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { openSite, type VisitOptions } from '../tests/web/site.ts';

const images = fileURLToPath(new URL('../docs/images', import.meta.url));
const wanted = process.argv.slice(2);
const site = await openSite();

/** Takes a picture of a part once `work` has brought it there. */
async function picture(
  name: string,
  options: VisitOptions,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  if (wanted.length > 0 && !wanted.includes(name)) return;
  const { page, close } = await site.visit({ viewport: { width: 1000, height: 900 }, ...options });
  page.setDefaultTimeout(600_000);
  await work(page);
  // plots are drawn a little later than numbers
  await page.waitForTimeout(1000);
  await page.screenshot({ path: `${images}/web-${name}.png` });
  await close();
}

const said = (page: Page, selector: string, words: string): Promise<unknown> =>
  page.waitForFunction(
    ([where, what]) => document.querySelector(where)?.textContent?.match(what),
    [selector, words],
  );

/** Scrolls until an element is the first to be seen. */
const toTop = (page: Page, selector: string): Promise<void> =>
  page.locator(selector).evaluate((element) => element.scrollIntoView());

try {
  await picture('train', { at: '#train', viewport: { width: 1000, height: 890 } }, async (page) => {
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await said(page, '#train-now', '^Done');
    await toTop(page, '#train-title');
    console.log(await page.locator('#train-now').textContent());
    console.log((await page.locator('#train-rounds').innerText()).replaceAll('\t', '  '));
  });
  await picture('compress', { at: '#compress', colorScheme: 'dark' }, async (page) => {
    await page.getByRole('button', { name: 'a gradient of the MNIST network' }).click();
    await said(page, '#compress-now', 'measured on');
    await page.getByLabel('see mask-encoded').check();
    await toTop(page, '#compress-detail-title');
  });
  await picture(
    'browser',
    { at: '#browser', gpu: true, viewport: { width: 940, height: 1140 } },
    async (page) => {
      await page.getByRole('button', { name: 'Start the benchmark' }).click();
      const start = performance.now();
      await said(page, '#bench-now', '^Done');
      await toTop(page, '#browser-title');
      console.log(`the benchmark took ${Math.round((performance.now() - start) / 1000)} s`);
    },
  );
  const phone = { viewport: { width: 360, height: 900 }, deviceScaleFactor: 1.5 };
  await picture('phone', { at: '#compress', ...phone }, async (page) => {
    await page.getByRole('button', { name: 'heavy-tailed numbers' }).click();
    await said(page, '#compress-now', 'measured on');
    await toTop(page, '#compress-table');
  });
} finally {
  await site.close();
}
