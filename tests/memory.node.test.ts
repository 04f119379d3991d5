/** Ten thousand calls leave memory where it was: JavaScript's heap, array buffers, WebAssembly memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as assert from 'uvu/assert';
import { openDevice } from '../ts/index.ts';
import { ALL_COMPRESSORS } from './support/all-compressors.ts';
import { input, some } from './support/inputs.ts';
import { assertWords } from './support/same-words.ts';
import { suite } from './support/suite.ts';

const test = suite('memory');

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of the heap and of all array buffers that are still reachable. */
async function held(): Promise<number> {
  // twice, with a turn between: array buffers are freed behind the collector
  for (let i = 0; i < 2; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const CALLS = 10_000;

for (const backend of some(['wasm', 'js'] as const))
  test(`ten thousand calls on ${backend}`, async () => {
    const device = await openDevice({ backend });
    const vectors = [100, 1000, 1999].map((n) => input('normal', n));
    const into = vectors.map((x) => new Float32Array(x.length));
    const calls = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const which = i % vectors.length;
        const packet = await device.compress(ALL_COMPRESSORS[i % ALL_COMPRESSORS.length], vectors[which], {
          step: i,
        });
        await device.decompress(packet, { into: into[which], accumulate: i % 2 ? 0.5 : undefined });
      }
    };
    await calls(CALLS); // until the engine has compiled what it will
    // A leak grows in every round: what the engine still compiles or moves shows in one and not in the next.
    const grown: number[] = [];
    for (let round = 0; round < 4 && !grown.some((bytes) => bytes < 10 * CALLS); round++) {
      const before = await held();
      await calls(CALLS);
      grown.push((await held()) - before);
    }
    assert.ok(
      grown.at(-1) < 10 * CALLS,
      `${grown.join(', ')} bytes more after rounds of ${CALLS} calls each`,
    );
    device.close();
  });

for (const backend of some(['wasm', 'js'] as const))
  test(`ten thousand vectors made and freed on ${backend}`, async () => {
    const device = await openDevice({ backend });
    const x = input('normal', 1000);
    const kept = device.vector(1000);
    const vectors = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const vector = device.vector(1000);
        await vector.write(x);
        await vector.slice(3).read();
        await device.compress(ALL_COMPRESSORS[i % ALL_COMPRESSORS.length], x, { error: vector, step: i });
        vector.free();
      }
    };
    await vectors(CALLS);
    const grown: number[] = [];
    for (let round = 0; round < 4 && !grown.some((bytes) => bytes < 10 * CALLS); round++) {
      const before = await held();
      await vectors(CALLS);
      grown.push((await held()) - before);
    }
    assert.ok(
      grown.at(-1) < 10 * CALLS,
      `${grown.join(', ')} bytes more after rounds of ${CALLS} vectors each`,
    );
    assert.is(device.vectors, 1);
    assertWords(await kept.read(), new Float32Array(1000), 'the one that stays');
    device.close();
  });

test.run();
