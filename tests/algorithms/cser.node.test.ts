/**
 * CSER against its simulation in float64; which elements are averaged is read off the workers' directions and models.
 */
import * as assert from 'uvu/assert';
import { cser } from '../../ts/algorithms/baselines/cser.ts';
import { simulateCser } from '../reference/algorithms/cser.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { assertNear } from '../reference/algorithms/near.ts';
import { crewOf, device, directionsOf, floats, play } from '../reference/algorithms/play.ts';
import { rejects } from '../support/host.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('cser against its simulation');

/** Where all vectors agree, bit by bit: gradients and models of several workers do only where they were averaged. */
function agreed(vectors: readonly Float32Array[]): number[] {
  return [...vectors[0].keys()].filter((i) => vectors.every((vector) => vector[i] === vectors[0][i]));
}

/** Asserts that the indices are whole blocks of the vector, and one in `share` of them. */
function requireBlocks(where: readonly number[], n: number, share: number, label: string): void {
  const length = Math.ceil(n / 512);
  const blocks = Math.ceil(n / length);
  const chosen = new Set(where.map((i) => Math.floor(i / length)));
  assert.is(chosen.size, Math.ceil(blocks / share), label);
  const elements = [...chosen].reduce((sum, b) => sum + Math.min(length, n - b * length), 0);
  assert.is(where.length, elements, label);
}

for (const momentum of [0, 0.9])
  test(`momentum ${momentum}: what is sent, directions and models of 200 steps`, async () => {
    for (const [workers, n] of [
      [2, 2000],
      [3, 511],
      [8, 700],
    ]) {
      const crew = crewOf(cser({ seed: 3 }), n, workers);
      const trained = models(n, workers, momentum);
      const simulated = simulateCser(trained);
      for (let step = 0; step < 200; step++) {
        const at = `${workers} workers, step ${step}`;
        const given = gradients(n, workers, step);
        const resets = (step + 1) % 8 === 0;
        const played = await play(crew, given, resets ? trained : []);
        const [first, second] = played.rounds;
        if (resets) assert.ok(played.outcomes.every(({ kind }) => kind === 'stepped'));
        const directions = resets ? [] : directionsOf(played);

        // 1. gradients
        const sent = first.messages.map(({ bytes }) => floats(bytes));
        const where = resets
          ? [...given[0].keys()].filter((i) => sent[0].includes(given[0][i]))
          : agreed(directions);
        requireBlocks(where, n, 32, at);
        sent.forEach((part, r) =>
          assertWords(
            part,
            Float32Array.from(where, (i) => given[r][i]),
            `${at}, rank ${r}`,
          ),
        );
        const expected = simulated.step(given, where);
        assert.ok(Math.abs((crew.workers[0].report.density ?? 0) - where.length / n) < 1e-12);

        if (!resets) {
          // 2. g'_r
          directions.forEach((direction, r) => assertNear(direction, expected[r], `${at}, rank ${r}`));
          directions.forEach((direction, r) => descend(trained[r], direction));
          assert.is(played.rounds.length, 1);
        } else {
          // 3. the models
          const reset = agreed(trained.map(({ parameters }) => parameters));
          requireBlocks(reset, n, 4, at);
          simulated.reset(reset);
          const size = reset.length * (momentum > 0 ? 8 : 4);
          for (const { bytes } of second.messages) assert.is(bytes.length, size, at);
        }
        trained.forEach(({ parameters, velocity }, r) => {
          assertNear(parameters, simulated.parameters[r], `${at}, model ${r}`);
          if (momentum > 0) assertNear(velocity, simulated.velocities[r], `${at}, velocity ${r}`);
        });
      }
    }
  });

test('blocks are drawn anew in each step, for models apart from gradients, by the seed', async () => {
  const [n, workers, steps] = [1024, 2, 200];
  /** The blocks of gradients, and of models, of all steps. */
  const drawn = async (
    seed: number,
  ): Promise<{ ofGradients: string[]; ofModels: string[]; counts: number[] }> => {
    const crew = crewOf(cser({ seed }), n, workers);
    const trained = models(n, workers, 0);
    const counts = new Array<number>(n).fill(0);
    const ofGradients: string[] = [];
    const ofModels: string[] = [];
    for (let step = 0; step < steps; step++) {
      const played = await play(crew, gradients(n, workers, step), trained);
      if (played.outcomes[0].kind === 'stepped') {
        ofModels.push(String(agreed(trained.map(({ parameters }) => parameters))));
        continue;
      }
      const directions = directionsOf(played);
      const where = agreed(directions);
      for (const i of where) counts[i]++;
      ofGradients.push(String(where));
      directions.forEach((direction, r) => descend(trained[r], direction));
    }
    return { ofGradients, ofModels, counts };
  };
  const one = await drawn(1);
  assert.equal(await drawn(1), one);
  assert.is.not(String(one.ofGradients), String((await drawn(2)).ofGradients));
  assert.is(new Set(one.ofGradients).size, 175);
  assert.is(new Set(one.ofModels).size, 25);
  // each block comes up with the chance 1/32 in 175 steps: 5.5 times, with a deviation of 2.3
  assert.ok(one.counts.every((count) => count <= 18));
  const never = one.counts.filter((count) => count === 0).length / n;
  assert.ok(never < 0.02, `${never} never came up`);
});

test('a step that resets wants the model, and says so', async () => {
  const worker = cser({ seed: 1 }).worker(device, { n: 64, workers: 1, rank: 0 });
  for (let step = 0; step < 7; step++) {
    const { bytes } = await worker.send(gradients(64, 1, step)[0]);
    await worker.receive([bytes]);
  }
  await rejects(worker.send(gradients(64, 1, 7)[0]), TypeError, '"model" expected in step 7');
});

test('wrong options are named', () => {
  const made = (options: unknown) => () => cser(options as { seed: number });
  assert.throws(made({}), /"seed" expected an integer in 0\.\.4294967295, got undefined/);
  assert.throws(made({ seed: -1 }), /"seed"/);
  assert.throws(made({ seed: 1, period: 8 }), /cser has no option "period"; it has seed/);
});

test.run();
