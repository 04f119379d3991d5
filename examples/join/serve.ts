/**
 * `npm run example:join`: the page that joins a run, on http://127.0.0.1:8080, or another port:
 * `npm run example:join -- 8081`.
 */
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';

import { openPage } from '../shared/page.ts';

/** Serves the page, its code and the digits; resolves when it listens. */
export async function serveJoinPage(port: number): Promise<Server> {
  const server = createServer(await openPage(new URL('.', import.meta.url)));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2] ?? 8080);
  await serveJoinPage(port);
  console.log(`http://127.0.0.1:${port}/`);
}
