/** One side of the load test: the server, or all workers, with fewbits or with mqtt.js alone. */
import mqtt from 'mqtt';
import { openDevice } from '../../../ts/device.ts';
import { foSgd } from '../../../ts/algorithms/fo-sgd.ts';
import type { System } from '../../../ts/algorithms/system.ts';
import { mqttBroker } from '../../../ts/mqtt/connection.ts';
import { serveRun } from '../../../ts/runs/serve.ts';
import { joinRun } from '../../../ts/runs/worker.ts';
import { input } from '../../support/inputs.ts';

export interface LoadSettings {
  readonly kind: 'fewbits' | 'plain';
  readonly role: 'server' | 'workers';
  readonly url: string;
  readonly run: string;
  readonly workers: number;
  /** Of a packet. */
  readonly bytes: number;
  readonly rounds: number;
}

export interface LoadReport {
  /** From the end of the first round to that of the last. */
  readonly seconds: number;
  /** Resident memory of the server, at most. */
  readonly memory: number;
  /** Seconds that the algorithm took at the server. */
  readonly decode: number;
}

/** Rounds that are not counted: connections warm up. */
const WARM = 3;

const mostMemory = (): number => process.resourceUsage().maxRSS * 1024;

async function fewbits({
  role,
  url,
  run,
  workers,
  bytes,
  rounds,
}: LoadSettings): Promise<LoadReport | undefined> {
  // one bit an element: a packet of so many bytes stands for eight times as many numbers
  const n = bytes * 8;
  const device = await openDevice({ backend: 'wasm' });
  const plain = foSgd({ seed: 1, scale: 'drive' });
  let [decode, started] = [0, 0];
  const system: System = {
    ...plain,
    server(...args) {
      const machine = plain.server!(...args);
      return {
        ...machine,
        async answer(...given) {
          const start = performance.now();
          const answer = await machine.answer(...given);
          decode += (performance.now() - start) / 1000;
          return answer;
        },
      };
    },
  };
  const model = (): {
    parameters: Float32Array;
    velocity: Float32Array;
    learningRate: number;
    momentum: number;
  } => ({
    parameters: new Float32Array(n),
    velocity: new Float32Array(n),
    learningRate: 0.1,
    momentum: 0,
  });
  const broker = mqttBroker({ url });
  if (role === 'server') {
    const server = await serveRun({
      broker,
      run,
      device,
      system,
      model: model(),
      workers,
      steps: rounds + WARM,
      deadline: 120_000,
      onRound({ step }) {
        if (step === WARM - 1) [started, decode] = [performance.now(), 0];
        if (step === rounds + WARM - 1)
          process.send?.({ seconds: (performance.now() - started) / 1000, memory: mostMemory(), decode });
      },
    });
    process.send?.('ready');
    await server.done;
    return undefined;
  }
  const gradient = input('normal', n);
  // what is simulated are the workers' messages: one machine makes one packet, and each worker sends it
  const worker = plain.worker(device, { n, workers, rank: 0 });
  const { bytes: packet } = await worker.send(gradient);
  const idle: System = {
    name: system.name,
    worker: (...args) => ({
      ...plain.worker(...args),
      send: async () => ({ route: 'server', bytes: packet }),
      receive: async () => ({ kind: 'stepped' }),
    }),
  };
  const shared = model();
  await Promise.all(
    Array.from({ length: workers }, async (_, i) => {
      const joined = await joinRun({
        broker,
        run,
        name: `w${i}`,
        device,
        system: idle,
        model: shared,
        gradient: () => gradient,
      });
      await joined.done;
    }),
  );
  return undefined;
}

/**
 * The same bytes by mqtt.js alone: each worker publishes a packet, the server, when it has all of them, one for all.
 */
async function plain({ role, url, run, workers, bytes, rounds }: LoadSettings): Promise<void> {
  const payload = Buffer.alloc(bytes, 7);
  const connect = async (): Promise<mqtt.MqttClient> => {
    const client = await mqtt.connectAsync(url, { protocolVersion: 5 });
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
    return client;
  };
  if (role === 'server') {
    const client = await connect();
    let [count, round, started] = [0, 0, 0];
    await client.subscribeAsync(`${run}/up/+`, { qos: 1 });
    client.on('message', () => {
      if (++count < workers) return;
      count = 0;
      round++;
      if (round === WARM) started = performance.now();
      client.publish(`${run}/down`, payload, { qos: 1 });
      if (round === rounds + WARM)
        process.send?.({ seconds: (performance.now() - started) / 1000, memory: mostMemory(), decode: 0 });
    });
    process.send?.('ready');
    return;
  }
  for (let i = 0; i < workers; i++) {
    const client = await connect();
    await client.subscribeAsync(`${run}/down`, { qos: 1 });
    const send = (): void => void client.publish(`${run}/up/w${i}`, payload, { qos: 1 });
    client.on('message', send);
    send();
  }
}

process.once('message', (settings: LoadSettings) => {
  (settings.kind === 'fewbits' ? fewbits(settings) : plain(settings)).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
