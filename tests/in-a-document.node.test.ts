/**
 * What documents of jsdom and happy-dom hide of the runtime: Blobs without streams, no Response, no
 * DecompressionStream.
 */
import * as assert from 'uvu/assert';
import { openDevice, topK } from '../ts/index.ts';
import * as sparse from '../ts/sparse.ts';
import { suite } from './support/suite.ts';

const test = suite('in a document');

const HIDDEN: readonly (readonly string[])[] = [
  ['Blob', 'Response'],
  ['Blob', 'Response', 'DecompressionStream'],
];

for (const names of HIDDEN)
  test(`wasm with SIMD without ${names.join(', ')}`, async () => {
    const own = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
    for (const name of names)
      Object.defineProperty(globalThis, name, { value: undefined, configurable: true });
    try {
      for (const open of [() => openDevice({ backend: 'wasm' }), sparse.openDevice]) {
        const device = await open();
        assert.match(device.detail, /^SIMD/);
        const packet = await device.compress(topK({ k: 1 }), new Float32Array([1, 3, 2]));
        assert.equal(await device.decompress(packet), new Float32Array([0, 3, 0]));
        device.close();
      }
    } finally {
      for (const [name, descriptor] of own)
        if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor);
    }
  });

test.run();
