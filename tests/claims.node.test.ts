/** The questions that `npm run results` asks of runs, on runs that are made up. */
import * as assert from 'uvu/assert';
import type { HistoryEntry, Run } from '../examples/mnist/train.ts';
import { lossAt, type Answer } from '../scripts/results/answers.ts';
import { claims } from '../scripts/results/claims.ts';
import { reached, secondsTo } from '../scripts/results/links.ts';
import { estimateOf, verdictOf } from '../scripts/results/statistics.ts';
import { suite } from './support/suite.ts';

const test = suite('claims');
const N = 1000;
const STEPS = 100;

type Made = Partial<HistoryEntry> & { accuracy?: number; bits?: number; megabytes?: number };

/** A run whose steps are all alike: `megabytes` each way in all. */
function made(
  algorithm: string,
  { bits, accuracy = bits === undefined ? 0.97 : undefined, megabytes = 10, loss = 0.1, ...rest }: Made,
): Run {
  const bytes = megabytes * 1e6;
  const history = Array.from({ length: STEPS }, (_, i) => {
    const sent = (bytes * (i + 1)) / STEPS;
    return { step: i + 1, loss, bytesUp: sent, bytesDown: sent, ...rest };
  });
  return {
    algorithm,
    backend: 'js',
    parameters: N,
    workers: 4,
    steps: STEPS,
    seed: 1,
    ...(bits === undefined ? { accuracy } : { bits }),
    bytesUp: bytes,
    bytesDown: bytes,
    bytesDense: 2 * 4 * N * 4 * STEPS,
    gradientSeconds: 3,
    systemSeconds: 1,
    learningRate: 0.1,
    seconds: 1,
    history,
  };
}

/** What a claim answers, by the words of its title, on seeds of each of these systems: two that are alike, or all. */
function ask(words: string, given: Readonly<Record<string, Made | readonly Made[]>>): Answer {
  const claim = claims.filter(({ title }) => title.includes(words));
  assert.is(claim.length, 1, words);
  const seeds = (one: Made | readonly Made[]): readonly Made[] => ('map' in one ? one : [one, one]);
  return claim[0].ask(
    new Map(Object.entries(given).map(([name, one]) => [name, seeds(one).map((seed) => made(name, seed))])),
  );
}

const verdict = (...given: Parameters<typeof ask>): string => ask(...given).verdict;

test('a standard error, and what is above 0 by two of them', () => {
  // deviation sqrt(2 / 3 * 4 / 2), by hand: values 1, 3, 5 have mean 3, variance 4
  const { mean, error } = estimateOf([1, 3, 5]);
  assert.is(mean, 3);
  assert.ok(Math.abs(error - 2 / Math.sqrt(3)) < 1e-12);
  assert.is(verdictOf([1, 3, 5]), 'holds');
  assert.is(verdictOf([-1, -3, -5]), 'does not hold');
  assert.is(verdictOf([1, -1, 2]), 'open');
  // 1, 2, 3, 4, 5 less 1.59: mean 1.41 of an error of .707 is just below two of them
  assert.is(verdictOf([1, 2, 3, 4, 5].map((value) => value - 1.59)), 'open');
  assert.is(verdictOf([1, 2, 3, 4, 5].map((value) => value - 1.58)), 'holds');
  assert.is(verdictOf([0, 0]), 'does not hold');
});

test('accuracy within a point, of pairs of seeds', () => {
  const dense = { accuracy: 0.97 };
  assert.is(verdict('with momentum 0.9', { 'ex-dyna-momentum': { accuracy: 0.961 }, dense }), 'holds');
  assert.is(
    verdict('with momentum 0.9', { 'ex-dyna-momentum': { accuracy: 0.958 }, dense }),
    'does not hold',
  );
  // far apart from seed to seed, and always the same below dense training with that seed
  const far = [0.9, 0.95, 0.99];
  const below = far.map((accuracy) => ({ accuracy: accuracy - 0.009 }));
  const runs = { 'ex-dyna-momentum': below, dense: far.map((accuracy) => ({ accuracy })) };
  assert.is(verdict('with momentum 0.9', runs), 'holds');
  const mixed = { ...runs, dense: far.map((accuracy) => ({ accuracy })).reverse() };
  assert.is(verdict('with momentum 0.9', mixed), 'open');
});

test('bits a character: less is better', () => {
  const sparse = { 'sparse-lo-co': { bits: 2.54 }, 'sparse-lo-co-forgets': { bits: 2.6 } };
  assert.is(verdict('train as dense training in every step', { ...sparse, dense: { bits: 2.5 } }), 'holds');
  assert.is(
    verdict('train as dense training in every step', { ...sparse, dense: { bits: 2.48 } }),
    'does not hold',
  );
  const memory = ask('error memory', sparse);
  assert.is(memory.verdict, 'holds');
  assert.is(memory.tested, '+0.060 bits');
});

test('loss at equal bytes, not at equal steps', () => {
  const run = made('a', { loss: 0.5 });
  assert.ok(Math.abs(lossAt(run, 1e7) - 0.5) < 1e-12);
  assert.ok(Math.abs(lossAt(run, 100) - 0.5) < 1e-12, 'before the first step has ended: that of the first');
  const mem = { 'mem-sgd': { loss: 0.2 } };
  assert.is(verdict('below that of MEM-SGD', { 'liec-sgd': { loss: 0.19, megabytes: 20 }, ...mem }), 'holds');
  assert.is(verdict('below that of MEM-SGD', { 'liec-sgd': { loss: 0.21 }, ...mem }), 'does not hold');
});

test('densities: their mean, and step by step', () => {
  const runs = (union: number): Record<string, Made> => ({
    'ex-dyna': { union },
    'ex-dyna-exact': { union },
  });
  const follows = 'mean density at the target';
  assert.is(verdict(follows, runs(0.0109)), 'holds');
  assert.is(verdict(follows, runs(0.0112)), 'does not hold');
  assert.is(verdict('within 10 %', runs(0.0112)), 'does not hold');
  assert.is(verdict('within 2 %', runs(0.01015)), 'holds');
  assert.is(verdict('within 2 %', runs(0.0103)), 'does not hold');
});

test('a union is the sum of its lists, and loads are even', () => {
  const systems = (union: number): Record<string, Made> =>
    Object.fromEntries(['ex-dyna', 'top-k'].map((name) => [name, { density: 0.01, union }]));
  assert.is(verdict('no build-up', systems(0.04)), 'holds');
  assert.is(verdict('no build-up', systems(0.039)), 'does not hold');
  const loads = (four: number, eight: number): Record<string, Made> => ({
    'ex-dyna': { imbalance: four },
    'ex-dyna of 8': { imbalance: eight },
  });
  assert.is(verdict("even with the paper's rule", loads(1.09, 1.05)), 'holds');
  assert.is(verdict("even with the paper's rule", loads(1.09, 1.2)), 'does not hold');
});

test('masks against top-k and quantisation', () => {
  const cuts = { split: { accuracy: 0.96 }, ms: { accuracy: 0.958 }, sp: { accuracy: 0.95 } };
  assert.is(verdict('masks train as features', cuts), 'holds');
  assert.is(verdict('masks train as features', { ...cuts, ms: { accuracy: 0.951 } }), 'does not hold');
  assert.is(verdict('SP, top-k of as many bytes', cuts), 'holds');
  assert.is(verdict('SP, top-k of as many bytes', { ...cuts, sp: { accuracy: 0.959 } }), 'does not hold');
  const errors = { ms: { error: 0.2 }, sp: { error: 0.3 }, qu: { error: 0.4 }, rt: { error: 0.4 } };
  assert.is(verdict('of the same size', errors), 'holds');
  assert.is(verdict('of the same size', { ...errors, qu: { error: 0.19 } }), 'does not hold');
});

test('seconds to a score: steps that were timed, and bytes over a link', () => {
  const run = made('a', {});
  const scores: Record<number, number> = { 10: 0.5, 50: 0.9, 100: 0.95 };
  const history = run.history.map((entry) => ({ ...entry, accuracy: scores[entry.step] }));
  const scored = { ...run, history };
  // of .9 to .95, .91 is a fifth of the way from step 50 to step 100; 2 x 10 MB in 100 steps of 4 workers
  const found = reached(scored, 0.91, true);
  assert.ok(Math.abs((found?.step ?? 0) - 60) < 1e-9);
  assert.ok(Math.abs((found?.bytes ?? 0) - 3e6) < 1e-3);
  // a step takes .04 s, and 3 MB over 8 Mbit/s three seconds
  assert.ok(Math.abs((secondsTo([scored], 0.91, true, 8) ?? 0) - (60 * 0.04 + 3)) < 1e-9);
  assert.is(secondsTo([scored, run], 0.91, true, 8), undefined);
  assert.is(reached(scored, 0.99, true), undefined);
  // of bits less is better
  assert.ok(Math.abs((reached(scored, 0.9, false)?.step ?? 0) - 10) < 1e-9);
});

test.run();
