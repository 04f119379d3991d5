/**
 * That the kernels are fast at all: ratios of times taken in turns, with room for a machine that does other things at
 * the same time. How fast they are, `npm run bench` says.
 */
import * as assert from 'uvu/assert';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { flattenedOneBit, float32, openDevice, scaledSign, topK } from '../../ts/index.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import { suite } from '../support/suite.ts';
import { vector } from './data.ts';
import { KERNELS } from './kernels.ts';
import { plainTopK } from './plain.ts';

const test = suite('speed');

const N = 2 ** 18;
const ROUNDS = 7;
/** How often a comparison may fail: what disturbs one is over at the next. */
const TRIES = 8;
/** Milliseconds of calls before the first that counts, so that the engine's best code is what runs. */
const WARM = 50;

const x = vector('normal', N);
const input = { data: 'normal', x, keyOf: () => 0 } as const;

/** Milliseconds of the fastest of several calls of each, in turns. */
function fastest(calls: readonly (() => unknown)[]): number[] {
  const least = calls.map(() => Infinity);
  for (const call of calls) for (const start = performance.now(); performance.now() < start + WARM;) call();
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, call] of calls.entries()) {
      const start = performance.now();
      call();
      least[i] = Math.min(least[i], performance.now() - start);
    }
  return least;
}

/** A kernel on wasm takes less than `most` times as long as `other`, or as the same in plain JavaScript. */
async function compare(name: string, most: number, other?: () => unknown): Promise<void> {
  const task = KERNELS.find((each) => each.name === name);
  assert.ok(task, `no kernel is called ${name}`);
  const backend = await openWasm();
  const held = new Scope(backend);
  const work = task.prepare(held, held.vector(x), input);
  const run = (): void => {
    const call = new Scope(backend);
    work(call);
    call.end();
  };
  try {
    holds(name, most, run, other ?? task.plain!(input));
  } finally {
    backend.close();
  }
}

/** A call takes less than `most` times as long as another. */
function holds(name: string, most: number, run: () => unknown, peer: () => unknown): void {
  let ratio = Infinity;
  for (let attempt = 0; attempt < TRIES && ratio >= most; attempt++) {
    const [ours, theirs] = fastest([run, peer]);
    ratio = Math.min(ratio, ours / theirs);
  }
  assert.ok(ratio < most, `${name} takes ${ratio.toFixed(2)} times as long, expected less than ${most}`);
}

test('topK on wasm is ten times as fast as a sort', () =>
  compare('topK 1 %', 1 / 10, plainTopK(x, Math.floor(N / 100))));

test('fwht on wasm is five times as fast as three loops', () => compare('fwht, whole', 1 / 5));

test('signs and sums on wasm are three times as fast as a loop', () => compare('signs and sums', 1 / 3));

/** Whole calls on wasm beside copies and fills of as many floats, twice or so what an idle machine takes. */
const CALLS: readonly {
  readonly name: string;
  readonly compressor: Compressor;
  /** Of compress into a used packet, and of decompress with `into`. */
  readonly compress: number;
  readonly decompress: number;
}[] = [
  { name: 'float32', compressor: float32(), compress: 10, decompress: 12 },
  { name: 'topK 1 %', compressor: topK({ ratio: 0.01 }), compress: 12, decompress: 8 },
  { name: 'scaledSign', compressor: scaledSign(), compress: 12, decompress: 9 },
  { name: 'flattenedOneBit', compressor: flattenedOneBit({ seed: 1 }), compress: 90, decompress: 30 },
];

for (const { name, compressor, compress, decompress } of CALLS)
  test(`${name} on wasm is there and back within so many copies`, async () => {
    const device = await openDevice({ backend: 'wasm', threads: 1 });
    const packet = device.compressSync(compressor, x);
    const out = packet.slice();
    const into = new Float32Array(N);
    const copy = (): void => into.set(x);
    const packing = (): unknown => device.compressSync(compressor, x, { out });
    const unpacking = (): unknown => device.decompressSync(packet, { into });
    try {
      holds(`compress ${name}`, compress, packing, copy);
      holds(`decompress ${name}`, decompress, unpacking, copy);
    } finally {
      device.close();
    }
  });

test('a call over few elements takes microseconds', async () => {
  const device = await openDevice({ backend: 'wasm', threads: 1 });
  const few = x.slice(0, 100);
  const sort = plainTopK(few, 1);
  try {
    for (const { name, compressor } of CALLS)
      // a sort of a hundred numbers takes ten microseconds or so
      holds(`compress ${name}`, 12, () => device.compressSync(compressor, few), sort);
  } finally {
    device.close();
  }
});

test.run();
