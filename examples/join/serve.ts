/** `npm run join-page`: the page that joins a run, on http://127.0.0.1:8080, or another port: `npm run join-page -- 8081`. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

import { readMnistFile } from '../mnist/files.ts';

/** Serves the page, its code and the digits; resolves when it listens. */
export async function serveJoinPage(port: number): Promise<Server> {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL('./page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    // reached in Node alone
    external: ['node:*', 'webgpu'],
    logLevel: 'warning',
  });
  const page = await readFile(new URL('./index.html', import.meta.url));
  const types: Record<string, string> = { html: 'text/html', js: 'text/javascript' };
  const answers: Record<string, () => Promise<Uint8Array> | Uint8Array> = {
    '/index.html': () => page,
    '/page.js': () => bundle.outputFiles[0].contents,
  };
  for (const set of ['train', 't10k'])
    for (const kind of ['images-idx3-ubyte', 'labels-idx1-ubyte'])
      answers[`/mnist/${set}-${kind}`] = () => readMnistFile(`${set}-${kind}`);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const path = pathname === '/' ? '/index.html' : pathname;
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer === undefined) return void response.writeHead(404).end();
    const type = types[path.split('.').pop() ?? ''] ?? 'application/octet-stream';
    Promise.resolve(answer()).then(
      (body) => response.writeHead(200, { 'content-type': type }).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
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
