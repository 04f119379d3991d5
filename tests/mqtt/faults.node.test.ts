/** What goes wrong over real brokers: processes killed, brokers restarted, messages lost. It costs no wrong number. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import mqtt from 'mqtt';
import * as assert from 'uvu/assert';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import type { JoinOptions } from '../../ts/runs/join-options.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { readHead } from '../../ts/runs/wire/head.ts';
import { partsOf } from '../../ts/runs/wire/parts.ts';
import { firstChain } from '../../ts/runs/wire/record.ts';
import { device } from '../reference/algorithms/play.ts';
import { NAMES, WORKERS } from '../runs/play.ts';
import { checker, gradientAt, modelOf, tested } from '../runs/runs.ts';
import { some } from '../support/inputs.ts';
import { handled, sleep } from './brokers.ts';
import { overBrokers } from './over-brokers.ts';

overBrokers('faults', (test) => {
  for (const [label, named] of some(Object.entries(tested))) {
    test(`${label}: a worker is killed with SIGKILL in mid round, and comes back`, async ({
      broker,
      start,
    }) => {
      const { system, momentum } = named;
      const checks = checker(system, WORKERS, momentum);
      const server = await serveRun({
        broker: mqttBroker({ url: broker.url }),
        run: 'killed',
        device,
        system,
        model: modelOf(momentum),
        workers: WORKERS,
        steps: 200,
        deadline: 3000,
        heartbeat: 300,
        onRound: checks.onRound,
      });
      const at = { role: 'worker', url: broker.url, system: label, steps: 200 } as const;
      const [a, b, c] = NAMES.map((name) => start({ ...at, name }));
      await c.until((said) => said.kind === 'step' && said.step === 5);
      c.child.kill('SIGKILL');
      await a.until((said) => said.kind === 'step' && said.step >= 10);
      const again = start({ ...at, name: 'c' });
      const ends = await Promise.all([a.done, b.done, again.done]);
      await server.done;
      const model = firstChain(checks.model.parameters);
      for (const end of ends) assert.equal(end, { kind: 'done', chain: server.position.chain, model });
      const steps = checks.rounds.filter(({ last }) => last).map(({ from }) => from.length);
      assert.ok(steps.includes(2) && steps[199] === 3, steps.join(''));
      assert.ok(
        checks.rounds.slice(1).every(({ duration }) => duration < 2900),
        'the will came before the deadline',
      );
    });

    test(`${label}: the server is killed with SIGKILL and goes on from its last state`, async ({
      broker,
      start,
    }) => {
      const folder = mkdtempSync(`${tmpdir()}/fewbits-state-`);
      try {
        const at = { url: broker.url, system: label, steps: 40, file: `${folder}/state` } as const;
        const first = start({ ...at, role: 'server' });
        const workers = NAMES.map((name) => start({ ...at, role: 'worker', name }));
        await first.until((said) => said.kind === 'closed' && said.step === 10);
        first.child.kill('SIGKILL');
        await sleep(500);
        const second = start({ ...at, role: 'server' });
        const end = await second.done;
        for (const worker of workers) assert.equal(await worker.done, end);
        const steps = second.said.flatMap((said) => (said.kind === 'closed' ? [said.step] : []));
        assert.ok(steps[0] >= 10 && steps[0] <= 13 && steps.length === 40 - steps[0], `from ${steps[0]}`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test(`${label}: the broker restarts in mid round`, async ({ broker, play }) => {
      const { serve, join, checks, models } = play(named);
      const server = await serve({ steps: 30 });
      const slowly: JoinOptions['gradient'] = async (model, at) => {
        await sleep(25);
        return gradientAt(model, at);
      };
      const workers = [];
      for (const name of NAMES) workers.push(await join(name, { gradient: slowly }));
      while (server.position.step < 8) await sleep(5);
      await broker.restart(300);
      await Promise.all([server.done, ...workers.map(({ done }) => done)]);
      for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
      assert.is(checks.rounds[checks.rounds.length - 1].step, 29);
    });

    test(`${label}: late, slow, lost, doubled and out of order`, async ({ broker, play }) => {
      const { serve, join, checks, models, refusals } = play(named);
      const server = await serve({ steps: 40, start: 2, deadline: 500 });
      const plain = mqttBroker({ url: broker.url });
      let lost = 0;
      const a = await join('a', {
        // each message twice, and some that never arrive
        broker: handled(plain, {
          sent: (_, payload) => {
            const head = readHead(payload);
            if (typeof head === 'string' || head.kind === 'ask') return [payload];
            if (head.step % 9 === 4 && lost < 3 && ++lost > 0) return [];
            return [payload, payload];
          },
        }),
      });
      const b = await join('b', {
        // closed rounds in another order
        broker: handled(plain, {
          late: (_, payload) => {
            const head = readHead(payload);
            return typeof head !== 'string' && head.kind === 'closed' && head.step % 5 === 2 ? 120 : 0;
          },
        }),
      });
      await sleep(400);
      const c = await join('c', {
        gradient: async (model, at) => {
          await sleep(at.step < 14 ? 900 : 5);
          return gradientAt(model, at);
        },
      });
      await Promise.all([server.done, a.done, b.done, c.done]);
      assert.is(lost, 3);
      assert.equal(refusals, []);
      for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
    });

    test(`${label}: garbage and another run's packets are refused and named`, async ({ broker, play }) => {
      const { run, serve, join, checks, models, refusals } = play(named);
      const server = await serve({ steps: 30 });
      const workers = [];
      for (const name of NAMES) {
        const gradient: JoinOptions['gradient'] = async (model, at) => {
          await sleep(20);
          return gradientAt(model, at);
        };
        workers.push(await join(name, { gradient }));
      }
      while (server.position.step < 3) await sleep(5);
      const stranger = await mqtt.connectAsync(broker.url, { protocolVersion: 4 });
      const root = `fewbits/${run}`;
      await stranger.publishAsync(`${root}/up/b`, 'this is no message of ours at all, it is text', {
        qos: 1,
      });
      const { step, round, chain } = server.position;
      const bytes = new Uint8Array(80);
      const [foreign] = partsOf({ kind: 'server', rank: 1, run: 4242, step, round, chain, bytes }, 4096);
      await stranger.publishAsync(`${root}/up/c`, Buffer.from(foreign), { qos: 1 });
      await Promise.all([server.done, ...workers.map(({ done }) => done)]);
      await stranger.endAsync();
      assert.equal(refusals.sort(), [
        'b: version 116 of the head, expected 1',
        'c: a message of another run',
      ]);
      for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
      assert.ok(checks.rounds.every(({ from }) => from.length === 3));
    });
  }
});
