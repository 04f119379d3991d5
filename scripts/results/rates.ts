/**
 * `npm run results:rates`: looks for each system's learning rate, on each data set, by data that are held out of the
 * training data, never by the test's. The search is the same for all: three rates of a series in which each is twice
 * the one before, then further ones on the side where the best is the last, until it is not. Writes the rates into
 * examples/mnist/rates.ts, and what each rate came to into docs/results.md. An hour on two cores; finished runs stay in
 * --folder, and are not run again.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DATASETS } from '../../examples/mnist/datasets.ts';
import { MEASURES, measureOf, scoreOf, type Scored } from '../../examples/mnist/measure.ts';
import { table } from '../filled.ts';
import { APART, writeSection } from './page.ts';
import { RUNS_FOLDER, runsOf } from './runs.ts';
import { named, parts, type Part } from './systems.ts';

const FILE = fileURLToPath(new URL('../../examples/mnist/rates.ts', import.meta.url));

/** The seed of the search, which no other run has. */
const SEED = 100;

/** The first rates, with momentum and without: plain SGD steps as far at ten times the rate. */
const FIRST = { momentum: [0.025, 0.05, 0.1], plain: [0.2, 0.4, 0.8] } as const;

/** Rates that are tried at most: a system that is best at none of so many has none. */
const MOST = 8;

/** What each rate came to, higher being better: bits with their sign turned, and nothing where a run diverged. */
type Tried = Map<number, number>;

const { folder } = parseArgs({ options: { folder: { type: 'string', default: RUNS_FOLDER } } }).values;

/** The rate at which it was best. */
const bestOf = (tried: Tried): number => [...tried].reduce((best, one) => (one[1] > best[1] ? one : best))[0];

/** The rate to try next; undefined where the best has neighbours on both sides. */
function nextOf(tried: Tried): number | undefined {
  const rates = [...tried.keys()].sort((a, b) => a - b);
  const best = bestOf(tried);
  if (rates.length >= MOST) return undefined;
  if (best === rates[0]) return best / 2;
  return best === rates[rates.length - 1] ? best * 2 : undefined;
}

function rating(run: Scored): number {
  const score = scoreOf(run) ?? NaN;
  const rises = MEASURES[measureOf(run)].rises;
  return Number.isFinite(score) ? (rises ? score : -score) : -Infinity;
}

/** All systems' rates of a part: those that are to try the same rate run side by side. */
function search({ task, dataset, systems, searched, options }: Part): Map<string, Tried> {
  const all = new Map(systems.map(({ name }): [string, Tried] => [name, new Map()]));
  const wanted = new Map(
    systems.map(({ name, momentum }) => [name, [...FIRST[momentum > 0 ? 'momentum' : 'plain']] as number[]]),
  );
  while (wanted.size > 0) {
    const rate = Math.min(...[...wanted.values()].flat());
    const names = [...wanted].flatMap(([name, rates]) => (rates.includes(rate) ? [name] : []));
    const these = createHash('sha256').update(names.join()).digest('hex').slice(0, 8);
    const runs = runsOf(folder, `rates-${task}-${dataset}-${rate}-${these}`, [
      ...options,
      ...['--held-out', 'validation', '--seed', String(SEED), '--steps', String(searched)],
      ...['--rate', String(rate)],
      ...named(names),
    ]);
    for (const run of runs) all.get(run.algorithm)!.set(rate, rating(run));
    for (const name of names) {
      const left = wanted.get(name)!.filter((other) => other !== rate);
      const next = left.length > 0 ? left : [nextOf(all.get(name)!)].filter((other) => other !== undefined);
      if (next.length > 0) wanted.set(name, next);
      else wanted.delete(name);
    }
  }
  return all;
}

const found = parts.map((part) => ({ part, systems: search(part) }));

const lines = found.map(({ part: { task, dataset }, systems }) => {
  const rates = [...systems].map(
    ([name, tried]) => `    ${/^[a-z]+$/.test(name) ? name : `'${name}'`}: ${bestOf(tried)},`,
  );
  return `  '${task} ${dataset}': {\n${rates.join('\n')}\n  },`;
});
const [before, after] = readFileSync(FILE, 'utf8').split(/(?<=\/\/ <rates>\n)[^]*(?= {2}\/\/ <\/rates>)/);
writeFileSync(FILE, `${before}${lines.join('\n')}\n${after}`);

const tables = found.map(({ part: { task, dataset, searched, options }, systems }) => {
  const rates = [...new Set([...systems.values()].flatMap((tried) => [...tried.keys()]))].sort(
    (a, b) => a - b,
  );
  const { title, format } = MEASURES[dataset === 'bible' ? 'bits' : 'accuracy'];
  const rows = [...systems].map(([name, tried]) => {
    const best = bestOf(tried);
    return [
      name,
      ...rates.map((rate) => {
        const score = tried.get(rate);
        if (score === undefined) return '';
        const text = Number.isFinite(score) ? format(Math.abs(score)).replace(' %', '') : 'diverged';
        return rate === best ? `**${text}**` : text;
      }),
    ];
  });
  const what = task === 'split' ? 'split learning' : 'data parallel';
  return `${DATASETS[dataset]}, ${what}: ${title.replace('test ', '')} after ${searched} steps, by rate
(\`npm start -- ${options.join(' ')} --held-out validation --seed ${SEED} --steps ${searched} --rate R --algorithm A\`).

${table(['system', ...rates.map(String)], rows)}`;
});
await writeSection(
  APART.rates,
  `\`npm run results:rates\` looked for them with seed ${SEED}, by a sixth of the training pictures, or a twentieth of the
chapters, on which it then did not train; the test data had no part in it. For each system three rates, each twice the
one before, then further ones on the side where the best is the last. Bold is what \`npm start\` takes.

${tables.join('\n\n')}`,
);
