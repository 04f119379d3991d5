/** The consumer of Node, Deno and Bun: backends as arguments, the report as a line of JSON. */
import { readFileSync } from 'node:fs';
import { checkAll } from './golden.mjs';
import { checkWorker } from './worker-check.mjs';

const goldens = JSON.parse(readFileSync(new URL('./goldens.json', import.meta.url), 'utf8'));
const report = await checkAll(goldens, process.argv.slice(2));
// Web Workers, and in Node its own
const { Worker } = globalThis.Worker === undefined ? await import('node:worker_threads') : globalThis;
const inWorker = await checkWorker(
  new Worker(new URL('./in-worker.mjs', import.meta.url), { type: 'module' }),
);
console.log(JSON.stringify({ ...report, inWorker }));
