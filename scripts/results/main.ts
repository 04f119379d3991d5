/**
 * `npm run results`: runs every system on two sets of pictures and on text with several seeds and writes
 * docs/results.md, the papers' claims one by one, and the times over links. Some three hours on two cores; finished
 * runs stay in --folder, and are not run again, so that a run that was cut goes on where it was.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { DATASETS } from '../../examples/mnist/datasets.ts';
import { capital, whole } from '../../examples/mnist/format.ts';
import type { Run } from '../../examples/mnist/train.ts';
import { table } from '../filled.ts';
import type { Answer, Runs } from './answers.ts';
import { claims, type Claim } from './claims.ts';
import { drawLinks, linkTables } from './link-page.ts';
import { APART, cellsOf, headerOf, sectionOf, writePage } from './page.ts';
import { commandOf, RUNS_FOLDER, runsOf } from './runs.ts';
import { named, parts, type Part } from './systems.ts';
import { shapes, stepsAstray } from './vectors.ts';

const SEEDS = [1, 2, 3, 4, 5];

/** Systems that run with eight workers, too. */
const EIGHT = ['dense-plain', 'ex-dyna', 'ex-dyna-balanced'];

/** Systems that run where each worker has pictures of a few classes, too. */
const UNEQUAL = ['dense', 'sparse-lo-co', 'sparse-lo-co-forgets', 'di-lo-co', 'fed-avg'];

const started = performance.now();
const { folder } = parseArgs({ options: { folder: { type: 'string', default: RUNS_FOLDER } } }).values;

/** A further setting of some systems: how their names go on, and the options that ask for it. */
interface Variant {
  readonly suffix: string;
  readonly names: readonly string[];
  readonly options: readonly string[];
}

/** What runs of a part: all its systems, and pictures in data parallel with other settings, too. */
function variantsOf({ task, dataset, systems }: Part): Variant[] {
  const all = { suffix: '', names: systems.map(({ name }) => name), options: [] };
  if (task === 'split' || dataset === 'bible') return [all];
  return [
    all,
    { suffix: ' of 8', names: EIGHT, options: ['--workers', '8'] },
    { suffix: ' by classes', names: UNEQUAL, options: ['--shares', 'classes'] },
  ];
}

const argumentsOf = (part: Part, { names, options }: Variant, seed: number | string): string[] => [
  ...part.options,
  ...['--steps', String(part.steps), '--seed', String(seed)],
  ...options,
  ...named(names),
];

function gather(part: Part): Map<string, Run[]> {
  const gathered = new Map<string, Run[]>();
  for (const variant of variantsOf(part))
    for (const seed of SEEDS) {
      const name = `${part.task}-${part.dataset}${variant.suffix.replaceAll(' ', '-')}-${seed}`;
      for (const run of runsOf(folder, name, argumentsOf(part, variant, seed))) {
        const key = `${run.algorithm}${variant.suffix}`;
        gathered.set(key, [...(gathered.get(key) ?? []), run]);
      }
    }
  return gathered;
}

const done = parts.map((part) => ({ part, runs: gather(part) }));

/** All runs on a data set, of both tasks. */
const sets = [...new Set(parts.map(({ dataset }) => dataset))].map((dataset) => ({
  dataset,
  name: DATASETS[dataset],
  runs: new Map(done.flatMap(({ part, runs }) => (part.dataset === dataset ? [...runs] : []))) as Runs,
}));

/** What a claim answers on each data set; undefined where it is not asked. */
const answers = claims.map((claim) => ({
  claim,
  given: sets.map(({ dataset, runs }) =>
    dataset === 'bible' && claim.text !== true ? undefined : claim.ask(runs),
  ),
}));

const flat = await shapes();
const flattened = flat.spreads.get("flattenedOneBit, lambda 'norm', c = 0.3") ?? NaN;
const astray = { recover: await stepsAstray(true), paper: await stepsAstray(false) };

const inBold = ({ verdict, tested }: Answer): string => `**${verdict}** (${tested})`;

const papers = [...new Set(claims.map(({ paper }) => paper))];
const short = papers.map((paper) => {
  const rows = answers
    .filter(({ claim }) => claim.paper === paper)
    .map(({ claim, given }) => [
      claim.title,
      ...given.map((answer) => (answer === undefined ? '' : inBold(answer))),
    ]);
  return `### ${paper}\n\n${table(['claim', ...sets.map(({ name }) => name)], rows)}`;
});

function detail({ claim, given }: { claim: Claim; given: readonly (Answer | undefined)[] }): string {
  const reason =
    claim.why !== undefined && given.some((one) => one && one.verdict !== 'holds') ? ` ${claim.why}` : '';
  const lines = given.flatMap((answer, i) =>
    answer === undefined ? [] : [`  - ${sets[i].name}: ${inBold(answer)}. ${answer.figures}.`],
  );
  return `- **${capital(claim.title)}**. Tested: ${claim.criterion}.${reason}\n${lines.join('\n')}`;
}

const details = papers.map(
  (paper) =>
    `### ${paper}, figures\n\n${answers
      .filter(({ claim }) => claim.paper === paper)
      .map(detail)
      .join('\n')}`,
);

const tables = done.map(({ part, runs }) => {
  const all = [...runs];
  const what = part.task === 'split' ? 'split learning' : 'data parallel';
  const commands = variantsOf(part).map(
    (variant) => `\`${commandOf(argumentsOf(part, { ...variant, names: [] }, 'S'))}\``,
  );
  const [[, [first]]] = all;
  return `### ${DATASETS[part.dataset]}, ${what}

${commands.join(', ')}, with the systems of the table; ${whole(first.parameters)} parameters, ${whole(part.steps)} steps.

${table(
  headerOf(first === undefined ? [] : [first]),
  all.map(([name, own]) => cellsOf(name, own)),
)}`;
});

const open = answers.flatMap(({ given }) => given).filter((answer) => answer?.verdict === 'open').length;
const seconds = done
  .flatMap(({ runs }) => [...runs.values()].flat())
  .reduce((sum, run) => sum + run.seconds, 0);
const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
const [{ runs: some }] = done;
const [dense] = some.get('dense') ?? [];

drawLinks(sets);
const page = `# What the systems do here

\`npm run results\` wrote this page in one go: every system on two sets of pictures and on text, with the seeds
${SEEDS.join(', ')}; commit ${commit}, Node ${process.versions.node}, ${dense.backend}, ${cpus()[0]?.model.trim() ?? 'unknown CPU'},
${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}. All of it takes ${(seconds / 3600).toFixed(1)} hours of one core; a run
that was cut goes on where it was. \`npm start -- --help\` says what each name is. Equal seeds give equal numbers, times
aside.

A claim **holds** where its figure, paired by seed, is above 0 by two standard errors of the mean over the seeds, **does
not hold** where it is below by as much, and is **open** else: ${open} of ${answers.flatMap(({ given }) => given.filter(Boolean)).length} answers are. In
brackets is the figure before its margin: points of accuracy, bits a character, shares. What is counted, and why, stands
further down.

## In short

${short.join('\n\n')}

### On made-up vectors

| claim | |
|---|---|
| FO-SGD: flattened, the error of one draw does not depend on the shape of the data, at most twice | **${flattened <= 2 ? 'holds' : 'does not hold'}** (${flattened.toFixed(2)} times; not flattened ${whole(flat.spreads.get('ditheredSign: one bit, not flattened') ?? NaN)} times) |
| ExDyna: after a spike of a million times the gradient the density comes back, by the paper's rule | **${astray.paper < 100 ? 'holds' : 'does not hold'}** (within a factor of two after ${whole(astray.paper)} steps) |
| the same with \`recover\`, the default here | **${astray.recover < 100 ? 'holds' : 'does not hold'}** (after ${astray.recover} steps) |

## Time to a score over a link

${linkTables(sets)}

## What was counted

${details.join('\n\n')}

## All runs

Data parallel, pictures: 784 - 128 - 10, 64 pictures a worker and step. Text: a transformer of two layers of width 64, 8
passages of 64 characters a worker and step. Split learning: two convolutions on the client, 64 pictures a step. 4 workers
unless a name says "of 8". "By classes": each worker has pictures of two to five classes, and other numbers of them; models
are averaged by these numbers, gradients are not. Scores are of the mean model on test data that no choice was made by,
after the last step: a mean with its standard error, and between what it lies. MB are 10^6 bytes, all workers and steps
together.

${tables.join('\n\n')}

${Object.values(APART).map(sectionOf).join('')}### Flattening: the error of one draw does not depend on the shape of the data

|decoded - x|^2 / |x|^2, n = 65,536, a mean over ten draws; lambda of \`ditheredSign\` is the largest magnitude.

${flat.text}
`;
await writePage(page);
for (const { claim, given } of answers)
  for (const [i, answer] of given.entries())
    if (answer !== undefined) console.log(`${answer.verdict.padEnd(13)}  ${sets[i].name}: ${claim.title}`);
console.log(`This took ${((performance.now() - started) / 60_000).toFixed(0)} minutes.`);
