/**
 * Hostile bytes: golden packets, damaged with their length and CRC made right again, so that what is tested is every
 * check behind those two. For longer: `FUZZ_CASES=5000000 FUZZ_SEED=2 npm test -- --node --timeout 7200 fuzz`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { crc32c } from '../../ts/packet/crc32c.ts';
import { words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const CASES = Number(process.env.FUZZ_CASES ?? 200_000);
/** No case may take longer, in milliseconds; one that does is measured again, since a busy machine stops any. */
const SLOWEST = 50;
const MOST = 10_000;
const HEADER = 16;

const folder = fileURLToPath(new URL('../vectors/', import.meta.url));
const packets = readdirSync(folder)
  .filter((name) => name.endsWith('.fb'))
  .map((name) => new Uint8Array(readFileSync(folder + name)));

const EXTREMES = [0, 1, 31, 32, 127, 128, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const next = words(Number(process.env.FUZZ_SEED ?? 1));
const below = (n: number): number => next() % n;
const anyPacket = (): Uint8Array => packets[below(packets.length)];

/** Ways to damage bytes; each gives new bytes. */
const damages: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
  // a few flipped bits
  (bytes) => {
    for (let flips = 1 + below(4); flips > 0; flips--) bytes[below(bytes.length)] ^= 1 << below(8);
    return bytes;
  },
  // a word of the header or the parameters at an extreme, or near to what it was
  (bytes) => {
    const at = 4 * below(Math.min(10, bytes.length >> 2));
    const view = new DataView(bytes.buffer);
    const value = below(2) ? EXTREMES[below(EXTREMES.length)] : view.getUint32(at, true) + below(5) - 2;
    view.setUint32(at, value, true);
    return bytes;
  },
  // cut, at a word or anywhere
  (bytes) => bytes.slice(0, below(2) ? 4 * below(bytes.length / 4 + 1) : below(bytes.length + 1)),
  // the head of one packet and the tail of another
  (bytes) => {
    const other = anyPacket();
    const tail = other.subarray(4 * below(other.length / 4));
    return new Uint8Array([...bytes.subarray(0, 4 * below(bytes.length / 4)), ...tail]);
  },
  // another compressor's number over the same body
  (bytes) => {
    bytes[5] = below(13);
    return bytes;
  },
  // words of noise
  (bytes) => {
    const view = new DataView(bytes.buffer);
    for (let changes = 1 + below(3); changes > 0; changes--)
      view.setUint32(4 * below(bytes.length >> 2), next(), true);
    return bytes;
  },
];

function damaged(): Uint8Array {
  let bytes = anyPacket().slice();
  for (let times = 1 + below(2); times > 0 && bytes.length >= 8; times--)
    bytes = damages[below(damages.length)](bytes).slice();
  if (bytes.length < HEADER + 4) return bytes;
  // one in eight keeps its broken frame
  if (below(8) === 0) return bytes;
  const view = new DataView(bytes.buffer);
  bytes.set([0x66, 0x65, 0x77, 0x62, 1]);
  view.setUint32(12, bytes.length, true);
  view.setUint32(bytes.length - 4, crc32c(bytes.subarray(0, bytes.length - 4)), true);
  return bytes;
}

const test = suite('hostile bytes');

test(`${CASES} damaged packets give a PacketError or a vector, soon and in little memory`, async () => {
  const device = new Device({ backend: 'wasm' }, { backend: await openWasm(), reasons: {} });
  /** Whether the packet decodes. */
  const decodes = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      const { n } = inspect(bytes);
      const vector = await device.decompress(bytes, { maxElements: MOST });
      assert.is(vector.length, n);
      assert.ok(vector.every(Number.isFinite), 'a decoded vector is finite');
      return true;
    } catch (error) {
      if (error instanceof PacketError) return false;
      throw new Error(`${String(error)}, from the packet ${Buffer.from(bytes).toString('hex')}`, {
        cause: error,
      });
    }
  };
  const before = process.memoryUsage().rss;
  const messages = new Set<string>();
  let accepted = 0;
  for (let i = 0; i < CASES; i++) {
    const bytes = damaged();
    let fastest = Infinity;
    for (let attempt = 0; attempt < 3 && fastest > SLOWEST; attempt++) {
      const start = performance.now();
      const fine = await decodes(bytes);
      fastest = Math.min(fastest, performance.now() - start);
      if (attempt === 0 && fine) accepted++;
    }
    assert.ok(fastest <= SLOWEST, `${fastest} ms for ${Buffer.from(bytes).toString('hex')}`);
    if (i % 100 === 0)
      await device
        .decompress(bytes, { maxElements: MOST })
        .catch((error: Error) => messages.add(error.message.replace(/\d+/g, 'N')));
  }
  // most are refused, for many reasons, and not all
  assert.ok(accepted > CASES / 100 && accepted < CASES / 2, `${accepted} of ${CASES} were accepted`);
  assert.ok(messages.size > 15, [...messages].join('\n'));
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 2 ** 26, `${grown} bytes more`);
  device.close();
});

test.run();
