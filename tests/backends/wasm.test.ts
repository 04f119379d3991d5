/**
 * What the wasm backend promises beside equal words: its allocator, memory that calls repeated do not grow, modules of
 * the caller's, SIMD where the engine has it, and buffers of others refused.
 */
import * as assert from 'uvu/assert';
import { Allocator } from '../../ts/backends/wasm/allocator.ts';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { openDevice } from '../../ts/device.ts';
import { BackendUnavailableError } from '../../ts/errors.ts';
import { compile, unpack } from '../../ts/backends/wasm/compile.ts';
import { bytes as scalar } from '../../ts/generated/wasm-scalar.ts';
import { rejects } from '../support/host.ts';
import { input, words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('the wasm backend');

test('the allocator reuses memory, joins neighbours and keeps blocks apart', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const allocator = new Allocator(memory, 1000);
  const next = words(3);
  const live = new Map<number, number>();
  const once = (): void => {
    if (live.size > 20 || (live.size > 0 && next() % 2 === 0)) {
      const address = [...live.keys()][next() % live.size];
      allocator.free(address);
      live.delete(address);
      return;
    }
    const size = next() % 20_000;
    const address = allocator.allocate(size);
    assert.is(address % 64, 0);
    assert.ok(address >= 1000 && address + size <= memory.buffer.byteLength);
    for (const [other, length] of live)
      assert.ok(address + size <= other || other + length <= address, 'blocks overlap');
    live.set(address, size);
  };
  for (let i = 0; i < 3000; i++) once();
  for (const address of live.keys()) allocator.free(address);
  const before = memory.buffer.byteLength;
  // all is one free block again: the whole of it can be had at once
  allocator.free(allocator.allocate(before - 2048));
  assert.is(memory.buffer.byteLength, before);
  assert.throws(() => allocator.free(64), /no block starts at 64/);
  assert.throws(() => allocator.allocate(2 ** 33), /WebAssembly memory is exhausted/);
});

/** Runs `work` with the sizes by which linear memory has grown since it last looked, in pages. */
async function watchingGrowth(work: (grown: () => number[]) => Promise<void>): Promise<void> {
  const grown: number[] = [];
  const { prototype } = WebAssembly.Memory;
  const original = Object.getOwnPropertyDescriptor(prototype, 'grow');
  if (original === undefined) return assert.unreachable('WebAssembly.Memory has no grow');
  const grow = original.value as (this: WebAssembly.Memory, pages: number) => number;
  Object.defineProperty(prototype, 'grow', {
    ...original,
    value(this: WebAssembly.Memory, pages: number) {
      grown.push(pages);
      return grow.call(this, pages);
    },
  });
  try {
    await work(() => grown.splice(0));
  } finally {
    Object.defineProperty(prototype, 'grow', original);
  }
}

test('calls repeated grow nothing', () =>
  watchingGrowth(async (grown) => {
    const device = await openDevice({ backend: 'wasm' });
    const x = input('normal', 100_000);
    const error = device.vector(100_000);
    const round = async (): Promise<void> => {
      for (const compressor of [topK({ ratio: 0.01 }), topK({ ratio: 0.3 }), scaledSign({ block: 1000 })]) {
        await device.decompress(await device.compress(compressor, x));
        await device.compress(compressor, x, { error });
        await device.compress(compressor, error);
      }
    };
    await round();
    assert.ok(grown().length > 0, 'the first round takes memory');
    await round(); // the error has moved to memory that the first call took
    grown();
    for (let i = 0; i < 50; i++) await round();
    assert.equal(grown(), []);
    device.close();
  }));

test('a thousand vectors made and freed grow nothing after the first', () =>
  watchingGrowth(async (grown) => {
    const device = await openDevice({ backend: 'wasm' });
    const kept = device.vector(1001);
    const x = input('normal', 30_000);
    const round = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const vector = device.vector(30_000);
        await vector.write(x);
        await device.compress(topK({ k: 3 }), x, { error: vector });
        vector.free();
      }
    };
    await round(2);
    assert.ok(grown().length > 0, 'the first take memory');
    await round(1000);
    assert.equal(grown(), []);
    // many at once, as often as one likes
    const many = (): void => {
      const vectors = Array.from({ length: 1000 }, (_, i) => device.vector(1 + ((i * 37) % 500)));
      for (const vector of vectors) vector.free();
    };
    many();
    grown();
    for (let turn = 0; turn < 5; turn++) many();
    assert.equal(grown(), []);
    assert.is(device.vectors, 1);
    assert.is((await kept.read()).length, 1001);
    device.close();
  }));

test('a module of the caller’s: ours is taken, another one refused', async () => {
  const module = await compile(await unpack(scalar));
  const device = await openDevice({ backend: 'wasm', module });
  assert.is(device.detail, 'scalar');
  device.close();
  const empty = await WebAssembly.compile(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  const error = await rejects(openDevice({ backend: 'wasm', module: empty }), BackendUnavailableError);
  assert.match(error.reasons.wasm, '"module" is not one of');
});

test('kernels without SIMD where an engine cannot inflate those with it', async () => {
  const { DecompressionStream, process } = globalThis;
  // Node's own zlib serves where documents hide the stream
  Object.assign(globalThis, { DecompressionStream: undefined, process: undefined });
  try {
    const device = await openDevice({ backend: 'wasm' });
    assert.is(device.detail, 'scalar');
    device.close();
  } finally {
    Object.assign(globalThis, { DecompressionStream, process });
  }
});

test('SIMD where the engine has it', async () => {
  const backend = await openWasm();
  assert.is(backend.detail, 'SIMD');
  backend.close();
});

test('buffers of others, and released ones, are refused', async () => {
  const [backend, other] = await Promise.all([openWasm(), openWasm()]);
  const buffer = backend.allocate(4);
  assert.throws(() => other.write(buffer, new Uint32Array(4)), /belongs to another backend, or was released/);
  backend.release(buffer);
  assert.throws(() => backend.release(buffer), /belongs to another backend, or was released/);
  await rejects(backend.read([{ buffer }]), Error, 'belongs to another backend');
  backend.close();
  assert.throws(() => backend.allocate(4), /closed/);
  other.close();
});

test.run();
