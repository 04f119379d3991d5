/** Connections to a broker: one that is not there, a wrong password, access rules by topic. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as assert from 'uvu/assert';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { device } from '../reference/algorithms/play.ts';
import { gradientAt, modelOf, tested } from '../runs/runs.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';
import { brokers } from './brokers.ts';

const test = suite('connections');

test('a broker that cannot be reached is given up with its reason', async () => {
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

test('a wrong password is refused at once', async () => {
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

test('access rules by topic: a worker speaks under its own name alone', async () => {
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

test.run();
