import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { float32 } from '../../ts/compressors/float32.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachCompressor('float32', [float32()]);

const test = suite('float32 by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

test('decodes to the same bits', async () => {
  for (const kind of ['finite', 'subnormal', 'negativeZero', 'huge'] as const) {
    const x = input(kind, 1000);
    const packet = await device.compress(float32(), x);
    assert.is(packet.length, 20 + 4000);
    assertWords(await device.decompress(packet), x, kind);
  }
});

test('refuses NaN and infinity', async () => {
  const x = new Float32Array([1, 2, -Infinity]);
  assert.is((await rejects(device.compress(float32(), x), NonFiniteError)).first, 2);
});

test('has no options', () => {
  assert.throws(() => float32({ bits: 16 } as never), /float32 has no option "bits"; it has none/);
});

test.run();
