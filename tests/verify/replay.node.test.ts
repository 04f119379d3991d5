/** The replay of a case, kernel by kernel: it names no kernel of a backend that keeps its contract. */
import * as assert from 'uvu/assert';
import type { Backend, DeviceBuffer } from '../../ts/backends/backend.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { goldenCases, largeCases, type Case } from '../../ts/verify/index.ts';
import { input } from '../../ts/verify/data.ts';
import { callsOf, callThatDiffers, kernelThatDiffers, withRun } from '../../ts/verify/kernels.ts';
import { allBackends } from '../support/backends.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const TILES = 65_537;
const all = [...goldenCases(), ...largeCases(1).filter(({ n }) => n <= TILES)];

/** What a software GPU has time for: all compressors once, and the data over which attempts are dropped. */
const few = all.filter(
  ({ n, kind, golden }) =>
    (golden !== undefined && n === 211 && ['huge', 'subnormal', 'normal'].includes(kind)) ||
    (n === TILES && ['huge', 'nonFinite'].includes(kind)),
);

// js does a case once, and what it wrote down is replayed on each backend
allBackends('verify: the replay', (test, on) => {
  const [listed, onGpus] = [some(all), new Set(some(few))];
  const cases = all.filter((one) => listed.includes(one) || onGpus.has(one));
  const compressors = (of: readonly Case[]): Set<string> =>
    new Set(of.map(({ compressor }) => compressor.name));

  test('there are cases of every compressor', () => {
    assert.ok(few.length > 40 && all.length > 2 * few.length);
    assert.equal(compressors(cases), compressors(all));
  });

  const labelOf = ({ name, kind }: Case): string => `${name} of ${kind}`;
  for (const label of new Set(cases.map(labelOf)))
    test(`${label}: names nothing`, async () => {
      for (const one of cases.filter((other) => labelOf(other) === label)) {
        const calls = await callsOf(one, input(one.kind, one.n, one.seed));
        for (const { kind, open } of on) {
          if (kind.startsWith('webgpu') && !onGpus.has(one)) continue;
          const found = await callThatDiffers(await open(), calls);
          assert.is(
            found,
            undefined,
            `${one.name}, ${one.kind}, ${one.n} on ${kind}: ${JSON.stringify(found)}`,
          );
        }
      }
    });
});

const test = suite('verify: what a replay compares');

/** js, but a kernel leaves other words than it should: `change` gets those of all its buffers. */
function changed(
  name: string,
  change: (words: Record<string, Uint32Array>, params: Readonly<Record<string, number>>) => void,
): Backend {
  const js = openJs();
  return withRun(js, (kernel, buffers, params) => {
    js.run(kernel, buffers, params);
    if (kernel.name !== name) return;
    const words: Record<string, Uint32Array> = {};
    for (const [buffer, handle] of Object.entries<DeviceBuffer>(buffers)) {
      words[buffer] = new Uint32Array(handle.words);
      void js.read([{ buffer: handle, into: words[buffer] }]);
    }
    change(words, params);
    for (const [buffer, handle] of Object.entries<DeviceBuffer>(buffers)) js.write(handle, words[buffer]);
  });
}

const find = (name: string, kind: string): Case =>
  all.find((one) => one.compressor.name === name && one.kind === kind && one.n === TILES)!;

async function named(backend: Backend, one: Case): Promise<string | undefined> {
  const found = await kernelThatDiffers(backend, one, input(one.kind, one.n, one.seed));
  return found && `${found.kernel} ${found.buffer} ${found.word}`;
}

test('a list is compared up to its count', async () => {
  const one = find('threshold', 'normal');
  const behind = (places: (count: number) => number): Backend =>
    changed('threshold', ({ indices, count }) => (indices[places(count[0])] ^= 1));
  assert.is(
    await named(
      behind((count) => count),
      one,
    ),
    undefined,
  );
  const within = behind((count) => count - 1);
  assert.match(String(await named(within, one)), /^threshold indices \d+$/);
});

test('of an attempt that is dropped, only what decides that it is', async () => {
  const one = find('quantized', 'huge');
  const flip = (first: boolean): Backend =>
    changed('uniformGrid', ({ grid }, { power }) => {
      if ((power === 1) === first) grid[0] ^= 1;
    });
  assert.is(await named(flip(true), one), undefined);
  assert.is(await named(flip(false), one), 'uniformGrid grid 0');
  assert.is(await named(flip(true), find('quantized', 'normal')), 'uniformGrid grid 0');
  const range = changed('extremes', ({ range }) => (range[0] ^= 1));
  assert.is(await named(range, one), 'extremes range 0');
});

test('of a vector that is refused, the search for what is not finite', async () => {
  const one = find('quantized', 'nonFinite');
  assert.is(
    await named(
      changed('quantize', ({ packed }) => (packed[0] ^= 1)),
      one,
    ),
    undefined,
  );
  assert.is(
    await named(
      changed('nonFinite', ({ found }) => (found[1] ^= 1)),
      one,
    ),
    'nonFinite found 1',
  );
});

test('sums beyond the range of float32 are not compared, their largest magnitude is', async () => {
  const one = find('scaledSign', 'huge');
  const flip = (buffer: string): Backend => changed('signsAndSum', (words) => (words[buffer][0] ^= 1));
  assert.is(await named(flip('sums'), one), undefined);
  assert.is(await named(flip('max'), one), 'signsAndSum max 0');
  assert.is(await named(flip('sums'), find('scaledSign', 'normal')), 'signsAndSum sums 0');
});

test.run();
