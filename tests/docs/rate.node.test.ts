/**
 * The plots of error against bits, the tables beside them and what the pages advise: they follow from
 * docs/rate-distortion.jsonl, which has every compressor, and whose figures are those of the compressors as they are.
 */
import { existsSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { openDevice } from '../../ts/index.ts';
import { callOf, CURVES, settingOf } from '../../scripts/rate/curves.ts';
import { KINDS, randomVectors, type Kind } from '../../scripts/rate/data.ts';
import { docsOf, readMeasured } from '../../scripts/rate/docs.ts';
import { measure, measuredOf, PARTS, rmsOf, sizesOf } from '../../scripts/rate/measure.ts';
import { bestOf, figure } from '../../scripts/rate/tables.ts';
import { ALL_COMPRESSORS } from '../support/all-compressors.ts';
import { suite } from '../support/suite.ts';
import { root } from './blocks.ts';

const test = suite('error against bits');
const measured = readMeasured();
const read = (page: string): string => readFileSync(root + page, 'utf8');

test('the table of settings has every compressor, and the file every setting on each kind of data', () => {
  for (const compressor of ALL_COMPRESSORS) assert.not.throws(() => settingOf(compressor));
  const rows = CURVES.flatMap(({ name, settings, usual, scaled }) =>
    settings(1).map(
      (compressor, i) => `${name}: ${callOf(compressor, scaled)}${i === usual ? ', parted' : ''}`,
    ),
  );
  assert.is(new Set(rows).size, rows.length);
  assert.equal(
    measured.map(({ curve, setting, sizes }) => `${curve}: ${setting}${sizes ? ', parted' : ''}`),
    rows,
  );
  for (const { points } of measured) assert.equal(Object.keys(points), [...KINDS]);
});

test('the figures are those of the compressors as they are', async () => {
  const device = await openDevice({ backend: 'wasm' });
  const vectors = randomVectors();
  for (const kind of ['normal', 'heavy tails'] as const)
    for (const { settings, usual, scaled } of CURVES) {
      const x = vectors[kind];
      const setting = callOf(settings(1)[usual], scaled);
      const { bits, error, packet } = await measure(device, settings(rmsOf(x))[usual], x);
      assert.equal({ bits, error }, measuredOf(measured, setting).points[kind], `${setting} on ${kind}`);
      const sizes = sizesOf(packet);
      assert.is(
        PARTS.reduce((sum, part) => sum + sizes[part], 0),
        packet.length,
      );
      assert.ok(sizes.header >= 20 && sizes.header < 100, `${setting}: a header of ${sizes.header} bytes`);
    }
  device.close();
});

test('pictures and tables are drawn from that file', async () => {
  const page = read('docs/compressors.md');
  for (const [file, text] of await docsOf(measured)) {
    assert.ok(
      existsSync(file) && readFileSync(file, 'utf8') === text,
      `${file}: npm run docs:rate -- --draw`,
    );
    const name = file.split('/').at(-1) ?? '';
    if (name.endsWith('.svg')) assert.ok(page.includes(`](images/${name})`), `${name} is not on the page`);
  }
});

test('the first table of compressors.md has the same bits and errors', () => {
  const table = read('docs/compressors.md').split('<!-- table -->')[1].split('<!-- end -->')[0];
  const rows = [...table.matchAll(/^\| `(.*?)` *\|(.*)\|$/gm)];
  assert.equal(
    rows.map(([, setting]) => setting),
    ALL_COMPRESSORS.map(settingOf),
  );
  for (const [, setting, cells] of rows) {
    const { points } = measuredOf(measured, setting);
    const [bits, ...others] = cells.split('|').map((cell) => cell.trim());
    assert.is(bits, points.normal.bits.toFixed(3), setting);
    assert.equal(
      others.slice(0, KINDS.length),
      KINDS.map((kind) => figure(points[kind].error)),
      setting,
    );
  }
});

/** Within what errors count as the same. */
const NEAR = 0.98;

test('what choosing.md advises for a kind of data has the least error there for its bits', () => {
  const section =
    read('docs/guide/choosing.md')
      .split(/^## /m)
      .find((text) => text.startsWith('Compressors')) ?? '';
  const rows = [...section.matchAll(/^\|[^|]*\| `(.*?)` +\|(.*)\|$/gm)];
  assert.ok(rows.length >= 9, `${rows.length} rows`);
  const unbiased = CURVES.filter((curve) => curve.unbiased === true).map(({ name }) => name);
  for (const [, call, cells] of rows) {
    // any seed: it was measured with that of the table
    const setting = call.replace('{ seed, ', '{ ').replace(', seed }', ' }');
    const [kind, bits, error, bias] = cells.split('|').map((cell) => cell.trim());
    assert.ok(KINDS.includes(kind as Kind), `${call}: "${kind}" is no kind of data`);
    const own = measuredOf(measured, setting).points[kind as Kind];
    assert.equal([bits, error], [figure(own.bits), figure(own.error)], call);
    const rivals = bias.startsWith('no')
      ? measured.filter(({ curve }) => unbiased.includes(curve))
      : measured;
    const best = bestOf(rivals, kind as Kind, own.bits);
    assert.ok(
      best.points[kind as Kind].error >= own.error * NEAR,
      `${call}, ${bits} bits on ${kind}: ${best.setting} takes no more, and has an error of ` +
        `${figure(best.points[kind as Kind].error)} in place of ${error}`,
    );
  }
});

test.run();
