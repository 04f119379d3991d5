/** Calls that overlap give what they give one after the other, and stay within the bytes that they may take. */
import * as assert from 'uvu/assert';
import { Device, type Kernels } from '../ts/device.ts';
import { DeviceClosedError, NonFiniteError, PacketError } from '../ts/errors.ts';
import { float32, openDevice, qsgd, quantized, scaledSign, threshold, topK } from '../ts/index.ts';
import { Schedule, touchOf, type Call, type Touch } from '../ts/schedule.ts';
import { eachBackend } from './support/backends.ts';
import { contents, COPY_SOURCE, COPY_TARGET, onGpu, STORAGE } from './support/gpu.ts';
import { rejects } from './support/host.ts';
import { input, whole, words } from './support/inputs.ts';
import { suite } from './support/suite.ts';

/** What became of a call: its result, or its error's message. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return (error as Error).message;
  }
}

/** So large that a second attempt over the scaled vector follows the first (compressors/at-scale.ts). */
const LARGE = 2 ** 60;

const N = 100;
const ROOM = 400;

interface Memory {
  readonly cpu: Float32Array;
  readonly gpu: GPUBuffer | undefined;
}

eachBackend('calls that overlap', (test, open, kind) => {
  const device = async (maxBytesInFlight?: number): Promise<Device> =>
    // the backend is the suites', so these devices are not closed
    new Device({ backend: 'auto' }, { backend: await open(), reasons: {} }, { maxBytesInFlight });

  test('sums into one vector', async () => {
    const own = await device();
    const packets = await Promise.all(
      [1, 2, 3, 4].map((value) => own.compress(float32(), new Float32Array(N).fill(value))),
    );
    const mean = new Float32Array(N);
    await Promise.all(packets.map((packet) => own.decompress(packet, { into: mean, accumulate: 1 / 4 })));
    assert.equal(mean, new Float32Array(N).fill(2.5));
  });

  test('a vector is as it was for the calls before, however often they read it, and new for those after', async () => {
    const own = await device();
    const one = await own.compress(float32(), new Float32Array(N).fill(1));
    for (const compressor of [quantized({ bits: 5 }), qsgd({ levels: 9, seed: 1 }), threshold({ t: 0 })]) {
      const x = input('normal', N).map((value) => value * LARGE);
      const before = await own.compress(compressor, x);
      const sum = await own.kernels.absSum(x);
      const [first, kernel, , second] = await Promise.all([
        own.compress(compressor, x),
        own.kernels.absSum(x),
        own.decompress(one, { into: x }),
        own.compress(compressor, x),
        own.decompress(one, { into: x.subarray(7), accumulate: 2 }).catch((error: Error) => error),
      ]);
      assert.equal(first, before, compressor.name);
      assert.is(kernel, sum);
      assert.equal(second, await own.compress(compressor, new Float32Array(N).fill(1)), compressor.name);
    }
  });

  test('an error is that of one call', async () => {
    const own = await device();
    const good = await own.compress(float32(), new Float32Array(N).fill(1));
    const damaged = good.slice();
    damaged[20] ^= 1;
    const into = new Float32Array(N);
    const bad = new Float32Array(N).fill(NaN);
    const calls = [
      own.decompress(good, { into, accumulate: 1 }),
      own.decompress(damaged, { into, accumulate: 1 }),
      own.compress(topK({ k: 3 }), bad),
      own.decompress(good, { into: bad }),
      own.compress(topK({ k: N + 1 }), bad),
      own.decompress(good, { into, accumulate: 1 }),
      own.compress(topK({ k: 3 }), bad),
    ];
    const [, packet, finite, , many] = calls.map((call) => call.catch((error: unknown) => error));
    assert.instance(await packet, PacketError);
    assert.instance(await finite, NonFiniteError);
    assert.instance(await many, RangeError);
    await calls[5];
    assert.equal(into, new Float32Array(N).fill(2));
    assert.equal(await calls[6], await own.compress(topK({ k: 3 }), new Float32Array(N).fill(1)));
  });

  for (const [seed, most] of [1, 2, 3, 4, 5, 6]
    .slice(0, whole ? 6 : 2)
    .map((seed) => [seed, seed % 2 ? undefined : 3000] as const))
    test(`a mixture of calls, seed ${seed}, ${most ?? 'any number of'} bytes in flight`, async () => {
      const own = await device(most);
      const compressors = [
        topK({ k: 9 }),
        quantized({ bits: 5 }),
        threshold({ t: 0.5 }),
        scaledSign(),
        qsgd({ levels: 5, seed: 3 }),
      ];
      const packets = await Promise.all(
        compressors.flatMap((compressor) =>
          [1, LARGE].map((scale) =>
            own.compress(
              compressor,
              input('normal', N).map((value) => value * scale),
            ),
          ),
        ),
      );
      packets[3] = packets[3].slice(0, -4);
      const next = words(seed);
      const pick = <T>(list: readonly T[]): T => list[next() % list.length];
      const kernels: ((run: Kernels, x: Float32Array) => Promise<unknown>)[] = [
        (run, x) => run.topK(x, 5),
        (run, x) => run.absSum(x),
        (run, x) => run.threshold(x, 0.5),
        (run, x) => run.packSigns(x),
        (run, x) => run.accumulate(x, x, 0.5),
      ];
      type Step = (memory: Memory) => Promise<unknown>;
      const steps = Array.from({ length: 40 }, (): Step => {
        const first = next() % (ROOM - N);
        const view = ({ cpu }: Memory): Float32Array => cpu.subarray(first, first + N);
        const range = ({ gpu }: Memory): { buffer: GPUBuffer; offset: number; length: number } | undefined =>
          gpu && { buffer: gpu, offset: 4 * first, length: N };
        const onGpu = next() % 2 === 0;
        const [compressor, packet, kernel] = [pick(compressors), pick(packets), pick(kernels)];
        const accumulate = pick([undefined, 0.5, 2 ** -60]);
        switch (next() % 3) {
          case 0:
            return (memory) => own.compress(compressor, (onGpu && range(memory)) || view(memory));
          case 1:
            return async (memory) => {
              const there = onGpu ? range(memory) : undefined;
              if (there !== undefined) await own.decompress(packet, { into: there, accumulate });
              else await own.decompress(packet, { into: view(memory), accumulate });
            };
          default:
            return (memory) => kernel(own.kernels, view(memory));
        }
      });
      const run = async (together: boolean): Promise<{ outcomes: unknown[]; after: unknown[] }> => {
        const cpu = input('normal', ROOM);
        const gpu = own.gpu && onGpu(own.gpu, cpu, 0, STORAGE | COPY_SOURCE | COPY_TARGET);
        const outcomes: unknown[] = [];
        for (const step of steps) {
          const call = outcomeOf(step({ cpu, gpu }));
          outcomes.push(together ? call : await call);
        }
        const settled = await Promise.all(outcomes);
        const after = [cpu, gpu && (await contents(own.gpu, gpu))];
        gpu?.destroy();
        return { outcomes: settled, after };
      };
      const [alone, together] = [await run(false), await run(true)];
      for (const [i, outcome] of together.outcomes.entries())
        assert.equal(outcome, alone.outcomes[i], `call ${i}`);
      assert.equal(together.after, alone.after);
    });

  test('vectors and packets in memory that threads share, or that may be resized', async () => {
    if (typeof SharedArrayBuffer !== 'function') return;
    const own = await device();
    const n = 2 ** 18 + 5; // more than is uploaded at a time
    const x = input('normal', n);
    const expected = await own.compress(topK({ k: 30 }), x);
    const resizable = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(4 * n + 4, {
      maxByteLength: 8 * n,
    });
    for (const memory of [new SharedArrayBuffer(4 * n + 4), resizable]) {
      const shared = new Float32Array(memory, 4, n);
      shared.set(x);
      assert.equal(await own.compress(topK({ k: 30 }), shared), expected);
      assert.is(await own.kernels.absSum(shared), await own.kernels.absSum(x));
      const bytes = new Uint8Array(memory, 0, expected.length);
      bytes.set(expected);
      const decoded = await own.decompress(bytes);
      assert.equal(decoded, await own.decompress(expected));
      const into = shared.fill(1);
      await own.decompress(expected, { into, accumulate: 0.5 });
      assert.equal(
        new Float32Array(into),
        decoded.map((value) => 1 + Math.fround(0.5 * value)),
      );
    }
  });

  test(`bytes in flight stay below the limit, and a larger call runs alone`, async () => {
    const backend = await open();
    // all that scopes hold, by a count of what they take and give
    let [live, most] = [0, 0];
    const counted = new Proxy(backend, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: never[]) => {
          const result = (value as (...args: unknown[]) => unknown).apply(target, args);
          if (['allocate', 'lend', 'target'].includes(name as string))
            live += ((result as { words: number } | undefined)?.words ?? 0) * 4;
          if (name === 'release') live -= (args[0] as { words: number }).words * 4;
          most = Math.max(most, live);
          return result;
        };
      },
    });
    const bounded = (bytes?: number): Device =>
      new Device({ backend: 'auto' }, { backend: counted, reasons: {} }, { maxBytesInFlight: bytes });
    const n = 5000;
    const x = Array.from({ length: 20 }, (_, i) => input('normal', n + i));
    const settled: number[] = [];
    const peak = async (own: Device): Promise<number> => {
      [live, most] = [0, 0];
      settled.length = 0;
      const calls = x.map(async (vector, i) => {
        const packet = await own.compress(quantized({ bits: 4 }), vector);
        settled.push(i);
        return packet;
      });
      const packets = await Promise.all(calls);
      assert.is(live, 0);
      await Promise.all(packets.map((packet) => own.decompress(packet)));
      assert.is(live, 0);
      return most;
    };
    const one = 4 * n * 1.5; // with its workspace
    if (!kind.startsWith('webgpu')) {
      // a call is done when it returns
      assert.ok((await peak(bounded())) < 2 * one, 'one alone');
      return;
    }
    assert.ok((await peak(bounded())) > 15 * one, 'without a limit all are there at once');
    const limited = await peak(bounded(4 * one));
    assert.ok(limited <= 5 * one && limited > 2 * one, `${limited} bytes of ${4 * one}`);
    assert.equal(
      settled,
      x.map((_, i) => i),
      'in order',
    );
    assert.ok((await peak(bounded(100))) < 2 * one, 'one alone');
  });
});

const test = suite('the schedule of calls');

test('close refuses the calls that wait', async () => {
  for (const backend of ['js', 'wasm'] as const) {
    const device = await openDevice({ backend, maxBytesInFlight: 1 });
    const x = input('normal', 50);
    const calls = Array.from({ length: 5 }, () => device.compress(scaledSign(), x));
    device.close();
    for (const call of calls) await rejects(call, DeviceClosedError);
  }
});

test('"maxBytesInFlight" is a number of bytes', async () => {
  await rejects(
    openDevice({ maxBytesInFlight: 0 }),
    RangeError,
    '"maxBytesInFlight" expected an integer in 1..',
  );
  await rejects(openDevice({ maxBytesInFlight: '1' as never }), TypeError, '"maxBytesInFlight"');
});

test('calls that share memory never overlap, start in order, and all start', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const next = words(seed);
    const schedule = new Schedule(1000);
    const memories = [new ArrayBuffer(100), new ArrayBuffer(100)];
    const running: { number: number; touches: readonly Touch[]; bytes: number; call: Call }[] = [];
    const begun: { touches: readonly Touch[]; ended: boolean }[] = [];
    const conflicts = (a: readonly Touch[], b: readonly Touch[]): boolean =>
      a.some((one) =>
        b.some(
          (other) =>
            one.memory === other.memory &&
            (one.writes || other.writes) &&
            Math.max(one.first, other.first) < Math.min(one.end, other.end),
        ),
      );
    const works: Promise<void>[] = [];
    for (let number = 0; number < 200; number++) {
      const touches = Array.from({ length: next() % 3 }, () => {
        const first = next() % 80;
        const view = new Uint8Array(memories[next() % 2], first, 1 + (next() % 20));
        return touchOf(view, next() % 2 ? 'reads' : 'writes', false);
      });
      const state = { touches, ended: false };
      const earlier = begun.slice();
      begun.push(state);
      const bytes = next() % 600;
      const turnsUntilEnd = next() % 5;
      const call = schedule.begin(touches, bytes);
      const work = async (): Promise<void> => {
        if (call.ready !== undefined) await call.ready;
        for (const other of earlier)
          assert.ok(other.ended || !conflicts(other.touches, touches), `call ${number} of seed ${seed}`);
        const mine = { number, touches, bytes, call };
        running.push(mine);
        const sum = running.reduce((total, one) => total + one.bytes, 0);
        assert.ok(sum <= 1000 || running.length === 1, `${sum} bytes`);
        schedule.queued(call, bytes);
        for (let turn = 0; turn < turnsUntilEnd; turn++) await Promise.resolve();
        running.splice(running.indexOf(mine), 1);
        state.ended = true;
        schedule.end(call);
      };
      works.push(work());
      if (next() % 4 === 0) await Promise.resolve();
    }
    await Promise.all(works);
    assert.is(schedule.begin([touchOf(new Uint8Array(memories[0]), 'writes', false)], 1e9).ready, undefined);
  }
});

test.run();
