/**
 * A server or a worker in a process of its own, so that it can be killed. Takes its settings from the parent, and
 * reports.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import { firstChain } from '../../ts/runs/wire/record.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { device } from '../reference/algorithms/play.ts';
import { gradientAt, modelOf, tested } from '../runs/runs.ts';

export interface Settings {
  readonly role: 'server' | 'worker';
  /** One of `tested`. */
  readonly system: string;
  readonly url: string;
  readonly name: string;
  /** Milliseconds that a gradient takes. */
  readonly pause: number;
  readonly workers: number;
  readonly steps: number;
  /** The server's file. */
  readonly file: string;
}

/** What a process says. `model` is the CRC-32 of the parameters. */
export type Said =
  | { readonly kind: 'closed'; readonly step: number; readonly from: readonly string[] }
  | { readonly kind: 'step'; readonly step: number }
  | { readonly kind: 'done'; readonly chain: number; readonly model: number }
  | { readonly kind: 'failed'; readonly reason: string };

const say = (said: Said): void => void process.send?.(said);

async function work({
  role,
  system: label,
  url,
  name,
  pause,
  workers,
  steps,
  file,
}: Settings): Promise<void> {
  const { system, momentum } = tested[label];
  const model = modelOf(momentum);
  const common = { broker: mqttBroker({ url }), run: 'killed', device, system, model };
  if (role === 'server') {
    const server = await serveRun({
      ...common,
      workers,
      steps,
      deadline: 5000,
      heartbeat: 300,
      store: {
        read: async () => (existsSync(file) ? readFileSync(file) : undefined),
        write: async (state) => {
          writeFileSync(`${file}.new`, state);
          renameSync(`${file}.new`, file);
        },
      },
      onRound: ({ step, last, from }) => {
        if (last) say({ kind: 'closed', step, from: from.map((entry) => entry.name) });
      },
    });
    await server.done;
    say({ kind: 'done', chain: server.position.chain, model: firstChain(model.parameters) });
  } else {
    const worker = await joinRun({
      ...common,
      name,
      async gradient(at, place) {
        await new Promise((resolve) => {
          setTimeout(resolve, pause);
        });
        return gradientAt(at, place);
      },
      onStep: ({ step }) => say({ kind: 'step', step }),
    });
    await worker.done;
    say({ kind: 'done', chain: worker.position.chain, model: firstChain(model.parameters) });
  }
}

if (process.argv[1]?.endsWith('process.ts'))
  process.once('message', (settings: Settings) => {
    work(settings)
      .catch((error: Error) => say({ kind: 'failed', reason: error.stack ?? error.message }))
      .finally(() => process.disconnect());
  });
