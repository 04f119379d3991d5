/** The report of `npm start`: what it says of the runs, and that every plot can be read. */
import { parseHTML } from 'linkedom';
import * as assert from 'uvu/assert';
import { rateOf } from '../../examples/mnist/rates.ts';
import { renderReport, type ReportContent } from '../../examples/mnist/report.ts';
import type { HistoryEntry, Run } from '../../examples/mnist/train.ts';
import { suite } from '../support/suite.ts';

const test = suite('the report of npm start');

const STEPS = 30;

/** A run as train.ts gives it, with a score at each step that is among `scored`, and at the last. */
function runOf(
  algorithm: string,
  { steps = STEPS, scored = [8], bytes = 1e5, task = 'data', ...others }: Partial<Run> & Made = {},
): Run {
  const history = Array.from({ length: steps }, (_, i): HistoryEntry => {
    const step = i + 1;
    const isScored = step === steps || scored.includes(step);
    const own =
      task === 'split' ? { error: 0.2 } : algorithm === 'ex-dyna' ? { union: 0.01, threshold: 0.07 } : {};
    return {
      ...{ step, loss: 2 / step + 1, bytesUp: bytes * step, bytesDown: bytes * step, ...own },
      ...(isScored ? (others.bits === undefined ? { accuracy: 0.9 } : { bits: others.bits }) : {}),
    };
  });
  const learningRate = rateOf(task, others.bits === undefined ? 'mnist' : 'bible', algorithm);
  return {
    ...{ algorithm, backend: 'js', parameters: 100, workers: 2, steps, seed: 1, learningRate, history },
    ...{ bytesUp: bytes * steps, bytesDown: bytes * steps, bytesDense: 1e9, seconds: 1 },
    ...{ gradientSeconds: 1, systemSeconds: 1 },
    ...(others.bits === undefined ? { accuracy: 0.9 } : {}),
    ...others,
  };
}

interface Made {
  readonly scored?: readonly number[];
  readonly bytes?: number;
  readonly task?: 'data' | 'split';
}

async function reportOf(content: Partial<ReportContent>): Promise<{ text: string; document: Document }> {
  const html = await renderReport({
    ...{ data: [], split: [], dataset: 'mnist', heldOut: 'test', shares: 'equal', localSteps: 25 },
    command: 'npm start',
    ...content,
  });
  const { document } = parseHTML(html);
  document.querySelector('style')?.remove();
  return { text: (document.documentElement.textContent ?? '').replaceAll(/\s+/g, ' '), document };
}

const titlesOf = (document: Document): (string | null)[] =>
  [...document.querySelectorAll('h3')].map(({ textContent }) => textContent);

test('a line for each of the four systems of the papers, where their runs are', async () => {
  const data = ['dense', 'fo-sgd', 'liec-sgd-plain', 'sparse-lo-co'].map((name) => runOf(name));
  const { document } = await reportOf({
    data,
    split: ['split', 'ms'].map((name) => runOf(name, { task: 'split' })),
  });
  const papers = [...document.querySelectorAll('.papers')].map((list) =>
    [...list.children].map(({ textContent }) => /^\S+ \(arXiv \d{4}\.\d{5}\)/.exec(textContent ?? '')?.[0]),
  );
  assert.equal(papers, [
    ['FO-SGD (arXiv 2405.11095)', 'LIEC-SGD (arXiv 2402.11857)'],
    ['MS (arXiv 2408.13787)'],
  ]);
  const { text } = await reportOf({ data: [runOf('ex-dyna')] });
  assert.match(text, /ExDyna \(arXiv 2402\.13781\)/);
  assert.not.match(text, /FO-SGD|LIEC-SGD|MS \(/);
});

test('no plot has one dot a run alone: a sentence says so', async () => {
  const alone = await reportOf({ split: [runOf('ms', { task: 'split', steps: 5 })] });
  assert.equal(titlesOf(alone.document), ['Compression error']);
  assert.is(alone.document.querySelectorAll('svg').length, 0);
  assert.match(alone.text, /No run was scored twice/);
  assert.match(alone.text, /received of ms were off by 0\.200 of their size/);
  const short = await reportOf({ data: ['dense', 'ex-dyna'].map((name) => runOf(name, { steps: 1 })) });
  assert.is(short.document.querySelectorAll('svg').length, 0);
  assert.match(short.text, /2 workers train one network for 1 step\./);
  const some = await reportOf({ data: [runOf('dense', { steps: 3 })] });
  assert.equal(titlesOf(some.document), ['Training loss against traffic']);
  const plain = await reportOf({ split: [runOf('split', { task: 'split', history: [] })] });
  assert.equal(titlesOf(plain.document), [], 'nothing of errors where nothing is lost');
  const enough = await reportOf({ data: [runOf('dense')] });
  assert.equal(titlesOf(enough.document), ['Test accuracy against traffic', 'Training loss against traffic']);
  assert.not.match(enough.text, /No run was scored twice/);
});

test('each axis has a name that fits, and two ticks with numbers or more', async () => {
  const contents: Partial<ReportContent>[] = [
    { data: ['dense', 'ex-dyna'].map((name) => runOf(name)) },
    { split: ['ms', 'qu'].map((name) => runOf(name, { task: 'split' })) },
    { data: [runOf('dense', { bits: 2.345 })], dataset: 'bible' },
    // axes between two powers of ten, over many of them, and of very little
    { data: [runOf('dense', { bytes: 1.1e6, steps: 2, scored: [1] })] },
    { data: [runOf('dense', { bytes: 33, steps: 2, scored: [1] }), runOf('fo-sgd', { bytes: 1e9 })] },
  ];
  let seen = 0;
  for (const content of contents) {
    const { document } = await reportOf(content);
    for (const svg of document.querySelectorAll('svg')) {
      const name = `${svg.getAttribute('aria-label')} of ${Object.keys(content).join()}`;
      for (const axis of ['x', 'y']) {
        const part = (what: string): string[] =>
          [...svg.querySelectorAll(`[aria-label="${axis}-axis ${what}"] text`)].map(
            ({ textContent }) => textContent ?? '',
          );
        const [label = ''] = [...svg.querySelectorAll(`[aria-label="${axis}-axis label"]`)].map(
          ({ textContent }) => (textContent ?? '').trim(),
        );
        assert.ok(label.length > 5, `${name}: the ${axis} axis is called "${label}"`);
        // letters of 12 pixels are 6 wide, most of them
        assert.ok(6 * label.length < 350, `${name}: "${label}" is too long for a phone`);
        const ticks = part('tick label');
        assert.ok(
          ticks.length >= 2 && ticks.length <= 13,
          `${name}: ${axis} has ticks at ${ticks.join(', ')}`,
        );
        assert.ok(
          ticks.every((tick) => /^[\d.,e-]{1,7}$/.test(tick)),
          `${name}: ${ticks.join(', ')}`,
        );
        seen++;
      }
    }
  }
  assert.ok(seen > 40, `${seen} axes`);
});

test('a run that diverged in its first step has no curve, and its card says so', async () => {
  const diverged = { ...runOf('fo-sgd', { history: [], diverged: 1 }), accuracy: undefined };
  const { document, text } = await reportOf({ data: [runOf('dense'), diverged] });
  assert.match(document.querySelector('.cards')?.textContent ?? '', /test accuracy diverged, dense 90\.00 %/);
  assert.equal(titlesOf(document), ['Test accuracy against traffic', 'Training loss against traffic']);
  assert.not.match(text, /NaN|Infinity|undefined/);
});

test('text and settings are those of the runs', async () => {
  const two = await reportOf({ data: ['dense', 'fo-sgd'].map((name) => runOf(name)) });
  assert.match(
    two.text,
    /The runs differ in what the workers send .*, and in the learning rate: each has its own/,
  );
  assert.match(two.text, /Seconds: what passed from a run's first step to its end in one process/);
  assert.not.match(two.text, /local steps/);
  const same = await reportOf({
    data: ['dense', 'fo-sgd'].map((name) => runOf(name, { learningRate: 0.123, workers: 1 })),
  });
  assert.match(
    same.text,
    /1 worker trains one network .* The runs differ in what the workers send each other, or a server\./,
  );
  assert.match(same.text, /dense 0\.123, momentum 0\.9; fo-sgd 0\.123/);
  const one = await reportOf({ data: [runOf('sparse-lo-co')], localSteps: 10, shares: 'classes' });
  assert.not.match(one.text, /The runs differ/);
  assert.match(one.text, /SparseLoCo: 10 steps alone/);
  assert.match(one.text, /10 between two exchanges/);
  assert.match(one.text, /each worker has pictures of two to five classes/);
});

test('where workers train alone, what an upright line is', async () => {
  const run = runOf('sparse-lo-co', { scored: [25, 27] });
  const history = run.history.map((entry) => ({
    ...entry,
    bytesUp: entry.step < 25 ? 0 : 1e5,
    bytesDown: 0,
  }));
  assert.match((await reportOf({ data: [{ ...run, history }] })).text, /Where a curve is upright/);
  assert.not.match((await reportOf({ data: [run] })).text, /upright/);
});

test('dashes and dots tell colours that recur apart, in lines and in what names them', async () => {
  const { document } = await reportOf({
    data: ['dense', 'sparse-lo-co-forgets', 'di-lo-co'].map((name) => runOf(name)),
  });
  const styles = [...document.querySelectorAll('.legend')][0].querySelectorAll('.swatch');
  assert.equal(
    [...styles].map((swatch) => swatch.getAttribute('style')),
    [
      'border-top:4px solid var(--series-0)',
      'border-top:4px solid var(--series-5)',
      'border-top:4px dashed var(--series-0)',
    ],
  );
  assert.ok(document.querySelector('svg [stroke-dasharray="6 3"]'));
});

test.run();
