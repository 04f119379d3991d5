/** `fewbits doctor --verify` on the command line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import type { VerifyReport } from '../../ts/verify/index.ts';
import { runCommand } from '../support/command.ts';
import { suite } from '../support/suite.ts';

const test = suite('fewbits doctor --verify');

let folder: string;
test.before(() => void (folder = mkdtempSync(join(tmpdir(), 'fewbits-'))));
test.after(() => rmSync(folder, { recursive: true }));

/** GPUs are compared in tests/verify; here they would take minutes. */
const NO_GPU = { FEWBITS_NO_GPU: 'none in this test' };

test('a report that says what was compared, and ends with the result', async () => {
  const { status, stdout, stderr } = await runCommand(folder, ['doctor', '--verify', '--quick'], NO_GPU);
  assert.is(stderr, '', 'progress is for terminals alone');
  assert.is(status, 0);
  assert.match(stdout, /^fewbits +\d+\.\d+\.\d+\nruntime +Node \d+/);
  assert.match(stdout, /\nsystem +\w+ .*\nCPU +\S.*, \d+ threads\nmemory +\d+ GiB\n/);
  assert.match(stdout, /\ncompared +\d{3,} packets and their vectors, \d+ elements, seed 1\n/);
  for (const name of ['js', 'wasm scalar', 'wasm SIMD', 'wasm \\d threads'])
    assert.match(stdout, new RegExp(`\n${name} +\\d{3,} +0 +0 +\\d+\\.\\d  \\w`), name);
  assert.ok(
    stdout.endsWith('\n\nsame bytes on js, wasm; webgpu was not compared: none in this test\n'),
    stdout,
  );
});

test.long('where a kernel is wrong the status is 1, and the kernel is named, as JSON too', async () => {
  const fault = join(folder, 'fault.mjs');
  writeFileSync(
    fault,
    `const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const { exports } = new Instance(module, imports);
  return { exports: { ...exports, unpackSigns: () => {} } };
};
`,
  );
  const args = ['doctor', '--verify', '--quick', '--seed', '7', '--json'];
  const env = { ...NO_GPU, NODE_OPTIONS: `--import=${pathToFileURL(fault).href}` };
  const { status, stdout } = await runCommand(folder, args, env);
  assert.is(status, 1);
  const report = JSON.parse(stdout) as VerifyReport;
  assert.equal([report.same, report.seed], [false, 7]);
  assert.match(report.sentence, /^different bytes: wasm scalar in \d+ of \d+ cases, first \w+\(/);
  assert.equal(new Set(report.differences.map(({ what }) => what)), new Set(['vector']));
  assert.ok(report.kernels.some(({ kernel, target }) => kernel === 'unpackSigns' && target === 'wasm SIMD'));
});

test('its options make no sense without it', async () => {
  for (const option of [['--quick'], ['--seed', '3']]) {
    const { status, stderr } = await runCommand(folder, ['doctor', ...option]);
    assert.is(status, 2);
    assert.match(stderr, new RegExp(`doctor takes ${option[0]} with --verify alone`));
  }
  const { status, stderr } = await runCommand(folder, ['doctor', '--verify', '--seed', '-1']);
  assert.is(status, 2);
  assert.match(stderr, /--seed expected an integer in 0\.\.4294967295, got "-1"/);
});

test.run();
