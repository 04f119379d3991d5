/** "Verify this browser": it compares, shows its report and copies it, can be cancelled, and fits a phone. */
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import { openSite, type Site, type Visit } from './site.ts';

const test = suite('the page: verify this browser');

let site: Site;
test.before(async () => {
  site = await openSite();
});
test.after(() => site.close());

const begin = ({ page }: Visit): Promise<void> =>
  page.getByRole('button', { name: 'Verify this browser' }).click();
const said = ({ page }: Visit, words: string): Promise<unknown> =>
  page.waitForFunction((what) => document.querySelector('#verify-now')?.textContent?.match(what), words);

test('the report says which backends gave the same bytes, and is copied as it stands', async () => {
  const visit = await site.visit({
    at: '#browser',
    viewport: { width: 390, height: 844 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const { page } = visit;
  const copy = page.getByRole('button', { name: 'Copy the report' });
  assert.ok(await copy.isDisabled());
  assert.not(await page.locator('#verify-report').isVisible());
  await begin(visit);
  await said(visit, '^\\d+ %: .* data, \\d+ elements');
  assert.ok(await page.locator('#verify-progress').isVisible());
  await said(visit, '^Same bytes on js, wasm; webgpu was not compared: .*\\.$');
  assert.not(await page.locator('#verify-progress').isVisible());
  const report = (await page.locator('#verify-report').textContent()) ?? '';
  assert.match(report, /^fewbits +\d+\.\d+\.\d+\nruntime +Mozilla.*\n? +.*Chrome/);
  for (const name of ['js', 'wasm scalar', 'wasm SIMD', 'wasm \\d threads'])
    assert.match(report, new RegExp(`\n${name} +\\d{3,} +0 +0 +\\d+\\.\\d  \\w`), name);
  assert.match(report, /\nwebgpu .*does not open: /);
  const [wide, least] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return [scrollWidth, clientWidth];
  });
  assert.ok(wide <= least, `${wide} pixels in a window of ${least}`);
  await copy.click();
  await said(visit, '^Copied');
  assert.is(await page.evaluate(() => navigator.clipboard.readText()), report);
  assert.equal(visit.problems, []);
  await visit.close();
});

test('a GPU is compared too, until the comparison is cancelled', async () => {
  const visit = await site.visit({ at: '#browser', gpu: true });
  const { page } = visit;
  await begin(visit);
  await said(visit, '^[1-9]\\d* %: ');
  await page.getByRole('button', { name: 'Stop comparing' }).click();
  assert.is(await page.locator('#verify-now').textContent(), 'Stopped.');
  assert.ok(await page.getByRole('button', { name: 'Verify this browser' }).isEnabled());
  assert.not(await page.locator('#verify-result').isVisible());
  assert.equal(visit.problems, []);
  await visit.close();
});

test.run();
