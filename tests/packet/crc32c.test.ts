import * as assert from 'uvu/assert';
import { crc32c } from '../../ts/packet/crc32c.ts';
import { suite } from '../support/suite.ts';

const test = suite('crc32c');

test('known answers', () => {
  const text = new TextEncoder();
  // the check value of the catalogue of parametrised CRC algorithms, and the vectors of RFC 3720, appendix B.4
  assert.is(crc32c(text.encode('123456789')), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assert.is(crc32c(new Uint8Array(0)), 0);
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

test.run();
