/**
 * Local steps over real brokers: workers are processes on three kinds of backend; one is killed, and one comes late.
 */
import * as assert from 'uvu/assert';
import { overBrokers } from './over-brokers.ts';
import type { Settings } from './process.ts';

const STEPS = 40;

overBrokers('local steps on mixed backends', (test) => {
  test('one worker is killed, one comes late: one model', async ({ broker, start }) => {
    const common = { url: broker.url, system: 'local steps', steps: STEPS, workers: { least: 2, most: 5 } };
    const server = start({ ...common, role: 'server' });
    const join = (name: string, backend: Settings['backend']): ReturnType<typeof start> =>
      start({ ...common, role: 'worker', name, backend, pause: 60 });
    const [a, b, c] = [join('a', 'js'), join('b', 'wasm'), join('c', 'webgpu')];
    const lost = join('lost', 'js');
    const all = [server, a, b, c];
    const namesIn = (count: number): Promise<void> =>
      server.until((said) => said.kind === 'closed' && said.from.length === count);
    await namesIn(4);
    lost.child.kill('SIGKILL');
    await namesIn(3);
    const late = join('late', 'wasm');
    await namesIn(4);
    const ends = await Promise.all([...all, late].map(({ done }) => done));
    for (const { chain, model } of ends.slice(1))
      assert.equal({ chain, model }, { chain: ends[0].chain, model: ends[0].model });
    const closed = server.said.flatMap((said) => (said.kind === 'closed' ? [said.from] : []));
    assert.is(closed.length, STEPS);
    assert.ok(closed.some((from) => from.includes('lost')));
    assert.not(closed[STEPS - 1].includes('lost'));
    assert.equal([...closed[STEPS - 1]].sort(), ['a', 'b', 'c', 'late']);
  });
});
