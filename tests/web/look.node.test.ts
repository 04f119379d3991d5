/** Accessibility and layout of each part of the page (axe-core), wide and narrow, light and dark; and its benchmark. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import type { BenchReport } from '../../ts/cli/bench.ts';
import { examples } from '../../ts/cli/specification.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { openSite, type Site } from './site.ts';

const test = suite('the page: its looks, and the browser');

let site: Site;
test.before(async () => {
  site = await openSite();
});
test.after(() => site.close());

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @throws where axe finds something, or the page is wider than its window */
async function requireAccessible(page: Page, when: string): Promise<void> {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
      resultTypes: ['violations'],
    }),
  );
  assert.ok(found.passes.length > 10, 'axe looked at the page');
  const findings = found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`,
  );
  assert.equal(findings, [], when);
  const { scrollWidth, clientWidth } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { scrollWidth, clientWidth };
  });
  assert.ok(scrollWidth <= clientWidth, `${when}: ${scrollWidth} pixels in a window of ${clientWidth}`);
}

for (const [width, colorScheme] of some([
  [360, 'light'],
  [1200, 'light'],
  [1200, 'dark'],
  [360, 'dark'],
] as const))
  test(`axe finds nothing, and nothing is too wide: ${width} pixels, ${colorScheme}`, async () => {
    const { page, problems, close } = await site.visit({
      at: '?bench-seconds=0.2',
      viewport: { width, height: 800 },
      colorScheme,
      reducedMotion: 'reduce',
    });
    const go = (part: string): Promise<void> => page.getByRole('link', { name: part, exact: true }).click();
    const said = (selector: string, words: string): Promise<unknown> =>
      page.waitForFunction(
        ([where, what]) => document.querySelector(where)?.textContent?.match(what),
        [selector, words],
      );
    await requireAccessible(page, 'training, nothing yet');
    await page.selectOption('#train-form [name=task]', 'text');
    await requireAccessible(page, 'training, a text, nothing yet');
    await page.selectOption('#train-form [name=task]', 'digits');
    await page.getByLabel('Workers').fill('1');
    await page.getByRole('button', { name: 'Single step' }).click();
    await said('#train-now', '^Stopped');
    await said('#train-table', 'fo-sgd');
    await requireAccessible(page, 'training, after a step');
    await go('Compress');
    await requireAccessible(page, 'files, nothing yet');
    await page.getByRole('button', { name: 'heavy-tailed numbers' }).click();
    await said('#compress-now', 'measured on');
    const field = page.getByLabel('quantized: name and options');
    await field.fill('quantized:bits=40');
    await field.press('Enter');
    await said('#compress-now', '12 of 13');
    await requireAccessible(page, 'files, measured, one wrong');
    await go('This browser');
    await said('#browser-facts', 'threads');
    await page.selectOption('#bench-form [name=n]', '65536');
    await page.getByRole('button', { name: 'Start the benchmark' }).click();
    await requireAccessible(page, 'the browser, measuring');
    await said('#bench-now', '^Done');
    await requireAccessible(page, 'the browser, measured');
    assert.equal(problems, []);
    await close();
  });

test('which backends work and why others do not; threads where the page is isolated', async () => {
  for (const [gpu, isolated] of [
    [true, true],
    [false, false],
  ]) {
    const { page, problems, close } = await site.visit({ at: '#browser', gpu, isolated });
    await page.waitForFunction(() =>
      document.querySelector('#browser-facts')?.textContent?.includes('threads'),
    );
    const rows = await page.locator('#browser-backends tbody tr').allTextContents();
    assert.match(rows[0], gpu ? /^webgpuyes/ : /^webgpuno.*(no GPU adapter|navigator\.gpu)/i);
    assert.match(rows[1], /^wasmyesSIMD/);
    assert.match(rows[2], /^jsyes/);
    const facts = (await page.locator('#browser-facts').textContent()) ?? '';
    assert.match(
      facts,
      isolated ? /2 threads opens as "SIMD, 2 threads"/ : /one thread, since the page is not isolated/,
    );
    assert.match(facts, gpu ? /vendor (?!not said)\w+/ : /GPUnone/);
    assert.equal(problems, []);
    await close();
  }
});

test('the benchmark can be cancelled, measures, and is copied as JSON', async () => {
  const { page, problems, close } = await site.visit({
    at: '?bench-seconds=0.2#browser',
    gpu: true,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const start = page.getByRole('button', { name: 'Start the benchmark' });
  await page.selectOption('#bench-form [name=n]', '65536');
  await start.click();
  await page.waitForFunction(() => /^\d+ %/.test(document.querySelector('#bench-now')?.textContent ?? ''));
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.is(await page.locator('#bench-now').textContent(), 'Cancelled.');
  assert.not(await page.locator('#bench-results').isVisible());
  await page.waitForSelector('#bench-form [name=backend] option[value=js]', { state: 'attached' });
  await page.selectOption('#bench-form [name=backend]', 'wasm');
  await start.click();
  await page.waitForFunction(() => document.querySelector('#bench-now')?.textContent?.startsWith('Done'));
  await page.getByRole('button', { name: 'Copy as JSON' }).click();
  await page.waitForFunction(() => document.querySelector('#bench-now')?.textContent === 'Copied.');
  const report = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as BenchReport;
  assert.is(report.n, 65_536);
  assert.equal(
    report.results.map(({ backend, compressor }) => [backend, compressor]),
    examples().map((example) => ['wasm', example]),
  );
  assert.ok(report.results.every(({ compress, bytes }) => compress.median > 0 && bytes > 0));
  assert.match(report.runtime, /Chrome/);
  assert.is(await page.locator('#bench-table tbody tr').count(), examples().length);
  assert.equal(problems, []);
  await close();
});

test.run();
