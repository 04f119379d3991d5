/** The transport within one process: carries the messages of a step and counts them. For simulations and tests. */
import type { Message, Outcome, SendOptions, Server, Worker } from './system.ts';
import { deliver } from './transport.ts';
import type { Vector } from './vectors.ts';

/** What one step of all workers came to. */
export interface Step<Direction extends Vector = Float32Array> {
  /** Each worker's outcome, by rank: a direction, or the model was stepped. */
  readonly outcomes: readonly Exclude<Outcome<Direction>, { kind: 'message' }>[];
  /** Bytes that the workers sent, all together. */
  readonly bytesUp: number;
  /** Bytes that the workers received, all together. */
  readonly bytesDown: number;
}

/** What takes part in a step: a worker, or what wraps one. */
export interface Participant<Direction extends Vector, Gradient extends Vector> {
  send(gradient: Gradient, options?: SendOptions): Promise<Message>;
  receive: Worker<Direction>['receive'];
  /** As a worker's. Of one that lacks it, a step that it has finished is not taken back. */
  takeBack?(): void;
}

/**
 * One step of a system: every worker sends, the messages go their way, until every worker has its outcome. Of a
 * `gather` round a worker receives the messages of all others; of a `sum` round one vector of the messages' length.
 * Where anyone refuses, in whichever round, all workers, the server and the models are left as they were, and the step
 * can be begun anew.
 *
 * @param workers by rank
 * @param server undefined where the system has none
 * @param gradients n elements of each worker, by rank; of systems that take models, the models they have trained
 * @param models the workers' copies, by rank, for systems that average them or take them; and weights
 * @returns each worker's outcome, by rank, and the bytes that all workers sent and received
 * @throws RangeError where the gradients are not as many as the workers
 * @throws what a worker or the server throws: NonFiniteError where a gradient holds NaN or infinity
 * @example
 * const system = pSgd();
 * const workers = [0, 1].map((rank) => system.worker(device, { n: gradient.length, workers: 2, rank }));
 * const server = system.server?.(device, { n: gradient.length, workers: 2 });
 * const { outcomes, bytesUp } = await exchange(workers, server, [gradient, gradient]);
 */
export async function exchange<Direction extends Vector = Float32Array, Gradient extends Vector = Vector>(
  workers: readonly Participant<Direction, Gradient>[],
  server: (Pick<Server, 'answer'> & Partial<Pick<Server, 'takeBack'>>) | undefined,
  gradients: readonly Gradient[],
  models: readonly SendOptions[] = [],
): Promise<Step<Direction>> {
  if (gradients.length !== workers.length)
    throw new RangeError(`"gradients" expected ${workers.length} of them, got ${gradients.length}`);
  let bytesUp = 0;
  let bytesDown = 0;
  let messages: Message[] = [];
  /** Takes back what this step has done so far; one that refuses is as it was by itself. */
  const undo: (() => void)[] = [];
  try {
    for (const [rank, worker] of workers.entries()) {
      messages.push(await worker.send(gradients[rank], models[rank]));
      undo.push(() => worker.takeBack?.());
    }
    for (;;) {
      const size = messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
      bytesUp += size;
      const inbox = await deliver(messages, server);
      if (messages[0].route === 'server') undo.push(() => server?.takeBack?.());
      const received = inbox.reduce((sum, { length }) => sum + length, 0);
      // one's own message of a gather round need not travel
      bytesDown += workers.length * received - (messages[0].route === 'gather' ? size : 0);
      const outcomes: Outcome<Direction>[] = [];
      for (const worker of workers) outcomes.push(await worker.receive(inbox));
      const next = outcomes.flatMap((outcome) => (outcome.kind === 'message' ? [outcome.message] : []));
      if (next.length === 0) return { outcomes: outcomes as Step<Direction>['outcomes'], bytesUp, bytesDown };
      messages = next;
    }
  } catch (error) {
    for (const one of undo.reverse()) one();
    throw error;
  }
}
