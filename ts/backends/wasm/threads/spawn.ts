/**
 * Starting the workers of a backend: Web Workers, or in Node worker_threads. Loaded only where threads are asked for.
 */
import type * as NodeThreads from 'node:worker_threads';
import { source } from '../../../generated/worker.ts';
import { Pool, type WorkerHandle, type Workers } from './pool.ts';
import { Scheduler } from './scheduler.ts';

/**
 * Starts a pool of `count` threads, this one with them.
 * @throws Error where the runtime has no workers, or lets none start
 */
export async function startPool(count: number, module: WebAssembly.Module): Promise<Pool> {
  const start = (): Promise<Workers> => startWorkers(count, module);
  return new Pool(await start(), start);
}

async function startWorkers(count: number, module: WebAssembly.Module): Promise<Workers> {
  const scheduler = new Scheduler();
  const started: WorkerHandle[] = [];
  try {
    const ready = Array.from({ length: count - 1 }, async (_, i) => {
      const [handle, answer] = startWorker();
      started.push(handle);
      handle.post({ schedule: scheduler.memory, module, thread: i + 1 });
      await answer;
    });
    await Promise.all(ready);
  } catch (error) {
    for (const handle of started) handle.end();
    throw error;
  }
  return { handles: started, scheduler };
}

interface Runtime {
  readonly process?: { getBuiltinModule?(name: string): unknown };
  readonly Worker?: typeof Worker;
}

/** A worker, and its answer to the first message. */
function startWorker(): [WorkerHandle, Promise<void>] {
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

function startWebWorker(WebWorker: typeof Worker): [WorkerHandle, Promise<void>] {
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
