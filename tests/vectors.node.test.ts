/**
 * The golden packets of tests/vectors (scripts/vectors.ts): every backend makes these bytes, and decodes these bits.
 */
import * as assert from 'uvu/assert';
import { Device } from '../ts/device.ts';
import { inspect } from '../ts/inspect.ts';
import { crc32c } from '../ts/packet/crc32c.ts';
import { goldenInputs, makeGolden } from '../ts/verify/golden.ts';
import { ALL_COMPRESSORS } from './support/all-compressors.ts';
import { eachBackend, type Kind } from './support/backends.ts';
import { fileOf, goldenFiles, goldens, goldensIn, type Golden } from './support/golden.ts';
import { some } from './support/inputs.ts';
import { assertWords } from './support/same-words.ts';
import { suite } from './support/suite.ts';

const test = suite('golden packets');

test('each file has the golden packets of its compressor and format', () => {
  const inputs = goldenInputs();
  assert.is(goldens.length, inputs.length);
  for (const file of goldenFiles()) {
    const own = goldensIn(file);
    for (const { name, compressor, packet } of own) assert.is(fileOf(compressor, packet), file, name);
    const made = own.map(({ compressor, options, n, input, draw }) => ({
      compressor,
      options,
      n,
      input,
      draw,
    }));
    const expected = inputs.filter(({ compressor }) => compressor === own[0].compressor);
    assert.equal(made, expected, file);
  }
  assert.is(new Set(goldens.map(({ name }) => name)).size, goldens.length, 'names');
});

test('inspect agrees with what stands beside a packet', () => {
  for (const golden of goldens) {
    const { packet } = golden;
    const { compressor, parameters, n, bytes } = inspect(packet);
    assert.equal(
      { compressor, parameters, n, bytes },
      {
        compressor: golden.compressor,
        parameters: golden.parameters,
        n: golden.n,
        bytes: golden.bytes,
      },
      golden.name,
    );
    assert.is(packet.length, golden.bytes);
    assert.is(crc32c(packet.subarray(0, -4)).toString(16).padStart(8, '0'), golden.crc);
    assert.is(golden.vector.length, golden.n);
  }
});

test('they are of all compressors, of plans, and of index lists', () => {
  const names = new Set(ALL_COMPRESSORS.map(({ name }) => name));
  assert.equal(
    [...new Set(goldens.map(({ compressor }) => compressor))].sort(),
    [...names, 'indexList', 'plan'].sort(),
  );
});

test('both codings of index lists are among them', () => {
  for (const coding of ['rice', 'bitmap'])
    assert.ok(goldens.filter(({ parameters }) => parameters.coding === coding).length > 10, coding);
});

test.run();

/**
 * The golden packets that a backend takes: all but on a GPU, where each takes its time. In windows every fourth of
 * those: what is short is in one window, so that only readbacks in parts and shaders without subgroups are to be met.
 */
function takenBy(over: Kind, all: readonly Golden[]): readonly Golden[] {
  if (!over.startsWith('webgpu')) return all;
  return some(over === 'webgpu' ? all : all.filter((_, i) => i % 4 === 0));
}

eachBackend('golden packets', (test, open, over) => {
  for (const name of new Set(goldens.map(({ compressor }) => compressor)))
    test(`${name}: the same bytes, and the same vector from them`, async () => {
      const device = new Device({ backend: 'js' }, { backend: await open(), reasons: {} });
      const all = goldens.filter(({ compressor }) => compressor === name);
      for (const golden of takenBy(over, all)) {
        const [packet, vector] = await Promise.all([
          makeGolden(device, golden),
          device.decompress(golden.packet),
        ]);
        assert.equal(packet, golden.packet, `${golden.name}: the packet differs`);
        assertWords(vector, golden.vector, golden.name);
      }
    });
});
