/** Plans in systems: those that take a compressor take a plan, packets of another are refused, and the rest says so. */
import * as assert from 'uvu/assert';
import * as algorithms from '../../ts/algorithms/index.ts';
import type { System } from '../../ts/algorithms/system.ts';
import { PacketError } from '../../ts/errors.ts';
import { inspect, plan, quantized, scaledSign, topK, type Compressor } from '../../ts/index.ts';
import { goldenLayout, goldenPlan } from '../../ts/verify/golden-plans.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, decoded, device, directionsOf, play } from '../reference/algorithms/play.ts';
import { rejects } from '../support/host.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('plans in systems');

const [N, WORKERS, STEPS] = [1500, 3, 5];

const systems = (compressor: Compressor): readonly System[] => [
  algorithms.memSgd(compressor),
  algorithms.doubleSqueeze({ compressor }),
  algorithms.liecSgd({ compressor, averagePeriod: 3 }),
];

for (const name of ['network', 'draws', 'together'] as const)
  for (const system of systems(goldenPlan(name, N)))
    test(`${system.name} of ${name}: packets of parts, directions of what they hold, and states`, async () => {
      const [crew, trained] = [crewOf(system, N, WORKERS), models(N, WORKERS, 0)];
      const again = crewOf(system, N, WORKERS);
      const sent = new Float64Array(N);
      const given = new Float64Array(N);
      for (let step = 0; step < STEPS; step++) {
        for (const [rank, worker] of crew.workers.entries())
          await again.workers[rank].load(await worker.save());
        if (crew.server !== undefined) await again.server!.load(await crew.server.save());
        const own = gradients(N, WORKERS, step);
        const others = trained.map((model) => ({ ...model, parameters: model.parameters.slice() }));
        const played = await play(crew, own, trained);
        const repeated = await play(again, own, others);
        assert.equal(
          repeated.rounds.map(({ messages }) => messages.map(({ bytes }) => bytes)),
          played.rounds.map(({ messages }) => messages.map(({ bytes }) => bytes)),
        );
        const packets = played.rounds[0].messages.map(({ bytes }) => bytes);
        // LIEC-SGD averages models in between
        if (system.name === 'liecSgd' && played.outcomes[0].kind !== 'direction') continue;
        if (packets[0][5] === 15)
          for (const packet of packets)
            assert.is(inspect(packet).parts!.length, inspect(packets[0]).parts!.length);
        const directions = directionsOf(played);
        // a worker of LIEC-SGD adds what it has of its own
        if (system.name !== 'liecSgd')
          for (const direction of directions) assertWords(direction, directions[0], 'directions');
        if (system.name === 'memSgd') {
          const mean = new Float32Array(N);
          for (const packet of packets)
            await device.decompress(packet, { into: mean, accumulate: 1 / WORKERS });
          assertWords(directions[0], mean, `step ${step}`);
          (await decoded(packets)).forEach((vector) => vector.forEach((value, i) => (sent[i] += value)));
          own.forEach((vector) => vector.forEach((value, i) => (given[i] += value)));
        }
        trained.forEach((model, rank) => descend(model, directions[rank]));
      }
      if (system.name !== 'memSgd' || name === 'draws') return;
      // what is not sent is kept, and sent later: what is still kept is bounded
      const lacking = given.reduce((sum, value, i) => sum + (value - sent[i]) ** 2, 0);
      assert.ok(lacking < given.reduce((sum, value) => sum + value ** 2, 0), `${name}: ${lacking}`);
    });

test('a packet of another plan is refused, and the part is named', async () => {
  const layout = goldenLayout(N);
  const of = (bits: number): Compressor =>
    plan(
      [
        { match: 'conv*', compressor: scaledSign({ block: bits === 4 ? 64 : 32 }) },
        { match: '*', compressor: quantized({ bits: 8 }) },
      ],
      layout,
      { tiny: 0 },
    );
  const system = algorithms.memSgd(of(4));
  const { server } = crewOf(system, N, 1);
  const x = gradients(N, 1, 0)[0];
  const refused = async (compressor: Compressor, what: string): Promise<void> => {
    const packet = await device.compress(compressor, x);
    await rejects(server!.answer([packet]), PacketError, what);
  };
  await refused(
    of(5),
    'a packet with part 0 of scaledSign, block = 32, n = 300 from rank 0; expected scaledSign',
  );
  await refused(goldenPlan('draws', N), 'a packet of plan, parts = ');
  await refused(topK({ ratio: 0.1 }), 'expected plan, parts = ');
  await server!.answer([await device.compress(of(4), x)]);
});

test('systems that select or draw by themselves say what they take', () => {
  const given = goldenPlan('network', N) as never;
  for (const name of ['exDyna', 'cltK', 'topKAllGather', 'hardThreshold', 'foSgd', 'pSgd'] as const)
    assert.throws(
      () => algorithms[name](given),
      (error: Error) =>
        error instanceof TypeError &&
        error.message.startsWith(`${name} expected `) &&
        error.message.endsWith('got the compressor plan'),
    );
  assert.throws(() => algorithms.cser(given), /cser expected \{ seed \}.*got plan/);
});

test.run();
