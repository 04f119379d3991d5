/** The consumer of browsers and bundlers: backends in the page's address, the report to the server that served it. */
import { checkAll } from './golden.mjs';

const lines = [];

async function main() {
  const goldens = await (await fetch('/goldens.json')).json();
  const report = await checkAll(goldens, new URL(location.href).searchParams.get('backends').split(','));
  const { log } = console;
  console.log = (...values) => lines.push(values.map((value) => JSON.stringify(value)).join(' '));
  await import('./readme.mjs');
  console.log = log;
  return { ...report, readme: lines.join('\n') };
}

const send = (report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) });
addEventListener('error', ({ message }) => void send({ error: message }));
main().then(send, (error) => send({ error: `${error}\n${error?.stack}` }));
