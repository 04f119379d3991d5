import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { readIndexList, writeIndexList } from '../../ts/compressors/index-list.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { rejects } from '../support/host.ts';
import { input, words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('lists of indices');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

/** About one index in `every` below n, ascending. */
function indicesBelow(n: number, every: number): Uint32Array {
  const next = words(n + every);
  return Uint32Array.from({ length: n }, (_, i) => i).filter(() => next() % every === 0);
}

test('a list comes back as it was, sparse and dense, with its tag', () => {
  for (const n of [0, 1, 31, 32, 33, 128, 129, 1000, 5000])
    for (const every of [1, 2, 100]) {
      const indices = indicesBelow(n, every);
      const read = readIndexList(writeIndexList(indices, n, 0xfffffff0 + every));
      assert.equal(read, { indices, length: n, tag: (0xfffffff0 + every) >>> 0 });
    }
});

test('as a vector it is one at its indices', async () => {
  const packet = writeIndexList(new Uint32Array([1, 4]), 6, 3);
  assert.equal([...(await device.decompress(packet))], [0, 1, 0, 0, 1, 0]);
  assert.equal(inspect(packet).parameters, { k: 2, coding: 'bitmap', tag: 3 });
});

test('other packets and damaged ones are refused', async () => {
  const sparse = await device.compress(topK({ k: 5 }), input('normal', 100));
  assert.throws(() => readIndexList(sparse), /compressor 1, expected a list of indices/);
  const packet = writeIndexList(indicesBelow(1000, 10), 1000, 0);
  for (let at = 0; at < packet.length; at += 7) {
    const bad = packet.slice();
    bad[at] ^= 16;
    assert.throws(
      () => readIndexList(bad),
      (error: unknown) => error instanceof PacketError,
    );
  }
  await rejects(device.decompress(packet.slice(0, -4)), PacketError);
});

test.run();
