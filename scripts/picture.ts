/**
 * `npm run docs:picture`: the README's picture, the plot of accuracy against traffic as `npm start` has left it in
 * report.html, drawn by the tests' browser.
 */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { softwareGpu } from '../tests/support/software-gpu.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const carried = await softwareGpu();
const browser = await chromium.launch(
  carried
    ? { executablePath: carried.chromium, env: { ...process.env, ...carried.env }, args: ['--no-sandbox'] }
    : { channel: 'chrome' },
);
try {
  const page = await browser.newPage({ viewport: { width: 860, height: 900 }, deviceScaleFactor: 2 });
  await page.goto(pathToFileURL(`${root}report.html`).href);
  await mkdir(`${root}docs/images`, { recursive: true });
  await page
    .locator('figure')
    .first()
    .screenshot({ path: `${root}docs/images/mnist.png` });
} finally {
  await browser.close();
}
