/** Properties of the plans that the webgpu backend runs, over many sizes and limits, without a GPU. */
import * as assert from 'uvu/assert';
import { shaders } from '../../ts/generated/wgsl.ts';
import { compactKernel, TILE as MARK_TILE } from '../../ts/kernels/compact.ts';
import { fwhtKernel, TILE as FWHT_TILE, transformLength } from '../../ts/kernels/fwht.ts';
import {
  grid,
  type Kernel,
  type Limits,
  type Pass,
  type Plan,
  type Window,
} from '../../ts/kernels/kernel.ts';
import { packBitsKernel, packedWords, packSignsKernel } from '../../ts/kernels/pack.ts';
import { unpackBitsKernel, unpackSignsKernel } from '../../ts/kernels/pack.ts';
import { randomBitsKernel } from '../../ts/kernels/random.ts';
import {
  absSumKernel,
  BLOCK,
  extremesKernel,
  nonFiniteKernel,
  squareSumKernel,
} from '../../ts/kernels/reduce.ts';
import { scanKernel, TILE as SCAN_TILE } from '../../ts/kernels/scan.ts';
import { thresholdKernel, topKKernel } from '../../ts/kernels/select.ts';
import { gatherKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
import { suite } from '../support/suite.ts';

const LIMITS: readonly Limits[] = [
  { bindingWords: 4096, gridWidth: 3 },
  { bindingWords: 4160, gridWidth: 65_535 },
  { bindingWords: 10_048, gridWidth: 7 },
  { bindingWords: 2 ** 25, gridWidth: 65_535 },
  { bindingWords: 2 ** 29 - 64, gridWidth: 65_535 },
];
const SMALL = [
  1, 2, 31, 32, 33, 63, 64, 65, 1023, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 8193, 65_537, 131_072,
];
const LARGE = [2 ** 20 + 7, 2 ** 24, 2 ** 25 + 1, 2 ** 26];

/** A kernel with its numbers, and how long its buffers are. */
interface Call {
  readonly kernel: string;
  readonly words: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, number>>;
  readonly plan: Plan;
  readonly limits: Limits;
}

function call<Buffers extends string, Params extends string>(
  kernel: Kernel<Buffers, Params>,
  limits: Limits,
  words: Readonly<Record<Buffers, number>>,
  params: Readonly<Record<Params, number>>,
): Call {
  return { kernel: kernel.name, words, params, plan: kernel.plan(params, limits), limits };
}

/** Sizes that are planned under these limits: under small ones a large vector has no end of windows. */
function sizes({ bindingWords }: Limits): readonly number[] {
  return bindingWords < 2 ** 20 ? SMALL : [...SMALL, ...LARGE];
}

function* calls(): Generator<Call> {
  for (const limits of LIMITS) {
    for (const n of sizes(limits)) {
      const shares = new Set([1, Math.ceil(n / 100), Math.ceil(n / 3), n]);
      const bits = Math.ceil(n / 32);
      yield call(randomBitsKernel, limits, { bits: n }, { n, seed: 1, step: 2, stream: 3 });
      yield call(scanKernel, limits, { x: n, sums: n, total: 1 }, { n });
      yield call(packSignsKernel, limits, { x: n, bits }, { n });
      yield call(extremesKernel, limits, { x: n, range: 2 }, { n });
      yield call(nonFiniteKernel, limits, { x: n, found: 2 }, { n });
      for (const width of [1, 3, 8, 11, 16]) {
        const packed = packedWords(n, width);
        yield call(packBitsKernel, limits, { codes: n, packed }, { n, width });
        yield call(unpackBitsKernel, limits, { packed, codes: n }, { n, width });
      }
      for (const segment of [1, 3, 1000, 1024, 4096, n]) {
        const segments = Math.ceil(n / segment);
        yield call(unpackSignsKernel, limits, { bits, scales: segments, y: n }, { n, segment });
        const sum = { n, segment, tiny: 5, scale: 2 ** -96 };
        yield call(absSumKernel, limits, { x: n, sums: segments, max: 1 }, sum);
        yield call(squareSumKernel, limits, { x: n, sums: segments, max: 1 }, sum);
      }
      for (const block of [1, 64, 4096, 8192, 'whole'] as const) {
        const total = transformLength(n, block);
        yield call(
          fwhtKernel,
          limits,
          { x: n, y: total },
          { n, total, block: block === 'whole' ? total : block },
        );
      }
      for (const k of shares) {
        yield call(topKKernel, limits, { x: n, indices: k, values: k }, { n, k, order: 0 });
        const lists = { indices: k, values: k, count: 1 };
        yield call(thresholdKernel, limits, { x: n, ...lists }, { n, key: 9, capacity: k });
        yield call(compactKernel, limits, { bits, indices: k, count: 1 }, { n, capacity: k });
        yield call(gatherKernel, limits, { x: n, indices: k, values: k }, { n, count: k });
        yield call(scatterKernel, limits, { indices: k, values: k, y: n }, { n, count: k });
      }
    }
  }
}

interface EntryTable {
  readonly bindings: Readonly<Record<string, { readonly access: string }>>;
  readonly uniforms: Readonly<Record<string, { readonly type: string }>>;
}

function tableOf({ shader, entry }: Pass): EntryTable {
  return (shaders[shader].entries as Readonly<Record<string, EntryTable>>)[entry];
}

function passes({ plan }: Call, ...entries: string[]): Pass[] {
  return plan.steps.filter((step): step is Pass => 'entry' in step && entries.includes(step.entry));
}

/** What a pass binds under a name, as a window. */
function shown({ words, plan }: Call, pass: Pass, name: string): Window {
  const bound = pass.bindings[name];
  return typeof bound === 'string'
    ? { of: bound, first: 0, count: words[bound] ?? plan.scratch[bound] }
    : bound;
}

function describe({ kernel, params, limits }: Call): string {
  return `${kernel} ${JSON.stringify(params)} with bindings of ${limits.bindingWords} words`;
}

type Interval = Pick<Window, 'first' | 'count'>;

/** The intervals, in any order, cover 0..total-1, each place once. */
function covers(intervals: readonly Interval[], total: number, what: string): void {
  let next = 0;
  for (const { first, count } of [...intervals].sort((a, b) => a.first - b.first)) {
    if (first !== next) assert.unreachable(`${what}: ${next} is followed by ${first}`);
    next = first + count;
  }
  assert.is(next, total, what);
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}

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
    packBits: [
      ['packBits', 'codes'],
      ['packBits', 'packed'],
    ],
    unpackBits: [
      ['unpackBits', 'packedIn'],
      ['unpackBits', 'codesOut'],
    ],
    extremes: [['findExtremes', 'x']],
    nonFinite: [['findNonFinite', 'x']],
    fwht: [['transform', 'y']],
    topK: [
      ['markTop', 'x'],
      ['markTop', 'above'],
      ['markTop', 'equal'],
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

test('the three digits of a key each count every element once', () => {
  for (const one of calls()) {
    if (one.kernel !== 'topK') continue;
    const digits = groupBy(passes(one, 'histogram'), (pass) => String(pass.uniforms.shift));
    assert.is(digits.length, 3);
    for (const digit of digits)
      covers(
        digit.map((pass) => shown(one, pass, 'x')),
        one.words.x,
        describe(one),
      );
    let known = 0;
    for (const [{ uniforms }] of digits) {
      assert.is(uniforms.mask, known >>> 0);
      known |= uniforms.digit << uniforms.shift;
    }
    assert.is(known >>> 0, 0xffffffff, 'the digits are the whole key');
  }
});

test('a list meets every run of tiles once for each of its windows', () => {
  for (const one of calls()) {
    const listing = passes(one, 'list', 'collect', 'collectTop');
    for (const run of groupBy(listing, (pass) => String(pass.uniforms.first)))
      covers(
        run.map((pass) => ({ first: pass.uniforms.place, count: pass.uniforms.room })),
        one.words.indices ?? 0,
        describe(one),
      );
    for (const list of groupBy(listing, (pass) => String(pass.uniforms.place)))
      covers(
        list.map(({ uniforms }) => ({ first: uniforms.first, count: uniforms.n })),
        one.params.n,
        describe(one),
      );
    for (const pass of listing) {
      assert.is(shown(one, pass, 'indices').first, pass.uniforms.place);
      const { first } = shown(one, pass, 'offsets');
      assert.is(first + pass.uniforms.tile, pass.uniforms.first / MARK_TILE);
      assert.is(pass.groups, Math.ceil(pass.uniforms.n / MARK_TILE));
    }
  }
});

test('gather and scatter meet each window of the list with each of the vector', () => {
  for (const one of calls()) {
    if (one.kernel !== 'gather' && one.kernel !== 'scatter') continue;
    const [dense, moving] = one.kernel === 'gather' ? ['x', 'gather'] : ['y', 'scatter'];
    const meetings = passes(one, moving);
    for (const list of groupBy(meetings, (pass) => String(shown(one, pass, 'indices').first)))
      covers(
        list.map((pass) => shown(one, pass, dense)),
        one.params.n,
        describe(one),
      );
    for (const vector of groupBy(meetings, (pass) => String(pass.uniforms.first)))
      covers(
        vector.map((pass) => shown(one, pass, 'indices')),
        one.params.count,
        describe(one),
      );
  }
  const { plan } = call(scatterKernel, LIMITS[0], { indices: 0, values: 0, y: 5 }, { n: 5, count: 0 });
  assert.equal(plan, { scratch: {}, steps: [{ clear: 'y' }] }, 'an empty list leaves zeros');
});

test('every tile of every level of a scan is summed once and scanned once', () => {
  for (const one of calls()) {
    if (one.kernel !== 'scan') continue;
    const levels = Math.max(0, Math.ceil(Math.log(one.params.n) / Math.log(SCAN_TILE) - 1e-9) - 1);
    const up = groupBy(passes(one, 'reduce'), (pass) => shown(one, pass, 'x').of);
    const down = groupBy(passes(one, 'scan'), (pass) => shown(one, pass, 'x').of);
    assert.is(up.length, levels, describe(one));
    assert.is(down.length, levels, describe(one));
    assert.is(passes(one, 'root').length, 1);
    for (const level of [...up, ...down]) {
      const { of } = shown(one, level[0], 'x');
      covers(
        level.map((pass) => shown(one, pass, 'x')),
        one.words[of] ?? one.plan.scratch[of],
        describe(one),
      );
      for (const pass of level) {
        const above = shown(one, pass, pass.entry === 'reduce' ? 'totals' : 'bases');
        assert.is((above.first + pass.uniforms.tile) * SCAN_TILE, shown(one, pass, 'x').first, describe(one));
        assert.is(above.count - pass.uniforms.tile, pass.groups, describe(one));
      }
    }
  }
});

test('every block of every level of a sum is added once, from a window that has all of it', () => {
  for (const one of calls()) {
    if (one.kernel !== 'absSum' && one.kernel !== 'squareSum') continue;
    const segment = Math.min(one.params.segment, one.params.n);
    const levels = groupBy(
      passes(one, 'sumMagnitudes', 'sumSquares', 'sumBlocks'),
      (pass) => shown(one, pass, 'x').of,
    );
    assert.is(levels.length, segment <= BLOCK ? 1 : segment <= BLOCK ** 2 ? 2 : 3, describe(one));
    for (const level of levels) {
      const target = shown(one, level[0], 'sums').of;
      covers(
        level.map(({ uniforms }) => uniforms as { first: number; count: number }),
        one.words[target] ?? one.plan.scratch[target],
        describe(one),
      );
      for (const pass of level) {
        const { n, origin, segment: length, blocks, first, count, place } = pass.uniforms;
        const x = shown(one, pass, 'x');
        assert.is(x.first, origin);
        assert.is(shown(one, pass, 'sums').first + place, first);
        for (const block of new Set([first, first + (count >> 1), first + count - 1])) {
          const inside = (block % blocks) * BLOCK;
          const start = Math.floor(block / blocks) * length + inside;
          const end = Math.min(start + Math.min(BLOCK, length - inside), n);
          if (start < n)
            assert.ok(start >= x.first && end <= x.first + x.count, `${describe(one)}: block ${block}`);
        }
      }
    }
  }
});

test('every element of a transform goes through all stages in ascending order', () => {
  const UNIT = 64;
  for (const one of calls()) {
    if (one.kernel !== 'fwht') continue;
    const { n, total, block } = one.params;
    // For each 64 elements the distance of the stage that comes next, 0 before all
    const next = new Float64Array(Math.ceil(total / UNIT));
    const advance = ({ first, count }: Interval, from: number, to: number): void => {
      for (let unit = first / UNIT; unit < (first + count) / UNIT; unit++) {
        if (next[unit] !== from) assert.unreachable(`${describe(one)}: ${next[unit]} instead of ${from}`);
        next[unit] = to;
      }
    };
    for (const pass of passes(one, 'transform', 'stride', 'combine')) {
      const { uniforms } = pass;
      if (pass.entry === 'transform') {
        const x = shown(one, pass, 'x');
        const y = shown(one, pass, 'y');
        assert.is(uniforms.n, Math.max(0, Math.min(n - y.first, y.count)));
        if (uniforms.n > 0) assert.equal([x.first, x.count], [y.first, uniforms.n]);
        assert.is(uniforms.stages, Math.min(block, FWHT_TILE) - 1);
        advance(y, 0, Math.min(block, FWHT_TILE));
      } else if (pass.entry === 'stride') {
        const rows = FWHT_TILE / 2 ** uniforms.shift;
        const columns = 2 ** uniforms.shift;
        const y = shown(one, pass, 'y');
        assert.ok(columns >= 64 && rows >= 2);
        assert.is(uniforms.stages, FWHT_TILE - columns);
        assert.is(y.first % (rows * uniforms.distance), 0);
        assert.is(y.count % (rows * uniforms.distance), 0);
        assert.is(pass.groups * FWHT_TILE, y.count);
        advance(y, uniforms.distance, uniforms.distance * rows);
      } else {
        const near = shown(one, pass, 'near');
        const far = shown(one, pass, 'far');
        const distance = far.first - near.first;
        assert.is(near.first & distance, 0, 'partners differ in one bit');
        assert.is(near.count, far.count);
        advance(near, distance, 2 * distance);
        advance(far, distance, 2 * distance);
      }
    }
    assert.ok(
      next.every((distance) => distance === block),
      `${describe(one)}: stages are missing`,
    );
  }
});

test('a transform of 2^24 takes three passes, and a binding too small for two rows is worked around', () => {
  const entries = (order: number, limits: Limits): string[] => {
    const total = 2 ** order;
    const { plan } = call(fwhtKernel, limits, { x: total, y: total }, { n: total, total, block: total });
    return plan.steps.map((step) => ('entry' in step ? step.entry : 'clear'));
  };
  assert.equal(entries(24, LIMITS[4]), ['transform', 'stride', 'stride']);
  assert.equal(entries(20, LIMITS[4]), ['transform', 'stride', 'stride']);
  assert.equal(entries(18, LIMITS[4]), ['transform', 'stride']);
  assert.equal(new Set(entries(14, LIMITS[0])), new Set(['transform', 'combine']));
  assert.equal(entries(26, LIMITS[3]).at(-1), 'combine');
});

test.run();
