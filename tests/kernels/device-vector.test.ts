/** Vectors on a device: what they hold, what is a part of what, whose they are, and when they end. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { quantized } from '../../ts/compressors/quantized.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { Device } from '../../ts/device.ts';
import type { DeviceVector } from '../../ts/kernels/device-vector.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { eachBackend } from '../support/backends.ts';
import { rejects, throws } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { anyWords, LONG, vectorOf } from './device-vectors.ts';

/** Around the offsets that a GPU binds, and the tiles of wasm. */
const SIZES = [1, 3, 63, 64, 65, 1000, 2 ** 14 + 1, 40_001];

const COMPRESSORS = [topK({ ratio: 0.05 }), scaledSign({ block: 100 }), quantized({ bits: 3 })];

/** Parts of a vector of so many elements: at offsets that a GPU binds, and at others. */
function partsOf(n: number): [first: number, end: number][] {
  return [
    [0, n],
    [0, n - 1],
    [1, n],
    [64, n],
    [64, 128],
    [7, 8],
    [n - 65, n - 1],
    [n >> 1, n],
  ];
}

eachBackend(
  'vectors of a device',
  (test, open) => {
    // the backend is the suites', so these devices are not closed
    const deviceOf = async (): Promise<Device> =>
      new Device({ backend: 'auto' }, { backend: await open(), reasons: {} });

    test('begin as zeros, and hold every bit that is written', async () => {
      const device = await deviceOf();
      for (const n of SIZES) {
        const x = anyWords(n, 1);
        const used = await vectorOf(device, x);
        assert.is(used.length, n);
        assertWords(await used.read(), x, `${n}`);
        used.free();
        // memory that was used before
        const vector = device.vector(n);
        assertWords(await vector.read(), new Float32Array(n), `zeros, ${n}`);
        const into = new Float32Array(n + 2).fill(7);
        const part = into.subarray(1, n + 1);
        await vector.write(x);
        assert.is(await vector.read(part), part);
        assertWords(part, x, `into, ${n}`);
        assert.equal([into[0], into[n + 1]], [7, 7]);
        vector.free();
      }
      assert.is(device.vectors, 0);
    });

    test('of no elements', async () => {
      const device = await deviceOf();
      const empty = device.vector(0);
      assert.is(empty.length, 0);
      assert.is((await empty.read()).length, 0);
      await empty.write(new Float32Array(0));
      await empty.write(empty.slice(0));
      for (const compressor of COMPRESSORS) {
        const packet = await device.compress(compressor, new Float32Array(0));
        assert.equal(await device.compress(compressor, empty), packet);
        assert.equal(await device.compress(compressor, empty, { error: empty.slice(0, 0) }), packet);
        assert.is(await device.decompress(packet, { into: empty }), empty);
        assert.is(await device.decompress(packet, { into: empty, accumulate: 2 }), empty);
        assert.is(await device.mean([packet, packet], { into: empty }), empty);
      }
      assert.is(await device.kernels.absSum(empty), 0);
      empty.free();
      // a part without elements, of a vector that has some
      const some = await vectorOf(device, new Float32Array([1, 2]));
      assert.is((await some.slice(1, 1).read()).length, 0);
      assert.is(await device.kernels.absSum(some.slice(2)), 0);
      assert.is((await device.compress(scaledSign(), some.slice(1, 1))).length, 24);
      some.free();
    });

    test('a slice is a part where it lies, wherever that is', async () => {
      const device = await deviceOf();
      for (const n of [1000, LONG]) {
        const x = input('normal', n);
        const vector = await vectorOf(device, x);
        for (const [first, end] of partsOf(n)) {
          const label = `${n}, ${first} to ${end}`;
          const part = vector.slice(first, end);
          const same = x.slice(first, end);
          assert.is(part.length, end - first);
          assertWords(await part.read(), same, label);
          for (const compressor of COMPRESSORS)
            assert.equal(
              await device.compress(compressor, part),
              await device.compress(compressor, same),
              label,
            );
          assert.is(await device.kernels.absSum(part), await device.kernels.absSum(same), label);
        }
        const [inner, flat] = [vector.slice(10).slice(5, 900).slice(1), x.slice(16, 910)];
        assertWords(await inner.read(), flat, 'a slice of a slice of a slice');
        vector.free();
      }
    });

    test('what is written to a slice is in the vector, and nothing beside it', async () => {
      const device = await deviceOf();
      const n = LONG;
      const [before, other] = [anyWords(n, 3), input('normal', n, 2)];
      const vector = device.vector(n);
      const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
      const part = (m: number): Float32Array => other.subarray(0, m);
      type Change = (on: Device, target: DeviceVector | Float32Array) => Promise<unknown>;
      const changes: [string, Change][] = [
        [
          'written',
          async (_, target) =>
            target instanceof Float32Array
              ? target.set(part(target.length))
              : target.write(part(target.length)),
        ],
        ...COMPRESSORS.flatMap((compressor): [string, Change][] => {
          const packetOf = (m: number): Uint8Array => js.compressSync(compressor, part(m));
          const { name } = compressor;
          return [
            [`${name} decoded`, (on, into) => on.decompress(packetOf(into.length), { into })],
            [`${name} added`, (on, into) => on.decompress(packetOf(into.length), { into, accumulate: 0.3 })],
            [`${name}, mean`, (on, into) => on.mean([packetOf(into.length)], { into })],
            [`${name}, error`, (on, error) => on.compress(compressor, part(error.length), { error })],
          ];
        }),
      ];
      for (const [what, change] of changes)
        for (const [first, end] of partsOf(n)) {
          const start = /error|added/.test(what) ? input('heavy', n, 5) : before;
          await vector.write(start);
          const expected = start.slice();
          await change(js, expected.subarray(first, end));
          await change(device, vector.slice(first, end));
          assertWords(await vector.read(), expected, `${what}, ${first} to ${end}`);
        }
      vector.free();
    });

    test('from a vector to another, and to a part of the same', async () => {
      const device = await deviceOf();
      const n = 1000;
      const x = anyWords(n, 9);
      const [vector, other] = [await vectorOf(device, x), device.vector(n)];
      await other.write(vector);
      assertWords(await other.read(), x, 'a copy');
      for (const [from, to, length] of [
        [0, 500, 500],
        [64, 512, 128],
        [3, 700, 77],
        [0, 1, 999],
        [64, 0, 900],
        [5, 5, 90],
      ]) {
        await vector.write(x);
        await vector.slice(to, to + length).write(vector.slice(from, from + length));
        const expected = x.slice();
        wordsOf(expected).copyWithin(to, from, from + length);
        assertWords(await vector.read(), expected, `${length} elements from ${from} to ${to}`);
      }
      vector.free();
      other.free();
    });

    test('parts of one vector are x, the error and the sum of a call', async () => {
      const device = await deviceOf();
      const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
      const n = 640;
      const [x, error] = [input('normal', n), input('normal', n, 2)];
      for (const gap of [0, 64, 7]) {
        const all = device.vector(3 * (n + gap));
        const [own, lost, sum] = [0, 1, 2].map((i) => all.slice(i * (n + gap), i * (n + gap) + n));
        for (const compressor of COMPRESSORS) {
          await own.write(x);
          await lost.write(error);
          const p = new Float32Array(n);
          const packet = await js.compress(compressor, x, { error, decay: 0.5, sum: p });
          assert.equal(await device.compress(compressor, own, { error: lost, decay: 0.5, sum }), packet);
          assertWords(await sum.read(), p, 'the sum');
          assertWords(await lost.read(), error, 'the error');
          const left = error.slice();
          await js.compress(compressor, x, { error: left, decay: 0.5 });
          assert.equal(await device.compress(compressor, own, { error: lost, decay: 0.5 }), packet);
          assertWords(await lost.read(), left, 'what is left');
          assertWords(await own.read(), x, 'x');
        }
        all.free();
      }
    });

    test('wrong lengths and places are named', async () => {
      const device = await deviceOf();
      throws(() => device.vector(-1), RangeError, '"n" expected an integer in 0..268435456, got -1');
      throws(() => device.vector(1.5), RangeError, '"n" expected an integer');
      throws(() => device.vector(2 ** 28 + 1), RangeError, '"n" expected an integer');
      throws(() => device.vector('3' as unknown as number), TypeError, '"n" expected an integer');
      const vector = device.vector(5);
      throws(() => vector.slice(6), RangeError, '"first" expected an integer in 0..5, got 6');
      throws(() => vector.slice(2, 1), RangeError, '"end" expected an integer in 2..5, got 1');
      throws(() => vector.slice(1, 4).slice(0, 4), RangeError, '"end" expected an integer in 0..3, got 4');
      await rejects(
        vector.write(new Float32Array(4)),
        RangeError,
        '"source.length" expected an integer in 5..5',
      );
      await rejects(vector.write([1] as never), TypeError, '"source" expected a Float32Array');
      await rejects(
        vector.read(new Float32Array(6)),
        RangeError,
        '"into.length" expected an integer in 5..5',
      );
      await rejects(vector.read(new Float64Array(5) as never), TypeError, '"into" expected a Float32Array');
      const packet = await device.compress(scaledSign(), new Float32Array(6));
      await rejects(device.decompress(packet, { into: vector }), RangeError, '"into.length" expected');
      vector.free();
    });

    test('end when they are freed, with their slices, and not with a slice', async () => {
      const device = await deviceOf();
      const x = input('normal', 300);
      const [one, two] = [await vectorOf(device, x), await vectorOf(device, x)];
      assert.is(device.vectors, 2);
      const part = one.slice(1);
      part.free();
      one.slice(0).free();
      assert.is(device.vectors, 2);
      assertWords(await part.read(), x.slice(1), 'the rest is still there');
      one.free();
      one.free();
      assert.is(device.vectors, 1);
      const packet = await device.compress(scaledSign(), x);
      for (const gone of [one, one.slice(0), part]) {
        const { length } = gone;
        const same = x.subarray(0, length);
        const packet = await device.compress(scaledSign(), same);
        for (const call of [
          gone.read(),
          gone.write(same),
          two.slice(0, length).write(gone),
          device.compress(scaledSign(), gone),
          device.compress(scaledSign(), same, { error: gone }),
          device.compress(scaledSign(), same, { error: new Float32Array(length), sum: gone }),
          device.decompress(packet, { into: gone }),
          device.mean([packet], { into: gone }),
          device.kernels.absSum(gone),
        ])
          await rejects(call, TypeError, 'the vector was freed');
      }
      assertWords(await two.read(), x, 'the other one');
      two.free();
      assert.is(device.vectors, 0);
      assert.equal(await device.compress(scaledSign(), x), packet);
    });

    test('calls that were made before a vector was freed still see it', async () => {
      const device = await deviceOf();
      const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
      const x = input('normal', 5000);
      const expected: Uint8Array[] = [];
      const error = new Float32Array(5000);
      for (let i = 0; i < 5; i++) expected.push(await js.compress(scaledSign(), x, { error }));
      for (let turn = 0; turn < 3; turn++) {
        const vector = device.vector(5000);
        const calls = expected.map(() => device.compress(scaledSign(), x, { error: vector }));
        const left = vector.read();
        vector.free();
        // takes the memory, where it is free by then
        const next = device.vector(5000);
        assert.is(device.vectors, 1);
        await rejects(vector.read(), TypeError, 'the vector was freed');
        assert.equal(await Promise.all(calls), expected);
        assertWords(await left, error, 'the error');
        assertWords(await next.read(), new Float32Array(5000), 'the next vector');
        next.free();
      }
    });

    test('belong to one device', async () => {
      const device = await deviceOf();
      const another = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
      const [x, other] = [new Float32Array(4), another.vector(4)];
      const packet = await device.compress(scaledSign(), x);
      const own = device.vector(4);
      for (const call of [
        own.write(other),
        device.compress(scaledSign(), other),
        device.compress(scaledSign(), x, { error: other }),
        device.decompress(packet, { into: other }),
        device.mean([packet], { into: other }),
        device.kernels.absSum(other),
      ])
        await rejects(call, TypeError, 'the vector belongs to another device');
      own.free();
    });

    test('calls that overlap on one vector are as one after the other', async () => {
      const device = await deviceOf();
      const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
      const n = 1000;
      const xs = Array.from({ length: 6 }, (_, i) => input('normal', n, i + 1));
      const run = async (on: Device, together: boolean): Promise<unknown[]> => {
        const vector = on.vector(n);
        const found: unknown[] = [];
        const call = async (result: Promise<unknown>): Promise<void> => {
          found.push(result);
          if (!together) await result;
        };
        const packet = await on.compress(topK({ k: 20 }), xs[5]);
        for (const [i, x] of xs.entries()) {
          await call(on.compress(COMPRESSORS[i % 3], x, { error: vector }));
          await call(on.compress(COMPRESSORS[(i + 1) % 3], vector));
          await call(on.decompress(packet, { into: vector.slice(0), accumulate: 0.5 }).then(() => undefined));
          await call(vector.slice(3, 500).read());
          await call(vector.slice(500).write(vector.slice(0, 500)));
          await call(on.kernels.absSum(vector));
        }
        await call(vector.read());
        vector.free();
        return Promise.all(found);
      };
      const expected = await run(js, false);
      const found = await run(device, true);
      for (const [i, value] of found.entries()) assert.equal(value, expected[i], `call ${i}`);
    });
  },
  { threads: true },
);
