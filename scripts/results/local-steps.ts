/**
 * `npm run results:local`: systems of local steps beside dense training, with shares of the pictures that are equal and
 * unequal, on both sets of pictures with several seeds. Writes their section of docs/results.md. Half an hour on two
 * cores; finished runs stay in --folder, and are not run again.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { DATASETS, type DatasetName } from '../../examples/mnist/datasets.ts';
import type { Shares } from '../../examples/mnist/shares.ts';
import type { Run } from '../../examples/mnist/train.ts';
import { APART, cellsOf, HEADER, tableOf, writeSection } from './page.ts';
import { RUNS_FOLDER, runsOf } from './runs.ts';

const SEEDS = [1, 2, 3];

const SYSTEMS: Readonly<Record<Shares, readonly string[]>> = {
  equal: ['dense', 'sparse-lo-co', 'sparse-lo-co-forgets', 'fed-avg', 'di-lo-co'],
  classes: ['dense', 'sparse-lo-co', 'sparse-lo-co-forgets', 'fed-avg', 'di-lo-co'],
};

const { folder } = parseArgs({ options: { folder: { type: 'string', default: RUNS_FOLDER } } }).values;

const argumentsOf = (shares: Shares, seed: number | string): string[] => [
  ...['--seed', `${seed}`],
  ...SYSTEMS[shares].flatMap((name) => ['--algorithm', name]),
  ...(shares === 'equal' ? [] : ['--shares', shares]),
];

/** All seeds' runs of each system. */
function gathered(dataset: DatasetName, shares: Shares): Map<string, Run[]> {
  const found = new Map<string, Run[]>();
  for (const seed of SEEDS)
    for (const run of runsOf(
      folder,
      `local-${shares}-${dataset}-${seed}`,
      dataset,
      argumentsOf(shares, seed),
    ))
      found.set(run.algorithm, [...(found.get(run.algorithm) ?? []), run]);
  return found;
}

const all = (Object.keys(DATASETS) as DatasetName[]).flatMap((dataset) =>
  (Object.keys(SYSTEMS) as Shares[]).map((shares) => ({ dataset, shares, runs: gathered(dataset, shares) })),
);
const rows = all.flatMap(({ dataset, shares, runs }) =>
  [...runs].map(([name, own]) => [DATASETS[dataset], shares, ...cellsOf(name, own)]),
);
const [{ runs: some }] = all;
const [{ workers, steps, backend }] = some.get('dense')!;
await writeSection(
  APART.local,
  `\`npm run results:local\` wrote this section: the seeds ${SEEDS.join(', ')}, Node ${process.versions.node}, ${backend},
${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}. It runs
\`npm start -- --seed S --algorithm A\` for each seed S and system A of the table, the same with \`--shares classes\`, and
both with \`--dataset fashion\`.

${workers} workers, ${steps} steps of momentum SGD each, an exchange every 25, the mean model at the end. Shares that are
equal: every worker draws from all pictures. By classes: each worker has pictures of two to five classes, and other
numbers of them; the mean of models is by these numbers, the mean of dense training's gradients is not. The rate inside
is 0.05, of DiLoCo 0.02: its outer momentum takes several times the workers' step. \`sparse-lo-co-forgets\` is SparseLoCo
without its error memory. MB are 10^6 bytes, all workers and steps together.

${tableOf([['pictures', 'shares', ...HEADER], ...rows])}`,
);
