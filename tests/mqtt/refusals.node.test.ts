/**
 * What brokers refuse: it reaches whoever asked, with topic, reason and remedy, and packets shrink until they are
 * taken.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import * as assert from 'uvu/assert';
import { pSgd } from '../../ts/algorithms/baselines/p-sgd.ts';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import { Broken, Outbox } from '../../ts/mqtt/outbox.ts';
import { BrokerError } from '../../ts/mqtt/refusals.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { device } from '../reference/algorithms/play.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';
import { brokers, type RunningBroker } from './brokers.ts';
import { gradientAt, modelOf } from '../runs/runs.ts';

const [aedes, mosquitto] = brokers;
/** A limit of a wait; it does not keep the process. */
const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });

/** The error that something rejects with, within ten seconds. */
async function errorOf(work: Promise<unknown>): Promise<Error> {
  return Promise.race([
    work.then(
      () => new Error('nothing was refused'),
      (error: unknown) => error as Error,
    ),
    sleep(10_000).then(() => new Error('nothing was heard')),
  ]);
}

const code = (reasonCode: number): Error => Object.assign(new Error('refused'), { code: reasonCode });

const outboxes = suite('messages on their way to a broker');

outboxes('a packet that is too large halves the limit until one is taken', async () => {
  const heard: number[] = [];
  const outbox = new Outbox({
    packetBytes: 100_000,
    inFlight: 2,
    send: async (_, { length }) => {
      if (length > 20_000) throw code(0x95);
    },
    onPacketBytes: (bytes) => void heard.push(bytes),
  });
  let tries = 0;
  for (;;) {
    const room = outbox.room('topic');
    const error = await outbox
      .publish('topic', new Uint8Array(room), false)
      .catch((reason: unknown) => reason);
    tries++;
    if (error === undefined) break;
    assert.instance(error, BrokerError);
    assert.ok(outbox.room('topic') < room);
  }
  assert.equal(heard, [50_000, 25_000, 12_500]);
  assert.is(tries, 4);
});

outboxes(
  'a packet at which the connection breaks is sent again, and then taken to be too large',
  async () => {
    const sent: number[] = [];
    const outbox: Outbox = new Outbox({
      packetBytes: 8000,
      inFlight: 1,
      send: async (_, { length }) => {
        sent.push(length);
        if (length < 5000) return;
        outbox.down(false);
        setTimeout(() => outbox.up(), 1);
        throw new Error('Message removed');
      },
    });
    const large = new Uint8Array(6000);
    assert.match((await errorOf(outbox.publish('t', large, false))).message, /6000 bytes are more/);
    assert.equal(sent, [6000, 6000, 6000]);
    await outbox.publish('t', new Uint8Array(outbox.room('t')), false);
  },
);

outboxes('where the broker says that a packet was too large, once is enough', async () => {
  let sent = 0;
  const outbox: Outbox = new Outbox({
    packetBytes: 8000,
    inFlight: 1,
    send: async () => {
      sent++;
      outbox.down(true);
      setTimeout(() => outbox.up(), 1);
      throw new Error('Message removed');
    },
  });
  await errorOf(outbox.publish('t', new Uint8Array(6000), false));
  assert.is(sent, 1);
});

outboxes(
  'a small message at which the connection always breaks is an error that names its topic',
  async () => {
    const outbox: Outbox = new Outbox({
      packetBytes: 1024,
      inFlight: 1,
      send: async () => {
        outbox.down(false);
        setTimeout(() => outbox.up(), 1);
        throw new Error('Message removed');
      },
    });
    const error = await errorOf(outbox.publish('a/b', new Uint8Array(5), false));
    assert.match(error.message, /refuses a message on a\/b: it closes the connection whenever/);
  },
);

outboxes('a broker that is busy is asked again', async () => {
  let tries = 0;
  const outbox = new Outbox({
    packetBytes: 1024,
    inFlight: 1,
    send: async () => {
      if (tries++ < 2) throw code(0x97);
    },
  });
  await outbox.publish('t', new Uint8Array(5), false);
  assert.is(tries, 3);
});

outboxes('what waits for the connection is given up where the outbox is closed', async () => {
  const outbox = new Outbox({ packetBytes: 1024, inFlight: 1, send: async () => {} });
  outbox.down(false);
  const error = errorOf(outbox.publish('t', new Uint8Array(5), false));
  outbox.close();
  assert.instance(await error, Broken);
});

outboxes.run();

const test = suite('what a broker refuses');

/** A run of two workers over p-SGD, whose messages are n float32 each. */
async function run(
  url: string,
  n: number,
  more: Partial<Parameters<typeof mqttBroker>[0]> = {},
): Promise<{ models: Float32Array[]; server: Float32Array }> {
  const common = { broker: mqttBroker({ url, ...more }), run: 'large', device, system: pSgd() };
  const model = modelOf(0, n);
  const server = await serveRun({ ...common, model, workers: 2, steps: 3, deadline: 60_000 });
  const models = [modelOf(0, n), modelOf(0, n)];
  const workers = [];
  for (const [i, one] of models.entries())
    workers.push(await joinRun({ ...common, name: `w${i}`, model: one, gradient: gradientAt }));
  await Promise.race([
    Promise.all([server.done, ...workers.map(({ done }) => done)]),
    sleep(60_000).then(() => {
      throw new Error(`the run stands still in step ${server.position.step}`);
    }),
  ]);
  return { models: models.map(({ parameters }) => parameters), server: model.parameters };
}

const onMosquitto = (
  name: string,
  settings: readonly string[],
  body: (broker: RunningBroker) => Promise<void>,
): void => {
  test(name, async () => {
    if (mosquitto.missing !== undefined) return skip(mosquitto.missing);
    const broker = await mosquitto.open(settings);
    try {
      await body(broker);
    } finally {
      await broker.close();
    }
  });
};

onMosquitto(
  'message_size_limit 131072, at what is sent if nothing else is asked for',
  ['message_size_limit 131072'],
  async ({ url }) => {
    const heard: number[] = [];
    const { models, server } = await run(url, 200_000, { onPacketBytes: (bytes) => void heard.push(bytes) });
    for (const model of models) assert.equal(model, server);
    assert.equal(heard, []);
  },
);

onMosquitto(
  'message_size_limit 131072, with longer packets: they shrink, once for each connection',
  ['message_size_limit 131072'],
  async ({ url }) => {
    const heard: number[] = [];
    const { models, server } = await run(url, 200_000, {
      packetBytes: 262_144,
      onPacketBytes: (bytes) => void heard.push(bytes),
    });
    for (const model of models) assert.equal(model, server);
    assert.ok(heard.length >= 1 && heard.length <= 3, heard.join());
    for (const bytes of heard) assert.ok(bytes > 65_000 && bytes <= 131_072);
  },
);

onMosquitto('what cannot be sent in parts is an error', ['message_size_limit 2000'], async ({ url }) => {
  const server = await serveRun({
    broker: mqttBroker({ url }),
    run: 'a',
    device,
    system: pSgd(),
    model: modelOf(0),
    workers: 1,
    about: 'x'.repeat(5000),
  });
  const error = await errorOf(server.done);
  assert.instance(error, BrokerError);
  assert.match(error.message, /refuses a message on fewbits\/a\/server: its \d+ bytes are more/);
});

/** A broker behind something that ends the connection of whoever publishes more than so many bytes. */
async function strict(
  url: string,
  most: number,
  parting: Uint8Array,
): Promise<{ url: string; cuts(): number; close(): void }> {
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(Number(new URL(url).port), '127.0.0.1');
    sockets.add(client).add(broker);
    let held = Buffer.alloc(0);
    broker.on('data', (data) => client.write(data));
    client.on('data', (data: Buffer) => {
      held = Buffer.concat([held, data]);
      for (;;) {
        // fixed header: type, then the length in 7 bits a byte
        let [length, at, shift] = [0, 1, 0];
        for (; at < held.length; at++, shift += 7) {
          length += (held[at] & 127) << shift;
          if (held[at] < 128) break;
        }
        if (at >= held.length) return;
        if (held[0] >> 4 === 3 && length > most) {
          cuts++;
          client.end(parting);
          broker.destroy();
          return;
        }
        if (held.length < at + 1 + length) return;
        broker.write(held.subarray(0, at + 1 + length));
        held = held.subarray(at + 1 + length);
      }
    });
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

onMosquitto('a broker that disconnects with "packet too large"', [], async ({ url }) => {
  const proxy = await strict(url, 40_000, new Uint8Array([0xe0, 2, 0x95, 0]));
  try {
    const { models, server } = await run(proxy.url, 30_000);
    for (const model of models) assert.equal(model, server);
    assert.ok(proxy.cuts() > 0);
  } finally {
    proxy.close();
  }
});

test('a broker that closes the connection without a word at what is too large', async () => {
  const broker = await aedes.open();
  const proxy = await strict(broker.url, 40_000, new Uint8Array(0));
  try {
    const { models, server } = await run(proxy.url, 30_000);
    for (const model of models) assert.equal(model, server);
    assert.ok(proxy.cuts() > 0);
  } finally {
    proxy.close();
    await broker.close();
  }
});

/** Mosquitto with the rules of docs/distributed.md, and users of one password. */
async function withRules(
  body: (as: (username: string, password?: string) => ReturnType<typeof mqttBroker>) => Promise<void>,
): Promise<void> {
  if (mosquitto.missing !== undefined) return skip(mosquitto.missing);
  const docs = readFileSync(new URL('../../docs/distributed.md', import.meta.url), 'utf8');
  const rules = /```\n( *user server\n[^]*?)```/.exec(docs)?.[1].replace(/^ +/gm, '') ?? '';
  assert.match(rules, /pattern write/);
  const folder = mkdtempSync(`${tmpdir()}/fewbits-acl-`);
  writeFileSync(`${folder}/acl`, rules);
  writeFileSync(`${folder}/passwords`, ['server', 'a', 'b'].map((user) => `${user}:secret\n`).join(''));
  execFileSync('mosquitto_passwd', ['-U', `${folder}/passwords`]);
  chmodSync(folder, 0o755);
  for (const file of ['acl', 'passwords']) chmodSync(`${folder}/${file}`, 0o644);
  const settings = ['allow_anonymous false', `acl_file ${folder}/acl`, `password_file ${folder}/passwords`];
  const running = await mosquitto.open(settings);
  try {
    await body((username, password = 'secret') =>
      mqttBroker({ url: running.url, options: { username, password } }),
    );
  } finally {
    await running.close();
    rmSync(folder, { recursive: true });
  }
}

const common = { run: 'a', device, system: pSgd() };

test('a worker whose name is not its user ends with the topic, the reason and what helps', () =>
  withRules(async (as) => {
    const server = await serveRun({ ...common, broker: as('server'), model: modelOf(0), workers: 1 });
    const worker = await joinRun({
      ...common,
      broker: as('a'),
      name: 'somebody',
      model: modelOf(0),
      gradient: gradientAt,
    });
    const error = await errorOf(worker.done);
    assert.instance(error, BrokerError);
    const { topic, asked, reasonCode } = error as BrokerError;
    assert.equal([asked, topic, reasonCode], ['publish', 'fewbits/a/here/somebody', 0x87]);
    assert.match(
      error.message,
      /not authorized \(reason 0x87\).*a worker's name \(--name\) is its user name/,
    );
    await server.stop();
  }));

test('a server that is not the rules’ user ends with that, and so does one of another run', () =>
  withRules(async (as) => {
    for (const [user, run] of [
      ['a', 'a'],
      ['server', 'another'],
    ] as const) {
      const server = await serveRun({ ...common, run, broker: as(user), model: modelOf(0), workers: 1 });
      const error = await errorOf(server.done);
      assert.match(
        error.message,
        new RegExp(`refuses a message on fewbits/${run}/(server|down): not authorized`),
      );
    }
  }));

test('a wrong password: the address without it, the reason and what helps', () =>
  withRules(async (as) => {
    const error = await errorOf(
      serveRun({ ...common, broker: as('server', 'wrong'), model: modelOf(0), workers: 1 }),
    );
    assert.instance(error, BrokerError);
    assert.match(
      error.message,
      /refuses the connection to mqtt:\/\/127\.0\.0\.1:\d+: (not authorized|wrong user name or password) .*check --username and --password/,
    );
  }));

test.run();
