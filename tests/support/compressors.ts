/** What every compressor must hold: on each backend the packet that js makes, and the vector that js decodes. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { Device } from '../../ts/device.ts';
import { inspect } from '../../ts/inspect.ts';
import { eachBackend, type Kind } from './backends.ts';
import { FINITE, input, LARGE, some, whole, type InputKind } from './inputs.ts';
import { assertWords } from './same-words.ts';

const SIZES = [0, 1, 2, 3, 4, 5, 31, 32, 33, 100, 127, 128, 129, 1000, 1023, 1024, 1025, 4097];

/**
 * What fits into one window is the same there as without: one kind of data for each small size then, else three. Large
 * vectors take their time on a GPU in software: each setting has one kind there, in its turn, and all settings together
 * have all. In short runs the first of a compressor's settings alone has large vectors.
 */
function vectors(over: Kind, setting: number): { n: number; kind: InputKind }[] {
  const kinds = [...FINITE, 'huge'] as const;
  const small = SIZES.flatMap((n, s) =>
    (over === 'webgpu in windows' ? [0] : [0, 1, 2]).map((i) => ({
      n,
      kind: kinds[(s + i * 4) % kinds.length],
    })),
  );
  const large = (['normal', 'sparse', 'huge'] as const).map((kind) => ({ n: LARGE, kind }));
  const taken = over.startsWith('webgpu') ? [large[setting % large.length]] : large;
  return [...some(small), ...(whole || setting === 0 ? some(taken) : [])];
}

/** The packet in memory of the user's, and in none of it where that is too short. */
async function assertOut(
  device: Device,
  compressor: Compressor,
  x: Float32Array,
  expected: Uint8Array,
  label: string,
): Promise<void> {
  const memory = new Uint8Array(expected.length + 12).fill(7);
  const packet = await device.compress(compressor, x, { out: memory.subarray(4, expected.length + 8) });
  assert.equal(packet, expected, `${label}: packet in memory that is given`);
  assert.ok(packet.buffer === memory.buffer && packet.byteOffset === 4, `${label}: not in that memory`);
  assert.ok(
    [...memory.subarray(0, 4), ...memory.subarray(expected.length + 4)].every((byte) => byte === 7),
    `${label}: memory around it`,
  );
  const short = new Uint8Array(expected.length - 1).fill(7);
  const own = await device.compress(compressor, x, { out: short });
  assert.equal(own, expected, `${label}: packet where that memory is too short`);
  assert.ok(own.buffer.byteLength === expected.length && short.every((byte) => byte === 7), label);
}

/** A compressor, or one for each length. */
type Any = Compressor | ((n: number) => Compressor);

/** Registers the suites of a compressor, over several settings of its options. */
export function eachCompressor(name: string, compressors: readonly Any[]): void {
  const compressorFor = (any: Any, n: number): Compressor => (typeof any === 'function' ? any(n) : any);
  const register: Parameters<typeof eachBackend>[1] = (test, open, over) => {
    for (const [setting, any] of compressors.entries())
      test(`${JSON.stringify(compressorFor(any, 0).options)}: the same packets and vectors as js`, async () => {
        const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
        const device = new Device({ backend: 'js' }, { backend: await open(), reasons: {} });
        for (const { n, kind } of vectors(over, setting)) {
          const compressor = compressorFor(any, n);
          const { k } = compressor.options as { k?: number };
          // that of blocks fits any vector
          if (name !== 'blockTopK' && k !== undefined && k > n && n > 0) continue;
          const x = input(kind, n);
          const label = `${name} ${kind} ${n}`;
          const [expected, packet] = await Promise.all([
            js.compress(compressor, x),
            device.compress(compressor, x),
          ]);
          assert.equal(packet, expected, `${label}: packets differ`);
          assert.is(inspect(packet).n, n);
          const [vector, decoded] = await Promise.all([js.decompress(packet), device.decompress(packet)]);
          assertWords(decoded, vector, `${label}: decoded`);
          if (n % 3 === 1) await assertOut(device, compressor, x, expected, label);
        }
      });
  };
  eachBackend(name, register, { ofKernels: true });
}
