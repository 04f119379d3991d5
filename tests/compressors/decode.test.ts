/** What packets stand for, added to what is there, and the mean of many, on every backend. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { writeIndexList } from '../../ts/compressors/index-list.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import {
  flattenedOneBit,
  float32,
  maskEncoded,
  qsgd,
  quantized,
  randomK,
  scaledSign,
  topK,
} from '../../ts/index.ts';
import { floatsOf, wordsOf } from '../../ts/kernels/scope.ts';
import { addDecoded, carriedBy } from '../reference/accumulate.ts';
import { decodePacket } from '../reference/packet.ts';
import { ALL_COMPRESSORS } from '../support/all-compressors.ts';
import { eachBackend } from '../support/backends.ts';
import { rejects } from '../support/host.ts';
import { input, LARGE, randomWords, some, type InputKind } from '../support/inputs.ts';
import { placesOf } from '../support/places.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** Beside those, lists of many elements and of rounded values, codes of one bit, and levels that are no table. */
const COMPRESSORS: readonly Compressor[] = [
  ...ALL_COMPRESSORS,
  topK({ ratio: 0.5, values: 'bfloat16' }),
  randomK({ ratio: 0.3, seed: 4 }),
  quantized({ bits: 1 }),
  maskEncoded({ ratio: 0.2, bits: 5, signed: true }),
  flattenedOneBit({ seed: 3, block: 'whole', scale: 'mean' }),
];

/** Those whose packets of long vectors are added, too. */
const WITH_LONG: ReadonlySet<Compressor> = new Set(some(COMPRESSORS));

const KINDS: readonly InputKind[] = ['normal', 'heavy', 'ties', 'sparse', 'subnormal', 'constant'];

const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

/** The vector of a packet: by the slow decoder of the tests, and of long ones by the js backend. */
function decoded(packet: Uint8Array, n: number): Float32Array {
  return n <= 1000 ? floatsOf(decodePacket(packet, n)) : js.decompressSync(packet);
}

/** Packets with their mean, which all backends are compared with. */
interface Made {
  readonly packets: readonly Uint8Array[];
  readonly weights: readonly number[];
  readonly expected: Float32Array;
}

const made = new Map<string, Made>();

/** The packets of `packetsOf` and their mean with weights, made once. */
function madeOf(compressors: readonly Compressor[], n: number): Made {
  const key = `${n} ${compressors.map(({ name, options }) => name + JSON.stringify(options)).join()}`;
  let found = made.get(key);
  if (found === undefined) {
    const packets = packetsOf(compressors, n);
    const weights = packets.map((_, i) => [3, 0.1, 2000, 1, 7][i % 5]);
    made.set(key, (found = { packets, weights, expected: meanOf(packets, n, weights) }));
  }
  return found;
}

/** Zeros, to which each packet is added times its share, by the definition. */
function meanOf(packets: readonly Uint8Array[], n: number, weights?: readonly number[]): Float32Array {
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? packets.length;
  const y = new Float32Array(n);
  packets.forEach((packet, i) => addDecoded(y, packet, decoded(packet, n), (weights?.[i] ?? 1) / total));
  return y;
}

/** Packets of several vectors, in steps of their own. */
function packetsOf(compressors: readonly Compressor[], n: number): Uint8Array[] {
  return compressors.map((compressor, i) =>
    js.compressSync(compressor, input(KINDS[i % KINDS.length], n, i + 1), { step: i }),
  );
}

eachBackend(
  'sums of packets',
  (test, open, kind) => {
    // the backend is the suites', so these devices are not closed
    const deviceOf = async (): Promise<Device> =>
      new Device({ backend: 'auto' }, { backend: await open(), reasons: {} });

    // parts of a tile, several tiles; threads share vectors of 2^18 elements
    const long = kind === 'wasm threads' ? 2 ** 18 + 33 : LARGE;
    const sizes = some([129, 100, 1000, 4097]);
    const longer = [Math.min(2 ** 14 + 33, LARGE), long];

    for (const compressor of COMPRESSORS)
      test(`${compressor.name} ${JSON.stringify(compressor.options)}: the mean by the definition`, async () => {
        const device = await deviceOf();
        for (const n of [...sizes, ...(WITH_LONG.has(compressor) ? longer : [])]) {
          const { packets, weights, expected } = madeOf([compressor, compressor, compressor], n);
          const into = floatsOf(randomWords(n, 5));
          assert.is(await device.mean(packets, { into, weights }), into);
          assertWords(into, expected, `${n}, weights`);
        }
        const packets = packetsOf([compressor, compressor], 500);
        assertWords(await device.mean(packets), meanOf(packets, 500), 'of equal shares');
        assertWords(await device.mean(packets.slice(1)), meanOf(packets.slice(1), 500), 'of one');
      });

    test('the mean of packets of all compressors, and of many', async () => {
      const device = await deviceOf();
      for (const n of [...sizes, ...longer]) {
        const { packets, weights, expected } = madeOf(COMPRESSORS, n);
        assertWords(await device.mean(packets, { weights }), expected, `${n}`);
      }
      const lists = packetsOf([topK({ k: 9 }), randomK({ k: 5, seed: 1 })], 300);
      const many = Array.from({ length: 100 }, (_, i) => lists[i % 2]);
      many.push(writeIndexList(new Uint32Array([3, 299]), 300, 1));
      assertWords(await device.mean(many), meanOf(many, 300), 'of a hundred');
    });

    test('the mean is that of adding one by one', async () => {
      const device = await deviceOf();
      for (const n of [1000, LARGE]) {
        const { packets } = madeOf(COMPRESSORS, n);
        const vector = device.vector(n);
        const calls = packets.map((packet) =>
          device.decompress(packet, { into: vector, accumulate: 1 / packets.length }),
        );
        await Promise.all(calls);
        assertWords(await device.mean(packets), await vector.read(), `${n}`);
        vector.free();
      }
    });

    test('means and sums into all kinds of memory', async () => {
      const device = await deviceOf();
      const n = 1003;
      const y = input('normal', n, 9);
      for (const compressors of [
        [topK({ k: 30 }), topK({ k: 3 })],
        [scaledSign({ block: 33 })],
        COMPRESSORS,
      ]) {
        const packets = packetsOf(compressors, n);
        const expected = meanOf(packets, n);
        for (const place of await placesOf(device, y)) {
          assert.is(await device.mean(packets, { into: place.vector }), place.vector);
          assertWords(await place.read(), expected, `the mean in ${place.name}`);
          const sum = expected.slice();
          for (const packet of packets.slice(0, 3)) {
            addDecoded(sum, packet, decoded(packet, n), -0.7);
            await device.decompress(packet, { into: place.vector, accumulate: -0.7 });
          }
          assertWords(await place.read(), sum, `the sum in ${place.name}`);
          await device.decompress(packets[0], { into: place.vector });
          assertWords(await place.read(), decoded(packets[0], n), `the vector in ${place.name}`);
          place.end();
        }
      }
    });

    test('accumulate: what a packet carries is added, all else keeps every bit', async () => {
      const device = await deviceOf();
      const scales = [1, -0.3, 0, 2 ** -140, 1e-30, 3e20];
      for (const [c, compressor] of COMPRESSORS.entries())
        for (const n of some([100, 1000])) {
          const [packet] = packetsOf([compressor], n);
          // subnormals, -0, NaN with a payload, infinity
          const y = [input('subnormal', n, 3), input('nonFinite', n, 3)][(c + n) % 2];
          const scale = scales[c % scales.length];
          const expected = y.slice();
          addDecoded(expected, packet, decoded(packet, n), scale);
          const carried = carriedBy(packet);
          for (const place of await placesOf(device, y)) {
            await device.decompress(packet, { into: place.vector, accumulate: scale });
            const found = await place.read();
            // what becomes of NaN is not said
            for (let i = 0; i < n; i++) if (carried[i] && !Number.isFinite(y[i])) found[i] = expected[i] = 0;
            assertWords(found, expected, `${compressor.name} ${n} times ${scale} in ${place.name}`);
            place.end();
          }
        }
      // a subnormal and -0 beside the one element of a list
      const y = floatsOf(new Uint32Array([1, 0x80000000, 0x3f800000, 0x807fffff]));
      const packet = js.compressSync(topK({ k: 1 }), new Float32Array([0, 0, 2, 0]));
      await device.decompress(packet, { into: y, accumulate: 1 });
      assert.equal([...wordsOf(y)], [1, 0x80000000, 0x40400000, 0x807fffff]);
      // a packet of all of them
      await device.decompress(js.compressSync(float32(), new Float32Array(4)), { into: y, accumulate: 1 });
      assert.equal([...wordsOf(y)], [0, 0, 0x40400000, 0]);
    });

    test('what is refused leaves the target as it was', async () => {
      const device = await deviceOf();
      const n = 400;
      const y = input('normal', n);
      const [good, another] = packetsOf([scaledSign(), qsgd({ levels: 9, seed: 1 })], n);
      const damaged = another.slice();
      damaged[60] ^= 4;
      const [shorter] = packetsOf([topK({ k: 3 })], n - 1);
      for (const place of await placesOf(device, y)) {
        const into = place.vector;
        await rejects(device.mean([good, damaged], { into }), PacketError, 'the CRC does not match');
        await rejects(
          device.mean([good, shorter], { into }),
          PacketError,
          'packet 1 is of 399 elements, packet 0 of 400',
        );
        await rejects(
          device.mean([shorter, shorter], { into }),
          RangeError,
          '"into.length" expected an integer in 399',
        );
        await rejects(
          device.mean([good], { into, maxElements: 399 }),
          PacketError,
          '"maxElements" allows 399',
        );
        for (const accumulate of [undefined, 2]) {
          await rejects(
            device.decompress(damaged, { into, accumulate }),
            PacketError,
            'the CRC does not match',
          );
          await rejects(
            device.decompress(shorter, { into, accumulate }),
            RangeError,
            '"into.length" expected',
          );
        }
        assertWords(await place.read(), y, place.name);
        place.end();
      }
    });
  },
  { threads: true, ofKernels: true },
);

const test = suite('options of mean');

test('are checked', async () => {
  const [packet] = packetsOf([scaledSign()], 10);
  await rejects(
    js.mean(packet as never),
    TypeError,
    '"packets" expected an array, got a value of type Uint8Array',
  );
  await rejects(js.mean([]), RangeError, '"packets.length" expected an integer in 1..');
  await rejects(js.mean([packet, 'x' as never]), TypeError, '"packets[1]" expected a Uint8Array, got "x"');
  const weigh = (weights: unknown): Promise<Float32Array> =>
    js.mean([packet, packet], { weights: weights as number[] });
  await rejects(weigh(3), TypeError, '"weights" expected an array, got 3');
  await rejects(weigh([1]), RangeError, '"weights.length" expected an integer in 2..2, got 1');
  for (const weight of [0, -1, NaN, Infinity])
    await rejects(weigh([1, weight]), RangeError, '"weights[1]" expected a number above 0');
  await rejects(weigh([1, '2']), TypeError, '"weights[1]" expected a number above 0, got "2"');
  await rejects(weigh([1e308, 1e308]), RangeError, '"weights" expected a sum within float64, got Infinity');
  await rejects(js.mean([packet], { wieghts: [1] } as object), RangeError, 'Did you mean "weights"?');
  await rejects(js.mean([packet], { into: [1] as never }), TypeError, '"into" expected a Float32Array');
});

test('of no elements', async () => {
  const none = js.compressSync(topK({ k: 1 }), new Float32Array(0));
  assert.is((await js.mean([none, none], { weights: [1, 2] })).length, 0);
});

test.run();
