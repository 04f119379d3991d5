/** `fewbits/verify`: the cases it runs, what it finds where a kernel has one wrong bit, and the text of its report. */
import * as assert from 'uvu/assert';
import type { Backend } from '../../ts/backends/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { goldenInputs, SETTINGS } from '../../ts/verify/golden.ts';
import { goldenCases, largeCases, quickCases, renderReport, verify } from '../../ts/verify/index.ts';
import { withRun } from '../../ts/verify/kernels.ts';
import { goldenSums } from '../../ts/verify/sums.ts';
import type { Case } from '../../ts/verify/cases.ts';
import { goldens } from '../support/golden.ts';
import { suite } from '../support/suite.ts';

/** The compressors of the golden packets, some of which have settings in two places. */
const NAMES = [...new Set(SETTINGS.map(([name]) => name))];

const test = suite('verify');

/** js, but after each run of a kernel one bit is wrong: that of this number in the first word of a buffer. */
function withWrongBit(wrong: string, buffer: string, bit: number): Backend {
  const js = openJs();
  return withRun(js, (kernel, buffers, params) => {
    js.run(kernel, buffers, params);
    if (kernel.name !== wrong) return;
    const handle = (buffers as Readonly<Record<string, (typeof buffers)[keyof typeof buffers]>>)[buffer];
    const words = new Uint32Array(handle.words);
    void js.read([{ buffer: handle, into: words }]);
    if (words.length > 0) words[0] ^= 1 << bit;
    js.write(handle, words);
  });
}

/** A few golden cases of one compressor. */
const some = (name: string): Case[] => goldenCases().filter(({ compressor }) => compressor.name === name);

const target = (open: () => Promise<Backend | undefined>, name = 'planted') =>
  ({ name, backend: 'webgpu', open }) as const;

test('the checksums are those of tests/vectors, all of them', () => {
  const sums = goldenSums();
  // files are in the order of the compressors' names, and their lines in that of the table
  const ofFiles = goldenInputs()
    .map(({ compressor }, i) => [compressor, sums[i].packet] as const)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  assert.equal(
    ofFiles.map(([, crc]) => crc),
    goldens.map(({ crc }) => crc),
  );
  assert.ok(goldenCases().length > 600);
  assert.ok(goldenCases().every(({ golden }) => golden !== undefined));
});

test('the larger vectors: every compressor, its settings, each kind, several sizes', () => {
  const cases = largeCases(1);
  const compressors = NAMES.filter((name) => name !== 'indexList');
  assert.equal([...new Set(cases.map(({ compressor }) => compressor.name))], compressors);
  for (const name of compressors) {
    const own = cases.filter(({ compressor }) => compressor.name === name);
    assert.is(new Set(own.map(({ kind }) => kind)).size, 13, name);
    assert.ok(
      own.some(({ n }) => n > 4_000_000) && own.some(({ n }) => n > 1_000_000 && n < 2_000_000),
      name,
    );
  }
  const settings = (given: readonly Case[]): number => new Set(given.map(({ name }) => name)).size;
  assert.is(settings(quickCases(1)), settings(cases));
  assert.ok(quickCases(1).every(({ n }) => n <= 65_537));
  assert.not.equal(largeCases(2)[0].seed, largeCases(1)[0].seed);
});

test('backends that agree: the same bytes, and progress from 0 to 1', async () => {
  const shares: number[] = [];
  const report = await verify({
    cases: [...some('scaledSign'), ...some('topK')],
    targets: [{ name: 'wasm SIMD', backend: 'wasm', open: () => openWasm({ simd: true }) }],
    machine: { CPU: 'a test' },
    onProgress: (_, done) => shares.push(done),
  });
  assert.is(report.same, true);
  assert.is(report.sentence, 'same bytes on js, wasm');
  assert.equal(
    report.backends.map(({ name, opened, cases, different }) => ({ name, opened, cases, different })),
    ['js', 'wasm SIMD'].map((name) => ({ name, opened: true, cases: report.cases, different: 0 })),
  );
  assert.ok(report.backends.every(({ seconds }) => seconds > 0));
  assert.equal(
    shares,
    [...shares].sort((a, b) => a - b),
  );
  assert.is(shares[0], 0);
  assert.ok(shares.at(-1) > 0.9 && shares.at(-1) < 1);
  const text = renderReport(report);
  assert.match(text, /^fewbits +\d+\.\d+\.\d+\nruntime +Node /);
  assert.match(text, /\nCPU +a test\n/);
  assert.ok(text.endsWith(`\n\n${report.sentence}`), text);
});

test('one wrong bit of one kernel is found, with its place in the packet, and the kernel is named', async () => {
  const report = await verify({
    cases: some('scaledSign'),
    targets: [target(() => Promise.resolve(withWrongBit('signsAndSum', 'bits', 5)))],
  });
  assert.is(report.same, false);
  const [first] = report.differences;
  assert.equal(
    [first.target, first.compressor, first.what, first.section],
    ['planted', 'scaledSign()', 'packet', 'bits'],
  );
  const [a, b] = [first.expected, first.got].map(Number);
  assert.is(a ^ b, 1 << 5);
  const [{ kernel, buffer, word, compressor }] = report.kernels;
  assert.equal([kernel, buffer, word, compressor], ['signsAndSum', 'bits', 0, 'scaledSign()']);
  assert.match(
    report.sentence,
    /^different bytes: planted \(.*\) in \d+ of \d+ cases, first scaledSign\(\), \w+ data, n = \d+: packet byte \d+ \(bits\), kernel signsAndSum$/,
  );
  assert.match(
    renderReport(report),
    /planted: scaledSign\(\).*: packet byte \d+ \(bits\): 0x.., expected 0x/,
  );
});

test('a wrong bit on the way back is found in the vector', async () => {
  const report = await verify({
    cases: some('scaledSign'),
    targets: [target(() => Promise.resolve(withWrongBit('unpackSigns', 'y', 0)))],
  });
  const [{ what, byte, expected, got }] = report.differences;
  assert.equal([what, byte], ['vector', 0]);
  assert.is(Number(expected) ^ Number(got), 1);
  assert.is(report.kernels[0].kernel, 'unpackSigns');
});

test('a wrong golden packet of js is seen, though all backends agree', async () => {
  const [first, ...others] = some('quantized').filter(({ n }) => n > 0);
  const report = await verify({
    cases: [{ ...first, golden: { ...first.golden!, packet: '00000000' } }, ...others],
    targets: [{ name: 'wasm scalar', backend: 'wasm', open: () => openWasm({ simd: false }) }],
  });
  assert.is(report.same, false);
  assert.equal(
    report.backends.map(({ name, different }) => [name, different]),
    [
      ['js', 1],
      ['wasm scalar', 0],
    ],
  );
  assert.is(report.differences[0].expected, 'CRC 00000000');
});

test('a backend that does not open is no difference; why is said', async () => {
  const report = await verify({
    cases: some('float32'),
    targets: [
      target(() => Promise.reject(new Error('no GPU adapter was found')), 'webgpu'),
      target(() => Promise.resolve(undefined), 'webgpu without subgroups'),
    ],
  });
  assert.is(report.same, true);
  assert.is(report.sentence, 'same bytes on js; webgpu was not compared: no GPU adapter was found');
  assert.match(renderReport(report), /\nwebgpu +- +- +- +- +does not open: no GPU adapter was found\n/);
});

test('a refusal is compared too: NaN is refused everywhere', async () => {
  const cases = largeCases(1).filter(({ kind }) => kind === 'nonFinite');
  assert.ok(cases.length > 8);
  const js = openJs();
  const blind = withRun(js, (kernel, buffers, params) => {
    js.run(kernel, buffers, params);
    if (kernel.name !== 'nonFinite') return;
    const { found } = buffers as unknown as Record<string, Parameters<Backend['write']>[0]>;
    js.write(found, new Uint32Array(found.words));
  });
  const report = await verify({ cases, targets: [target(() => Promise.resolve(blind))] });
  assert.is(report.backends[0].different, 0);
  assert.ok(report.differences.some(({ expected }) => expected.startsWith('NonFiniteError')));
});

test('what an error says of a vector is compared: how many elements are not finite, and which is the first', async () => {
  const [one] = quickCases(1).filter(
    ({ kind, compressor }) => kind === 'nonFinite' && compressor.name === 'qsgd',
  );
  for (const word of ['count', 'first'] as const) {
    const js = openJs();
    const wrong = withRun(js, (kernel, buffers, params) => {
      js.run(kernel, buffers, params);
      if (kernel.name !== 'nonFinite') return;
      const { found } = buffers as unknown as Record<string, Parameters<Backend['write']>[0]>;
      const words = new Uint32Array(2);
      void js.read([{ buffer: found, into: words }]);
      words[word === 'count' ? 0 : 1]++;
      js.write(found, words);
    });
    const report = await verify({ cases: [one], targets: [target(() => Promise.resolve(wrong))] });
    assert.equal([report.same, report.backends[1].different, report.backends[1].failed], [false, 1, 0], word);
    const [{ what, expected, got }] = report.differences;
    assert.is(what, 'error');
    assert.is.not(expected, got);
    assert.is(report.kernels[0].kernel, 'nonFinite');
  }
});

test('packets are added to vectors, too', async () => {
  const added = [...goldenCases(), ...quickCases(1)].filter(({ accumulate }) => accumulate !== undefined);
  assert.is(new Set(added.map(({ compressor }) => compressor.name)).size, NAMES.length - 1);
  assert.ok(added.every(({ accumulate }) => accumulate !== 1));
  const cases = some('scaledSign').filter(({ n }) => n === 211);
  const wrong = target(() => Promise.resolve(withWrongBit('addSigns', 'y', 3)));
  const report = await verify({ cases, targets: [wrong] });
  assert.is(report.backends[1].different, cases.length);
  const [{ what, byte, expected, got }] = report.differences;
  assert.equal([what, byte, Number(expected) ^ Number(got)], ['sum', 0, 1 << 3]);
  assert.is(report.kernels[0].kernel, 'addSigns');
});

test.run();
