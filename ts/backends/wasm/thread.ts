/**
 * What runs in a thread: a job's tasks, over an instance of the module for each memory. Bundled by the build into
 * ts/generated/thread.ts, as text, so that a worker starts from it under any bundler and in any runtime.
 */
import { taskOf, type Job } from './jobs.ts';
import type { Exports } from './kernels.ts';
import { NONE, NOT_YET, Turns } from './turns.ts';
import type { View } from './works.ts';

/** What the device's thread sends. */
export type Message =
  | { readonly turns: SharedArrayBuffer; readonly module: WebAssembly.Module; readonly thread: number }
  | { readonly open: number; readonly memory: WebAssembly.Memory }
  | { readonly drop: number }
  | {
      readonly run: Job;
      readonly job: number;
      readonly tasks: number;
      readonly slots: number;
      readonly memory: number;
    };

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
const instances = new Map<number, { wasm: Exports; view: View }>();

function receive(message: Message): void {
  if ('turns' in message) {
    turns = new Turns(message.turns);
    ({ module, thread } = message);
    port.postMessage('ready');
  } else if ('open' in message) {
    const { open, memory } = message;
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    instances.set(open, {
      wasm: instance.exports as unknown as Exports,
      view: (address, words) => new Uint32Array(memory.buffer, address, words),
    });
  } else if ('drop' in message) {
    instances.delete(message.drop);
  } else {
    help(message);
  }
}

/** Does tasks of a job until there are none left. */
function help({ run, job, tasks, slots, memory }: Extract<Message, { run: Job }>): void {
  const { wasm, view } = instances.get(memory)!;
  const task = taskOf(run, wasm, view);
  for (let offered = 0; ;) {
    const next = turns.take(job, tasks);
    if (next === NONE) return;
    if (next === NOT_YET) {
      turns.awaitOffer(offered);
      continue;
    }
    offered = next + 1;
    let failed = true;
    try {
      task(next, thread);
      failed = false;
    } finally {
      turns.done(next, slots, failed);
    }
  }
}

if (port.on) port.on('message', receive);
else port.onmessage = ({ data }) => receive(data);
