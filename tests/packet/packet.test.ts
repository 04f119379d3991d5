import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { crc32c } from '../../ts/packet/crc32c.ts';
import { rejects } from '../support/host.ts';
import { input, words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('packets');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

/** The packet with `change` done to it, and its length and CRC made right again. */
function forged(
  packet: Uint8Array,
  change: (bytes: Uint8Array, view: DataView) => Uint8Array | void,
): Uint8Array {
  const copy = packet.slice();
  const bytes = change(copy, new DataView(copy.buffer)) ?? copy;
  const view = new DataView(bytes.buffer);
  view.setUint32(12, bytes.length, true);
  view.setUint32(bytes.length - 4, crc32c(bytes.subarray(0, bytes.length - 4)), true);
  return bytes;
}

test('the layout of a header, byte by byte', async () => {
  const packet = await device.compress(scaledSign(), new Float32Array([1, -2, 3]));
  const view = new DataView(packet.buffer);
  assert.is(new TextDecoder().decode(packet.subarray(0, 4)), 'fewb');
  assert.is(packet[4], 1);
  assert.is(packet[5], 2);
  assert.is(view.getUint16(6, true), 1);
  assert.is(view.getUint32(8, true), 3);
  assert.is(view.getUint32(12, true), packet.length);
  assert.is(view.getUint32(16, true), 0);
  assert.is(view.getFloat32(20, true), 2);
  assert.is(view.getUint32(24, true), 0b010);
  assert.is(packet.length, 32);
  assert.is(packet.buffer.byteLength, packet.length);
});

test('inspect says what a packet is', async () => {
  const packet = await device.compress(topK({ k: 2 }), input('normal', 1000));
  const { compressor, parameters, n, bytes, bitsPerElement, sections } = inspect(packet);
  assert.equal(
    [compressor, parameters, n, bytes],
    ['topK', { k: 2, coding: 'rice', values: 'float32' }, 1000, packet.length],
  );
  assert.is(bitsPerElement, (packet.length * 8) / 1000);
  assert.equal(
    sections.map(({ name }) => name),
    ['head', 'low', 'unary', 'values'],
  );
  assert.is(sections[0].offset, 36);
  assert.is(sections[3].offset + sections[3].bytes, packet.length - 4);
});

test('a packet may lie anywhere in a larger buffer', async () => {
  const x = input('normal', 100);
  const packet = await device.compress(topK({ k: 10 }), x);
  for (const offset of [1, 2, 3, 4]) {
    const larger = new Uint8Array(packet.length + 9);
    larger.set(packet, offset);
    const view = larger.subarray(offset, offset + packet.length);
    const expected = await device.decompress(packet);
    assert.equal(await device.decompress(view), expected);
    // a Node Buffer is a Uint8Array whose slice() does not copy
    if (typeof Buffer === 'undefined') continue;
    assert.equal(await device.decompress(Buffer.from(larger.buffer, offset, packet.length)), expected);
  }
});

test('each flipped bit, each cut and each added byte is refused', async () => {
  const packet = await device.compress(topK({ k: 5 }), input('normal', 300));
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const bad = packet.slice();
    bad[bit >> 3] ^= 1 << (bit & 7);
    await rejects(device.decompress(bad), PacketError);
  }
  for (let length = 0; length < packet.length; length++)
    await rejects(device.decompress(packet.slice(0, length)), PacketError);
  const longer = new Uint8Array(packet.length + 1);
  longer.set(packet);
  await rejects(device.decompress(longer), PacketError, 'the packet says');
});

test('what is wrong behind a right CRC is named', async () => {
  const sparse = await device.compress(topK({ k: 5 }), input('normal', 300));
  const signs = await device.compress(scaledSign({ block: 100 }), input('normal', 300));
  const cases: [Uint8Array, (bytes: Uint8Array, view: DataView) => Uint8Array | void, string][] = [
    [sparse, (bytes) => void (bytes[4] = 9), 'format version 9'],
    [sparse, (bytes) => void (bytes[5] = 99), 'unknown compressor 99'],
    [sparse, (_, view) => view.setUint16(6, 60000, true), 'the parameters pass the end'],
    [sparse, (_, view) => view.setUint16(6, 3, true), '3 words of parameters, expected 5'],
    [sparse, (_, view) => view.setUint32(8, 4, true), 'k = 5 of n = 4'],
    [sparse, (_, view) => view.setUint32(16, 0, true), 'k = 0 of n = 300'],
    [sparse, (_, view) => view.setUint32(20, 2, true), 'unknown coding 2'],
    [sparse, (_, view) => view.setUint32(24, 0xffffffff, true), 'but the body has'],
    [
      sparse,
      (bytes, view) => view.setUint32(bytes.length - 8, 0x7f800000, true),
      'value 4 is NaN or infinite',
    ],
    [sparse, (_, view) => view.setUint16(38, 1, true), 'not zero'],
    [
      signs,
      (bytes, view) => view.setUint32(bytes.length - 8, 0xffffffff, true),
      'the bits beyond the first 300 are not zero',
    ],
    [signs, (_, view) => view.setUint32(8, 3_000_000_000, true), 'but the body has'],
    [signs, (_, view) => view.setUint32(20, 0xff800000, true), 'scale 0 is negative'],
    [signs, (bytes) => new Uint8Array([...bytes, 0, 0, 0, 0]), 'but the body has'],
  ];
  for (const [packet, change, why] of cases)
    await rejects(device.decompress(forged(packet, change)), PacketError, why);
});

test('any damage behind a right CRC gives a PacketError or a vector, nothing else', async () => {
  const next = words(17);
  const packets = await Promise.all(
    [topK({ k: 40 }), topK({ ratio: 0.6 }), scaledSign(), scaledSign({ block: 7 })].map((compressor) =>
      device.compress(compressor, input('normal', 500)),
    ),
  );
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const bad = forged(packets[round % packets.length], (bytes) => {
      for (let changes = 1 + (next() % 3); changes > 0; changes--)
        bytes[4 + (next() % (bytes.length - 8))] = next();
      if (next() % 4 === 0) return bytes.slice(0, Math.max(20, bytes.length - 4 * (next() % 8)));
    });
    try {
      await device.decompress(bad, { maxElements: 10_000 });
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      refused++;
    }
  }
  assert.ok(refused > 1000, `only ${refused} of 4000 were refused`);
});

test('a packet cannot ask for more memory than allowed', async () => {
  const packet = await device.compress(topK({ k: 1 }), input('normal', 5000));
  await rejects(device.decompress(packet, { maxElements: 4999 }), PacketError, '"maxElements" allows 4999');
  assert.is((await device.decompress(packet, { maxElements: 5000 })).length, 5000);
  const vast = forged(packet, (_, view) => view.setUint32(8, 2 ** 32 - 1, true));
  await rejects(device.decompress(vast), PacketError, '"maxElements" allows');
});

test.run();
