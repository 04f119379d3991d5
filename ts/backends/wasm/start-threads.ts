/** Starting the workers of a backend: Web Workers, or in Node worker_threads. Loaded only where threads are asked for. */
import type * as NodeThreads from 'node:worker_threads';
import { source } from '../../generated/thread.ts';
import { Team, type Helper, type Workers } from './team.ts';
import type { Threads } from './threads.ts';
import { Turns } from './turns.ts';

/**
 * Starts workers, so that there are `count` threads with this one.
 * @throws Error where the runtime has no workers, or lets none start
 */
export async function startThreads(count: number, module: WebAssembly.Module): Promise<Threads> {
  const start = (): Promise<Workers> => startWorkers(count, module);
  return new Team(await start(), start);
}

async function startWorkers(count: number, module: WebAssembly.Module): Promise<Workers> {
  const turns = new Turns();
  const started: Helper[] = [];
  try {
    const ready = Array.from({ length: count - 1 }, async (_, i) => {
      const [helper, answer] = startWorker();
      started.push(helper);
      helper.post({ turns: turns.memory, module, thread: i + 1 });
      await answer;
    });
    await Promise.all(ready);
  } catch (error) {
    for (const helper of started) helper.end();
    throw error;
  }
  return { helpers: started, turns };
}

interface Runtime {
  readonly process?: { getBuiltinModule?(name: string): unknown };
  readonly Worker?: typeof Worker;
}

/** A worker, and its answer to the first message. */
function startWorker(): [Helper, Promise<void>] {
  const { process, Worker } = globalThis as Runtime;
  // Deno and Bun have both; a page's kind is what they know best.
  if (Worker !== undefined) return startWebWorker(Worker);
  const node = process?.getBuiltinModule?.('node:worker_threads') as typeof NodeThreads | undefined;
  if (node === undefined) throw new Error('this runtime has no workers');
  const worker = new node.Worker(source, { eval: true, execArgv: [] });
  // a device that is not closed keeps no process alive; one that starts does
  const answer = new Promise<void>((resolve, reject) => {
    worker.once('message', () => {
      worker.unref();
      resolve();
    });
    worker.once('error', reject);
  });
  return [{ post: (message) => worker.postMessage(message), end: () => void worker.terminate() }, answer];
}

function startWebWorker(WebWorker: typeof Worker): [Helper, Promise<void>] {
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new WebWorker(url, { type: 'module' });
  const answer = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message || 'a worker does not start: a content security policy may forbid it'));
    };
  }).finally(() => URL.revokeObjectURL(url));
  return [{ post: (message) => worker.postMessage(message), end: () => worker.terminate() }, answer];
}
