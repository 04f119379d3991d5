/** Systems with gradients and directions on the GPU: the messages and numbers that they have in memory. */
import * as assert from 'uvu/assert';
import { foSgd, liecSgd, pSgd, splitMask, workerOnGpu } from '../../ts/algorithms/index.ts';
import type { Outcome, System, Worker } from '../../ts/algorithms/system.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { openDevice, type Device, type GpuRange } from '../../ts/index.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, device as js, play, type Crew } from '../reference/algorithms/play.ts';
import { savedBy } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { countCrossings } from '../support/crossings.ts';
import { contents, COPY_SOURCE, onGpu, openGpu, releaseGpus, STORAGE } from '../support/gpu.ts';
import { rejects } from '../support/host.ts';
import { inBrowser } from '../support/settings.ts';
import { suite } from '../support/suite.ts';

const test = suite('systems on the GPU');
let gpu: GPUDevice;
let device: Device;
test.before(async () => {
  gpu = await openGpu();
  device = await openDevice({ backend: 'webgpu', gpu });
});
test.after(() => {
  device.close();
  gpu.destroy();
  releaseGpus();
});

const WORKERS = 2;
const ALL = STORAGE | COPY_SOURCE;

/** A vector on the GPU; those of odd ranks at an offset that no shader binds. */
function ranged(x: Float32Array, rank: number): GpuRange {
  const offset = 52 * (rank % 2);
  return { buffer: onGpu(gpu, x, offset, ALL), offset, length: x.length };
}

async function read({ buffer, offset = 0, length = 0 }: GpuRange): Promise<Float32Array> {
  const all = await contents(gpu, buffer);
  const first = offset / 4;
  assert.ok([...all.subarray(0, first), ...all.subarray(first + length)].every((guard) => guard === 7));
  return all.slice(first, first + length);
}

/** Workers on the GPU that read what they gave back, so that `play` can compare. */
function crewOnGpu(system: System, n: number): Crew {
  const workers = Array.from({ length: WORKERS }, (_, rank): Worker => {
    const into = ranged(new Float32Array(n), rank);
    const worker = workerOnGpu(system, device, { n, workers: WORKERS, rank }, into);
    return {
      ...worker,
      get wantsModel() {
        return worker.wantsModel;
      },
      get report() {
        return worker.report;
      },
      async send(gradient, model) {
        const given = ranged(gradient as Float32Array, rank + 1);
        const message = await worker.send(given, worker.wantsModel ? model : undefined);
        assert.equal(await read(given), gradient, 'the gradient stays as it is');
        given.buffer.destroy();
        return message;
      },
      async receive(inbox, from, used): Promise<Outcome> {
        const outcome = await worker.receive(inbox, from, used);
        if (outcome.kind !== 'direction') return outcome;
        assert.is(outcome.direction, into);
        return { kind: 'direction', direction: await read(into) };
      },
    };
  });
  return { workers, server: system.server?.(js, { n, workers: WORKERS }) };
}

for (const { label, system, momentum } of systems)
  test(`${label}: messages and directions as in memory`, async () => {
    for (const n of [300, 0]) {
      const [here, there] = [crewOf(system, n, WORKERS), crewOnGpu(system, n)];
      const [left, right] = [0, 1].map(() => models(n, WORKERS, momentum));
      for (let step = 0; step < 8; step++) {
        const given = gradients(n, WORKERS, step);
        const expected = await play(here, given, left);
        const got = await play(there, given, right);
        assert.equal(got, expected, `n ${n}, step ${step}`);
        for (const [outcomes, trained] of [
          [expected.outcomes, left],
          [got.outcomes, right],
        ] as const)
          outcomes.forEach((outcome, rank) => {
            if (outcome.kind === 'direction') descend(trained[rank], outcome.direction);
          });
        assert.equal(right, left);
        assert.equal(await savedBy(there.workers), await savedBy(here.workers));
      }
    }
  });

if (inBrowser)
  test('what crosses are messages: systems that keep no vector read none back', async () => {
    const n = 5000;
    const given = gradients(n, 1, 0)[0];
    for (const system of [
      foSgd({ seed: 1 }),
      liecSgd({ averagePeriod: 4 }),
      liecSgd({ compressor: scaledSign({ block: 500 }) }),
    ]) {
      const server = system.server?.(js, { n, workers: 1 });
      const into = ranged(new Float32Array(n), 0);
      const worker = workerOnGpu(system, device, { n, workers: 1, rank: 0 }, into);
      const gradient = ranged(given, 0);
      for (let step = 0; step < 3; step++) {
        const crossings = countCrossings();
        const { bytes } = await worker.send(gradient);
        const answer = (await server?.answer([bytes])) as Uint8Array;
        const { kind } = await worker.receive([answer]);
        const [up, down] = [crossings.bytes(), crossings.written];
        crossings.stop();
        assert.is(kind, 'direction');
        assert.ok(up > 0 && up < 2 * bytes.length && up < n, `${system.name}: ${up} bytes back`);
        assert.ok(down < n, `${system.name}: ${down} bytes there`);
      }
      assert.not.equal(await read(into), new Float32Array(n));
    }
  });

test('features of split learning on the GPU give the packet of those in memory', async () => {
  const [x] = gradients(500, 1, 0);
  const system = splitMask({ ratio: 0.05, bits: 2 });
  const [client, expected] = [system.client(device), system.client(js)];
  for (let batch = 0; batch < 2; batch++)
    assert.equal(await client.send(ranged(x, batch)), await expected.send(x));
});

test('a worker says when it wants the model', async () => {
  for (const { label, system, momentum } of systems) {
    const crew = crewOf(system, 40, WORKERS);
    const trained = models(40, WORKERS, momentum);
    for (let step = 0; step < 16; step++) {
      const given = gradients(40, WORKERS, step);
      const wants = crew.workers[0].wantsModel ?? false;
      const without = await crew.workers[0].send(given[0]).then(
        () => false,
        (error: Error) => error.message.startsWith('"model" expected'),
      );
      assert.is(wants, without, `${label}, step ${step}`);
      await play(crew, given, trained);
    }
  }
});

test('what a GPU cannot take is refused before anything changes', async () => {
  const seat = { n: 100, workers: 1, rank: 0 };
  const into = ranged(new Float32Array(100), 0);
  for (const system of [pSgd(), foSgd({ seed: 1 }), liecSgd(), liecSgd({ averagePeriod: 1 })]) {
    assert.throws(
      () => workerOnGpu(system, js, seat, into),
      (error: Error) =>
        error instanceof TypeError && error.message.includes('expected one with a GPU, got one on js'),
    );
    assert.throws(
      () => workerOnGpu(system, device, seat, { ...into, length: 99 }),
      (error: Error) =>
        error instanceof RangeError &&
        error.message.includes('"into.length" expected an integer in 100..100, got 99'),
    );
    const worker = workerOnGpu(system, device, seat, into);
    const state = await worker.save();
    const [bad] = gradients(100, 1, 0);
    bad[7] = NaN;
    const [model] = models(100, 1, 0);
    await rejects(worker.send(ranged(bad, 0), model), NonFiniteError, 'first at index 7');
    await rejects(worker.send(ranged(bad.subarray(1), 0), model), RangeError, '"gradient.length" expected');
    assert.equal(await worker.save(), state);
    // the same on a device without a GPU
    await rejects(system.worker(js, seat).send(ranged(bad, 0), model), TypeError, 'has no GPU buffers');
  }
});

test.run();
