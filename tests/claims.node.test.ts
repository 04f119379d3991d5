/** The questions that `npm run results` asks of runs, on runs that are made up. */
import * as assert from 'uvu/assert';
import type { HistoryEntry, Run } from '../examples/mnist/train.ts';
import { claims, lossAt, windowMeans, type Answer } from '../scripts/results/claims.ts';
import { suite } from './support/suite.ts';

const test = suite('claims');
const N = 1000;
const STEPS = 100;

type Made = Partial<HistoryEntry> & { accuracy?: number; megabytes?: number };

/** A run whose steps are all alike: `megabytes` each way in all. */
function made(algorithm: string, { accuracy = 0.97, megabytes = 10, loss = 0.1, ...rest }: Made): Run {
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
    accuracy,
    bytesUp: bytes,
    bytesDown: bytes,
    bytesDense: 2 * 4 * N * 4 * STEPS,
    seconds: 1,
    history,
  };
}

/** What a claim answers, by the words of its title, on two seeds of each of these systems. */
function ask(words: string, given: Readonly<Record<string, Made>>): Answer {
  const claim = claims.filter(({ title }) => title.includes(words));
  assert.is(claim.length, 1, words);
  return claim[0].answer(
    new Map(Object.entries(given).map(([name, one]) => [name, [made(name, one), made(name, one)]])),
  );
}

test('accuracy within a point', () => {
  const runs = { 'ex-dyna-momentum': { accuracy: 0.961 }, dense: { accuracy: 0.97 } };
  assert.is(ask('with momentum 0.9', runs).holds, true);
  assert.is(ask('with momentum 0.9', { ...runs, dense: { accuracy: 0.972 } }).holds, false);
});

test('loss at equal bytes, not at equal steps', () => {
  const run = made('a', { loss: 0.5 });
  assert.is(lossAt(run, 100), undefined);
  assert.ok(Math.abs((lossAt(run, 1e7) ?? 0) - 0.5) < 1e-12);
  const rivals = { 'double-squeeze': { loss: 0.2 }, 'mem-sgd': { loss: 0.3, megabytes: 1000 } };
  assert.is(ask('at equal megabytes', { 'liec-sgd': { loss: 0.19, megabytes: 20 }, ...rivals }).holds, true);
  assert.is(ask('at equal megabytes', { 'liec-sgd': { loss: 0.21 }, ...rivals }).holds, false);
  // it has sent nothing by then
  assert.is(
    ask('at equal megabytes', { 'liec-sgd': { loss: 0.1, megabytes: 10_000 }, ...rivals }).holds,
    false,
  );
});

test('densities over windows of steps', () => {
  assert.equal(windowMeans([9, 9, 1, 3, 5], 2, 0.4), [2, 4]);
  const runs = (union: number): Record<string, Made> => ({
    'ex-dyna': { union },
    'ex-dyna-5': { union: 0.05 },
    'ex-dyna-exact': { union },
  });
  const follows = "follows the target with the paper's control";
  assert.is(ask(follows, runs(0.0114)).holds, true);
  assert.is(ask(follows, runs(0.0116)).holds, false);
  assert.is(ask('within 10 %', runs(0.0112)).holds, false);
  assert.is(ask('within 2 %', runs(0.01015)).holds, true);
  assert.is(ask('within 2 %', runs(0.0103)).holds, false);
});

test('a union is the sum of its lists, and loads are even', () => {
  const systems = (union: number): Record<string, Made> =>
    Object.fromEntries(
      ['ex-dyna', 'ex-dyna-5', 'ex-dyna-exact', 'top-k'].map((name) => [name, { density: 0.01, union }]),
    );
  assert.is(ask('no build-up', systems(0.04)).holds, true);
  assert.is(ask('no build-up', systems(0.039)).holds, false);
  const loads = (imbalance: number): Record<string, Made> =>
    Object.fromEntries(['ex-dyna', 'ex-dyna-5', 'ex-dyna of 8 workers'].map((name) => [name, { imbalance }]));
  assert.is(ask('the load is even', loads(1.09)).holds, true);
  assert.is(ask('the load is even', loads(1.2)).holds, false);
});

test('masks against top-k and quantisation', () => {
  const cuts = { split: { accuracy: 0.96 }, ms: { accuracy: 0.958 }, sp: { accuracy: 0.95 } };
  assert.is(ask('where top-k of the same size', cuts).holds, true);
  assert.is(ask('where top-k of the same size', { ...cuts, sp: { accuracy: 0.959 } }).holds, false);
  assert.is(ask('where top-k of the same size', { ...cuts, ms: { accuracy: 0.951 } }).holds, false);
  const errors = { ms: { error: 0.2 }, sp: { error: 0.3 }, qu: { error: 0.4 }, rt: { error: 0.4 } };
  assert.is(ask('less error than top-k', errors).holds, true);
  assert.is(ask('less error than top-k', { ...errors, qu: { error: 0.19 } }).holds, false);
});

test.run();
