/** What `npm run bench` measures of systems is what it says: all of them, at their density, beside the same work. */
import * as assert from 'uvu/assert';
import { exchange } from '../../ts/algorithms/index.ts';
import { openDevice } from '../../ts/index.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { relativeError } from '../support/draws.ts';
import { suite } from '../support/suite.ts';
import { PLAIN } from './peers.ts';
import { measureSystem, openGradients, WORKERS } from './steps.ts';
import { RATIO, SYSTEMS } from './systems.ts';

const test = suite('benchmark of systems');

/** Partitions of ExDyna are equal parts of it. */
const N = 2 ** 14;
const gradients = await openGradients('normal', N);

test('every system is measured', () => {
  const measured = SYSTEMS.map((task) => task.system(gradients.level).name);
  for (const { system } of systems) assert.ok(measured.includes(system.name), `${system.name} is missing`);
});

/** Each worker's direction after so many steps, of fewbits and of plain JavaScript. */
async function directions(name: string, steps: number): Promise<(readonly [Float32Array, Float32Array])[]> {
  const task = SYSTEMS.find((each) => each.name === name)!;
  const system = task.system(gradients.level);
  const plain = task.plain!(gradients.level)(N, WORKERS);
  const device = await openDevice({ backend: 'js' });
  const seat = { n: N, workers: WORKERS };
  const workers = Array.from({ length: WORKERS }, (_, rank) => system.worker(device, { ...seat, rank }));
  const server = system.server?.(device, seat);
  for (let step = 0; step < steps - 1; step++) {
    plain(gradients.of(step));
    await exchange(workers, server, gradients.of(step));
  }
  const theirs = plain(gradients.of(steps - 1));
  const { outcomes } = await exchange(workers, server, gradients.of(steps - 1));
  device.close();
  return outcomes.map((outcome, rank) => {
    assert.equal(outcome.kind, 'direction');
    return [(outcome as { direction: Float32Array }).direction, theirs[rank]] as const;
  });
}

for (const [name, steps] of [
  ['pSgd', 1],
  ['memSgd, topK 1 %', 3],
  ['doubleSqueeze, scaledSign', 3],
  ['liecSgd, scaledSign', 3],
  // later its partitions are others
  ['exDyna', 1],
  ['topKAllGather 1 %', 3],
  ['hardThreshold', 7],
  ['cltK 1 %', 5],
] as const)
  test(`${name} in plain JavaScript goes where fewbits goes`, async () => {
    for (const [ours, theirs] of await directions(name, steps)) {
      assert.ok(ours.some((value) => value !== 0));
      const error = relativeError(ours, theirs);
      assert.ok(error < 1e-3, `off by ${error}`);
    }
  });

test('foSgd in plain JavaScript, whose signs are drawn otherwise, is as far from the mean gradient', async () => {
  const mean = new Float32Array(N);
  for (const gradient of gradients.of(0)) for (let i = 0; i < N; i++) mean[i] += gradient[i] / WORKERS;
  for (const [ours, theirs] of await directions('foSgd, drive', 1)) {
    const [own, other] = [relativeError(mean, ours), relativeError(mean, theirs)];
    assert.ok(Math.abs(own / other - 1) < 0.1, `${own} and ${other}`);
    assert.ok(own < 2, `${own}`);
  }
});

test('every plain system is compared above', () => {
  const compared = SYSTEMS.filter(({ plain }) => plain !== undefined).length;
  assert.is(compared, 9);
});

for (const name of ['exDyna', 'exDyna, exact', 'hardThreshold'])
  test(`the steps of ${name} that are timed meet the density`, async () => {
    const task = SYSTEMS.find((each) => each.name === name)!;
    for await (const { candidate, step, first, copies, compress, union } of measureSystem(task, gradients, {
      steps: 2,
      threads: [1],
    })) {
      for (const time of [step.median, first, copies]) assert.ok(time > 0 && time < Infinity, `${time}`);
      if (candidate === PLAIN) continue;
      assert.ok(compress !== undefined && compress > 0);
      assert.ok(union !== undefined);
      // hardThreshold sends what four workers select, one in a hundred each
      const wanted = name === 'hardThreshold' ? WORKERS * RATIO : RATIO;
      assert.ok(union > wanted / 2 && union < wanted * 2, `${name} moves ${union}`);
    }
  });

test.run();
