/** What every system sends, gives and keeps is what it was when `npm run test:golden-runs` last wrote it down. */
import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { openDevice, type Device } from '../../ts/index.ts';
import { every } from '../reference/algorithms/every.ts';
import { CREWS, digestOfRun } from '../reference/algorithms/runs.ts';
import { sharedGpu } from '../support/gpu.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('golden runs');

const digests = JSON.parse(
  readFileSync(new URL('../reference/algorithms/golden-runs.json', import.meta.url), 'utf8'),
) as Record<string, string>;

for (const named of every)
  test(named.label, async () => {
    for (const workers of CREWS) {
      const label = `${named.label}; ${workers} workers`;
      assert.is(await digestOfRun(named, workers), digests[label], label);
    }
  });

for (const [turn, options] of [
  { backend: 'wasm' } as const,
  { backend: 'wasm', threads: 2 } as const,
  { backend: 'webgpu' } as const,
].entries()) {
  const where = JSON.stringify(options);
  let device: Device;
  test(`${where} opens`, async () => {
    const gpu = options.backend === 'webgpu' ? await sharedGpu() : undefined;
    device = await openDevice({ ...options, ...(gpu && { gpu }) });
  });
  for (const [i, named] of some(every).entries())
    test(`${named.label}, the same on ${where}`, async () => {
      const workers = CREWS[(i + turn) % CREWS.length];
      const label = `${named.label}; ${workers} workers`;
      assert.is(await digestOfRun(named, workers, device), digests[label], label);
    });
  test(`runs leave nothing on ${where}`, () => {
    assert.is(device.vectors, 0);
    device.close();
  });
}

test('there is no digest of another run', () => {
  assert.is(Object.keys(digests).length, every.length * CREWS.length);
});

test.run();
