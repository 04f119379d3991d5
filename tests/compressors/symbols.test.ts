/** Symbols by their entropy, in the packets of all compressors that send them. */
import * as assert from 'uvu/assert';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { flattenedLevels, maskEncoded, qsgd, quantized, type Compressor } from '../../ts/index.ts';
import { inspect } from '../../ts/inspect.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { eachBackend } from '../support/backends.ts';
import { rejects } from '../support/host.ts';
import { input, LARGE } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { entropyOf, symbolsIn } from '../support/symbols.ts';

type Coding = 'entropy' | 'packed';

/** Compressors by how they code, the parameters and words before their symbols, these and the bits of each. */
const COMPRESSORS: readonly {
  readonly name: string;
  readonly make: (coding?: Coding) => Compressor;
  readonly count: number;
  readonly before: (n: number) => number;
  readonly symbols: (n: number) => number;
  readonly width: number;
}[] = [
  {
    name: 'maskEncoded, 2 bits',
    make: (coding) => maskEncoded({ ratio: 0.01, bits: 2, ...(coding && { coding }) }),
    count: 3,
    before: (n) => Math.max(1, Math.floor(n * 0.01 + 1e-9)),
    symbols: (n) => n,
    width: 2,
  },
  {
    name: 'quantized, 8 bits',
    make: (coding) => quantized({ bits: 8, ...(coding && { coding }) }),
    count: 3,
    before: () => 0,
    symbols: (n) => n,
    width: 8,
  },
  {
    name: 'qsgd, 1023 levels',
    make: (coding) => qsgd({ levels: 1023, seed: 1, ...(coding && { coding }) }),
    count: 3,
    before: () => 0,
    symbols: (n) => n,
    width: 11,
  },
  {
    name: 'flattenedLevels, 3 bits',
    make: (coding) => flattenedLevels({ seed: 1, bits: 3, block: 64, ...(coding && { coding }) }),
    count: 7,
    before: (n) => Math.ceil(n / 64),
    symbols: (n) => Math.ceil(n / 64) * 64,
    width: 3,
  },
];

const relu = (n: number): Float32Array => input('normal', n).map((value) => Math.max(0, value));

eachBackend('coded symbols', (test, open) => {
  test('a packet decodes as the packed one does, and is never longer', async () => {
    const backend = await open();
    const device = new Device({ backend: backend.name }, { backend, reasons: {} });
    for (const { name, make } of COMPRESSORS)
      for (const x of [relu(LARGE), input('heavy', 3000), input('constant', 3000), input('normal', 100)]) {
        const [coded, packed] = [await device.compress(make(), x), await device.compress(make('packed'), x)];
        assert.ok(coded.length <= packed.length, `${name}: ${coded.length} of ${packed.length} bytes`);
        assertWords(await device.decompress(coded), await device.decompress(packed), name);
        const sum = new Float32Array(x.length).fill(1);
        const expected = sum.slice();
        await device.decompress(coded, { into: sum, accumulate: 0.5 });
        await device.decompress(packed, { into: expected, accumulate: 0.5 });
        assertWords(sum, expected, `${name}, added`);
      }
  });
});

const test = suite('coded symbols in packets');
let device: Device;
test.before(async () => {
  device = new Device({ backend: 'wasm' }, { backend: await openWasm(), reasons: {} });
});

test('within 2 % of the entropy and 300 bytes', async () => {
  for (const { name, make, count, before, symbols: symbolsOf, width } of COMPRESSORS)
    for (const x of [relu(2 ** 16), input('normal', 2 ** 18), input('heavy', 2 ** 16)]) {
      const packet = await device.compress(make(), x);
      const packed = readPacket(await device.compress(make('packed'), x));
      const own = before(x.length);
      const symbols = symbolsIn(
        { ...packed, n: symbolsOf(x.length) },
        count,
        packed.body.subarray(own),
        width,
      );
      const most = entropyOf(Uint32Array.from(symbols)) * 1.02 + 300 + 4 * own;
      assert.ok(packet.length <= most, `${name}: ${packet.length} bytes, at most ${most}`);
    }
});

test('features at 1 % and 2 bits: 1,000,000 elements in 210,000 bytes', async () => {
  const x = relu(1_000_000);
  const packet = await device.compress(maskEncoded({ ratio: 0.01, bits: 2 }), x);
  assert.ok(packet.length <= 210_000, `${packet.length} bytes`);
  const packed = await device.compress(maskEncoded({ ratio: 0.01, bits: 2, coding: 'packed' }), x);
  assertWords(await device.decompress(packet), await device.decompress(packed), 'features');
});

test('inspect says how symbols are sent', async () => {
  for (const { name, make } of COMPRESSORS) {
    const coded = inspect(await device.compress(make(), relu(5000)));
    assert.is(coded.parameters.coding, 'entropy', name);
    assert.is(inspect(await device.compress(make('packed'), relu(5000))).parameters.coding, 'packed', name);
    assert.is(make('packed').parameters?.(5000).coding, 'packed');
    assert.is(make().parameters?.(5000).coding, undefined);
  }
});

test('a wrong section is refused, and an option that is not known', async () => {
  for (const { name, make, count, before } of COMPRESSORS) {
    const packet = readPacket(await device.compress(make(), relu(5000)));
    const { id, n, parameters, body } = packet;
    const own = before(n);
    const forged = (more: readonly number[], words: Uint32Array): Promise<unknown> => {
      const of = [...parameters.subarray(0, count), ...more];
      return device.decompress(writePacket({ id, n, parameters: of, sections: [words] }));
    };
    const size = parameters[count];
    await rejects(forged([size + 1], body), PacketError, 'but the body has');
    await rejects(forged([size - 1], body.subarray(0, -1)), PacketError, 'coded symbols: ');
    await rejects(forged([size, 0], body), PacketError, `expected ${count} or ${count + 1}`);
    const wrong = body.slice();
    wrong[own] ^= 1; // the number of slots
    await rejects(forged([size], wrong), PacketError, 'coded symbols: ');
    assert.throws(() => make('huffman' as Coding), /"coding" expected one of entropy, packed/, name);
  }
  const wide = quantized({ bits: 16 });
  const { id, parameters } = readPacket(await device.compress(wide, relu(5000)));
  const alone = writePacket({
    id,
    n: 5000,
    parameters: [...parameters, 2],
    sections: [new Uint32Array([5 << 8, 0])],
  });
  await rejects(device.decompress(alone), PacketError, '5000 symbols of 16 bits are coded');
});

test.run();
