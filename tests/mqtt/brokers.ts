/** Real brokers for tests, on free ports of loopback: aedes in this process, and Mosquitto where it is installed. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { openBroker, type Broker } from '../../ts/mqtt/broker.ts';
import type { Link, OpenLink } from '../../ts/runs/link.ts';
import { freePort } from '../support/ports.ts';

export interface RunningBroker {
  readonly url: string;
  /** Ends it, and starts it again on the same port without what it knew. */
  restart(downtime: number): Promise<void>;
  close(): Promise<void>;
}

export interface BrokerKind {
  readonly name: string;
  /** Why it cannot run here. */
  readonly missing: string | undefined;
  readonly open: (settings?: readonly string[]) => Promise<RunningBroker>;
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

const aedes: BrokerKind = {
  name: 'aedes',
  missing: undefined,
  async open() {
    let broker: Broker = await openBroker();
    const { url } = broker;
    return {
      url,
      async restart(downtime) {
        await broker.close();
        await sleep(downtime);
        broker = await openBroker({ port: Number(new URL(url).port) });
      },
      close: () => broker.close(),
    };
  },
};

const mosquitto: BrokerKind = {
  name: 'Mosquitto',
  missing:
    spawnSync('mosquitto', ['-h']).error === undefined
      ? undefined
      : 'Mosquitto is not installed (apt-get install mosquitto)',
  async open(settings = []) {
    const port = await freePort();
    const folder = mkdtempSync(`${tmpdir()}/fewbits-mosquitto-`);
    const lines = [
      `listener ${port} 127.0.0.1`,
      'persistence false',
      'log_type none',
      'set_tcp_nodelay true',
      ...settings,
    ];
    if (!settings.some((line) => line.startsWith('allow_anonymous'))) lines.push('allow_anonymous true');
    writeFileSync(`${folder}/mosquitto.conf`, lines.join('\n'));
    let child: ChildProcess;
    const start = async (): Promise<void> => {
      child = spawn('mosquitto', ['-c', `${folder}/mosquitto.conf`], { stdio: 'ignore' });
      for (let tries = 0; ; tries++) {
        const socket = connect(port, '127.0.0.1');
        const open = await Promise.race([
          once(socket, 'connect').then(() => true),
          once(socket, 'error').then(() => false),
        ]).catch(() => false);
        socket.destroy();
        if (open) return;
        if (tries > 100) throw new Error('Mosquitto does not listen');
        await sleep(30);
      }
    };
    const end = async (): Promise<void> => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
    await start();
    return {
      url: `mqtt://127.0.0.1:${port}`,
      async restart(downtime) {
        await end();
        await sleep(downtime);
        await start();
      },
      async close() {
        await end();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

export const brokers: readonly BrokerKind[] = [aedes, mosquitto];

/** A link that passes all it sends and receives through the hands of a test. */
export function handled(
  open: OpenLink,
  hands: {
    /** What is published instead; nothing: it is lost. */
    readonly sent?: (topic: string, payload: Uint8Array) => readonly Uint8Array[];
    /** Milliseconds by which a message is late. */
    readonly late?: (topic: string, payload: Uint8Array) => number;
  },
): OpenLink {
  return async (will) => {
    const link: Link = await open(will);
    return {
      keeps: link.keeps,
      traffic: link.traffic,
      room: (topic) => link.room(topic),
      async publish(topic, payload, retain) {
        for (const one of hands.sent?.(topic, payload) ?? [payload]) await link.publish(topic, one, retain);
      },
      subscribe: (filters) => link.subscribe(filters),
      listen: (listener) =>
        link.listen({
          up: () => listener.up(),
          message(topic, payload, retained) {
            const late = hands.late?.(topic, payload) ?? 0;
            if (late === 0) return listener.message(topic, payload, retained);
            const copy = payload.slice();
            setTimeout(() => void listener.message(topic, copy, retained), late);
          },
        }),
      close: () => link.close(),
    };
  };
}
