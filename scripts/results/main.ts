/**
 * `npm run results`: runs every system on both sets of pictures with several seeds and writes docs/results.md, the
 * papers' claims one by one. Most of an hour on two cores. Finished runs stay in --folder, and are not run again.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { DATASETS, type DatasetName } from '../../examples/mnist/datasets.ts';
import type { Run } from '../../examples/mnist/train.ts';
import { ditheredSign, flattenedOneBit, openDevice } from '../../ts/index.ts';
import { openDraws, relativeError } from '../../tests/support/draws.ts';
import { claims, type Runs } from './claims.ts';
import { APART, cellsOf, HEADER, sectionOf, tableOf, writePage } from './page.ts';
import { commandOf, RUNS_FOLDER, runsOf } from './runs.ts';

const SEEDS = [1, 2, 3];

/** How ExDyna's load is with more workers: one seed, since it hardly differs from seed to seed. */
const EIGHT = ['--algorithm', 'ex-dyna', '--workers', '8', '--seed', '1'];

const { folder } = parseArgs({ options: { folder: { type: 'string', default: RUNS_FOLDER } } }).values;

function gather(dataset: DatasetName): Runs {
  const runs = new Map<string, Run[]>();
  const add = (name: string, run: Run): void => void runs.set(name, [...(runs.get(name) ?? []), run]);
  for (const seed of SEEDS) {
    const seeded = ['--seed', String(seed)];
    for (const run of runsOf(folder, `${dataset}-${seed}`, dataset, ['--all', ...seeded]))
      add(run.algorithm, run);
  }
  for (const run of runsOf(folder, `${dataset}-eight`, dataset, EIGHT))
    add(`${run.algorithm} of 8 workers`, run);
  return runs;
}

const table = (runs: Runs): string =>
  tableOf([HEADER, ...[...runs].map(([name, all]) => cellsOf(name, all))]);

/** The relative squared error of one draw on vectors of different shapes, n = 2^16, a mean over ten draws. */
async function shapes(): Promise<string> {
  const { uniform, normal } = openDraws(240511095);
  const kinds: Readonly<Record<string, () => number>> = {
    normal,
    'Student t, 2 degrees': () => normal() / Math.sqrt((normal() ** 2 + normal() ** 2) / 2),
    'log-normal, deviation 2': () => Math.sign(normal()) * Math.exp(2 * normal()),
    '99 % zeros': () => (uniform() < 0.01 ? normal() : 0),
  };
  const compressors = {
    "flattenedOneBit, lambda 'norm', c = 0.3": flattenedOneBit({ seed: 1 }),
    "flattenedOneBit, scale 'drive'": flattenedOneBit({ seed: 1, scale: 'drive' }),
    'ditheredSign: one bit, not flattened': ditheredSign({ seed: 1 }),
  };
  const device = await openDevice({ backend: 'wasm' });
  const vectors = Object.values(kinds).map((draw) => Float32Array.from({ length: 2 ** 16 }, draw));
  const rows: string[][] = [['', ...Object.keys(kinds)]];
  for (const [name, compressor] of Object.entries(compressors)) {
    const cells: string[] = [];
    for (const x of vectors) {
      let error = 0;
      for (let step = 0; step < 10; step++) {
        const y = await device.decompress(await device.compress(compressor, x, { step }));
        error += relativeError(x, y) / 10;
      }
      cells.push(error >= 1000 ? Math.round(error).toLocaleString('en-US') : error.toPrecision(3));
    }
    rows.push([name, ...cells]);
  }
  device.close();
  return tableOf(rows);
}

const sets = (Object.keys(DATASETS) as DatasetName[]).map((dataset) => ({
  dataset,
  name: DATASETS[dataset],
  runs: gather(dataset),
}));
const [{ runs: some }] = sets;
const [dense] = some.get('dense') ?? [];
const [split] = some.get('split') ?? [];

const answers = claims.map((claim) => ({
  claim,
  given: sets.map(({ name, runs }) => ({ name, ...claim.answer(runs) })),
}));
const papers = [...new Set(claims.map(({ paper }) => paper))];
const answered = papers.map((paper) => {
  const lines = answers
    .filter(({ claim }) => claim.paper === paper)
    .map(({ claim: { title, criterion, why }, given }) => {
      const verdicts = given.map(
        ({ name, holds, figures }) => `  - ${name}: **${holds ? 'holds' : 'does not hold'}**. ${figures}.`,
      );
      const reason = why !== undefined && given.some(({ holds }) => !holds) ? ` ${why}` : '';
      return `- **${title[0].toUpperCase()}${title.slice(1)}**: ${criterion}.${reason}\n${verdicts.join('\n')}`;
    });
  return `### ${paper}\n\n${lines.join('\n')}`;
});

const page = `# What the systems do here

\`npm run results\` wrote this page: every system on both sets of pictures with the seeds ${SEEDS.join(', ')}, Node
${process.versions.node}, ${dense.backend}, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}.
It runs \`${commandOf('mnist', ['--all', '--seed', 'S'])}\` and \`${commandOf('fashion', ['--all', '--seed', 'S'])}\`
for each seed S, and \`${commandOf('mnist', EIGHT)}\` on both; \`npm start -- --help\` says what each
name is. Equal seeds give equal numbers.

Data parallel: 784 - 128 - 10, ${dense.parameters.toLocaleString('en-US')} parameters, ${dense.workers} workers, 64 pictures each a step,
${dense.steps} steps; the learning rates are in \`examples/mnist/algorithms.ts\`: they were chosen on MNIST with seed 1, and not
again for Fashion-MNIST. Split learning: two convolutions on the
client, ${split.parameters.toLocaleString('en-US')} parameters in all, ${split.steps} steps of 64 pictures. Accuracy is that of the mean model on all
10,000 test pictures, after the last step. MB are 10^6 bytes, all workers and steps together.

${sets.map(({ name, runs }) => `## ${name}\n\n${table(runs)}`).join('\n\n')}

## The papers' claims

Figures are means over the seeds, in brackets between what they lie.

${answered.join('\n\n')}

${Object.values(APART).map(sectionOf).join('')}### Flattening: the error of one draw does not depend on the shape of the data

|decoded - x|^2 / |x|^2, n = 65,536, a mean over ten draws; lambda of \`ditheredSign\` is the largest magnitude.

${await shapes()}
`;
await writePage(page);
for (const { claim, given } of answers)
  for (const { name, holds } of given)
    console.log(`${holds ? 'holds        ' : 'does not hold'}  ${name}: ${claim.title}`);
