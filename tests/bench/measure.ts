/**
 * Times of calls, by the npm package benchmark. The candidates of a group take turns in several short rounds, each time
 * in another order, so that what else the machine does falls on all of them alike; the samples of all rounds count
 * together.
 */
import Benchmark from 'benchmark';
import { type Spread, spreadOf } from '../../ts/cli/timing.ts';

export { type Spread, spreadOf };

/** Something to be timed. */
export interface Candidate {
  /** One call. If it gives a promise, the call lasts until that is settled. */
  readonly run: () => unknown;
  /** Done before each round, outside of the time. */
  readonly before?: () => unknown;
}

/** Seconds that a sample takes at least, so that the clock's resolution does not count. */
const SAMPLE_SECONDS = 0.02;

/** Samples of a round; one where a call is long. */
const SAMPLES = 3;
const LONG_SECONDS = 0.2;

/**
 * Calls before the first sample, in which the engine compiles and memory grows, and the seconds of them at least; no
 * more of them where they have taken so many seconds.
 */
const WARM_CALLS = 10;
const WARM_SECONDS = 0.05;
const MOST_WARM_SECONDS = 2;

/** A candidate that has taken so many seconds gets no more rounds. */
const MOST_SECONDS = 20;

/** A candidate on its way. */
interface Run {
  readonly candidate: Candidate;
  readonly samples: number[];
  readonly waits: boolean;
  /** What the first call took, and one when it was warm. */
  readonly first: number;
  readonly seconds: number;
  /** Calls in a sample. */
  count: number;
  /** Seconds that it has taken so far. */
  spent: number;
}

/** What calls took, in seconds, once they were warm, and the first of all. */
export interface Measured extends Spread {
  readonly first: number;
}

/** Measures candidates in turns. The results are in their order. */
export async function measure(candidates: readonly Candidate[], rounds: number): Promise<Measured[]> {
  const runs: Run[] = [];
  for (const candidate of candidates) runs.push(await warmUp(candidate));
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < runs.length; turn++) {
      const run = runs[(turn + round) % runs.length];
      if (run.spent < MOST_SECONDS) await sample(run);
    }
  return runs.map(({ samples, first }) => ({ ...spreadOf(samples), first }));
}

/** The first calls. The last of a candidate that is very slow is its only sample. */
async function warmUp(candidate: Candidate): Promise<Run> {
  await candidate.before?.();
  let calls = 0;
  let spent = 0;
  let waits = false;
  let first = 0;
  let last = 0;
  while (spent < WARM_SECONDS || (calls < WARM_CALLS && spent < MOST_WARM_SECONDS)) {
    const start = performance.now();
    const result = candidate.run();
    waits = result instanceof Promise;
    if (waits) await result;
    last = (performance.now() - start) / 1000;
    if (calls === 0) first = last;
    spent += last;
    calls++;
    if (spent >= MOST_SECONDS)
      return { candidate, samples: [last], waits, first, seconds: last, count: 1, spent };
  }
  const seconds = Math.min(last, spent / calls);
  const count = Math.max(1, Math.ceil(SAMPLE_SECONDS / seconds));
  return { candidate, samples: [], waits, first, seconds, count, spent: 0 };
}

/** One round of one candidate. */
async function sample(run: Run): Promise<void> {
  const { candidate, samples, waits } = run;
  await candidate.before?.();
  let failure: Error | undefined;
  const call = (deferred: { resolve(): void }): void => {
    const result = candidate.run();
    if (!waits) return;
    (result as Promise<unknown>)
      .catch((error: Error) => (failure ??= error))
      .finally(() => deferred.resolve());
  };
  const start = performance.now();
  const bench = await new Promise<Benchmark>((resolve) => {
    const bench = new Benchmark({
      fn: call,
      defer: waits,
      minTime: SAMPLE_SECONDS,
      maxTime: 0,
      minSamples: run.seconds > LONG_SECONDS ? 1 : SAMPLES,
      initCount: run.count,
      // a turn later, so that what `run` returns is there
      onComplete: () => setTimeout(() => resolve(bench), 0),
    });
    bench.run({ async: waits });
  });
  failure ??= bench.error;
  if (failure !== undefined) throw failure;
  samples.push(...bench.stats.sample);
  run.count = bench.count;
  run.spent += (performance.now() - start) / 1000;
}
