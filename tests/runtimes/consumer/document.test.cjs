/** The same in CommonJS, where an ES module is imported by import(). */
test('there is a document', () => {
  expect(document.createElement('p').tagName).toBe('P');
});

for (const name of ['fewbits', 'fewbits/sparse'])
  test(`${name} compresses on wasm with SIMD`, async () => {
    const { openDevice, topK } = await import(name);
    const device = await openDevice({ backend: 'wasm' });
    expect(device.detail).toMatch(/^SIMD/);
    const packet = await device.compress(topK({ k: 1 }), new Float32Array([1, 3, 2]));
    expect([...(await device.decompress(packet))]).toEqual([0, 3, 0]);
    device.close();
  });
