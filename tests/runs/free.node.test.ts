/** What a run holds on a device while it lasts is given back when it ends, however it ends. */
import * as assert from 'uvu/assert';
import { foSgd } from '../../ts/algorithms/index.ts';
import { Device } from '../../ts/device.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { LinkError } from '../../ts/runs/link.ts';
import { SettingsError } from '../../ts/runs/settings.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { NAMES, play } from './play.ts';
import { memoryStore, modelOf, tested } from './runs.ts';

const test = suite('what runs give back');

/** A device that no other run uses. */
const openDevice = (): Device => new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

for (const { label, system, momentum } of systems)
  test(`${label}: a run in which one leaves, one is killed, and another takes a seat`, async () => {
    const device = openDevice();
    const { network, serve, join } = play(system, momentum);
    const server = await serve({ device, deadline: 500, steps: 20 });
    network.faults = { lost: 0, doubled: 0, delay: 20 };
    const [a, b, c] = [await join('a', { device }), await join('b', { device }), await join('c', { device })];
    let most = 0;
    const coming = network.sleep(150).then(async () => {
      most = device.vectors;
      b.cut();
      await b.stop();
      await c.stop();
      return join('d', { device });
    });
    await network.run(Promise.all([server.done, a.done, coming.then(({ done }) => done)]));
    assert.is(server.position.step, 20);
    assert.ok(most > 0, 'the run had vectors while it lasted');
    assert.is(device.vectors, 0);
  });

for (const [label, { system, momentum }] of Object.entries(tested)) {
  test(`${label}: a server that is stopped, and one that goes on from its state`, async () => {
    const device = openDevice();
    const { network, serve, join } = play(system, momentum);
    const store = memoryStore();
    const stop = (): void => void first.stop();
    const first = await serve({ device, store, onRound: ({ step }) => (step === 4 ? stop() : undefined) });
    const workers = [];
    for (const name of NAMES) workers.push(await join(name, { device }));
    await network.run(first.done);
    const kept = device.vectors;
    const second = await serve({ device, store, model: modelOf(momentum), onRound: () => {} });
    assert.ok(device.vectors > kept);
    await network.run(Promise.all([second.done, ...workers.map(({ done }) => done)]));
    assert.is(device.vectors, 0);
  });

  test(`${label}: what fails`, async () => {
    const device = openDevice();
    const { network, serve, join } = play(system, momentum);
    // a state of something else
    const damaged = { read: async () => new Uint8Array(100), write: async () => {} };
    await rejects(serve({ device, store: damaged }), Error);
    assert.is(device.vectors, 0, 'a state that is none');
    // no link
    const broker = (): Promise<never> => Promise.reject(new LinkError('no such broker'));
    await rejects(serve({ device, broker }), LinkError);
    await rejects(join('a', { device, broker }), LinkError);
    assert.is(device.vectors, 0, 'no link');
    // a server that cannot go on, and workers that are not set up as it is
    const server = await serve({
      device,
      onRound: () => {
        throw new Error('the disk is full');
      },
    });
    const other = await join('a', { device, system: foSgd({ seed: 1 }) });
    await network.run(rejects(other.done, SettingsError));
    const workers = [];
    for (const name of NAMES) workers.push(await join(name, { device }));
    await network.run(rejects(server.done, Error, 'the disk is full'));
    await network.run(Promise.all(workers.map((worker) => worker.stop())));
    assert.is(device.vectors, 0, 'a server that cannot go on');
  });
}

test.run();
