/**
 * `npm run test:golden-runs`: writes the digests of runs of every system to
 * tests/reference/algorithms/golden-runs.json, made on the js backend. What a test compares with them cannot change
 * unseen from one release to the next.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { every } from '../tests/reference/algorithms/every.ts';
import { CREWS, digestOfRun } from '../tests/reference/algorithms/runs.ts';

const digests: Record<string, string> = {};
for (const named of every)
  for (const workers of CREWS)
    digests[`${named.label}; ${workers} workers`] = await digestOfRun(named, workers);
const path = fileURLToPath(new URL('../tests/reference/algorithms/golden-runs.json', import.meta.url));
writeFileSync(path, `${JSON.stringify(digests, undefined, 2)}\n`);
console.log(`${Object.keys(digests).length} digests in ${path}`);
