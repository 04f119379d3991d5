/**
 * What runs in a worker: a job's tasks, over an instance of the module for each memory. Bundled by the build into
 * ts/generated/worker.ts, as text, so that a worker starts from it under any bundler and in any runtime.
 */
import type { Exports } from '../../../generated/wasm-exports.ts';
import type { Job } from '../executor.ts';
import { fusedPassOf } from '../fusion.ts';
import { transformTasks } from '../kernels/fwht.ts';
import { allKernels } from '../kernels/index.ts';
import { selectTasks } from '../kernels/select.ts';
import type { Instance, TaskKind } from '../task.ts';
import { END, NONE, NOT_YET, Scheduler, type Batches } from './scheduler.ts';

/** What the device's thread sends. */
export type Message =
  | { readonly schedule: SharedArrayBuffer; readonly module: WebAssembly.Module; readonly thread: number }
  | { readonly open: number; readonly memory: WebAssembly.Memory }
  | { readonly drop: number };

/** A job as the scheduler has it, as text. */
export interface Post extends Batches {
  readonly job: Job;
  /** The job's number. */
  readonly number: number;
  /** The number of the memory. */
  readonly memory: number;
}

interface Port {
  postMessage(message: unknown): void;
  on?(event: 'message', listener: (message: Message) => void): void;
  onmessage?: (event: { data: Message }) => void;
}

interface Runtime {
  readonly process?: {
    getBuiltinModule?(name: string): { readonly parentPort: Port | null } | undefined;
  };
}

const port =
  (globalThis as Runtime).process?.getBuiltinModule?.('node:worker_threads')?.parentPort ??
  (globalThis as unknown as Port);

/** The kinds of tasks that jobs have, by name. */
const kinds = new Map<string, TaskKind<unknown>>();
for (const kind of [fusedPassOf(allKernels), ...selectTasks, ...transformTasks]) kinds.set(kind.name, kind);

let scheduler: Scheduler;
let module: WebAssembly.Module;
let thread: number;
const instances = new Map<number, Instance & { readonly memory: WebAssembly.Memory }>();

/** The last post that this worker has seen. */
let seen = 0;

function receive(message: Message): void {
  if ('schedule' in message) {
    scheduler = new Scheduler(message.schedule);
    ({ module, thread } = message);
    port.postMessage('ready');
  } else if ('open' in message) {
    const { open, memory } = message;
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    instances.set(open, {
      memory,
      exports: exports as unknown as Exports,
      view: (address, words) => new Uint32Array(memory.buffer, address, words),
    });
  } else {
    instances.delete(message.drop);
  }
  work();
}

/** Does the jobs that are posted, until there is a message to see to. */
function work(): void {
  for (;;) {
    const { post, text } = scheduler.awaitPost(seen);
    if (text === END) return;
    const posted = text === '' ? undefined : (JSON.parse(text) as Post);
    // the message that opens the memory is on its way: after it the job is done
    if (posted !== undefined && !instances.has(posted.memory)) return;
    seen = post;
    if (posted === undefined) return;
    help(posted);
  }
}

/** Does batches of a job until there are none left. */
function help(post: Post): void {
  const instance = instances.get(post.memory)!;
  // the memory may have grown on the device's thread, which this one then has to be told
  instance.memory.grow(0);
  const task = kinds.get(post.job.kind)!.bind(instance, post.job.data);
  const last = Math.ceil(post.tasks / post.batchSize);
  for (;;) {
    const batch = scheduler.claim(post.number, last);
    if (batch === NONE) return;
    if (batch === NOT_YET) scheduler.awaitPublished();
    else scheduler.perform(batch, post, task, thread);
  }
}

if (port.on) port.on('message', receive);
else port.onmessage = ({ data }) => receive(data);
