/** `fewbits bench`: what it reports, and how it measures. */
import * as assert from 'uvu/assert';
import { normal, paysBelow, type BenchReport } from '../../ts/cli/bench.ts';
import type { Diagnosis } from '../../ts/cli/doctor.ts';
import { progressOn } from '../../ts/cli/progress.ts';
import { examples } from '../../ts/cli/specification.ts';
import { spreadOf, timesOf } from '../../ts/cli/timing.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';
import { folderFor } from './folder.ts';

const test = suite('bench on the command line');
const { fewbits, save } = folderFor(test);

async function json<T>(...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await fewbits(...args, '--json');
  assert.is(status, 0, stderr);
  return JSON.parse(stdout) as T;
}

test('each compressor on each backend that works here, with times, sizes and links', async () => {
  const { backends } = await json<Diagnosis>('doctor');
  const taken = backends.filter(({ works, notTaken }) => works && notTaken === undefined);
  const report = await json<BenchReport>('bench', '--n', '1000');
  assert.is(report.n, 1000);
  assert.is(report.runtime, `Node ${process.versions.node}`);
  assert.equal(report.backends, Object.fromEntries(taken.map(({ backend, detail }) => [backend, detail])));
  const others = backends.filter((one) => !taken.includes(one)).map(({ backend }) => backend as string);
  assert.equal(Object.keys(report.notMeasured), others);
  assert.equal(
    report.results.map(({ backend, compressor }) => `${backend} ${compressor}`),
    taken.flatMap(({ backend }) => examples().map((example) => `${backend} ${example}`)),
  );
  for (const { compressor, compress, decompress, bytes, ...rest } of report.results) {
    for (const { lower, median, upper, samples, nanosecondsPerElement, first } of [compress, decompress]) {
      assert.ok(first > 0, 'the first call, which does not count');
      assert.ok(lower > 0 && lower <= median && median <= upper, `${lower} ${median} ${upper}`);
      assert.ok(Number.isInteger(samples) && samples >= 1);
      assert.ok(Math.abs(nanosecondsPerElement - median * 1000) < 1e-6 * median * 1000);
    }
    assert.is(rest.bitsPerElement, (bytes * 8) / 1000);
    assert.is(rest.timesSmaller, 4000 / bytes);
    assert.is(rest.paysBelowMbits, paysBelow(1000, bytes, compress.median + decompress.median));
    assert.is(rest.paysBelowMbits === null, compressor === 'float32', compressor);
  }
});

test('packets are as long as those that compress writes of the same numbers', async () => {
  save('x.npy', normal(2 ** 12));
  const specs = ['top-k:ratio=0.01', 'threshold:t=0.01', 'scaled-sign', 'quantized:bits=3'];
  const { results } = await json<BenchReport>(
    ...['bench', '--n', '2^12', '--backend', 'js'],
    ...specs.flatMap((spec) => ['--compressor', spec]),
  );
  assert.equal(
    results.map(({ compressor, backend }) => `${compressor} on ${backend}`),
    specs.map((spec) => `${spec} on js`),
  );
  for (const { compressor, bytes } of results) {
    const packet = await json<{ bytes: number }>('compress', 'x.npy', '-o', 'x.fb', '-c', compressor);
    assert.is(bytes, packet.bytes, compressor);
  }
});

test('a software GPU is measured where it is asked for, and passed over where it is not', async () => {
  const { backends } = await json<Diagnosis>('doctor');
  const gpu = backends.find(({ backend }) => backend === 'webgpu');
  if (!gpu?.works || gpu.notTaken === undefined) return skip('no software GPU');
  const few = ['--n', '1e3', '-c', 'scaled-sign'];
  const { results } = await json<BenchReport>('bench', ...few, '--backend', 'webgpu');
  assert.equal(
    results.map(({ backend }) => backend),
    ['webgpu'],
  );
  const { notMeasured } = await json<BenchReport>('bench', ...few);
  assert.equal(notMeasured, { webgpu: gpu.notTaken });
});

test('the table has a line for each compressor, and all as long', async () => {
  const specs = ['top-k:ratio=0.1', 'flattened-one-bit:seed=9,lambda=max', 'float32'];
  const { status, stdout, stderr } = await fewbits(
    ...['bench', '--n', '1e4', '-b', 'js'],
    ...specs.flatMap((spec) => ['-c', spec]),
  );
  assert.is(status, 0, stderr);
  assert.is(stderr, '', 'progress is for terminals');
  const lines = stdout.split('\n');
  assert.match(lines[0], /^Node .* n = 10,000$/);
  const header = lines.findIndex((line) => line.startsWith('  compressor '));
  const rows = lines.slice(header + 1, header + 4);
  specs.forEach((spec, i) => assert.ok(rows[i].startsWith(`  ${spec} `), rows[i]));
  for (const row of rows) assert.is(row.length, lines[header].length, row);
  assert.match(rows[0], / Mbit\/s$/);
  assert.match(rows[2], / never$/);
});

test('what is wrong is one line on standard error, status not 0', async () => {
  const cases: [string[], RegExp][] = [
    [['--n', '0'], /--n expected an integer in 1\.\.268435456, as 1000000, 1e6 or 2\^20, got "0"/],
    [['--n', '1.5'], /--n expected .* got "1\.5"/],
    [['--n', 'many'], /--n expected .* got "many"/],
    [['--n', '2^'], /--n expected .* got "2\^"/],
    [['--n', '2^29'], /--n expected .* got "2\^29"/],
    [['--n', '10', '-c', 'top-k:k=11'], /"k" expected an integer in 1\.\.10, got 11/],
    [['-c', 'zip'], /unknown compressor "zip"/],
    [['-b', 'cuda'], /"backend" expected one of auto, webgpu, wasm, js, got "cuda"/],
    [['g.npy'], /bench expected options alone, got "g\.npy"/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await fewbits('bench', ...args);
    assert.ok(status > 0, args.join(' '));
    assert.match(stderr, message);
    assert.is(stderr.trim().split('\n').length, 1, stderr);
    assert.is(stdout, '');
  }
});

test('a link pays where packing, a smaller packet and unpacking are there sooner', () => {
  // 32,000 bits against 8,000 and a millisecond: equal at 24 Mbit/s
  assert.is(paysBelow(1000, 1000, 1), 24);
  assert.is(32_000 / 24e6, 8_000 / 24e6 + 0.001);
  assert.is(paysBelow(1000, 4000, 1), null);
  assert.is(paysBelow(1000, 4024, 1), null);
});

test('medians and quartiles, and as many calls as there is time for', async () => {
  assert.equal(spreadOf([5, 1, 4, 2, 3]), { lower: 2, median: 3, upper: 4, samples: 5 });
  assert.equal(spreadOf([4, 1]), { lower: 1.75, median: 2.5, upper: 3.25, samples: 2 });
  let calls = 0;
  const slow = (): Promise<void> => (calls++, new Promise((resolve) => setTimeout(resolve, 20)));
  assert.is((await timesOf(slow, 0, 5)).length, 1);
  assert.is((await timesOf(slow, 1e6, 3)).length, 3);
  const times = await timesOf(slow, 50, 100);
  assert.ok(times.length >= 1 && times.length <= 3 && times.every((time) => time >= 19), String(times));
  assert.is(calls, 4 + times.length);
});

test('the numbers are normal, of standard deviation 1/256, and the same each time', () => {
  const x = normal(100_000);
  assert.equal(x.slice(0, 100), normal(100));
  const share = (t: number): number => x.filter((value) => Math.abs(value) >= t).length / x.length;
  // of a normal distribution 31.7 % lie beyond one deviation, 4.55 % beyond two, 0.27 % beyond three
  for (const [deviations, expected] of [
    [1, 0.3173],
    [2, 0.0455],
    [3, 0.0027],
  ])
    assert.ok(
      Math.abs(share(deviations / 256) - expected) < 0.005 * Math.sqrt(expected * 2),
      `${deviations}`,
    );
  assert.ok(Math.abs(x.reduce((sum, value) => sum + value, 0) / x.length) < 4 / 256 / Math.sqrt(x.length));
});

test('progress stays on one line of a terminal, and is nothing elsewhere', () => {
  for (const isTTY of [true, false]) {
    let written = '';
    const write = (text: string): boolean => ((written += text), true);
    const progress = progressOn({ isTTY, columns: 10, write });
    progress.show('a line that is too long');
    progress.end();
    assert.is(written, isTTY ? '\r\x1b[Ka line th\r\x1b[K' : '');
  }
});

test.run();
