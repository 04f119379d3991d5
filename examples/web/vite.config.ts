/** The page as a static site: `vite build examples/web`, `vite preview examples/web`, `vite examples/web`. */
import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';

import { exampleFiles } from './assets.ts';

const ts = fileURLToPath(new URL('../../ts', import.meta.url));

/** With these a page may share memory with its workers. It works without them, on one thread. */
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const config: UserConfig = {
  root: fileURLToPath(new URL('.', import.meta.url)),
  // relative, so that the site may lie under any path
  base: './',
  plugins: [exampleFiles()],
  resolve: {
    // the sources, so that what the package exports and what the page takes from inside are one copy
    alias: [
      { find: /^fewbits$/, replacement: `${ts}/index.ts` },
      { find: /^fewbits\/(algorithms|kernels)$/, replacement: `${ts}/$1/index.ts` },
    ],
  },
  worker: { format: 'es' },
  build: { target: 'es2022', modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700 },
  server: { headers: ISOLATED },
  preview: { headers: ISOLATED },
};

// oxlint-disable-next-line import/no-default-export -- the one form that Vite reads
export default config;
