/** Systems with a server, with error feedback on neither, one or both sides, against their simulation in float64. */
import * as assert from 'uvu/assert';
import { doubleSqueeze } from '../../ts/algorithms/baselines/double-squeeze.ts';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import { pSgd } from '../../ts/algorithms/baselines/p-sgd.ts';
import type { System } from '../../ts/algorithms/system.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { threshold } from '../../ts/compressors/threshold.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { inspect } from '../../ts/inspect.ts';
import { isFrom, isScaledSign, isTopK, isWhole, type Check } from '../reference/algorithms/compressed.ts';
import { gradients } from '../reference/algorithms/gradients.ts';
import { assertNear, exactly } from '../reference/algorithms/near.ts';
import { crewOf, decoded, directionsOf, play } from '../reference/algorithms/play.ts';
import { simulateServer, type Feedback } from '../reference/algorithms/server.ts';
import { readState } from '../reference/algorithms/states.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('systems with a server against their simulation');

/** What each side sends, as the definition has it. */
interface Kind extends Feedback {
  readonly label: string;
  readonly system: System;
  readonly isUp: Check;
  readonly isDown: Check;
}

const kinds: readonly Kind[] = [
  { label: 'pSgd', system: pSgd(), up: false, down: false, isUp: isWhole, isDown: isWhole },
  {
    label: 'memSgd of topK',
    system: memSgd(topK({ k: 20 })),
    up: true,
    down: false,
    isUp: isTopK(20),
    isDown: isWhole,
  },
  {
    label: 'memSgd of scaledSign',
    system: memSgd(scaledSign()),
    up: true,
    down: false,
    isUp: isScaledSign,
    isDown: isWhole,
  },
  {
    label: 'doubleSqueeze of scaledSign',
    system: doubleSqueeze(scaledSign()),
    up: true,
    down: true,
    isUp: isScaledSign,
    isDown: isScaledSign,
  },
  {
    label: 'doubleSqueeze of topK',
    system: doubleSqueeze(topK({ k: 25 })),
    up: true,
    down: true,
    isUp: isTopK(25),
    isDown: isTopK(25),
  },
  {
    label: 'doubleSqueeze of threshold',
    system: doubleSqueeze(threshold({ t: 6 })),
    up: true,
    down: true,
    isUp: isFrom(6),
    isDown: isFrom(6),
  },
];

for (const { label, system, isUp, isDown, ...feedback } of kinds)
  test(`${label}: packets, errors and directions of 200 steps`, async () => {
    for (const [workers, n, steps] of [
      [2, 500, 200],
      [3, 331, 60],
      [8, 300, 200],
    ]) {
      const crew = crewOf(system, n, workers);
      const simulated = simulateServer(n, workers, feedback);
      for (let step = 0; step < steps; step++) {
        const at = `${workers} workers, step ${step}`;
        const given = gradients(n, workers, step);
        const played = await play(crew, given);
        const [{ messages, inbox }] = played.rounds;
        const sent = await decoded(messages.map(({ bytes }) => bytes));
        for (let rank = 0; rank < workers; rank++) {
          const { p, sent: told } = simulated.worker(rank, given[rank]);
          isUp(sent[rank], p, `${at}, rank ${rank}`);
          told(sent[rank]);
        }
        const [q] = await decoded(inbox);
        const { p, answered } = simulated.server();
        isDown(q, p, `${at}, server`);
        answered(q);
        for (const direction of directionsOf(played)) assertWords(direction, q, at);
        if (step % 10 !== 9) continue;
        // what was kept, as the saved states have it
        if (feedback.up)
          for (const [rank, worker] of crew.workers.entries()) {
            const { error } = readState(await worker.save()).vectors;
            assertNear(error, simulated.errors[rank], `${at}, error of ${rank}`);
          }
        if (feedback.down && crew.server !== undefined)
          assertNear(
            readState(await crew.server.save()).vectors.error,
            simulated.serverError,
            `${at}, server`,
          );
      }
    }
  });

test('pSgd: a direction is the mean of the gradients, and 32 bits an element travel each way', async () => {
  const n = 1000;
  const crew = crewOf(pSgd(), n, 4);
  const given = gradients(n, 4, 0);
  const { rounds, bytesUp, bytesDown, ...step } = await play(crew, given);
  const sizes = rounds[0].messages.map(({ bytes }) => inspect(bytes).bytes);
  assert.equal(
    sizes,
    [1, 1, 1, 1].map(() => n * 4 + 20),
  );
  assert.equal([bytesUp, bytesDown], [4 * sizes[0], 4 * sizes[0]]);
  // 1 / 4 is exact: three float32 sums
  directionsOf({ bytesUp, bytesDown, ...step })[3].forEach((value, i) => {
    const mean = given.reduce((sum, gradient) => sum + gradient[i], 0) / 4;
    const size = given.reduce((sum, gradient) => sum + Math.abs(gradient[i]), 0) / 4;
    assert.ok(Math.abs(value - mean) <= 3 * 2 ** -24 * size);
  });
});

test('one worker without compression gets its gradient back', async () => {
  const crew = crewOf(pSgd(), 100, 1);
  const given = gradients(100, 1, 3);
  assertNear(directionsOf(await play(crew, given))[0], exactly(given[0]), 'direction');
});

test('report says the share of the elements that were sent, where some were not', async () => {
  for (const [system, density] of [
    [memSgd(topK({ k: 20 })), 0.1],
    [doubleSqueeze(topK({ ratio: 0.25 })), 0.25],
    [doubleSqueeze(scaledSign()), undefined],
    [pSgd(), undefined],
  ] as const) {
    const crew = crewOf(system, 200, 2);
    assert.equal(crew.workers[1].report, {});
    await play(crew, gradients(200, 2, 0));
    assert.is(crew.workers[1].report.density, density);
  }
});

test.run();
