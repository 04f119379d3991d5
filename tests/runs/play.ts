/** A run on the simulated network, with a server and workers that can be cut off. */
import type { System } from '../../ts/algorithms/system.ts';
import type { JoinOptions, RunWorker } from '../../ts/runs/join-options.ts';
import type { RunServer, ServeOptions } from '../../ts/runs/serve-options.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { device } from '../reference/algorithms/play.ts';
import { Network } from './network.ts';
import { checker, gradientAt, modelOf } from './runs.ts';

/** Seats and steps of a run, and who takes the seats. */
export const WORKERS = 3;
export const STEPS = 10;
export const NAMES: readonly string[] = ['a', 'b', 'c'];

export interface Played {
  readonly network: Network;
  readonly checks: ReturnType<typeof checker>;
  readonly refusals: string[];
  serve(this: void, more?: Partial<ServeOptions>): Promise<RunServer>;
  join(
    this: void,
    name: string,
    more?: Partial<JoinOptions>,
  ): Promise<RunWorker & { cut(this: void): void; options: JoinOptions }>;
}

/** A server and workers of one run on a network, whose rounds are checked. */
export function play(system: System, momentum: number, seed = 1): Played {
  const network = new Network(seed);
  const checks = checker(system, WORKERS, momentum);
  const refusals: string[] = [];
  const common = { run: 'r', device, system, clock: network.clock };
  return {
    network,
    checks,
    refusals,
    serve: (more = {}) =>
      serveRun({
        ...common,
        broker: network.open(),
        model: modelOf(momentum),
        workers: WORKERS,
        steps: STEPS,
        deadline: 5000,
        onRound: checks.onRound,
        onRefused: ({ name, reason }) => refusals.push(`${name}: ${reason}`),
        ...more,
      }),
    async join(name, more = {}) {
      let cut = (): void => {};
      const options: JoinOptions = {
        ...common,
        broker: network.open((given) => (cut = given)),
        name,
        model: modelOf(momentum),
        gradient: gradientAt,
        ...more,
      };
      const worker = await joinRun(options);
      return {
        name,
        options,
        done: worker.done,
        get position() {
          return worker.position;
        },
        stop: () => worker.stop(),
        cut: () => cut(),
      };
    },
  };
}
