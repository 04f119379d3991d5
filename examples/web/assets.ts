/** A plugin of Vite: the digits and the text, packed, and a gradient of the network as files beside the page. */
import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { Plugin } from 'vite';

import { writeNpy } from '../../ts/files/npy.ts';
import { readMnistFile } from '../mnist/files.ts';
import { BATCH, BATCHES_STREAM, loadMnist, openBatches } from '../mnist/mnist.ts';
import { openModel } from '../mnist/model.ts';
import { loadBible } from '../text/kjv.ts';

/**
 * Each file by its path below the page. The digits are 55 MB as they are and 11 MB packed; of the text
 * the page takes what is trained on and what models are scored on, 4 MB and 1.2 packed.
 */
const files: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  ...Object.fromEntries(
    ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'].map((name) => [
      `mnist/${name}-ubyte.gz`,
      async () => promisify(gzip)(await readMnistFile(`${name}-ubyte`)),
    ]),
  ),
  ...Object.fromEntries(
    (['train', 'test'] as const).map((part) => [
      `text/${part}.gz`,
      async () => promisify(gzip)((await loadBible())[part]),
    ]),
  ),
  'gradient.npy': async () => writeNpy(await gradientAfter(100)),
};

/** The gradient of one batch after so many steps of plain SGD on the digits, always the same. */
async function gradientAfter(steps: number): Promise<Float32Array> {
  const model = await openModel();
  const { train } = await loadMnist(readMnistFile);
  const batchOf = openBatches(train, 1, BATCHES_STREAM, BATCH);
  const parameters = model.initial(1);
  const gradient = new Float32Array(model.size);
  for (let step = 0; step <= steps; step++) {
    await model.gradient(parameters, batchOf(step), gradient);
    if (step < steps) for (let i = 0; i < model.size; i++) parameters[i] -= 0.1 * gradient[i];
  }
  return gradient;
}

/** Makes the files once, when the site is built, or when the page under development asks for them. */
export function exampleFiles(): Plugin {
  const made = new Map<string, Promise<Uint8Array>>();
  return {
    name: 'example-files',
    async generateBundle() {
      for (const [fileName, make] of Object.entries(files))
        this.emitFile({ type: 'asset', fileName, source: await make() });
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = (request.url ?? '').slice(1).split('?')[0];
        if (!Object.hasOwn(files, path)) return next();
        const file = made.get(path) ?? files[path]();
        made.set(path, file);
        file.then(
          (bytes) => response.setHeader('content-type', 'application/octet-stream').end(bytes),
          (error: unknown) => next(error),
        );
      });
    },
  };
}
