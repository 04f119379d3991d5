/** What the models have taken, plus what is kept, is what came in: for each system that claims it, on every step. */
import * as assert from 'uvu/assert';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { UNIT } from '../reference/algorithms/near.ts';
import { crewOf, play, type Crew } from '../reference/algorithms/play.ts';
import { readState, savedBy } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { whole } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('conservation');

/** What each worker keeps, then what the server keeps for each of them. */
async function keptBy({ workers, server }: Crew): Promise<Float32Array[]> {
  const of = (state: Uint8Array): Float32Array[] =>
    Object.values(readState(state).vectors).filter(({ length }) => length > 0);
  const atServer = server === undefined ? [] : of(await server.save());
  return (await savedBy(workers)).flatMap((state) => [...of(state), ...atServer]);
}

/** LIEC-SGD averages models in the hundredth step, which whole runs have. */
const STEPS = whole ? 100 : 25;

for (const { label, system, conserves } of systems.filter(({ momentum }) => momentum === 0))
  if (conserves)
    test(`${label}: over ${STEPS} steps nothing is lost and nothing is added`, async () => {
      for (const [workers, n] of [
        [2, 300],
        [3, 131],
        [8, 64],
      ]) {
        const crew = crewOf(system, n, workers);
        // a learning rate of 1: models are the starting point less all that they have taken
        const trained = models(n, workers, 0, 1);
        const start = Float64Array.from(trained[0].parameters, (value) => value * workers);
        const given = new Float64Array(n);
        const bound = new Float64Array(n);
        for (let step = 0; step < STEPS; step++) {
          const now = gradients(n, workers, step);
          const before = [...(await keptBy(crew)), ...trained.map(({ parameters }) => parameters.slice())];
          const { outcomes } = await play(crew, now, trained);
          outcomes.forEach((outcome, rank) => {
            if (outcome.kind === 'direction') descend(trained[rank], outcome.direction);
          });
          const kept = await keptBy(crew);
          const after = trained.map(({ parameters }) => parameters);
          for (let i = 0; i < n; i++) {
            const sum = (vectors: readonly Float32Array[], of = (value: number) => value): number =>
              vectors.reduce((total, vector) => total + of(vector[i]), 0);
            given[i] += sum(now);
            // each of these is rounded, and added to others, no more than N + 8 times a step
            bound[i] += (workers + 8) * UNIT * sum([...now, ...before, ...kept, ...after], Math.abs);
            const off = start[i] - sum(after) + sum(kept) - given[i];
            if (!(Math.abs(off) <= bound[i]))
              assert.unreachable(`${workers} workers, step ${step}, element ${i}: ${off}, bound ${bound[i]}`);
          }
        }
      }
    });

test.run();
