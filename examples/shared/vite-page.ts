/** A page of the examples, built and served by Vite from the sources of fewbits, and the files of MNIST's digits. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { build, preview, type InlineConfig, type Plugin } from 'vite';

import { readMnistFile } from '../mnist/files.ts';

const ts = fileURLToPath(new URL('../../ts', import.meta.url));

const digits: Plugin = {
  name: 'digits',
  configurePreviewServer({ middlewares }) {
    middlewares.use('/mnist/', ({ url = '' }, response) => {
      readMnistFile(url.slice(1)).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    });
  },
};

/** Serves `index.html` of a folder at 127.0.0.1; the built files go with this process. */
export async function servePage(
  folder: URL,
  port: number,
): Promise<{ readonly server: Server; readonly address: string }> {
  const outDir = mkdtempSync(`${tmpdir()}/fewbits-page-`);
  process.once('exit', () => rmSync(outDir, { recursive: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit());
  const config: InlineConfig = {
    ...{ root: fileURLToPath(folder), configFile: false, logLevel: 'error' },
    resolve: {
      alias: [
        { find: /^fewbits$/, replacement: `${ts}/index.ts` },
        { find: /^fewbits\/tfjs$/, replacement: `${ts}/frameworks/tfjs.ts` },
      ],
    },
    build: { outDir, emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 2000 },
    preview: { host: '127.0.0.1', port },
    plugins: [digits],
  };
  await build(config);
  const { httpServer, resolvedUrls } = await preview(config);
  return { server: httpServer as Server, address: resolvedUrls?.local[0] ?? '' };
}
