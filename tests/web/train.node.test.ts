/** Training in the page: the losses and bytes of `npm start`, stop and go on, with WebGPU and without. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { algorithms } from '../../examples/mnist/algorithms.ts';
import type { Run } from '../../examples/mnist/train.ts';
import { roundOver, secondsOver, speedAt, speedName } from '../../examples/web/train/link.ts';
import type { Setting, StepEntry } from '../../examples/web/train/setting.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { openSite, type Site, type Visit } from './site.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('the page: training');

let site: Site;
test.before(async () => {
  site = await openSite();
});
test.after(() => site.close());

// jax-js rounds once in a product and sum where WebAssembly has relaxed SIMD, as in browsers and from Node 22 on
const RELAXED_SIMD = process.versions.node.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : [];

/** What `npm start` makes of them, by their names; in a process of its own, whose WebAssembly is that of browsers. */
async function inNode(
  names: readonly string[],
  workers: number,
  steps: number,
  task: 'data' | 'text' = 'data',
): Promise<Map<string, Pick<Run, 'accuracy' | 'bits' | 'history'>>> {
  const folder = mkdtempSync(`${tmpdir()}/fewbits-`);
  const files = ['--json', `${folder}/run.json`, '--report', `${folder}/run.html`];
  const counts = ['--workers', String(workers), '--steps', String(steps)];
  const what = ['--task', task, ...counts, '--backend', 'wasm'];
  for (const name of names) what.push('--algorithm', name);
  const script = [...RELAXED_SIMD, '--import', 'tsx', 'examples/mnist/main.ts'];
  await promisify(execFile)(process.execPath, [...script, ...what, ...files], { cwd: root });
  const { runs } = JSON.parse(await readFile(`${folder}/run.json`, 'utf8')) as {
    runs: (Pick<Run, 'accuracy' | 'bits' | 'history'> & { algorithm: string })[];
  };
  rmSync(folder, { recursive: true });
  return new Map(runs.map((run) => [run.algorithm, run]));
}

interface Saved {
  readonly setting: Setting;
  readonly opened: { readonly backend: string; readonly parameters: number };
  readonly histories: Readonly<Record<string, readonly StepEntry[]>>;
}

/** What the page's button gives. */
async function saved(page: Page): Promise<Saved> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save as JSON' }).click(),
  ]);
  return JSON.parse(await readFile(await download.path(), 'utf8')) as Saved;
}

/** Waits until the page says this of the run; fails at once where it says what is wrong. */
async function until(page: Page, said: string): Promise<void> {
  await page.waitForFunction(
    (words) =>
      document.querySelector('#train-now')?.textContent?.match(words) ||
      document.querySelector('#train-problem:not([hidden])'),
    said,
  );
  assert.is(await page.locator('#train-problem').textContent(), '');
}

async function choose(
  { page }: Visit,
  { algorithm, backend, workers }: { algorithm: string; backend?: string; workers: number },
): Promise<void> {
  await page.selectOption('#train-form [name=algorithm]', algorithm);
  if (backend !== undefined) {
    await page.waitForSelector(`#train-form [name=backend] option[value=${backend}]`, { state: 'attached' });
    await page.selectOption('#train-form [name=backend]', backend);
  }
  await page.getByLabel('Workers').fill(String(workers));
}

/** Steps that the runs here have; accuracy is measured after the eighth. */
const STEPS = 8;

async function steps(page: Page, first: number, last: number): Promise<void> {
  for (let step = first; step <= last; step++) {
    await page.getByRole('button', { name: 'Single step' }).click();
    await until(page, `^Stopped at step ${step} of`);
  }
}

/** Each step's loss and bytes are those of `npm start`. */
function compare(history: readonly StepEntry[], expected: Run['history'] = []): void {
  assert.is(history.length, expected.length);
  assert.equal(
    history.map(({ loss, bytesUp, bytesDown }) => ({ loss, bytesUp, bytesDown })),
    expected.map(({ loss, bytesUp, bytesDown }) => ({ loss, bytesUp, bytesDown })),
  );
}

for (const [algorithm, workers, isolated] of some([
  ['fo-sgd', 2, true],
  ['liec-sgd', 2, false],
  ['ex-dyna', 3, true],
] as const))
  test(`${algorithm} beside dense has the losses and bytes of npm start`, async () => {
    const visit = await site.visit({ at: '#train', isolated });
    const { page, problems } = visit;
    await choose(visit, { algorithm, workers });
    await steps(page, 1, STEPS);
    const { histories, opened, setting } = await saved(page);
    assert.is(opened.backend, 'wasm');
    assert.is(setting.workers, workers);
    const expected = await inNode(['dense', algorithm], workers, STEPS);
    compare(histories[algorithm], expected.get(algorithm)?.history);
    compare(histories.dense, expected.get('dense')?.history);
    const { loss, accuracy } = histories[algorithm][STEPS - 1];
    assert.ok(loss < histories[algorithm][0].loss, 'the loss falls');
    assert.is(accuracy, expected.get(algorithm)?.accuracy);
    // what is shown is what was counted
    const megabytes = await page.locator('#train-table tbody tr').nth(0).locator('td').nth(3).textContent();
    assert.is(Number(megabytes), Number((histories.dense[STEPS - 1].bytesUp / 1e6).toFixed(2)));
    assert.equal(problems, []);
    await visit.close();
  });

test('text has the losses, bytes and scores of npm start, in words of its own', async () => {
  const visit = await site.visit({ at: '#train', isolated: true });
  const { page, problems } = visit;
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.evaluate(() => {
    (document.querySelector('#train-form [name=steps] option') as HTMLOptionElement).value = '9';
  });
  const about = page.locator('#train-task');
  assert.match((await about.textContent()) ?? '', /^A network of 784, 128 and 10 units/);
  await page.selectOption('#train-form [name=task]', 'text');
  assert.match((await about.textContent()) ?? '', /^A transformer/);
  await page.selectOption('#train-form [name=steps]', '9');
  // of so many workers one has nothing to score before the end
  await choose(visit, { algorithm: 'fo-sgd', workers: 3 });
  await page.getByLabel('Train dense beside it').uncheck();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await until(page, '^Done: step 9 of 9, 3 workers on .*Bits a character: fo-sgd \\d\\.\\d{3}\\.$');
  const { histories, opened, setting } = await saved(page);
  assert.equal([setting.task, opened.parameters], ['text', 107_008]);
  const history = histories['fo-sgd'];
  const expected = (await inNode(['fo-sgd'], 3, 9, 'text')).get('fo-sgd');
  compare(history, expected?.history);
  // on a part of the held-out passages before the end, on all of them then
  assert.equal(
    history.map(({ bits }) => bits),
    expected?.history.map(({ bits }) => bits),
  );
  const [before, end] = history.slice(-2).map(({ bits = NaN }) => bits);
  assert.ok(before < 6 && end < 6, `${before} and ${end} bits`);
  assert.is(await page.locator('#train-score-title').textContent(), 'Bits a character, less is better');
  assert.is(await page.locator('#train-score-head').textContent(), 'bits a character');
  assert.match(
    (await page.locator('#train-score svg').getAttribute('aria-label')) ?? '',
    `Bits a character against megabytes: fo-sgd ${end.toFixed(3)}`,
  );
  const data = asked.filter((path) => path.endsWith('.gz'));
  assert.equal(data.sort(), ['/text/test.gz', '/text/train.gz']);
  assert.equal(problems, []);
  await visit.close();
});

test('sparse-lo-co trains alone for 25 steps, exchanges, and has the losses and bytes of npm start', async () => {
  const visit = await site.visit({ at: '#train', isolated: true });
  const { page, problems } = visit;
  await choose(visit, { algorithm: 'sparse-lo-co', workers: 2 });
  await steps(page, 1, 27);
  const history = (await saved(page)).histories['sparse-lo-co'];
  // there the last step, which is not among those of the page, exchanges too
  const expected = await inNode(['sparse-lo-co'], 2, 28);
  compare(history, expected.get('sparse-lo-co')?.history.slice(0, 27));
  assert.equal(
    history.map(({ bytesUp }) => bytesUp > 0),
    history.map((_, i) => i >= 24),
  );
  assert.equal(problems, []);
  await visit.close();
});

test('a run starts, stops, goes on, and another setting starts another; webgpu gives the numbers of wasm', async () => {
  const visit = await site.visit({ at: '#train', gpu: true });
  const { page, problems } = visit;
  await choose(visit, { algorithm: 'fo-sgd', backend: 'webgpu', workers: 2 });
  await page.getByLabel('Train dense beside it').uncheck();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await until(page, '^Step [5-9]|^Step \\d\\d');
  await page.getByRole('button', { name: 'Stop' }).click();
  await until(page, '^Stopped at step');
  const first = await saved(page);
  assert.is(first.opened.backend, 'webgpu');
  const { length } = first.histories['fo-sgd'];
  await page.waitForTimeout(300);
  assert.is((await saved(page)).histories['fo-sgd'].length, length, 'it has stopped');
  await page.getByRole('button', { name: 'Go on' }).click();
  await until(page, `^Step (${length + 1}|${length + 2}|${length + 3}|${length + 4}) `);
  await page.getByRole('button', { name: 'Stop' }).click();
  await until(page, '^Stopped at step');
  const { histories } = await saved(page);
  assert.equal(histories['fo-sgd'].slice(0, length), first.histories['fo-sgd']);

  await page.selectOption('#train-form [name=backend]', 'wasm');
  await steps(page, 1, 5);
  const other = (await saved(page)).histories['fo-sgd'];
  assert.is(other.length, 5);
  for (const [i, { loss, bytesUp }] of other.entries()) {
    assert.is(loss, histories['fo-sgd'][i].loss, 'the same packets, hence the same losses to the last bit');
    assert.is(bytesUp, histories['fo-sgd'][i].bytesUp);
  }
  await page.getByRole('button', { name: 'Reset' }).click();
  assert.match((await page.locator('#train-now').textContent()) ?? '', /^Nothing has run yet/);
  assert.equal(problems, []);
  await visit.close();
});

test('where a run rests, its table is at the last step, as what is said of it and what is saved', async () => {
  const visit = await site.visit({ at: '#train' });
  const { page, problems } = visit;
  await choose(visit, { algorithm: 'fo-sgd', workers: 1 });
  await page.getByLabel('Train dense beside it').uncheck();
  const megabytes = (): Promise<string | null> =>
    page.locator('#train-table tbody tr').nth(0).locator('td').nth(3).textContent();
  // what the table shows in the moment in which the sentence says that the run rests
  await page.evaluate(() => {
    const state = globalThis as { rested?: string };
    const sentence = document.querySelector('#train-now');
    new MutationObserver(() => {
      if (/^(Done|Stopped)/.test(sentence?.textContent ?? ''))
        state.rested = document.querySelector('#train-table tbody')?.textContent ?? '';
    }).observe(sentence!, { childList: true, characterData: true, subtree: true });
    (document.querySelector('#train-form [name=steps] option') as HTMLOptionElement).value = '7';
  });
  const rested = (): Promise<string | undefined> =>
    page.evaluate(() => (globalThis as { rested?: string }).rested);
  const agrees = async (step: number): Promise<void> => {
    const table = await rested();
    const history = (await saved(page)).histories['fo-sgd'];
    assert.is(history.length, step);
    const { loss, bytesUp } = history[step - 1];
    for (const shown of [loss.toFixed(3), (bytesUp / 1e6).toFixed(3)])
      assert.ok(table?.includes(shown), `${table}, ${shown} in step ${step}`);
    assert.is(Number(await megabytes()), Number((bytesUp / 1e6).toFixed(3)));
  };
  await page.selectOption('#train-form [name=steps]', '7');
  await steps(page, 1, 1);
  await agrees(1);
  await steps(page, 2, 2);
  await agrees(2);
  await page.getByRole('button', { name: 'Go on' }).click();
  await until(page, '^Done: step 7 of 7, 1 worker on');
  await agrees(7);
  assert.equal(problems, []);
  await visit.close();
});

test('systems are listed in groups, each of them once', async () => {
  const visit = await site.visit({ at: '#train' });
  const groups = await visit.page
    .locator('#train-form [name=algorithm] > optgroup')
    .evaluateAll((found) =>
      found.map((group) => [
        (group as HTMLOptGroupElement).label,
        [...group.children].map((option) => (option as HTMLOptionElement).value),
      ]),
    );
  const named = new Map(groups as [string, string[]][]);
  assert.equal([...named.values()].flat().sort(), algorithms.map(({ name }) => name).sort());
  assert.equal([...named.keys()], ['Through a server', 'Among peers', 'Not compressed, to compare with']);
  assert.ok(named.get('Through a server')?.includes('double-squeeze'));
  assert.ok(named.get('Among peers')?.includes('ex-dyna'));
  assert.equal(named.get('Not compressed, to compare with'), ['dense', 'dense-plain']);
  await visit.close();
});

test('on a phone the table shows how much smaller first, and says that it scrolls', async () => {
  for (const [width, cut] of [
    [390, true],
    [1200, false],
  ] as const) {
    const visit = await site.visit({ at: '#train', viewport: { width, height: 844 } });
    const { page } = visit;
    await choose(visit, { algorithm: 'fo-sgd', workers: 1 });
    await steps(page, 1, 1);
    const head = page.locator('#train-table thead th').nth(1);
    assert.is(await head.textContent(), 'smaller than float32');
    const { x, width: wide } = (await page.locator('#train-table tbody td').first().boundingBox())!;
    assert.ok(x > 0 && x + wide <= width, `from ${x} to ${x + wide} of ${width} pixels`);
    assert.match((await page.locator('#train-table tbody td').first().textContent()) ?? '', /^\d.*×$/);
    const place = page.locator('.scroll:has(#train-table)');
    await page.waitForFunction(
      (expected) =>
        document.querySelector('.scroll:has(#train-table)')?.hasAttribute('data-cut') === expected,
      cut,
    );
    const words = await place.evaluate((element) => getComputedStyle(element, '::before').content);
    assert.match(words, cut ? /Scrolls sideways/ : /^none$/);
    const [scrolls, whole] = await place.evaluate(({ clientWidth, scrollWidth }) => [
      clientWidth,
      scrollWidth,
    ]);
    assert.is(whole > scrolls, cut);
    await visit.close();
  }
});

test('the slider says how long a round takes', async () => {
  const visit = await site.visit({ at: '#train' });
  const { page } = visit;
  await choose(visit, { algorithm: 'fo-sgd', workers: 1 });
  await steps(page, 1, 1);
  const cells = (row: number): Promise<string[]> =>
    page.locator('#train-rounds tbody tr').nth(row).locator('td').allTextContents();
  await page.locator('#train-link').fill('1');
  assert.is(await page.locator('#train-speed').textContent(), '10 Mbit/s');
  // a packet of 407,100 bytes takes 0.326 s at 10 Mbit/s
  const [slow] = await cells(0);
  assert.is(slow, '326 ms');
  await page.locator('#train-link').fill('3');
  assert.is(await page.locator('#train-speed').textContent(), '1 Gbit/s');
  assert.is((await cells(0))[0], '3.26 ms');
  await visit.close();
});

test('a round over a link, in numbers', () => {
  const entry = { algorithm: 'dense', step: 10, loss: 1, bytesUp: 4e6, bytesDown: 8e6, seconds: 5 };
  // 4 workers, 10 steps: 100,000 bytes up and 200,000 down each
  const round = roundOver(entry, 4, 8e6);
  assert.equal(round, { up: 0.1, down: 0.2, computing: 0.5 });
  assert.ok(Math.abs(secondsOver(entry, 4, 8e6) - 8) < 1e-9);
  assert.equal([0, 1, 1.3, 3].map(speedAt).map(speedName), [
    '1 Mbit/s',
    '10 Mbit/s',
    '20 Mbit/s',
    '1 Gbit/s',
  ]);
});

test.run();
