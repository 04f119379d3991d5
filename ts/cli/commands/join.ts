/** `fewbits join`: a worker of a run that is served somewhere. */
import { command, type Command, type ValuesOf } from '../command.ts';
import { openQuietly } from '../gpu.ts';
import { describeRun } from '../../runs/describe.ts';
import { joinRun } from '../../runs/worker.ts';
import { BACKEND, JSON_REPORT } from '../options.ts';
import { brokerOf, OF_BROKER, OF_RUN } from '../run-options.ts';
import { isOwnTask, systemOfTask, taskOf, type About } from '../tasks.ts';
import { onSignals } from '../signals.ts';
import { positiveOf, required, UsageError } from '../usage.ts';

const OPTIONS = {
  broker: { ...OF_RUN.broker, about: `${OF_RUN.broker.about}; required` },
  run: { ...OF_RUN.run, about: "the run's name, as the server has it; required" },
  prefix: OF_RUN.prefix,
  task: {
    ...OF_RUN.task,
    about: "the module of the run's task, where that is not one of fewbits: ./task.mjs",
  },
  deadline: { ...OF_RUN.deadline, about: 'of waiting, after which it is said what for, each time anew (30)' },
  name: { type: 'string', value: 'NAME', about: "the worker's name, the same when it comes back" },
  ...OF_BROKER,
  ...BACKEND,
  ...JSON_REPORT,
} as const;

export const join: Command = command({
  forms: [['fewbits join --broker mqtt://HOST --run NAME', 'a worker of a run, on this machine or another']],
  options: OPTIONS,
  takesFile: false,
  run: (values) => work(values),
});

async function work(values: ValuesOf<typeof OPTIONS>): Promise<void> {
  const url = required(values.broker, 'join expected --broker mqtt://HOST');
  const run = required(values.run, 'join expected --run NAME');
  const say = (text: string): void =>
    console.error(`${process.stderr.isTTY ? '\r\x1b[K' : ''}fewbits: ${text}`);
  const broker = brokerOf(url, values, say);
  const { prefix } = values;
  // a worker that `serve` has started is in a run that is there
  const isLocal = process.connected === true;
  // before it has joined there is nothing to leave
  let leave: () => void = () => process.exit(0);
  // the server that has started it is gone, or wants it to leave
  if (isLocal) process.once('disconnect', () => leave());
  if (!isLocal) say(`looking for the run ${run}`);
  const { about } = await describeRun(broker, run, { prefix });
  const { task: told, algorithm, localSteps, seed = 1 } = (about ?? {}) as Partial<About>;
  const name = values.task ?? told;
  if (name === undefined) throw new UsageError('the run does not say its task: give it with --task');
  // what a server says may name a task of fewbits; code of others is run only where this machine's user says so
  if (values.task === undefined && !isOwnTask(name))
    throw new UsageError(`the run's task is ${JSON.stringify(name)}: give its module with --task`);
  const task = await (
    await taskOf(name)
  )({
    algorithm,
    seed,
    ...(localSteps !== undefined && { localSteps }),
    role: 'worker',
  });
  const device = await openQuietly(values.backend);
  try {
    const worker = await joinRun({
      broker,
      run,
      prefix,
      ...(values.name !== undefined && { name: values.name }),
      device,
      system: systemOfTask(task),
      model: task.model,
      gradient: (model, at) => task.gradient(model, at),
      ...(task.weight !== undefined && { weight: task.weight }),
      onNote: (text) => say(text),
      ...(values.deadline !== undefined && { deadline: 1000 * positiveOf('deadline', values.deadline) }),
      onStep({ step, rank, used, traffic }) {
        if (process.stderr.isTTY)
          process.stderr.write(
            `\r\x1b[Kstep ${step + 1}, rank ${rank}, ${used > 0 ? 'in time' : 'late'}, ` +
              `${(traffic.bytesUp / 1e6).toFixed(1)} MB out, ${(traffic.bytesDown / 1e6).toFixed(1)} MB in`,
          );
      },
    });
    const stop = (): void => void worker.stop();
    const offSignals = onSignals(stop, () => {});
    leave = stop;
    const { steps } = await worker.done;
    offSignals();
    if (process.stderr.isTTY) process.stderr.write('\n');
    if (values.json) console.log(JSON.stringify({ run, name: worker.name, steps }, undefined, 2));
    else console.log(`${worker.name}: ${steps} steps`);
  } finally {
    device.close();
    if (process.connected) process.disconnect();
  }
}
