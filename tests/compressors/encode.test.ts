/** Error feedback: the packet of x + decay * error, and what is left of that, on every backend. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import {
  ditheredSign,
  flattenedOneBit,
  float32,
  randomK,
  scaledSign,
  threshold,
  topK,
  type VectorLike,
} from '../../ts/index.ts';
import { addDecoded, compensated } from '../reference/accumulate.ts';
import { decodePacket } from '../reference/packet.ts';
import { ALL_COMPRESSORS } from '../support/all-compressors.ts';
import { eachBackend } from '../support/backends.ts';
import { COPY_SOURCE, onGpu, STORAGE } from '../support/gpu.ts';
import { rejects } from '../support/host.ts';
import { input, LARGE, some, type InputKind } from '../support/inputs.ts';
import { placesOf } from '../support/places.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

/** Beside those, lists whose values are rounded, of many elements, and of elements that are zero. */
const COMPRESSORS: readonly Compressor[] = [
  ...ALL_COMPRESSORS,
  topK({ ratio: 0.5, values: 'bfloat16' }),
  topK({ ratio: 1, values: 'float16' }),
  threshold({ t: 0, values: 'float16' }),
  randomK({ ratio: 0.3, seed: 4, values: 'float16' }),
];

/** Those that compress a long vector, too. */
const WITH_LONG: ReadonlySet<Compressor> = new Set(some(COMPRESSORS));

const DECAYS = [1, 0.95, 0, 0.3];
/** Of x and of the error. */
const KINDS: readonly (readonly [InputKind, InputKind])[] = [
  ['normal', 'normal'],
  ['heavy', 'sparse'],
  ['subnormal', 'subnormal'],
  ['ties', 'constant'],
  ['negativeZero', 'zeros'],
  ['sparse', 'heavy'],
  ['huge', 'subnormal'],
];

const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

/** What one call has to leave, by the definition: of what is left nothing where it is not finite. */
async function expectedOf(
  compressor: Compressor,
  x: Float32Array,
  error: Float32Array,
  decay: number,
  step = 0,
): Promise<{ packet: Uint8Array; p: Float32Array; left: Float32Array }> {
  const p = compensated(x, error, decay);
  const packet = await js.compress(compressor, p, { step });
  const n = x.length;
  const decoded = n <= 1000 ? new Float32Array(decodePacket(packet, n).buffer) : await js.decompress(packet);
  const left = p.slice();
  addDecoded(left, packet, decoded, -1);
  return { packet, p, left };
}

eachBackend(
  'error feedback',
  (test, open, kind) => {
    // the backend is the suites', so these devices are not closed
    const deviceOf = async (): Promise<Device> =>
      new Device({ backend: 'auto' }, { backend: await open(), reasons: {} });

    for (const [c, compressor] of COMPRESSORS.entries())
      test(`${compressor.name} ${JSON.stringify(compressor.options)}: packets and errors by the definition`, async () => {
        const device = await deviceOf();
        const rows = [100, 129, 1000, 4097].flatMap((n, s) =>
          KINDS.map((kinds, i) => ({ n, kinds, decay: DECAYS[(c + s + i) % DECAYS.length] })),
        );
        // threads share vectors of 2^18 elements
        const large = kind === 'wasm threads' ? 2 ** 18 + 33 : LARGE;
        const long = { n: large, kinds: KINDS[c % 3], decay: 0.95 };
        // a GPU in software takes its time: half of them each, the compressors in turn
        const taken = kind.startsWith('webgpu') ? rows.filter((_, i) => i % 2 === c % 2) : rows;
        for (const { n, kinds, decay } of [...some(taken), ...(WITH_LONG.has(compressor) ? [long] : [])]) {
          const [x, error] = [input(kinds[0], n), input(kinds[1], n, 2)];
          const label = `${kinds.join(' and ')} ${n}, decay ${decay}`;
          const expected = await expectedOf(compressor, x, error, decay, 3);
          const vector = device.vector(n);
          await vector.write(error);
          const call = device.compress(compressor, x, { error: vector, decay, step: 3 });
          const bad = expected.left.filter((value) => !Number.isFinite(value)).length;
          if (bad > 0) {
            const { count, first } = await rejects(call, NonFiniteError, 'what the packet loses of the sum');
            assert.is(count, bad, label);
            assert.is(
              first,
              expected.left.findIndex((value) => !Number.isFinite(value)),
              label,
            );
            assertWords(await vector.read(), error, `${label}: the error is as it was`);
          } else {
            assert.equal(await call, expected.packet, label);
            assertWords(await vector.read(), expected.left, `${label}: the error`);
          }
          vector.free();
        }
      });

    test('several steps, each with the error of the one before', async () => {
      const device = await deviceOf();
      const n = 1000;
      for (const compressor of COMPRESSORS) {
        const vector = device.vector(n);
        let error: Float32Array = new Float32Array(n);
        for (let step = 0; step < 4; step++) {
          const x = input('normal', n, step + 1);
          const expected = await expectedOf(compressor, x, error, 1, step);
          assert.equal(await device.compress(compressor, x, { error: vector, step }), expected.packet);
          error = expected.left;
        }
        assertWords(await vector.read(), error, compressor.name);
        vector.free();
      }
    });

    test('errors, sums and x in all kinds of memory', async () => {
      const device = await deviceOf();
      const n = 1001;
      const [x, error] = [input('normal', n), input('heavy', n, 2)];
      for (const compressor of some([
        topK({ ratio: 0.05 }),
        flattenedOneBit({ seed: 3, block: 256 }),
        randomK({ k: 9, seed: 1 }),
        scaledSign({ block: 50 }),
        float32(),
      ])) {
        const expected = await expectedOf(compressor, x, error, 0.95);
        const [xs, errors] = [await placesOf(device, x), await placesOf(device, error)];
        for (const [i, place] of errors.entries()) {
          const of = xs[(3 * i + 1) % xs.length];
          const label = `${compressor.name}: x in ${of.name}, the error in ${place.name}`;
          const packet = await device.compress(compressor, of.vector, { error: place.vector, decay: 0.95 });
          // a range of the user's is there when the promise settles
          const left = await place.read();
          assert.equal(packet, expected.packet, label);
          assertWords(left, expected.left, label);
          assertWords(await of.read(), x, `${label}: x`);
          place.end();
        }
        const sums = await placesOf(device, new Float32Array(n).fill(NaN));
        for (const [i, place] of sums.entries()) {
          const [at] = (await placesOf(device, error)).splice((i + 1) % xs.length, 1);
          const label = `${compressor.name}: the error in ${at.name}, the sum in ${place.name}`;
          const options = { error: at.vector, decay: 0.95, sum: place.vector };
          const packet = await device.compress(compressor, x, options);
          const p = await place.read();
          assert.equal(packet, expected.packet, label);
          assertWords(p, expected.p, label);
          assertWords(await at.read(), error, `${label}: the error`);
          // the next error is made of the sum
          await device.decompress(packet, { into: place.vector, accumulate: -1 });
          assertWords(await place.read(), expected.left, `${label}: what is left`);
          place.end();
          at.end();
        }
        for (const place of xs) place.end();
      }
    });

    test('a call that is refused leaves the error as it was', async () => {
      const device = await deviceOf();
      const n = 500;
      const x = input('normal', n);
      const error = input('finite', n, 2);
      const [bad, infinite, most] = [x.slice(), error.slice(), x.slice().fill(1)];
      bad[7] = NaN;
      bad[99] = -Infinity;
      infinite[3] = Infinity;
      most[11] = -3e38;
      // signs that are drawn wrong are twice as far off
      const drawn = ditheredSign({ seed: 1, lambda: 'max' });
      const huge = input('huge', n);
      const calls: [string, Compressor, Float32Array, Float32Array, number, string, number, number][] = [
        ['NaN in x', topK({ k: 3 }), bad, error, 1, 'the input has 2 NaN', 2, 7],
        ['infinity in the error', topK({ k: 3 }), x, infinite, 1, 'the error has 1 NaN', 1, 3],
        ['infinity in the error, forgotten', topK({ k: 3 }), x, infinite, 0, 'the error has 1 NaN', 1, 3],
        ['a sum beyond float32', topK({ k: 3 }), most, most, 1, 'the sum of x and the error has 1', 1, 11],
        ['a sum beyond float32', scaledSign(), most, most, 0.9, 'the sum of x and the error has 1', 1, 11],
      ];
      for (const [what, compressor, given, held, decay, says, count, first] of calls)
        for (const sum of [undefined, new Float32Array(n)]) {
          const places = await placesOf(device, held);
          for (const place of places) {
            const label = `${what}, ${place.name}`;
            const options = { error: place.vector, decay, sum };
            const found = await rejects(device.compress(compressor, given, options), NonFiniteError, says);
            assert.equal([found.count, found.first], [count, first], label);
            assertWords(await place.read(), held, label);
            place.end();
          }
        }
      for (const place of await placesOf(device, new Float32Array(n))) {
        const error = place.vector;
        await rejects(device.compress(topK({ k: n + 1 }), x, { error }), RangeError, '"k" expected');
        for (const sum of [undefined, new Float32Array(n)])
          await rejects(
            device.compress(drawn, huge, { error, sum }),
            NonFiniteError,
            'what the packet loses of the sum of x and the error has',
          );
        assertWords(await place.read(), new Float32Array(n), place.name);
        place.end();
      }
    });

    test('memory of a call is apart', async () => {
      const device = await deviceOf();
      const all = new Float32Array(300);
      const [one, two, three] = [0, 100, 200].map((first) => all.subarray(first, first + 100));
      const vector = device.vector(300);
      const [a, b, c] = [0, 100, 200].map((first) => vector.slice(first, first + 100));
      const compressor = topK({ k: 2 });
      // neighbours are
      await device.compress(compressor, one, { error: two, sum: three });
      await device.compress(compressor, a, { error: b, sum: c });
      const apart = (
        x: VectorLike,
        error: VectorLike,
        sum: VectorLike | undefined,
        says: string,
      ): Promise<Error> => rejects(device.compress(compressor, x, { error, sum }), RangeError, says);
      await apart(one, one, undefined, '"error" expected memory apart from that of "x"');
      await apart(one, all.subarray(99, 199), undefined, '"error" expected memory apart from that of "x"');
      await apart(one, two, one, '"sum" expected memory apart from that of "x"');
      await apart(one, two, two, '"sum" expected memory apart from that of "error"');
      await apart(a, vector.slice(50, 150), undefined, '"error" expected memory apart from that of "x"');
      await apart(a, a, undefined, '"error" expected memory apart from that of "x"');
      await apart(a, b, vector.slice(199, 299), '"sum" expected memory apart from that of "error"');
      const { gpu } = device;
      if (gpu !== undefined) {
        const buffer = onGpu(gpu, new Float32Array(400), 0, STORAGE | COPY_SOURCE);
        const range = (first: number): VectorLike => ({ buffer, offset: 4 * first, length: 100 });
        for (const gap of [100, 128])
          await device.compress(compressor, range(0), { error: range(gap), sum: range(2 * gap + 1) });
        await apart(range(0), range(99), undefined, '"error" expected memory apart from that of "x"');
        await apart(range(0), range(100), range(1), '"sum" expected memory apart from that of "x"');
        buffer.destroy();
      }
      vector.free();
    });
  },
  { threads: true, ofKernels: true },
);

const test = suite('options of error feedback');

test('a packet with feedback in memory that is given', async () => {
  const x = input('normal', 100);
  for (const compressor of [scaledSign(), float32(), topK({ k: 7 })]) {
    const [error, other] = [input('normal', 100, 2), input('normal', 100, 2)];
    const out = new Uint8Array(1000);
    const packet = await js.compress(compressor, x, { error, out });
    assert.ok(packet.buffer === out.buffer, compressor.name);
    assert.equal(packet, await js.compress(compressor, x, { error: other }), compressor.name);
    assertWords(error, other, compressor.name);
  }
});

test('are checked', async () => {
  const x = new Float32Array(4);
  const error = new Float32Array(4);
  const compressor = scaledSign();
  await rejects(
    js.compress(compressor, x, { decay: 0.5 }),
    RangeError,
    '"decay" expected "error" beside it, got none',
  );
  await rejects(
    js.compress(compressor, x, { sum: error }),
    RangeError,
    '"sum" expected "error" beside it, got none',
  );
  for (const decay of [-0.1, 1.1, NaN])
    await rejects(
      js.compress(compressor, x, { error, decay }),
      RangeError,
      '"decay" expected a number in 0..1',
    );
  await rejects(js.compress(compressor, x, { error, decay: '1' as never }), TypeError, '"decay" expected');
  await rejects(js.compress(compressor, x, { out: [0] as never }), TypeError, '"out" expected a Uint8Array');
  const odd = new Uint8Array(100).subarray(3);
  await rejects(
    js.compress(compressor, x, { out: odd }),
    RangeError,
    '"out" expected to start at a multiple',
  );
  for (const [name, own] of Object.entries({ x, error }))
    await rejects(
      js.compress(compressor, x, { error, out: new Uint8Array(own.buffer) }),
      RangeError,
      name === 'x'
        ? '"out" expected memory apart from that of "x"'
        : 'expected memory apart from that of "out"',
    );
  if (typeof SharedArrayBuffer === 'function')
    await rejects(
      js.compress(compressor, x, { out: new Uint8Array(new SharedArrayBuffer(100)) }),
      TypeError,
      '"out" expected memory that is not shared',
    );
  await rejects(
    js.compress(compressor, x, { error: [0] as never }),
    TypeError,
    '"error" expected a Float32Array',
  );
  await rejects(
    js.compress(compressor, x, { error: new Float32Array(5) }),
    RangeError,
    '"error.length" expected an integer in 4..4, got 5',
  );
  await rejects(
    js.compress(compressor, x, { error, sum: new Float32Array(3) }),
    RangeError,
    '"sum.length" expected an integer in 4..4, got 3',
  );
  await rejects(js.compress(compressor, x, { eror: error } as object), RangeError, 'Did you mean "error"?');
});

test('of no elements', async () => {
  const none = new Float32Array(0);
  for (const compressor of COMPRESSORS)
    assert.equal(
      await js.compress(compressor, none, { error: none.slice() }),
      await js.compress(compressor, none),
    );
});

test.run();
