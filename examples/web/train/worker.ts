/**
 * A training worker, a Web Worker: its own network, device and copies of the model, one for each system that trains. It
 * stands for a machine of its own; all that it says of a gradient are the messages of the system's state machine.
 */
import type { BackendName } from 'fewbits';
import { openDevice } from 'fewbits';
import {
  descend,
  type Message,
  type Model as Replica,
  type Outcome,
  type Worker as Member,
} from 'fewbits/algorithms';

import { rateOf } from '../../mnist/rates.ts';
import { moved, serve } from '../calls.ts';
import { openDigits } from './digits.ts';
import type { Learner } from './problem.ts';
import { algorithmNamed } from './systems.ts';
import type { Opened } from './setting.ts';
import { TASKS, type TaskName } from './tasks.ts';
import { openText } from './text.ts';

/** What a worker is told at the start. */
export interface Seat {
  readonly task: TaskName;
  readonly algorithms: readonly string[];
  readonly backend: BackendName;
  readonly workers: number;
  readonly rank: number;
  readonly seed: number;
}

/** The loss of a worker's batch, and its message where there is an exchange. */
export interface Sent {
  readonly loss: number;
  readonly message?: Message;
}

/** What became of an inbox: another message, or the step's end with a number that differs where models differ. */
export type Received = { readonly message: Message } | { readonly fingerprint: number };

interface Lane {
  readonly member: Member;
  readonly replica: Replica;
  /** Of systems that take models: the model that all have in common, of which the replica is a trained copy. */
  readonly common: Replica | undefined;
}

let learner: Learner<unknown>;
let gradient: Float32Array;
const lanes = new Map<string, Lane>();

/** What opens the network of a task. */
const OPEN: Readonly<Record<TaskName, (share: never) => Promise<Learner<unknown>>>> = {
  digits: openDigits,
  text: openText,
};

/**
 * jax-js would start a thread a core where memory can be shared. The page starts a worker for each machine instead, so
 * that one is one thread, as in Node: jax-js looks for `Worker`, when it is loaded and at each kernel, and finds none.
 */
function openOnOneThread(task: TaskName, share: unknown): Promise<Learner<unknown>> {
  (globalThis as { Worker?: unknown }).Worker = undefined;
  return OPEN[task](share as never);
}

const laneOf = (algorithm: string): Lane => {
  const lane = lanes.get(algorithm);
  if (lane === undefined) throw new Error(`this worker does not train ${algorithm}`);
  return lane;
};

/** A message with memory of its own, which moves: what the state machine gave may be a part of what it keeps. */
function outgoing({ route, bytes }: Message): Message {
  return { route, bytes: new Uint8Array(bytes) };
}

function fingerprintOf(vector: Float32Array): number {
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
  return hash >>> 0;
}

const functions = {
  /** Opens the network, and a state machine for each system; `share` is what it measures models on. */
  async open({ task, algorithms, backend, workers, rank, seed }: Seat, share: unknown): Promise<Opened> {
    const device = await openDevice({ backend });
    learner = await openOnOneThread(task, share);
    const n = learner.network.size;
    gradient = new Float32Array(n);
    for (const name of algorithms) {
      const { system, momentum } = algorithmNamed(name);
      const learningRate = rateOf('data', TASKS[task].dataset, name);
      const parameters = learner.network.initial(seed);
      const replica = { parameters, velocity: new Float32Array(n), learningRate, momentum };
      const common = system.takes === 'model' ? { ...replica, parameters: parameters.slice() } : undefined;
      lanes.set(name, { member: system.worker(device, { n, workers, rank }), replica, common });
    }
    return { backend: device.backend, detail: device.detail, parameters: n };
  },

  /**
   * Begins a step on a batch. The loss is that of `mean`, if there is one: where copies have drifted apart, what was
   * learned is their mean's. Where the system takes models the step is taken here, and there is a message where an
   * exchange is due.
   */
  async send(algorithm: string, batch: unknown, isDue: boolean, mean?: Float32Array): Promise<Sent> {
    const { member, replica, common } = laneOf(algorithm);
    const own = await learner.network.gradient(replica.parameters, batch, gradient);
    const loss = mean === undefined ? own : await learner.network.loss(mean, batch);
    if (common !== undefined) descend(replica, gradient);
    if (!isDue) return { loss };
    const sent = common === undefined ? gradient : replica.parameters;
    const message = outgoing(await member.send(sent, common ?? replica));
    return moved({ loss, message }, [message.bytes]);
  },

  async receive(algorithm: string, inbox: readonly Uint8Array[]): Promise<Received> {
    const { member, replica, common } = laneOf(algorithm);
    const outcome: Outcome = await member.receive(inbox);
    if (outcome.kind === 'message') {
      const message = outgoing(outcome.message);
      return moved({ message }, [message.bytes]);
    }
    if (outcome.kind === 'direction') descend(replica, outcome.direction);
    if (common !== undefined) replica.parameters.set(common.parameters);
    return { fingerprint: fingerprintOf(replica.parameters) };
  },

  /** Gives back what the system's state machine holds; the model stays. */
  end(algorithm: string): void {
    laneOf(algorithm).member.free();
  },

  /** A copy of the parameters. */
  parameters(algorithm: string): Float32Array {
    const copy = laneOf(algorithm).replica.parameters.slice();
    return moved(copy, [copy]);
  },

  /** What a model comes to on this worker's share of the held-out data. */
  measure: (parameters: Float32Array, atEnd: boolean): Promise<number> => learner.measure(parameters, atEnd),
};

export type WorkerFunctions = typeof functions;

serve(functions);
