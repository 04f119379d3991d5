/**
 * A server or a worker in a process of its own, so that it can be killed. Takes its settings from the parent, and
 * reports.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { sparseLoCo, trainLocally, type System } from '../../ts/algorithms/index.ts';
import { blockTopK, openDevice } from '../../ts/index.ts';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import { firstChain } from '../../ts/runs/wire/record.ts';
import type { ServeOptions } from '../../ts/runs/serve-options.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { gradientAt, modelOf, tested } from '../runs/runs.ts';
import { makeDawnPatient } from '../support/patient-dawn.ts';

export interface Settings {
  readonly role: 'server' | 'worker';
  /** One of `systems`. */
  readonly system: string;
  readonly backend: 'js' | 'wasm' | 'webgpu';
  readonly url: string;
  readonly name: string;
  /** Milliseconds that a gradient takes. */
  readonly pause: number;
  readonly workers: ServeOptions['workers'];
  readonly steps: number;
  /** Whether a worker that is ready to join waits for any message of the parent's. */
  readonly held: boolean;
  /** The server's file; none where it is empty. */
  readonly file: string;
}

/** What a process says. `model` is the CRC-32 of the parameters. */
export type Said =
  | { readonly kind: 'closed'; readonly step: number; readonly from: readonly string[] }
  | { readonly kind: 'ready' }
  | { readonly kind: 'step'; readonly step: number }
  | { readonly kind: 'done'; readonly chain: number; readonly model: number }
  | { readonly kind: 'failed'; readonly reason: string };

const LOCAL_STEPS = 2;

const systems: Readonly<Record<string, { readonly system: System; readonly momentum: number }>> = {
  ...tested,
  'local steps': { system: sparseLoCo(blockTopK({ block: 64, k: 4 })), momentum: 0.9 },
};

const say = (said: Said): void => void process.send?.(said);

async function work({
  role,
  system: label,
  url,
  name,
  pause,
  workers,
  steps,
  held,
  file,
  backend,
}: Settings): Promise<void> {
  const { system, momentum } = systems[label];
  makeDawnPatient();
  const device = await openDevice({ backend });
  const model = modelOf(momentum);
  const common = { broker: mqttBroker({ url }), run: 'killed', device, system, model };
  if (role === 'server') {
    const server = await serveRun({
      ...common,
      workers,
      steps,
      deadline: 5000,
      heartbeat: 300,
      ...(file !== '' && {
        store: {
          read: async () => (existsSync(file) ? readFileSync(file) : undefined),
          write: async (state) => {
            writeFileSync(`${file}.new`, state);
            renameSync(`${file}.new`, file);
          },
        },
      }),
      onRound: ({ step, last, from }) => {
        if (last) say({ kind: 'closed', step, from: from.map((entry) => entry.name) });
      },
    });
    await server.done;
    say({ kind: 'done', chain: server.position.chain, model: firstChain(model.parameters) });
  } else {
    if (held) {
      const told = new Promise((resolve) => process.once('message', resolve));
      say({ kind: 'ready' });
      await told;
    }
    const worker = await joinRun({
      ...common,
      name,
      async gradient(at, place) {
        await new Promise((resolve) => {
          setTimeout(resolve, pause);
        });
        if (system.takes !== 'model') return gradientAt(at, place);
        return trainLocally(at, LOCAL_STEPS, (local) => gradientAt(local, place));
      },
      onStep: ({ step }) => say({ kind: 'step', step }),
    });
    await worker.done;
    say({ kind: 'done', chain: worker.position.chain, model: firstChain(model.parameters) });
  }
  device.close();
}

// bundled, and not imported for its types and its systems
if (process.argv[1]?.endsWith('mqtt-process.mjs'))
  process.once('message', (settings: Settings) => {
    work(settings)
      .catch((error: Error) => say({ kind: 'failed', reason: error.stack ?? error.message }))
      .finally(() => process.disconnect());
  });
