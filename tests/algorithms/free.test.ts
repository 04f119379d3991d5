/** Workers and servers give back what they hold on a device, whatever they were doing. */
import * as assert from 'uvu/assert';
import { doubleSqueeze, exDyna, memSgd } from '../../ts/algorithms/index.ts';
import type { OnDevice } from '../../ts/algorithms/system.ts';
import { scaledSign, topK, type Device } from '../../ts/index.ts';
import { gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, play } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { deviceOn } from '../support/gpu.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('machines that are freed');
const devices: Device[] = [];
test.before(async () => {
  for (const backend of ['js', 'wasm', 'webgpu'] as const) devices.push(await deviceOn(backend));
});
test.after(() => devices.forEach((device) => device.close()));

const N = 100;
const WORKERS = 2;

for (const { label, system, momentum } of systems)
  test(`${label}: after steps, in mid step, and before any`, async () => {
    for (const device of devices) {
      const crew = crewOf(system, N, WORKERS, device);
      const idle = crewOf(system, N, WORKERS, device);
      const trained = models(N, WORKERS, momentum);
      for (let step = 0; step < 3; step++) await play(crew, gradients(N, WORKERS, step), trained);
      await crew.workers[0].send(gradients(N, WORKERS, 3)[0], trained[0]);
      const machines = [crew, idle].flatMap(({ workers, server }): OnDevice[] =>
        server === undefined ? [...workers] : [...workers, server],
      );
      for (const machine of machines) {
        machine.free();
        machine.free();
      }
      assert.is(device.vectors, 0, device.backend);
    }
  });

test('a thousand workers, one after the other', async () => {
  for (const device of devices) {
    for (let i = 0; i < 1000; i++) {
      const { system } = systems[i % systems.length];
      const worker = system.worker(device, { n: N, workers: WORKERS, rank: i % WORKERS });
      assert.ok(device.vectors <= 2, 'a worker holds two vectors on the device at most');
      // on a GPU that is a submit
      if (i % 50 === 0) await worker.send(gradients(N, 1, i)[0], models(N, 1, 0)[0]);
      worker.free();
    }
    assert.is(device.vectors, 0, device.backend);
  }
});

test('the memory of workers that were freed is that of those that follow', () => {
  const device = devices.find(({ backend }) => backend === 'wasm')!;
  // 4 MiB each: more than linear memory can be, all together
  const n = 2 ** 19;
  for (const system of [memSgd(topK({ k: 1 })), exDyna({ density: 0.01 }), doubleSqueeze(scaledSign())])
    for (let i = 0; i < 400; i++) system.worker(device, { n, workers: 1, rank: 0 }).free();
  assert.is(device.vectors, 0);
  device.trim();
});

test('what was freed says so, and takes no other memory', async () => {
  for (const device of devices) {
    const worker = memSgd(topK({ k: 1 })).worker(device, { n: N, workers: 1, rank: 0 });
    worker.free();
    const other = device.vector(N);
    for (const call of [worker.send(gradients(N, 1, 0)[0]), worker.save()])
      await rejects(call, TypeError, 'the vector was freed');
    assert.equal(await other.read(), new Float32Array(N));
    other.free();
  }
});

test('closing a device first is no error', async () => {
  for (const backend of ['js', 'wasm', 'webgpu'] as const) {
    const device = await deviceOn(backend);
    const worker = memSgd(topK({ k: 1 })).worker(device, { n: N, workers: 1, rank: 0 });
    device.close();
    worker.free();
    assert.is(device.vectors, 0);
  }
});

test.run();
