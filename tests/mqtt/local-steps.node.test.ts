/**
 * Local steps over real brokers: workers are processes on three kinds of backend; one is killed, and one comes late.
 */
import * as assert from 'uvu/assert';
import { overBrokers, type Process } from './over-brokers.ts';
import type { Settings } from './process.ts';

const STEPS = 60;

/** Milliseconds that a gradient takes: long enough that who is told to join is there while the run goes on. */
const PAUSE = 150;

overBrokers('local steps on mixed backends', (test) => {
  test('one worker is killed, one comes late: one model', async ({ broker, start }) => {
    const common = { url: broker.url, system: 'local steps', steps: STEPS, workers: { least: 2, most: 5 } };
    const open = async (name: string, backend: Settings['backend']): Promise<Process> => {
      const one = start({ ...common, role: 'worker', name, backend, pause: PAUSE, held: true });
      await one.until(({ kind }) => kind === 'ready');
      return one;
    };
    // a process takes seconds to start on a busy machine: all are there before the run begins
    const [a, b, c, lost, late] = await Promise.all([
      open('a', 'js'),
      open('b', 'wasm'),
      open('c', 'webgpu'),
      open('lost', 'js'),
      open('late', 'wasm'),
    ]);
    const server = start({ ...common, role: 'server' });
    for (const { child } of [a, b, c, lost]) child.send('join');
    const namesIn = (count: number): Promise<void> =>
      server.until((said) => said.kind === 'closed' && said.from.length === count);
    await namesIn(4);
    lost.child.kill('SIGKILL');
    await namesIn(3);
    late.child.send('join');
    await namesIn(4);
    const ends = await Promise.all([server, a, b, c, late].map(({ done }) => done));
    for (const { chain, model } of ends.slice(1))
      assert.equal({ chain, model }, { chain: ends[0].chain, model: ends[0].model });
    const closed = server.said.flatMap((said) => (said.kind === 'closed' ? [said.from] : []));
    assert.is(closed.length, STEPS);
    assert.ok(closed.some((from) => from.includes('lost')));
    assert.not(closed[STEPS - 1].includes('lost'));
    assert.equal([...closed[STEPS - 1]].sort(), ['a', 'b', 'c', 'late']);
  });
});
