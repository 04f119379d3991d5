/** A test of a user's in a document, as an ES module; the globals are those of Jest and Vitest. */
import * as fewbits from 'fewbits';
import * as sparse from 'fewbits/sparse';

test('there is a document', () => {
  expect(document.createElement('p').tagName).toBe('P');
});

for (const [name, { openDevice, topK }] of Object.entries({ fewbits, 'fewbits/sparse': sparse }))
  test(`${name} compresses on wasm with SIMD`, async () => {
    const device = await openDevice({ backend: 'wasm' });
    expect(device.detail).toMatch(/^SIMD/);
    const packet = await device.compress(topK({ k: 1 }), new Float32Array([1, 3, 2]));
    expect([...(await device.decompress(packet))]).toEqual([0, 3, 0]);
    device.close();
  });
