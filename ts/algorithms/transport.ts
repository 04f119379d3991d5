/** What every transport does: a worker's whole step over it, and what a round's messages come to. */
import { isGpuRange } from '../arguments.ts';
import { isDeviceVector } from '../kernels/device-vector.ts';
import { descend, sumMessages } from './steps.ts';
import type { Message, Model, Outcome, Route, Server, Worker } from './system.ts';
import type { Vector } from './vectors.ts';

/**
 * The transport's part of a round: takes a message along its route and gives the inbox at its end, when the messages of
 * all workers have come together: what `deliver` gives for them.
 */
export type Carry = (message: Message) => Promise<readonly Uint8Array[]>;

/**
 * One step of a worker over any transport, in as many rounds as the system takes. Where there is a model, it is
 * stepped: along the direction, or by the system itself. A direction on the device is read for that; along one in a
 * GPU buffer of the caller's the caller steps, on that GPU.
 *
 * @param gradient n elements, as for `worker.send`
 * @param model the worker's copy; undefined where the caller makes its own of the direction
 * @returns how the step ended: with a direction of n elements, good until the worker's next call, or with the model
 * stepped
 * @throws what the worker or `carry` throws; begin the step anew then, with the same worker
 * @example
 * const worker = topKAllGather({ ratio: 0.01 }).worker(device, { n: gradient.length, workers: 1, rank: 0 });
 * await runStep(worker, gradient, undefined, (message) => deliver([message], undefined));
 */
export async function runStep<Direction extends Vector = Float32Array>(
  worker: Pick<Worker<Direction>, 'send' | 'receive'>,
  gradient: Vector,
  model: Model | undefined,
  carry: Carry,
): Promise<Exclude<Outcome<Direction>, { kind: 'message' }>> {
  let message = await worker.send(gradient, model);
  for (;;) {
    const outcome = await worker.receive(await carry(message));
    if (outcome.kind !== 'message') {
      if (outcome.kind === 'direction' && model !== undefined) await stepAlong(model, outcome.direction);
      return outcome;
    }
    ({ message } = outcome);
  }
}

async function stepAlong(model: Model, direction: Vector): Promise<void> {
  if (isGpuRange(direction)) return;
  descend(model, isDeviceVector(direction) ? await direction.read() : direction);
}

/**
 * What a round leaves in the inbox of each worker: the server's one answer, all messages, or their one sum.
 *
 * @param messages those of the round, by rank
 * @param server undefined where the system has none
 * @param from the ranks, ascending, whose messages they are; all of them if left out
 * @returns the inbox, the same for each worker
 * @throws Error where the messages are of different rounds, TypeError where they go to a server and there is none, and
 *   what `server.answer` and `sumMessages` throw: PacketError, OverflowError
 * @example
 * const seat = { n: gradient.length, workers: 2 };
 * const workers = [0, 1].map((rank) => pSgd().worker(device, { ...seat, rank }));
 * const messages = await Promise.all(workers.map((worker) => worker.send(gradient)));
 * const inbox = await deliver(messages, pSgd().server?.(device, seat));
 */
export async function deliver(
  messages: readonly { readonly route: Route; readonly bytes: Uint8Array }[],
  server: Pick<Server, 'answer'> | undefined,
  from?: readonly number[],
): Promise<readonly Uint8Array[]> {
  const [{ route }] = messages;
  if (messages.some((message) => message.route !== route))
    throw new Error('the workers are not in the same round');
  const sent = messages.map(({ bytes }) => bytes);
  if (route === 'gather') return sent;
  if (route === 'sum') return [sumMessages(sent, from)];
  if (server === undefined) throw new TypeError('"server" expected, since messages go to one, got none');
  return [await server.answer(sent, from)];
}
