import * as assert from 'uvu/assert';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { byTables, crc32 } from '../../ts/packet/crc32.ts';
import { crc32c, crc32cOfWords, LONG, shortened, type Shorten } from '../../ts/packet/crc32c.ts';
import { writePacket } from '../../ts/packet/packet.ts';
import { words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('crc32c and crc32');

test('known answers', () => {
  const text = new TextEncoder();
  // the check value of the catalogue of parametrised CRC algorithms, and the vectors of RFC 3720, appendix B.4
  assert.is(crc32c(text.encode('123456789')), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assert.is(crc32c(new Uint8Array(0)), 0);
  // the check value of the same catalogue, and what zlib gives
  assert.is(crc32(text.encode('123456789')), 0xcbf43926);
  assert.is(crc32(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x91267e8a);
  assert.is(crc32(new Uint8Array(0)), 0);
});

test('of packets, which end with their CRC-32C, crc32 is another each time and crc32c always the same', () => {
  const packets = Array.from({ length: 100 }, (_, i) =>
    writePacket({ id: 1, n: 3, parameters: [], sections: [new Uint32Array([i])] }),
  );
  assert.is(new Set(packets.map((packet) => crc32(packet))).size, 100);
  assert.equal([...new Set(packets.map((packet) => crc32c(packet)))], [0x48674bc7]);
});

test('crc32 is the same by tables and by the runtime, at every length and alignment', () => {
  const tables = byTables();
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i * 37);
  for (let first = 0; first < 5; first++)
    for (let end = first; end < 300; end += 7) {
      const part = bytes.subarray(first, end);
      assert.is(crc32(part), tables(part), `${first} to ${end}`);
    }
});

test('every single bit matters', () => {
  const bytes = Uint8Array.from({ length: 37 }, (_, i) => i * 7);
  const seen = new Set([crc32c(bytes)]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    seen.add(crc32c(bytes));
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  assert.is(seen.size, 37 * 8 + 1);
});

for (const simd of [true, false]) {
  const name = simd ? 'SIMD' : 'scalar';

  test(`many bytes by way of fewer words: the same, ${name}`, async () => {
    const backend = await openWasm({ simd });
    const next = words(7);
    const shorten: Shorten = (all) => backend.shorten?.(all);
    for (const count of [LONG, LONG + 1, 5275, 5276, 2 * 5275 + 3, 40_000, 5275 + 16384 * 3 + 3, 100_003]) {
      const all = Uint32Array.from({ length: count + 1 }, next);
      const bytes = new Uint8Array(all.buffer, 0, count * 4);
      const short = shortened(all, count, shorten);
      assert.ok(short !== undefined && short.words.length < 256, 'long enough to be made few');
      assert.is(crc32cOfWords(all, count, short), crc32c(bytes), `${count} words`);
      assert.is(crc32cOfWords(all, count), crc32c(bytes), `${count} words as they are`);
    }
    const few = Uint32Array.from({ length: LONG - 1 }, next);
    assert.is(shortened(few, few.length, shorten), undefined);
    backend.close();
  });

  test(`words that are not finite are seen on the way, wherever they are, ${name}`, async () => {
    const backend = await openWasm({ simd });
    for (const count of [LONG, 5275 + 7, 5275 + 16384 + 5]) {
      const all = new Uint32Array(count).fill(0xff7fffff);
      assert.ok(backend.shorten!(all).finite, `${count} words, the largest magnitude`);
      for (const at of [1, 2, 7, 208, 209, 210, 1000, count - 210, count - 209, count - 1])
        for (const word of [0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff]) {
          all[at] = word;
          assert.not.ok(backend.shorten!(all).finite, `word ${at} of ${count}`);
          all[at] = 0xff7fffff;
        }
    }
    backend.close();
  });

  test(`a tail is copied on the way, from a vector of the user's or the backend's, ${name}`, async () => {
    const backend = await openWasm({ simd });
    const next = words(8);
    for (const count of [LONG, 5275, 5275 + 1, 5275 + 4, 5275 + 16384 + 5, 70_000]) {
      const source = Uint32Array.from({ length: count }, next);
      const own = backend.allocate(count);
      backend.write(own, source);
      for (const buffer of [backend.lend(source), own])
        for (const head of [0, 4, 9]) {
          const expected = new Uint32Array(head + count).fill(1, 0, head);
          expected.set(source, head);
          const given = new Uint32Array(head + count).fill(1, 0, head);
          const short = backend.shorten!(given, { buffer, words: count });
          assert.equal(given, expected);
          assert.is(crc32cOfWords(given, given.length, short), crc32cOfWords(expected, expected.length));
        }
    }
    backend.close();
  });
}

test.run();
