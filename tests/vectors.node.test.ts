/** The golden packets of tests/vectors (scripts/vectors.ts): every backend makes these bytes, and decodes these bits. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Device } from '../ts/device.ts';
import { inspect } from '../ts/inspect.ts';
import { crc32c } from '../ts/packet/crc32c.ts';
import { eachBackend } from './support/backends.ts';
import { makeGolden, type Golden } from './support/golden.ts';
import { assertWords } from './support/same-words.ts';
import { suite } from './support/suite.ts';

const folder = fileURLToPath(new URL('./vectors', import.meta.url));
const index = JSON.parse(readFileSync(`${folder}/index.json`, 'utf8')) as Golden[];

const packetOf = ({ name }: Golden): Uint8Array => new Uint8Array(readFileSync(`${folder}/${name}.fb`));
const vectorOf = ({ name }: Golden): Float32Array =>
  new Float32Array(new Uint8Array(readFileSync(`${folder}/${name}.f32`)).buffer);

const test = suite('golden packets');

test('the index names every file, and inspect agrees with it', () => {
  const expected = ['index.json', ...index.flatMap(({ name }) => [`${name}.f32`, `${name}.fb`])];
  const files = readdirSync(folder).filter((name) => /\.(fb|f32|json)$/.test(name));
  assert.equal(files.sort(), expected.sort());
  for (const golden of index) {
    const packet = packetOf(golden);
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
    assert.is(vectorOf(golden).length, golden.n);
  }
});

test('both codings of index lists are among them', () => {
  for (const coding of ['rice', 'bitmap'])
    assert.ok(index.filter(({ parameters }) => parameters.coding === coding).length > 10, coding);
});

test.run();

eachBackend('golden packets', (test, open) => {
  for (const name of new Set(index.map(({ compressor }) => compressor)))
    test(`${name}: the same bytes, and the same vector from them`, async () => {
      const device = new Device({ backend: 'js' }, { backend: await open(), reasons: {} });
      for (const golden of index.filter(({ compressor }) => compressor === name)) {
        const expected = packetOf(golden);
        const [packet, vector] = await Promise.all([makeGolden(device, golden), device.decompress(expected)]);
        assert.equal(packet, expected, `${golden.name}: the packet differs`);
        assertWords(vector, vectorOf(golden), golden.name);
      }
    });
});
