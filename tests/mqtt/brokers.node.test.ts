/** Runs over real brokers, and what goes wrong there: each fault costs nobody a wrong number. */
import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import mqtt from 'mqtt';
import * as assert from 'uvu/assert';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import { describeRun } from '../../ts/runs/describe.ts';
import { readHead } from '../../ts/runs/wire/head.ts';
import { partsOf } from '../../ts/runs/wire/parts.ts';
import { firstChain } from '../../ts/runs/wire/record.ts';
import type { RunServer, ServeOptions } from '../../ts/runs/serve-options.ts';
import { serveRun } from '../../ts/runs/server.ts';
import type { JoinOptions } from '../../ts/runs/join-options.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { splitLearning } from '../../ts/algorithms/split-learning.ts';
import { maskEncoded } from '../../ts/compressors/mask-encoded.ts';
import { joinSplit } from '../../ts/runs/split/client.ts';
import { serveSplit } from '../../ts/runs/split/server.ts';
import { device } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { input } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';
import { brokers, handled, type RunningBroker } from './brokers.ts';
import { tested, type Said, type Settings } from './process.ts';
import { checker, gradientAt, inOneProcess, memoryStore, modelOf, type Checker } from '../runs/runs.ts';

const WORKERS = 3;
const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

let children: ChildProcess[] = [];

/** A process, what it has said so far, and what it says in the end. */
function start(settings: Partial<Settings> & Pick<Settings, 'role' | 'url' | 'system'>): {
  child: ChildProcess;
  said: Said[];
  done: Promise<Said & { kind: 'done' }>;
  until(this: void, holds: (said: Said) => boolean): Promise<void>;
} {
  const child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });
  children.push(child);
  child.send({ name: 'x', pause: 20, workers: WORKERS, steps: 20, file: '', ...settings });
  const said: Said[] = [];
  child.on('message', (one: Said) => said.push(one));
  const until = (holds: (one: Said) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      child.on('message', (one: Said) => {
        if (holds(one)) resolve();
        if (one.kind === 'failed') reject(new Error(one.reason));
      });
    });
  const done = until(({ kind }) => kind === 'done').then(
    () => said[said.length - 1] as Said & { kind: 'done' },
  );
  done.catch(() => {});
  return { child, said, done, until };
}

for (const brokerKind of brokers) {
  const { name: kind, missing } = brokerKind;
  const test = suite(`runs over ${kind}`);
  let broker: RunningBroker;
  let count = 0;

  const onBroker = (name: string, body: () => Promise<void>, settings?: readonly string[]): void => {
    test(name, async () => {
      if (missing !== undefined) return skip(missing);
      broker = await brokerKind.open(settings);
      children = [];
      try {
        await body();
      } finally {
        for (const child of children) child.kill('SIGKILL');
        await broker.close();
      }
    });
  };

  const play = (
    { system, momentum }: { system: ServeOptions['system']; momentum: number },
    check = true,
  ): {
    checks: Checker;
    refusals: string[];
    serve(this: void, more?: Partial<ServeOptions>): Promise<RunServer>;
    join(this: void, name: string, more?: Partial<JoinOptions>): ReturnType<typeof joinRun>;
    models: Map<string, JoinOptions['model']>;
  } => {
    const checks = checker(system, WORKERS, momentum);
    const refusals: string[] = [];
    const models = new Map<string, JoinOptions['model']>();
    const common = { broker: mqttBroker({ url: broker.url }), run: `run-${count++}`, device, system };
    return {
      checks,
      refusals,
      models,
      serve: (more = {}) =>
        serveRun({
          ...common,
          model: modelOf(momentum),
          workers: WORKERS,
          steps: 12,
          deadline: 3000,
          heartbeat: 300,
          ...(check && { onRound: checks.onRound }),
          onRefused: ({ name, reason }) => refusals.push(`${name}: ${reason}`),
          ...more,
        }),
      join(name, more = {}) {
        const model = modelOf(momentum);
        models.set(name, model);
        return joinRun({ ...common, name, model, gradient: gradientAt, ...more });
      },
    };
  };

  for (const { label, system, momentum } of systems)
    onBroker(`${label}: the numbers of one process`, async () => {
      const { serve, join, models, refusals } = play({ system, momentum });
      const server = await serve();
      // one after the other, so that ranks are known
      const workers = [];
      for (const name of ['a', 'b', 'c']) {
        workers.push(await join(name));
        while (!server.members.some((member) => member.name === name)) await sleep(5);
      }
      await Promise.all([server.done, ...workers.map(({ done }) => done)]);
      const expected = await inOneProcess(system, WORKERS, 12, momentum);
      ['a', 'b', 'c'].forEach((name, rank) =>
        assert.equal(models.get(name)?.parameters, expected[rank].parameters),
      );
      assert.equal(refusals, []);
    });

  for (const [label, named] of Object.entries(tested)) {
    onBroker(`${label}: a worker is killed with SIGKILL in mid round, and comes back`, async () => {
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
      const [a, b, c] = ['a', 'b', 'c'].map((name) => start({ ...at, name }));
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

    onBroker(`${label}: the server is killed with SIGKILL and goes on from its last state`, async () => {
      const folder = mkdtempSync(`${tmpdir()}/fewbits-state-`);
      try {
        const at = { url: broker.url, system: label, steps: 40, file: `${folder}/state` } as const;
        const first = start({ ...at, role: 'server' });
        const workers = ['a', 'b', 'c'].map((name) => start({ ...at, role: 'worker', name }));
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

    onBroker(`${label}: the broker restarts in mid round`, async () => {
      const { serve, join, checks, models } = play(named);
      const server = await serve({ steps: 30 });
      const slowly: JoinOptions['gradient'] = async (model, at) => {
        await sleep(25);
        return gradientAt(model, at);
      };
      const workers = [];
      for (const name of ['a', 'b', 'c']) workers.push(await join(name, { gradient: slowly }));
      while (server.position.step < 8) await sleep(5);
      await broker.restart(300);
      await Promise.all([server.done, ...workers.map(({ done }) => done)]);
      for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
      assert.is(checks.rounds[checks.rounds.length - 1].step, 29);
    });

    onBroker(`${label}: late, slow, lost, doubled and out of order`, async () => {
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

    onBroker(`${label}: garbage and another run's packets are refused and named`, async () => {
      const { serve, join, checks, models, refusals } = play(named);
      const server = await serve({ steps: 30 });
      const workers = [];
      for (const name of ['a', 'b', 'c']) {
        const gradient: JoinOptions['gradient'] = async (model, at) => {
          await sleep(20);
          return gradientAt(model, at);
        };
        workers.push(await join(name, { gradient }));
      }
      while (server.position.step < 3) await sleep(5);
      const stranger = await mqtt.connectAsync(broker.url, { protocolVersion: 4 });
      const root = `fewbits/run-${count - 1}`;
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

  onBroker('parts below the limit that a client asks for, put together again', async () => {
    const { serve, join, checks, models } = play(tested['with a server']);
    const small = mqttBroker({ url: broker.url, packetBytes: 1024, inFlight: 3 });
    const server = await serve({ broker: small });
    const workers = [];
    for (const name of ['a', 'b', 'c']) workers.push(await join(name, { broker: small }));
    await Promise.all([server.done, ...workers.map(({ done }) => done)]);
    for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
  });

  onBroker('what a run is can be asked for, and states go to a store', async () => {
    const { serve, join } = play(tested['with a server'], false);
    const store = memoryStore();
    const server = await serve({ about: { task: 'x' }, store, saveEvery: 5 });
    const described = await describeRun(mqttBroker({ url: broker.url }), `run-${count - 1}`);
    assert.equal(described.about, { task: 'x' });
    assert.equal([described.system, described.workers, described.ended], ['memSgd', 3, false]);
    const workers = [];
    for (const name of ['a', 'b', 'c']) workers.push(await join(name));
    await Promise.all([server.done, ...workers.map(({ done }) => done)]);
    // the start, steps 5 and 10, and the end
    assert.is(store.writes.length, 4);
  });

  onBroker('split learning: features up, their gradient down', async () => {
    const system = splitLearning({ up: maskEncoded({ ratio: 0.1, bits: 2 }) }, 'MS');
    const model = modelOf(0, 300);
    const common = { broker: mqttBroker({ url: broker.url }), run: 'split', device, system };
    const server = await serveSplit({
      ...common,
      model,
      clients: 2,
      batches: 10,
      finish: async (_, { features, note }) => ({
        atCut: features.map((value) => value + note[0]),
        gradient: features,
      }),
    });
    const client = await joinSplit({ ...common, name: 'a' });
    const [one, other] = [system.client(device), system.server(device)];
    for (let step = 0; step < 10; step++) {
      const features = input('normal', 300, step + 1).map(Math.abs);
      const got = await client.exchange(features, new Uint8Array([step]));
      const seen = await other.receive(await one.send(features));
      assert.equal(
        got,
        seen.map((value) => value + step),
      );
    }
    assert.is(await client.exchange(new Float32Array(300)), undefined, 'the run has ended');
    await client.stop();
    await server.done;
  });

  if (kind === 'Mosquitto')
    onBroker(
      'the limit that the broker says in its CONNACK',
      async () => {
        const link = await mqttBroker({ url: broker.url })('fewbits/x/here/x');
        assert.is(link.room('a'.repeat(10)), 2000 - 10 - 10);
        await link.close();
        const { serve, join, checks, models } = play(tested['with a server']);
        const server = await serve();
        const workers = [];
        for (const name of ['a', 'b', 'c']) workers.push(await join(name));
        await Promise.all([server.done, ...workers.map(({ done }) => done)]);
        for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
      },
      ['max_packet_size 2000'],
    );

  test.run();
}

const connections = suite('connections');

connections('a broker that cannot be reached is given up with its reason', async () => {
  const started = performance.now();
  const reasons: string[] = [];
  const onRetry = ({ message }: Error): void => void reasons.push(message);
  try {
    await mqttBroker({ url: 'mqtt://127.0.0.1:1', timeout: 600, onRetry })('x');
    assert.unreachable('it connected');
  } catch (error) {
    assert.match(String((error as Error & { code?: string }).code ?? error), /ECONNREFUSED/);
  }
  assert.ok(performance.now() - started < 5000);
  // once, though it was tried more than once
  assert.equal(reasons.length, 1);
  assert.match(reasons[0], /ECONNREFUSED/);
});

connections('a wrong password is refused at once', async () => {
  const [, mosquitto] = brokers;
  if (mosquitto.missing !== undefined) return skip(mosquitto.missing);
  const running = await mosquitto.open(['allow_anonymous false']);
  const started = performance.now();
  try {
    await mqttBroker({ url: running.url, options: { username: 'a', password: 'b' } })('x');
    assert.unreachable('it connected');
  } catch (error) {
    assert.match((error as Error).message, /Not authorized/i);
  } finally {
    await running.close();
  }
  assert.ok(performance.now() - started < 5000);
});

connections('access rules by topic: a worker speaks under its own name alone', async () => {
  const [, mosquitto] = brokers;
  if (mosquitto.missing !== undefined) return skip(mosquitto.missing);
  // the rules of docs/distributed.md
  const docs = readFileSync(new URL('../../docs/distributed.md', import.meta.url), 'utf8');
  const rules = /```\n( *user server\n[^]*?)```/.exec(docs)?.[1].replace(/^ +/gm, '') ?? '';
  const folder = mkdtempSync(`${tmpdir()}/fewbits-acl-`);
  writeFileSync(`${folder}/acl`, rules);
  writeFileSync(`${folder}/passwords`, ['server', 'a', 'b'].map((user) => `${user}:secret\n`).join(''));
  execFileSync('mosquitto_passwd', ['-U', `${folder}/passwords`]);
  chmodSync(folder, 0o755);
  for (const file of ['acl', 'passwords']) chmodSync(`${folder}/${file}`, 0o644);
  const running = await mosquitto.open([
    'allow_anonymous false',
    `acl_file ${folder}/acl`,
    `password_file ${folder}/passwords`,
  ]);
  try {
    const as = (username: string): ReturnType<typeof mqttBroker> =>
      mqttBroker({ url: running.url, options: { username, password: 'secret' } });
    const { system, momentum } = tested['among peers'];
    const common = { run: 'a', device, system };
    const refusals: string[] = [];
    const server = await serveRun({
      ...common,
      broker: as('server'),
      model: modelOf(momentum),
      workers: 2,
      steps: 8,
      onRefused: ({ name }) => refusals.push(name),
    });
    // b's user tries to speak as a
    const stranger = await as('b')('fewbits/a/here/b');
    for (const topic of ['fewbits/a/up/a', 'fewbits/a/down', 'fewbits/other/up/b'])
      await stranger.publish(topic, new Uint8Array([1, 2, 3])).catch(() => {});
    const models = [modelOf(momentum), modelOf(momentum)];
    const workers = await Promise.all(
      ['a', 'b'].map((name, i) =>
        joinRun({ ...common, broker: as(name), name, model: models[i], gradient: gradientAt }),
      ),
    );
    await Promise.all([server.done, ...workers.map(({ done }) => done)]);
    await stranger.close();
    assert.equal(refusals, []);
    assert.equal(models[0].parameters, models[1].parameters);
  } finally {
    await running.close();
    rmSync(folder, { recursive: true });
  }
});

connections.run();
