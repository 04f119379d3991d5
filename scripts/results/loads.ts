/**
 * `npm run loads`: how even ExDyna's load is with 4 and 8 workers, by the paper's rule and with `balance: 'exact'`, on
 * the gradients of `npm start`, and what that costs in bytes: writes the table of docs/results.md under its heading. A
 * few minutes on one core.
 */
import { parseArgs } from 'node:util';
import { exDyna, type System } from 'fewbits/algorithms';
import { openDevice } from 'fewbits';
import { megabytes, percent } from '../../examples/mnist/format.ts';
import { endOf } from '../../examples/mnist/measure.ts';
import { openProblem } from '../../examples/mnist/problem.ts';
import { train, type HistoryEntry } from '../../examples/mnist/train.ts';
import { table } from '../filled.ts';
import { APART, writeSection } from './page.ts';

const { steps, seed } = parseArgs({
  options: { steps: { type: 'string', default: '300' }, seed: { type: 'string', default: '1' } },
}).values;

type Options = Parameters<typeof exDyna>[0];
type Worker = ReturnType<System['worker']>;

/** What the workers' messages of a run are: rounds, and bytes of counts by blocks, all workers and steps together. */
interface Counted {
  rounds: number;
  counts: number;
}

/** ExDyna that writes down what its workers send. */
function watched(options: Options, counted: Counted): System {
  const system = exDyna(options);
  const watch = (worker: Worker, rank: number): Worker => {
    // the last message of route `gather` in a step is the list, those before it are counts
    let last = 0;
    const note = ({ route, bytes }: { route: string; bytes: Uint8Array }): void => {
      if (rank === 0) counted.rounds++;
      if (route !== 'gather') return;
      counted.counts += last;
      last = bytes.length;
    };
    return new Proxy(worker, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]): Promise<unknown> => {
          if (name === 'send') last = 0;
          const result: unknown = await Reflect.apply(value, target, args);
          if (name === 'send') note(result as Awaited<ReturnType<Worker['send']>>);
          const outcome = result as Awaited<ReturnType<Worker['receive']>>;
          if (name === 'receive' && outcome.kind === 'message') note(outcome.message);
          return result;
        };
      },
    });
  };
  return {
    ...system,
    worker: (device, seat, into) => watch(system.worker(device, seat, into), seat.rank) as never,
  };
}

const device = await openDevice({ backend: 'wasm' });
const header = ['workers', 'density', 'balance', 'load, mean', 'load, worst', 'steps above 1.1', 'accuracy'];
/** Plain SGD at a rate at which dense training does well. */
const RATE = 0.3;

let parameters = 0;
const rows = [[...header, 'MB up', 'of which counts', 'MB down', 'rounds a step']];
for (const workers of [4, 8])
  for (const density of [0.01, 0.05])
    for (const balance of ['paper', 'exact'] as const) {
      const counted = { rounds: 0, counts: 0 };
      const algorithm = {
        ...{ name: 'ex-dyna', description: '', momentum: 0, standard: false },
        system: watched({ density, balance }, counted),
      };
      const setting = { steps: Number(steps), seed: Number(seed) };
      const problem = await openProblem({ dataset: 'mnist', workers, seed: setting.seed });
      const loads: number[] = [];
      const run = await train(
        { algorithm, learningRate: RATE, device, problem, ...setting },
        ({ imbalance = NaN }: HistoryEntry) => void loads.push(imbalance),
      );
      ({ parameters } = run);
      rows.push([
        String(workers),
        percent(density),
        balance,
        (loads.reduce((sum, load) => sum + load, 0) / loads.length).toFixed(3),
        Math.max(...loads).toFixed(3),
        String(loads.filter((load) => !(load <= 1.1)).length),
        percent(endOf(run)),
        megabytes(run.bytesUp),
        megabytes(counted.counts),
        megabytes(run.bytesDown),
        (counted.rounds / run.steps).toFixed(2),
      ]);
      console.log(rows[rows.length - 1].join(', '));
    }
device.close();

await writeSection(
  APART.loads,
  `\`npm run loads\`: ${steps} steps of \`npm start\` on MNIST with seed ${seed}, ${parameters.toLocaleString('en-US')} parameters. Load: how many times as much
as the mean worker the busiest one selects in a step. MB are 10^6 bytes, all workers and steps together, the counts by
blocks among them; counts are each worker's own, which all others receive.

${table(rows[0], rows.slice(1))}`,
);
