/** Compressors by name, as settings from a server have them. */
import * as assert from 'uvu/assert';
import { compressorOf, FACTORIES, type NamedCompressor } from '../../ts/algorithms/named-compressor.ts';
import * as fewbits from '../../ts/index.ts';
import { input } from '../support/inputs.ts';
import { device } from '../reference/algorithms/play.ts';
import { suite } from '../support/suite.ts';

const test = suite('compressors by name');

test('a name and options give the packets of the factory', async () => {
  const x = input('normal', 300, 1);
  const named = { name: 'blockTopK', block: 64, k: 5, bits: 1 };
  assert.equal(
    await device.compress(compressorOf(named), x),
    await device.compress(fewbits.blockTopK({ block: 64, k: 5, bits: 1 }), x),
  );
  for (const [name, factory] of Object.entries(FACTORIES))
    assert.is(factory, (fewbits as unknown as Record<string, unknown>)[name], name);
});

test('what is no name or option of one is refused', () => {
  for (const [named, said] of [
    [{ name: 'toString' }, /"compressor.name" expected one of topK, threshold/],
    [{ name: 3 }, /"compressor.name"/],
    [{ name: 'float32', k: 1 }, /float32 .*k/],
    [{ name: 'topK', k: '3' }, /"k"/],
  ] as [NamedCompressor, RegExp][])
    assert.throws(() => compressorOf(named), said);
});

test.run();
