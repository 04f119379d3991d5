/** One side of the load test: the server, or all workers, with fewbits or with mqtt.js alone. */
import mqtt from 'mqtt';
import { openDevice } from '../../../ts/device.ts';
import type { Model, System } from '../../../ts/algorithms/system.ts';
import { mqttBroker } from '../../../ts/mqtt/connection.ts';
import type { OpenLink } from '../../../ts/runs/link.ts';
import { serveRun } from '../../../ts/runs/serve.ts';
import { joinRun } from '../../../ts/runs/worker.ts';
import { sleep } from '../brokers.ts';
import { input } from '../../support/inputs.ts';
import { median } from './median.ts';
import { loads, type Program } from './loads.ts';

export interface LoadSettings {
  readonly program: Program;
  readonly role: 'server' | 'workers';
  readonly url: string;
  readonly run: string;
  readonly workers: number;
  /** Of a packet, about. */
  readonly bytes: number;
  readonly rounds: number;
  /** Threads of the server's device. */
  readonly threads: number;
  /** Whether the server takes packets as they come. */
  readonly early: boolean;
  /** Milliseconds over which workers' packets are spread, by chance. */
  readonly spread: number;
}

/** What a server reports. */
export interface LoadReport {
  /** From the end of the first round to that of the last. */
  readonly seconds: number;
  /** Resident memory of the server, at most. */
  readonly memory: number;
  /** Seconds of the processor that the server took in that time, on all of its threads. */
  readonly computing: number;
  /** Milliseconds from the last packet of a round, at the server, to its answer: the median. */
  readonly toAnswer: number;
  /** Bytes of a packet up. */
  readonly packet: number;
}

/** Rounds that are not counted: connections warm up. */
const WARM = 3;

/** Bytes from which on a payload is that of a packet, and not a heartbeat. */
const LARGE = 1000;

/** From the end of the warm rounds on: how long, and how much of the processor. */
class Watch {
  readonly #started = performance.now();
  readonly #before = process.cpuUsage();

  report(toAnswer: number, packet: number): LoadReport {
    const { user, system } = process.cpuUsage(this.#before);
    return {
      seconds: (performance.now() - this.#started) / 1000,
      memory: process.resourceUsage().maxRSS * 1024,
      computing: (user + system) / 1e6,
      toAnswer,
      packet,
    };
  }
}

/** Links that note when the last packet before an answer came, and how long the answer took from then on. */
function timed(open: OpenLink): { readonly open: OpenLink; readonly times: number[] } {
  const times: number[] = [];
  let came = 0;
  return {
    times,
    open: async (will) => {
      const link = await open(will);
      return {
        keeps: link.keeps,
        handsOver: link.handsOver,
        traffic: link.traffic,
        room: (topic) => link.room(topic),
        publish(topic, payload, retain) {
          if (payload.length >= LARGE && came > 0) {
            times.push(performance.now() - came);
            came = 0;
          }
          return link.publish(topic, payload, retain);
        },
        subscribe: (filters) => link.subscribe(filters),
        listen: (listener) =>
          link.listen({
            ...listener,
            message(topic, payload, retained) {
              if (payload.length >= LARGE) came = performance.now();
              return listener.message(topic, payload, retained);
            },
          }),
        close: () => link.close(),
      };
    },
  };
}

function modelOf(n: number): Model {
  return {
    parameters: new Float32Array(n),
    velocity: new Float32Array(n),
    learningRate: 0.1,
    momentum: 0,
  };
}

/** The same system, whose server takes nothing before a round is closed. */
function waiting(system: System): System {
  return {
    ...system,
    server: (device, seat) => ({ ...system.server!(device, seat), take: undefined }),
  };
}

async function serve(
  { run, workers, rounds, url, threads, early }: LoadSettings,
  system: System,
  n: number,
): Promise<void> {
  const device = await openDevice({ backend: 'wasm', threads });
  const { open, times } = timed(mqttBroker({ url }));
  let watch = new Watch();
  const server = await serveRun({
    broker: open,
    run,
    device,
    system: early ? system : waiting(system),
    model: modelOf(n),
    workers,
    steps: rounds + WARM,
    deadline: 120_000,
    // the workers take no step, so their models are not the server's
    checkEvery: 0,
    onRefused({ name, reason }) {
      throw new Error(`refused of ${name}: ${reason}`);
    },
    onRound({ step, from }) {
      if (step === WARM - 1) {
        watch = new Watch();
        times.length = 0;
      }
      if (step === rounds + WARM - 1) process.send?.(watch.report(median(times), from[0].bytes.length));
    },
  });
  process.send?.('ready');
  await server.done;
}

/** What is simulated are the workers' messages: one machine makes one packet, and each worker sends it. */
async function work({ run, workers, url, spread }: LoadSettings, system: System, n: number): Promise<void> {
  const device = await openDevice({ backend: 'wasm' });
  const gradient = input('normal', n);
  const { bytes: packet } = await system.worker(device, { n, workers, rank: 0 }).send(gradient);
  const idle: System = {
    name: system.name,
    worker: (given, seat, into) => ({
      ...system.worker(given, seat, into),
      send: async () => ({ route: 'server', bytes: packet }),
      receive: async () => ({ kind: 'stepped' }),
    }),
  };
  const model = modelOf(n);
  await Promise.all(
    Array.from({ length: workers }, async (_, i) => {
      const joined = await joinRun({
        broker: mqttBroker({ url }),
        run,
        name: `w${i}`,
        device,
        system: idle,
        model,
        async gradient() {
          if (spread > 0) await sleep(Math.random() * spread);
          return gradient;
        },
      });
      await joined.done;
    }),
  );
}

/**
 * The same bytes by mqtt.js alone: each worker publishes a packet, the server, when it has all of them, one for all.
 */
async function plain({ role, url, run, workers, bytes, rounds, spread }: LoadSettings): Promise<void> {
  const payload = Buffer.alloc(bytes, 7);
  const connect = async (): Promise<mqtt.MqttClient> => {
    const client = await mqtt
      .connectAsync(url, { protocolVersion: 5 })
      .catch(() => mqtt.connectAsync(url, { protocolVersion: 4 }));
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
    return client;
  };
  if (role === 'server') {
    const client = await connect();
    let [count, round] = [0, 0];
    let watch = new Watch();
    await client.subscribeAsync(`${run}/up/+`, { qos: 1 });
    client.on('message', () => {
      if (++count < workers) return;
      count = 0;
      round++;
      if (round === WARM) watch = new Watch();
      client.publish(`${run}/down`, payload, { qos: 1 });
      if (round === rounds + WARM) process.send?.(watch.report(0, bytes));
    });
    process.send?.('ready');
    return;
  }
  for (let i = 0; i < workers; i++) {
    const client = await connect();
    await client.subscribeAsync(`${run}/down`, { qos: 1 });
    const send = (): void => void client.publish(`${run}/up/w${i}`, payload, { qos: 1 });
    client.on('message', () => (spread > 0 ? void sleep(Math.random() * spread).then(send) : send()));
    send();
  }
}

async function play(settings: LoadSettings): Promise<void> {
  const { program, role, bytes } = settings;
  if (program === 'plain') return plain(settings);
  const { system, bytesPerNumber } = loads[program];
  const n = Math.round(bytes / bytesPerNumber);
  return role === 'server' ? serve(settings, system(), n) : work(settings, system(), n);
}

// a profile is written at the end of a process alone
process.once('SIGTERM', () => process.exit());
process.once('message', (settings: LoadSettings) => {
  play(settings).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
