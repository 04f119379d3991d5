/** The consumer of browsers and bundlers: backends in the page's address, the report to the server that served it. */
import { checkAll } from './golden.mjs';
import { checkWorker } from './worker-check.mjs';

const lines = [];

async function main() {
  const goldens = await (await fetch('/goldens.json')).json();
  const backends = new URL(location.href).searchParams.get('backends').split(',');
  const report = await checkAll(goldens, backends);
  // as bundlers know it
  const start = () => new Worker(new URL('./in-worker.mjs', import.meta.url), { type: 'module' });
  const inWorker = backends.includes('wasm') ? await checkWorker(start()) : undefined;
  const { log } = console;
  console.log = (...values) => lines.push(values.map((value) => JSON.stringify(value)).join(' '));
  await import('./readme.mjs');
  console.log = log;
  return { ...report, inWorker, readme: lines.join('\n') };
}

const send = (report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) });
addEventListener('error', ({ message }) => void send({ error: message }));
main().then(send, (error) => send({ error: `${error}\n${error?.stack}` }));
