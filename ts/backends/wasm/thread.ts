/**
 * What runs in a thread: a job's tasks, over an instance of the module for each memory. Bundled by the build into
 * ts/generated/thread.ts, as text, so that a worker starts from it under any bundler and in any runtime.
 */
import { taskOf, type Job } from './jobs.ts';
import type { Exports } from './kernels.ts';
import { END, NONE, NOT_YET, Turns, type Shares } from './turns.ts';
import type { View } from './works.ts';

/** What the device's thread sends. */
export type Message =
  | { readonly turns: SharedArrayBuffer; readonly module: WebAssembly.Module; readonly thread: number }
  | { readonly open: number; readonly memory: WebAssembly.Memory }
  | { readonly drop: number };

/** What it calls for. */
export interface Call extends Shares {
  readonly run: Job;
  readonly job: number;
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

let turns: Turns;
let module: WebAssembly.Module;
let thread: number;
const instances = new Map<number, { memory: WebAssembly.Memory; wasm: Exports; view: View }>();

/** The last call that this thread has seen. */
let seen = 0;

function receive(message: Message): void {
  if ('turns' in message) {
    turns = new Turns(message.turns);
    ({ module, thread } = message);
    port.postMessage('ready');
  } else if ('open' in message) {
    const { open, memory } = message;
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    instances.set(open, {
      memory,
      wasm: instance.exports as unknown as Exports,
      view: (address, words) => new Uint32Array(memory.buffer, address, words),
    });
  } else {
    instances.delete(message.drop);
  }
  work();
}

/** Does what it is called for, until there is a message to see to. */
function work(): void {
  for (;;) {
    const { call, text } = turns.awaitCall(seen);
    if (text === END) return;
    const wanted = text === '' ? undefined : (JSON.parse(text) as Call);
    // the message that opens the memory is on its way: after it the call is answered
    if (wanted !== undefined && !instances.has(wanted.memory)) return;
    seen = call;
    if (wanted === undefined) return;
    help(wanted);
  }
}

/** Takes turns at a job until there are none left. */
function help(call: Call): void {
  const { memory, wasm, view } = instances.get(call.memory)!;
  // the memory may have grown on the device's thread, which this one then has to be told
  memory.grow(0);
  const task = taskOf(call.run, wasm, view);
  const last = Math.ceil(call.tasks / call.batch);
  for (;;) {
    const turn = turns.take(call.job, last);
    if (turn === NONE) return;
    if (turn === NOT_YET) turns.awaitOffer();
    else turns.serve(turn, call, task, thread);
  }
}

if (port.on) port.on('message', receive);
else port.onmessage = ({ data }) => receive(data);
