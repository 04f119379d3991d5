/** `fewbits/verify` where a backend throws: what is still compared, and what the report says. */
import * as assert from 'uvu/assert';
import type { Backend } from '../../ts/backends/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { goldenCases, renderReport, verify, type Case, type Target } from '../../ts/verify/index.ts';
import { withRun } from '../../ts/verify/kernels.ts';
import { suite } from '../support/suite.ts';

const test = suite('verify: failures');

const some = (...names: readonly string[]): Case[] =>
  goldenCases().filter(({ compressor }) => names.includes(compressor.name));

const target = (open: Target['open']): Target => ({ name: 'planted', backend: 'webgpu', open });

/** js, but one kernel's shader does not compile. */
function refusing(name: string): Backend {
  const js = openJs();
  return withRun(js, (kernel, buffers, params) => {
    if (kernel.name === name) throw new Error(`${name}.wgsl does not compile`);
    js.run(kernel, buffers, params);
  });
}

/** js, but the backend is lost when this kernel runs. */
function losing(name: string): Backend {
  const js = openJs();
  let lost = false;
  const backend = withRun(js, (kernel, buffers, params) => {
    if (kernel.name === name) lost = true;
    if (lost) throw new Error('the device is gone');
    js.run(kernel, buffers, params);
  });
  return Object.defineProperty(backend, 'lost', { get: () => lost });
}

test('a shader that is refused ends its own compressors alone', async () => {
  const cases = some('topK', 'scaledSign', 'float32');
  const report = await verify({ cases, targets: [target(() => Promise.resolve(refusing('topK')))] });
  const [, planted] = report.backends;
  const settings = new Set(some('topK').map(({ name }) => name)).size;
  assert.equal([report.same, planted.different, planted.failed], [false, 0, 3 * settings]);
  // vectors of no element need no kernel, and come first
  const compared = some('topK').filter(({ n }) => n === 0).length + 3 * settings;
  assert.is(planted.cases, some('scaledSign', 'float32').length + compared);
  assert.match(planted.gaveUp ?? '', /^given up: topK\(.*\) and others, 11 of \d+ compressors$/);
  assert.match(
    report.sentence,
    /^fails: planted \(.*\) in 33 of \d+ cases, first topK\(\{.*\}\), \w+ data, n = 1$/,
  );
});

test('equal errors are one line with their number', async () => {
  const report = await verify({
    cases: some('topK'),
    targets: [target(() => Promise.resolve(refusing('topK')))],
  });
  assert.equal(
    report.differences.map(({ what, got, cases }) => [what, got, cases]),
    [['failure', 'Error: topK.wgsl does not compile', 33]],
  );
  assert.match(renderReport(report), /topK\.wgsl does not compile, .*\(seed 1, 33 cases with this error\)\n/);
});

test('bytes that differ and errors are told apart', async () => {
  const refused = refusing('topK');
  const both = withRun(refused, (kernel, buffers, params) => {
    refused.run(kernel, buffers, params);
    if (kernel.name !== 'unpackSigns') return;
    const { y } = buffers as unknown as Record<string, Parameters<Backend['write']>[0]>;
    refused.write(y, new Uint32Array(y.words));
  });
  const report = await verify({
    cases: some('topK', 'scaledSign'),
    targets: [target(() => Promise.resolve(both))],
  });
  assert.match(
    report.sentence,
    /^different bytes: planted \(.*\) in \d+ of \d+ cases, first scaledSign\(\).*, kernel unpackSigns; fails: planted \(.*\) in 33 of \d+ cases, first topK/,
  );
});

test('a device that is lost is opened again, in the same form, without the compressor that lost it', async () => {
  let opened = 0;
  const cases = some('topK', 'float32').filter(({ name }) => /float32|"k":1\}/.test(name));
  const open = (): Promise<Backend> => Promise.resolve((opened++, losing('topK')));
  const report = await verify({ cases, targets: [target(open)] });
  const [, planted] = report.backends;
  assert.equal([opened, planted.failed, planted.different], [2, 1, 0]);
  assert.match(planted.gaveUp ?? '', /^given up: topK\(\{"k":1.*\}\), 1 of 2 compressors$/);
  assert.ok(planted.cases > some('float32').length);
});

test('a device that does not open again, or is lost again and again, is given up', async () => {
  const once = [losing('topK')];
  const open = (): Promise<Backend | undefined> =>
    once.length > 0 ? Promise.resolve(once.pop()) : Promise.reject(new Error('no adapter'));
  const gone = await verify({ cases: some('topK', 'float32'), targets: [target(open)] });
  assert.is(gone.backends[1].failed, 1);
  assert.match(
    gone.backends[1].gaveUp ?? '',
    /was lost by topK\(.*\) and does not open again: Error: no adapter$/,
  );
  const lossy = target(() => Promise.resolve(losing('topK')));
  const often = await verify({ cases: some('topK', 'float32'), targets: [lossy] });
  assert.is(often.backends[1].failed, 3);
  assert.match(often.backends[1].gaveUp ?? '', /^given up: the GPU was lost 3 times, last by topK\(/);
});

test('an error of the search for the kernel is part of the report', async () => {
  const js = openJs();
  let runs = 0;
  const fragile = withRun(js, (kernel, buffers, params) => {
    // compressing and decompressing are a run each
    if (++runs > 2) throw new Error('the kernel does not run by itself');
    js.run(kernel, buffers, params);
    const { bits } = buffers as unknown as Record<string, Parameters<Backend['write']>[0]>;
    if (kernel.name === 'signsAndSum') js.write(bits, new Uint32Array(bits.words).fill(5));
  });
  const [one] = some('scaledSign').filter(({ n, kind }) => n === 1000 && kind === 'normal');
  const report = await verify({
    cases: [{ ...one, accumulate: undefined }],
    targets: [target(() => Promise.resolve(fragile))],
  });
  assert.is(runs, 3);
  assert.equal([report.backends[1].different, report.backends[1].failed, report.kernels], [1, 0, []]);
  assert.equal(
    report.differences.map(({ what }) => what),
    ['packet', 'replay'],
  );
  assert.match(
    report.sentence,
    /^different bytes: planted \(.*\) in 1 of 1 cases, first .*packet byte \d+ \(bits\)$/,
  );
  assert.match(
    renderReport(report),
    /: replay: Error: the kernel does not run by itself, expected each kernel/,
  );
});

test.run();
