/** What every system sends, gives and keeps is what it was when `npm run test:golden-runs` last wrote it down. */
import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { every } from '../reference/algorithms/every.ts';
import { CREWS, digestOfRun } from '../reference/algorithms/runs.ts';
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

test('there is no digest of another run', () => {
  assert.is(Object.keys(digests).length, every.length * CREWS.length);
});

test.run();
