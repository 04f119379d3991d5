/** What every plan of the webgpu backend must hold, over many sizes and limits, without a GPU. */
import * as assert from 'uvu/assert';
import { grid } from '../../ts/kernels/plans/plan.ts';
import { suite } from '../support/suite.ts';
import { calls, tableOf, passes, shown, describe, covers } from './planned.ts';

const test = suite('plans');

test('a grid holds all workgroups, is never too wide, and has less than a row to spare', () => {
  for (const width of [65_535, 1024, 7, 3])
    for (const groups of [
      0,
      1,
      2,
      3,
      4,
      7,
      9,
      10,
      65_534,
      65_535,
      65_536,
      65_537,
      131_071,
      2 ** 24 + 1,
      2 ** 26,
    ]) {
      const [x, y] = grid(groups, width);
      assert.ok(
        x >= 1 && x <= width && y >= 1 && y <= Math.ceil(groups / width) + 1,
        `${groups} by ${width}`,
      );
      assert.ok(
        x * y >= groups && x * y - groups <= Math.max(y - 1, 1),
        `${groups} by ${width}: ${x} x ${y}`,
      );
    }
  assert.equal(grid(65_535, 65_535), [65_535, 1]);
  assert.equal(grid(65_536, 65_535), [32_768, 2]);
  assert.equal(grid(2 ** 26, 65_535), [65_473, 1025]);
});

test('windows are aligned, not too long, and inside their buffers', () => {
  for (const one of calls())
    for (const pass of one.plan.steps) {
      if (!('entry' in pass)) continue;
      const { bindings } = tableOf(pass);
      for (const name of Object.keys(bindings)) {
        const { of, first, count } = shown(one, pass, name);
        const size = one.words[of] ?? one.plan.scratch[of];
        const right =
          first % 64 === 0 && count >= 1 && count <= one.limits.bindingWords && first + count <= size;
        if (!right)
          assert.unreachable(
            `${describe(one)}: ${pass.entry} binds ${first} + ${count} of ${of}, ${size} words`,
          );
      }
    }
});

test('what a pass writes it binds once', () => {
  for (const one of calls())
    for (const pass of one.plan.steps) {
      if (!('entry' in pass)) continue;
      const { bindings } = tableOf(pass);
      const all = Object.entries(bindings).map(([name, { access }]) => ({
        access,
        ...shown(one, pass, name),
      }));
      for (const [i, a] of all.entries())
        for (const b of all.slice(i + 1)) {
          const apart = a.of !== b.of || a.first + a.count <= b.first || b.first + b.count <= a.first;
          if (!apart && (a.access !== 'read' || b.access !== 'read'))
            assert.unreachable(`${describe(one)}: ${pass.entry} binds ${a.of} twice and writes it`);
        }
    }
});

test('uniforms fit their types, and workgroups fit a grid', () => {
  for (const one of calls())
    for (const pass of one.plan.steps) {
      if (!('entry' in pass)) continue;
      for (const [name, { type }] of Object.entries(tableOf(pass).uniforms)) {
        const value = pass.uniforms[name];
        const right = type === 'f32' ? Math.fround(value) === value : value >>> 0 === value;
        if (!right) assert.unreachable(`${describe(one)}: ${name} of ${pass.entry} is ${value}`);
      }
      const right = Number.isInteger(pass.groups) && pass.groups >= 1;
      if (!right) assert.unreachable(`${describe(one)}: ${pass.entry} has ${pass.groups} workgroups`);
    }
});

test('scratch memory is written before it is read, and none is left unused', () => {
  for (const one of calls()) {
    const written = new Set<string>();
    for (const step of one.plan.steps) {
      if ('clear' in step) {
        written.add(step.clear);
        continue;
      }
      const { bindings } = tableOf(step);
      const names = Object.entries(bindings).map(([name, { access }]) => ({
        of: shown(one, step, name).of,
        access,
      }));
      for (const { of, access } of names)
        if (of in one.plan.scratch && access === 'read' && !written.has(of))
          assert.unreachable(`${describe(one)}: ${step.entry} reads ${of}, which nobody has written`);
      for (const { of, access } of names) if (access !== 'read') written.add(of);
    }
    for (const name of Object.keys(one.plan.scratch))
      assert.ok(written.has(name), `${describe(one)}: ${name} is not used`);
  }
});

test('every element, or word of output, belongs to one pass', () => {
  /** The entry that goes over a buffer once, and the name under which it binds it. */
  const once: Readonly<Record<string, readonly (readonly [entry: string, name: string])[]>> = {
    randomBits: [['draw', 'bits']],
    packSigns: [
      ['packSigns', 'x'],
      ['packSigns', 'signs'],
    ],
    unpackSigns: [
      ['unpackSigns', 'signsIn'],
      ['unpackSigns', 'y'],
    ],
    addSigns: [
      ['addSigns', 'signsIn'],
      ['addSigns', 'y'],
    ],
    accumulate: [
      ['accumulate', 'x'],
      ['accumulate', 'y'],
    ],
    compensate: [
      ['compensate', 'x'],
      ['compensate', 'error'],
      ['compensate', 'y'],
    ],
    packBits: [
      ['packBits', 'codes'],
      ['packBits', 'packed'],
    ],
    unpackBits: [
      ['unpackBits', 'packedIn'],
      ['unpackBits', 'codesOut'],
    ],
    packDithered: [
      ['packDithered', 'z'],
      ['packDithered', 'bits'],
    ],
    quantize: [
      ['quantize', 'x'],
      ['quantize', 'packed'],
    ],
    findMarked: [
      ['findMarked', 'packedIn'],
      ['findMarked', 'flags'],
    ],
    ditheredAndMax: [
      ['packAndFind', 'z'],
      ['packAndFind', 'bits'],
    ],
    unflatten: [
      ['unflatten', 'x'],
      ['unflatten', 'y'],
    ],
    lambdas: [
      ['lambdas', 'sums'],
      ['lambdas', 'lambdasOut'],
    ],
    flatten: [['flatten', 'y']],
    extremes: [['findExtremes', 'x']],
    nonFinite: [['findNonFinite', 'x']],
    blockCounts: [['countBlocks', 'x']],
    keyCounts: [['countKeys', 'x']],
    fwht: [['transform', 'y']],
    topK: [
      ['markTop', 'x'],
      ['markTop', 'above'],
      ['markTop', 'candidates'],
    ],
    threshold: [
      ['markFrom', 'x'],
      ['markFrom', 'above'],
    ],
    compact: [['count', 'bits']],
  };
  for (const one of calls())
    for (const [entry, name] of once[one.kernel] ?? []) {
      const windows = passes(one, entry).map((pass) => shown(one, pass, name));
      const { of } = windows[0];
      covers(windows, one.words[of] ?? one.plan.scratch[of], `${describe(one)}: ${name} of ${entry}`);
    }
});

test('elements find the word of their segment in the window of a pass', () => {
  for (const one of calls()) {
    const tables: Readonly<Record<string, readonly [string, string, string]>> = {
      packDithered: ['z', 'lambdas', 'owner'],
      unflatten: ['y', 'scales', 'owner'],
      unflattenLevels: ['y', 'scales', 'owner'],
      unflattenSigns: ['y', 'scales', 'owner'],
      unpackSigns: ['y', 'scales', 'scale'],
      addSigns: ['y', 'scales', 'scale'],
    };
    if (!(one.kernel in tables)) continue;
    const [elements, table, ownerOf] = tables[one.kernel];
    for (const pass of passes(one, one.kernel, 'decode', 'addDecoded')) {
      const { n, first, [ownerOf]: owner } = pass.uniforms;
      const segment = pass.uniforms.segment ?? pass.uniforms.block;
      if (segment === 0) continue;
      const window = shown(one, pass, table);
      assert.is(first, shown(one, pass, elements).first, describe(one));
      assert.is(owner, window.first, describe(one));
      assert.ok(Math.floor(first / segment) >= owner, describe(one));
      assert.ok(Math.floor((first + n - 1) / segment) < owner + window.count, describe(one));
    }
  }
});

test('a decoder writes, or adds to, every element in one pass, where a block fits a tile', () => {
  for (const one of calls()) {
    if (one.kernel !== 'unflattenSigns') continue;
    const decoding = passes(one, one.params.add === 0 ? 'decode' : 'addDecoded');
    if (one.params.block > 4096) {
      assert.is(decoding.length, 0, describe(one));
      continue;
    }
    assert.is(decoding.length, one.plan.steps.length, describe(one));
    for (const name of ['y', 'bits'])
      covers(
        decoding.map((pass) => shown(one, pass, name)),
        one.words[name],
        `${describe(one)}: ${name}`,
      );
    for (const { uniforms } of decoding) {
      assert.is(uniforms.total % uniforms.block, 0, describe(one));
      assert.ok(uniforms.n <= uniforms.total && uniforms.total < uniforms.n + uniforms.block, describe(one));
    }
  }
});

test.run();
