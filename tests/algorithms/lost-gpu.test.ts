/**
 * A GPU that goes away in the middle of a step: machines go on from the states that they had saved, on the GPU that
 * their device has opened in its place, and all bytes are those of a run that nothing happened to.
 */
import * as assert from 'uvu/assert';
import type { Model, Outcome, Server, System, Worker } from '../../ts/algorithms/system.ts';
import type { Vector } from '../../ts/algorithms/vectors.ts';
import { DeviceLostError } from '../../ts/errors.ts';
import { openDevice, type Device, type DeviceVector } from '../../ts/index.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, play, type Crew, type Played } from '../reference/algorithms/play.ts';
import { loadAll, savedBy } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { restOf } from '../reference/algorithms/rest.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('a GPU that is lost');
const N = 130;
const WORKERS = 2;
const STEPS = 9;

/** Loses the device's GPU while the call of this number is under way, if there is one. */
interface Accident {
  calls: number;
  at: number;
}

/** Machines on a device; each second worker's directions are on it, too. */
function crewOn(device: Device, system: System, accident: Accident): Crew & { readonly own: DeviceVector } {
  const during = <T>(call: Promise<T>): Promise<T> => {
    if (accident.calls++ === accident.at) (device.gpu as GPUDevice).destroy();
    return call;
  };
  const seat = { n: N, workers: WORKERS };
  const own = device.vector(N);
  const workers = Array.from({ length: WORKERS }, (_, rank): Worker => {
    const worker: Worker<Vector> = system.worker<Vector>(
      device,
      { ...seat, rank },
      rank % 2 === 1 ? own : undefined,
    );
    return {
      send: (gradient, model) => during(worker.send(gradient, model)),
      async receive(inbox, from, used): Promise<Outcome> {
        const outcome = await during(worker.receive(inbox, from, used));
        if (outcome.kind === 'message') return outcome;
        const inMemory = async (vector: Vector): Promise<Float32Array> =>
          ArrayBuffer.isView(vector) ? vector : own.read();
        if (outcome.kind === 'direction')
          return { kind: 'direction', direction: await inMemory(outcome.direction) };
        const { parameters } = outcome;
        return { kind: 'stepped', ...(parameters && { parameters: await inMemory(parameters) }) };
      },
      ...restOf(worker),
    };
  });
  const server = system.server?.(device, seat);
  const answering: Server | undefined = server && {
    ...server,
    answer: (messages, from) => during(server.answer(messages, from)),
  };
  return { workers, server: answering, own };
}

const machinesOf = ({ workers, server }: Crew): (Worker | Server)[] =>
  server === undefined ? [...workers] : [...workers, server];

function stepAll({ outcomes }: Played, trained: readonly Model[]): void {
  for (const [rank, outcome] of outcomes.entries())
    if (outcome.kind === 'direction') descend(trained[rank], outcome.direction);
}

const copyOf = (all: readonly Model[]): Model[] =>
  all.map((model) => ({
    ...model,
    parameters: model.parameters.slice(),
    velocity: model.velocity.slice(),
  }));

for (const { label, system, momentum } of some(systems))
  test(`${label}: what was saved goes on as if the GPU had stayed`, async () => {
    const undisturbed = crewOf(system, N, WORKERS);
    const device = await openDevice({ backend: 'webgpu' });
    const accident: Accident = { calls: 0, at: Infinity };
    const crew = crewOn(device, system, accident);
    const expected = models(N, WORKERS, momentum);
    let trained = copyOf(expected);
    let lost = 0;
    /** Calls of the last step: in which of them the GPU is lost in the next. */
    let calls = 0;
    let gone: unknown;
    for (let step = 0; step < STEPS; step++) {
      const given = gradients(N, WORKERS, step);
      const right = await play(undisturbed, given, expected);
      if (step % 2 === 1) {
        const states = await savedBy(machinesOf(crew));
        const before = copyOf(trained);
        gone = device.gpu;
        // in the first call, in the last, and between
        Object.assign(accident, {
          calls: 0,
          at: Math.floor(((calls - 1) * ((step - 1) / 2)) / (STEPS / 2 - 1.5)),
        });
        try {
          await play(crew, given, trained);
        } catch (error) {
          if (!(error instanceof DeviceLostError)) throw error;
          lost++;
        }
        // a step may have fewer calls than the one before: then nothing was lost
        if (accident.calls <= accident.at) gone = undefined;
        accident.at = Infinity;
        assert.ok(accident.calls > 0);
        trained = before;
        await loadAll(machinesOf(crew), states);
        assert.equal(await savedBy(machinesOf(crew)), states, 'what was loaded is there');
      }
      accident.calls = 0;
      const played = await play(crew, given, trained);
      assert.is.not(device.gpu, gone);
      ({ calls } = accident);
      assert.equal(played, right, `step ${step}`);
      stepAll(right, expected);
      stepAll(played, trained);
      assert.equal(trained, expected, `step ${step}`);
      assert.equal(await savedBy(machinesOf(crew)), await savedBy(machinesOf(undisturbed)), `step ${step}`);
    }
    assert.ok(lost > 0, 'the GPU was lost');
    for (const machine of [...machinesOf(crew), crew.own]) machine.free();
    assert.is(device.vectors, 0);
    device.close();
  });

test.run();
