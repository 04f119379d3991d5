/**
 * The hub of a run, a Web Worker: it deals the batches out to the training workers, is the network between them and the
 * servers of systems that have one, counts bytes, and has models scored. The page asks for one step at a time.
 */
import { openDevice } from 'fewbits';
import type { Message, Server } from 'fewbits/algorithms';

import { evaluationSteps, LOCAL_STEPS } from '../../mnist/train.ts';
import { note, remoteAt, serve, type Remote } from '../calls.ts';
import { fetchDigits } from './digits.ts';
import type { Data, OnBytes } from './problem.ts';
import { carry } from './round.ts';
import type { Opened, OpeningProgress, Setting, StepEntry } from './setting.ts';
import { algorithmNamed } from './systems.ts';
import { TASKS, type TaskName } from './tasks.ts';
import { fetchText } from './text.ts';
import type { WorkerFunctions } from './worker.ts';

/** As `npm start` spaces them, and every so many steps besides, so that the curve grows while one looks. */
const EVALUATION_SPACING = 1.6;
const EVALUATED_EVERY = 50;

/** What fetches the data of a task from below an address. */
const FETCH: Readonly<
  Record<TaskName, (base: string, seed: number, onBytes: OnBytes) => Promise<Data<unknown, unknown>>>
> = { digits: fetchDigits, text: fetchText };

type Crew = readonly Remote<WorkerFunctions>[];

/** A system that trains: its server, its traffic and its time. */
interface Lane {
  readonly algorithm: string;
  readonly server: Server | undefined;
  /** Steps from one exchange to the next. */
  readonly localSteps: number;
  step: number;
  bytesUp: number;
  bytesDown: number;
  seconds: number;
  /** Whether the workers' copies of the model differ. */
  drifted: boolean;
}

interface Run {
  readonly setting: Setting;
  readonly crew: Crew;
  readonly data: Data<unknown, unknown>;
  readonly evaluated: ReadonlySet<number>;
  readonly lanes: readonly Lane[];
}

let run: Run | undefined;

const say = (opening: OpeningProgress): void => note(opening);

/** The mean of all copies of a system's model. */
async function meanParameters(crew: Crew, algorithm: string): Promise<Float32Array> {
  const copies = await Promise.all(crew.map((worker) => worker.parameters(algorithm)));
  const mean = new Float32Array(copies[0].length);
  for (const copy of copies) for (let i = 0; i < mean.length; i++) mean[i] += copy[i] / copies.length;
  return mean;
}

/** One step of one system: gradients, messages, models; then the score, if it is due. The last one ends the lane. */
async function stepOf(lane: Lane, run: Run): Promise<StepEntry> {
  const { crew, data, evaluated, setting } = run;
  const { algorithm } = lane;
  const start = performance.now();
  const mean = lane.drifted ? await meanParameters(crew, algorithm) : undefined;
  const isDue = (lane.step + 1) % lane.localSteps === 0 || lane.step + 1 === setting.steps;
  // copies that are trained alone differ until then
  if (!isDue) lane.drifted = true;
  const sent = await Promise.all(
    crew.map((worker, rank) => {
      const batch = data.batch(lane.step * crew.length + rank);
      return worker.send(algorithm, batch, isDue, mean);
    }),
  );
  const { up, down } = await carry(
    sent.flatMap(({ message }) => message ?? []),
    lane.server,
    async (inbox) => {
      const received = await Promise.all(crew.map((worker) => worker.receive(algorithm, inbox)));
      const prints = received.flatMap((one) => ('fingerprint' in one ? [one.fingerprint] : []));
      lane.drifted = new Set(prints).size > 1;
      return received.flatMap((one): Message[] => ('message' in one ? [one.message] : []));
    },
  );
  lane.step++;
  lane.bytesUp += up;
  lane.bytesDown += down;
  lane.seconds += (performance.now() - start) / 1000;
  const loss = sent.reduce((sum, { loss }) => sum + loss / crew.length, 0);
  const { step, bytesUp, bytesDown, seconds } = lane;
  const entry = { algorithm, step, loss, bytesUp, bytesDown, seconds };
  const atEnd = step === setting.steps;
  if (atEnd) {
    lane.server?.free();
    await Promise.all(crew.map((worker) => worker.end(algorithm)));
  }
  if (!evaluated.has(step) && !atEnd) return entry;
  return { ...entry, [TASKS[setting.task].measure]: await scoreOf(run, algorithm, atEnd) };
}

/** Each worker looks at its share of the held-out data. */
async function scoreOf({ crew, data }: Run, algorithm: string, atEnd: boolean): Promise<number> {
  const mean = await meanParameters(crew, algorithm);
  const measured = await Promise.all(crew.map((worker) => worker.measure(mean, atEnd)));
  return data.score(
    measured.reduce((sum, one) => sum + one, 0),
    atEnd,
  );
}

const functions = {
  /**
   * Fetches the data from below `base` and opens the training workers, a port to each of them; notes say how far that
   * is.
   */
  async open(setting: Setting, base: string, ports: readonly MessagePort[]): Promise<Opened> {
    const { task, algorithms, backend, workers, seed, steps } = setting;
    const fetching = `Fetching ${TASKS[task].data}`;
    say({ what: fetching, done: 0 });
    const data = await FETCH[task](base, seed, (come, all) => {
      const megabytes = (come / 1e6).toFixed(1);
      say({
        what: `${fetching}, ${megabytes} MB of ${(all / 1e6).toFixed(1)}`,
        done: all > 0 ? (0.8 * come) / all : 0,
      });
    });
    say({ what: `Starting ${workers} workers`, done: 0.8 });
    const crew = ports.map((port) => remoteAt<WorkerFunctions>(port));
    let open = 0;
    const opened = await Promise.all(
      crew.map(async (worker, rank) => {
        const seat = { task, algorithms, backend, workers, rank, seed };
        const one = await worker.open(seat, data.share(rank, workers));
        say({ what: `Starting ${workers} workers`, done: 0.8 + (0.2 * ++open) / workers });
        return one;
      }),
    );
    const device = await openDevice({ backend });
    const lanes = algorithms.map((algorithm): Lane => {
      const { system } = algorithmNamed(algorithm);
      const server = system.server?.(device, { n: opened[0].parameters, workers });
      const localSteps = system.takes === 'model' ? LOCAL_STEPS : 1;
      return { algorithm, server, localSteps, step: 0, bytesUp: 0, bytesDown: 0, seconds: 0, drifted: false };
    });
    const spaced = evaluationSteps(steps, EVALUATION_SPACING);
    const regular = Array.from(
      { length: Math.floor(steps / EVALUATED_EVERY) },
      (_, i) => (i + 1) * EVALUATED_EVERY,
    );
    run = {
      setting,
      crew,
      lanes,
      data,
      evaluated: new Set([...spaced, ...regular]),
    };
    return opened[0];
  },

  /** One step of each system, one system after the other. */
  async step(): Promise<readonly StepEntry[]> {
    if (run === undefined) throw new Error('the run is not open');
    const entries: StepEntry[] = [];
    for (const lane of run.lanes) entries.push(await stepOf(lane, run));
    return entries;
  },
};

export type HubFunctions = typeof functions;

serve(functions);
