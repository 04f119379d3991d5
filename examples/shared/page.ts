/** Serves a page of the examples: `index.html` and `page.ts` of its folder, and the files of MNIST's digits. */
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

import { readMnistFile } from '../mnist/files.ts';

/** Bundles the page; what is returned answers requests. */
export async function openPage(folder: URL): Promise<RequestListener> {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', folder))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    // reached in Node alone
    external: ['node:*', 'webgpu'],
    logLevel: 'warning',
  });
  const page = await readFile(new URL('index.html', folder));
  const types: Record<string, string> = { html: 'text/html', js: 'text/javascript' };
  const answers: Record<string, () => Promise<Uint8Array> | Uint8Array> = {
    '/index.html': () => page,
    '/page.js': () => bundle.outputFiles[0].contents,
  };
  for (const set of ['train', 't10k'])
    for (const kind of ['images-idx3-ubyte', 'labels-idx1-ubyte'])
      answers[`/mnist/${set}-${kind}`] = () => readMnistFile(`${set}-${kind}`);
  return (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const path = pathname === '/' ? '/index.html' : pathname;
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer === undefined) return void response.writeHead(404).end();
    const type = types[path.split('.').pop() ?? ''] ?? 'application/octet-stream';
    Promise.resolve(answer()).then(
      (body) => response.writeHead(200, { 'content-type': type }).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  };
}
