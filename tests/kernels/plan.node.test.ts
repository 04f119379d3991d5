/** Properties of the plans that the webgpu backend runs, over many sizes and limits, without a GPU. */
import * as assert from 'uvu/assert';
import { shaders } from '../../ts/generated/wgsl.ts';
import { compactKernel, TILE as MARK_TILE } from '../../ts/kernels/compact.ts';
import { ditheredAndMaxKernel, packDitheredKernel } from '../../ts/kernels/dither.ts';
import { flattenSignsKernel, WAYS } from '../../ts/kernels/flatten.ts';
import { bitsOf, floatOf, INFINITE } from '../../ts/kernels/float-bits.ts';
import {
  flattenKernel,
  fwhtKernel,
  TILE as FWHT_TILE,
  transformLength,
  unflattenKernel,
} from '../../ts/kernels/fwht.ts';
import { type Kernel } from '../../ts/kernels/kernel.ts';
import { planOf } from '../../ts/kernels/plans/index.ts';
import { grid, type Limits, type Pass, type Plan, type Window } from '../../ts/kernels/plans/plan.ts';
import { packBitsKernel, packedWords, packSignsKernel } from '../../ts/kernels/pack.ts';
import { unpackBitsKernel, unpackSignsKernel } from '../../ts/kernels/pack.ts';
import {
  findMarkedKernel,
  GRID,
  lookupKernel,
  markKernel,
  quantizeKernel,
} from '../../ts/kernels/quantize.ts';
import { randomBitsKernel } from '../../ts/kernels/random.ts';
import {
  absSumKernel,
  BLOCK,
  extremesKernel,
  nonFiniteKernel,
  signsAndSumKernel,
  squareSumKernel,
} from '../../ts/kernels/reduce.ts';
import {
  lambdasKernel,
  levelGridKernel,
  maskGridKernel,
  uniformGridKernel,
} from '../../ts/kernels/scalars.ts';
import { scaled, scalingBy } from '../../ts/kernels/scaling.ts';
import { scanKernel, TILE as SCAN_TILE } from '../../ts/kernels/scan.ts';
import { thresholdKernel, topKKernel } from '../../ts/kernels/select.ts';
import { gatherKernel, placeKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
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

/** Of random draws. */
const KEY = { seed: 1, step: 2, stream: 3 };

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
  let plan: Plan | undefined;
  return {
    kernel: kernel.name,
    words,
    params,
    limits,
    get plan() {
      // Most tests look at few kernels: the others' plans are not made.
      return (plan ??= planOf(kernel, params, limits));
    },
  };
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
      yield call(randomBitsKernel, limits, { bits: n }, { n, ...KEY });
      yield call(scanKernel, limits, { x: n, sums: n, total: 1 }, { n });
      yield call(packSignsKernel, limits, { x: n, bits }, { n });
      yield call(extremesKernel, limits, { x: n, range: 2 }, { n, order: 0 });
      yield call(nonFiniteKernel, limits, { x: n, found: 2 }, { n });
      yield call(lambdasKernel, limits, { sums: n, lambdas: n }, { count: n, factor: 2 });
      for (const width of [1, 3, 8, 11, 16]) {
        const packed = packedWords(n, width);
        yield call(packBitsKernel, limits, { codes: n, packed }, { n, width });
        yield call(unpackBitsKernel, limits, { packed, codes: n }, { n, width });
        for (const power of [1, 2 ** -126, 2 ** 96]) {
          const rounded = { n, width, rounding: 1, power, fraction: 5, ...KEY };
          yield call(quantizeKernel, limits, { x: n, grid: GRID, packed }, rounded);
        }
        yield call(lookupKernel, limits, { packed, table: 2 ** width, y: n }, { n, width });
        yield call(findMarkedKernel, limits, { packed, bits }, { n, width });
        for (const count of shares)
          yield call(markKernel, limits, { indices: count, packed }, { n, count, width });
      }
      for (const segment of [1, 3, 1000, 1024, 4096, n]) {
        const segments = Math.ceil(n / segment);
        yield call(unpackSignsKernel, limits, { bits, scales: segments, y: n }, { n, segment });
        const sum = { n, segment, tiny: 5, scale: 2 ** -96 };
        yield call(absSumKernel, limits, { x: n, sums: segments, max: segments }, sum);
        yield call(squareSumKernel, limits, { x: n, sums: segments, max: segments }, sum);
        const drawn = { n, segment, ...KEY };
        yield call(packDitheredKernel, limits, { z: n, lambdas: segments, bits }, drawn);
        const found = { z: n, lambdas: segments, bits, max: 1 };
        yield call(ditheredAndMaxKernel, limits, found, drawn);
        const signs = { x: n, bits, sums: segments, max: segments };
        yield call(signsAndSumKernel, limits, signs, { n, segment, tiny: 5 });
        yield call(unflattenKernel, limits, { t: n, scales: segments, y: n }, drawn);
      }
      for (const block of [1, 64, 4096, 8192, 'whole'] as const) {
        const total = transformLength(n, block);
        const lengths = { n, total, block: block === 'whole' ? total : block };
        yield call(fwhtKernel, limits, { x: n, y: total }, lengths);
        const scaling = { tiny: 5, scale: 2 ** -96 };
        yield call(flattenKernel, limits, { x: n, y: total }, { ...lengths, ...KEY, ...scaling });
        for (const way of Object.values(WAYS)) {
          const blocks = total / lengths.block;
          const outputs = { bits: Math.ceil(total / 32), squares: way === WAYS.drive ? blocks : 1, max: 1 };
          const widths = way === WAYS.given ? 1 : blocks;
          const numbers = { ...lengths, ...KEY, scale: 2 ** -96, way, factor: 2 };
          yield call(flattenSignsKernel, limits, { x: n, widths, ...outputs }, numbers);
        }
      }
      for (const k of shares) {
        yield call(topKKernel, limits, { x: n, indices: k, values: k }, { n, k, order: 0 });
        const lists = { indices: k, values: k, count: 1 };
        yield call(thresholdKernel, limits, { x: n, ...lists }, { n, key: 9, capacity: k });
        yield call(compactKernel, limits, { bits, indices: k, count: 1 }, { n, capacity: k });
        yield call(gatherKernel, limits, { x: n, indices: k, values: k }, { n, count: k });
        yield call(scatterKernel, limits, { indices: k, values: k, y: n }, { n, count: k });
        yield call(placeKernel, limits, { indices: k, values: k, y: n }, { n, count: k });
      }
    }
    for (const power of [1, 2 ** -126, 2 ** 28]) {
      const range = 2;
      const masks = { kept: 2, range, grid: GRID };
      yield call(maskGridKernel, limits, masks, { bits: 4, signed: 2, power });
      yield call(uniformGridKernel, limits, { range, grid: GRID }, { bits: 16, power });
      const levels = { levels: 127, fraction: 15, power };
      yield call(levelGridKernel, limits, { sums: 1, max: 1, grid: GRID }, levels);
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

test('the first digit counts every element once, and the others go through the candidates of every tile', () => {
  for (const one of calls()) {
    if (one.kernel !== 'topK') continue;
    // where the first digit is guessed, a sample of x is counted first, and all of it where the guess is wrong
    const first = passes(one, 'histogram');
    const again = passes(one, 'histogramAgain');
    assert.is(again.length > 0, one.params.n >= 2 ** 22, describe(one));
    for (const all of again.length > 0 ? [first, again] : [first])
      covers(
        all.map((pass) => shown(one, pass, 'x')),
        one.words.x,
        describe(one),
      );
    for (const pass of [...first, ...again]) {
      const { n, span, stride } = pass.uniforms;
      assert.is(pass.groups, Math.ceil(n / stride));
      assert.is(span < stride, again.length > 0 && pass.entry === 'histogram', describe(one));
    }
    assert.is(passes(one, 'markTopAgain').length, again.length > 0 ? passes(one, 'markTop').length : 0);
    const { rest } = first[0].uniforms;
    assert.is(rest, 20, 'keys of magnitudes have 31 bits, and the first digit has 11');
    const settling = passes(one, 'settle');
    const digits = groupBy(passes(one, 'refine'), (pass) => String(pass.uniforms.shift));
    assert.is(digits.length, settling.length === 1 ? 0 : 2, describe(one));
    for (const all of [...digits, passes(one, 'countTop'), settling].filter(({ length }) => length > 0))
      for (const name of ['x', 'candidatesIn'])
        covers(
          all.map((pass) => shown(one, pass, name)),
          name === 'x' ? one.words.x : one.plan.scratch.candidates,
          describe(one),
        );
    let known = rest;
    for (const [{ uniforms }] of digits) {
      assert.is(uniforms.top, known);
      assert.ok(uniforms.top - uniforms.shift <= 11);
      known = uniforms.shift;
    }
    if (digits.length > 0) assert.is(known, 0, 'the digits are the whole key');
    for (const pass of [...passes(one, 'refine', 'countTop'), ...settling])
      assert.ok(pass.groups * 32 * MARK_TILE >= pass.uniforms.n, describe(one));
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

test('gather, scatter and place meet each window of the list with each of the vector', () => {
  for (const one of calls()) {
    if (!['gather', 'scatter', 'place'].includes(one.kernel)) continue;
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
  const lists = { indices: 0, values: 0, y: 5 };
  const scattered = call(scatterKernel, LIMITS[0], lists, { n: 5, count: 0 }).plan;
  assert.equal(scattered, { scratch: {}, steps: [{ clear: 'y' }] }, 'an empty list leaves zeros');
  const placed = call(placeKernel, LIMITS[0], lists, { n: 5, count: 0 }).plan;
  assert.equal(placed, { scratch: {}, steps: [] }, 'an empty list leaves all as it is');
});

test('each window of codes meets all of a list or table, and starts where a code starts a word', () => {
  for (const one of calls()) {
    if (one.kernel !== 'mark' && one.kernel !== 'lookup') continue;
    const { width, n } = one.params;
    const [binding, whole] = one.kernel === 'mark' ? ['marked', 'indices'] : ['packedIn', 'table'];
    const all = passes(one, one.kernel);
    const windows = groupBy(all, (pass) => String(shown(one, pass, binding).first));
    const firsts = windows.map(([pass]) => shown(one, pass, binding).first / width);
    covers(
      windows.map(([pass], i) => ({ first: firsts[i] * 32, count: pass.uniforms.n })),
      n,
      describe(one),
    );
    for (const [i, meetings] of windows.entries()) {
      assert.ok(Number.isInteger(firsts[i]), describe(one));
      covers(
        meetings.map((pass) => shown(one, pass, whole)),
        one.words[whole],
        describe(one),
      );
      for (const pass of meetings) {
        const { first, count } = shown(one, pass, whole);
        assert.is(pass.uniforms.count, count, describe(one));
        assert.is(pass.uniforms.first, one.kernel === 'mark' ? firsts[i] * 32 : first, describe(one));
        assert.is(shown(one, pass, binding).count, packedWords(pass.uniforms.n, width), describe(one));
        if (one.kernel === 'lookup') assert.is(shown(one, pass, 'y').first, firsts[i] * 32, describe(one));
      }
    }
  }
  const { plan } = call(markKernel, LIMITS[0], { indices: 0, packed: 3 }, { n: 5, count: 0, width: 16 });
  assert.equal(plan, { scratch: {}, steps: [] }, 'an empty list marks nothing');
});

test('draws of a window go on where those of the window before it end', () => {
  /** By kernel: the entry, the elements under one counter, the first counter, and the binding of the elements. */
  const drawing: Readonly<Record<string, readonly [entry: string, number, number, binding: string]>> = {
    randomBits: ['draw', 4, 0, 'bits'],
    quantize: ['quantize', 4, 0, 'x'],
    flatten: ['flatten', 128, 2 ** 31, 'y'],
    unflatten: ['unflatten', 128, 2 ** 31, 'y'],
  };
  for (const one of calls()) {
    if (!(one.kernel in drawing)) continue;
    const [entry, elements, first, binding] = drawing[one.kernel];
    for (const pass of passes(one, entry))
      assert.is(pass.uniforms.counter, first + shown(one, pass, binding).first / elements, describe(one));
  }
});

test('elements find the word of their segment in the window of a pass', () => {
  for (const one of calls()) {
    if (one.kernel !== 'packDithered' && one.kernel !== 'unflatten') continue;
    const [elements, table] = one.kernel === 'unflatten' ? ['y', 'scales'] : ['z', 'lambdas'];
    for (const pass of passes(one, one.kernel)) {
      const { n, first, segment, owner } = pass.uniforms;
      const window = shown(one, pass, table);
      assert.is(first, shown(one, pass, elements).first, describe(one));
      assert.is(owner, window.first, describe(one));
      assert.ok(Math.floor(first / segment) >= owner, describe(one));
      assert.ok(Math.floor((first + n - 1) / segment) < owner + window.count, describe(one));
    }
  }
});

test('a shader that scales by what it is told gives what the definition says, without a subnormal', () => {
  for (const exponent of [0, -40, -41, -100, -126, 28, 29, 60, 95, 96]) {
    const { power, subnormal, tiny, cap } = scalingBy(2 ** exponent);
    const keys = [
      0,
      1,
      2,
      0x7fffff,
      0x800000,
      0x800001,
      tiny - 1,
      tiny,
      tiny + 1,
      cap - 1,
      cap,
      INFINITE - 1,
    ];
    for (const key of keys.filter((key) => key >= 0 && key < INFINITE)) {
      let found = 0;
      if (key >= cap) found = 2 ** 126;
      else if (key >= 0x800000 && key >= tiny) found = Math.fround(floatOf(key) * power);
      else if (key >= tiny) found = Math.fround(key * subnormal);
      assert.is(found, scaled(key, power), `key ${key} times 2^${exponent}`);
      assert.ok(found === 0 || found >= 2 ** -126);
    }
    assert.ok(bitsOf(subnormal) === 0 || bitsOf(subnormal) >= 0x800000, 'the factor itself is normal');
  }
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
    if (!['absSum', 'squareSum', 'signsAndSum'].includes(one.kernel)) continue;
    const segment = Math.min(one.params.segment, one.params.n);
    const levels = groupBy(
      passes(one, 'sumMagnitudes', 'sumSquares', 'packAndSum', 'sumBlocks'),
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
        if (pass.entry === 'packAndSum' && x.first + x.count > 1) {
          const signs = shown(one, pass, 'signs');
          assert.is(signs.first, pass.uniforms.word);
          assert.ok(signs.first * 32 <= x.first, describe(one));
          assert.is(signs.first + signs.count, Math.ceil((x.first + x.count) / 32), describe(one));
        }
        if (pass.entry !== 'sumBlocks') {
          const largest = shown(one, pass, 'largest');
          assert.is(largest.first, pass.uniforms.owner);
          assert.ok(Math.floor(first / blocks) >= largest.first, describe(one));
          const last = Math.floor((first + count - 1) / blocks);
          assert.is(last, largest.first + largest.count - 1, describe(one));
        }
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
    if (one.kernel !== 'fwht' && one.kernel !== 'flatten') continue;
    const tiles = one.kernel === 'fwht' ? 'transform' : 'flatten';
    const { n, total, block } = one.params;
    // For each 64 elements the distance of the stage that comes next, 0 before all
    const next = new Float64Array(Math.ceil(total / UNIT));
    const advance = ({ first, count }: Interval, from: number, to: number): void => {
      for (let unit = first / UNIT; unit < (first + count) / UNIT; unit++) {
        if (next[unit] !== from) assert.unreachable(`${describe(one)}: ${next[unit]} instead of ${from}`);
        next[unit] = to;
      }
    };
    for (const pass of passes(one, 'transform', 'flatten', 'stride', 'combine')) {
      const { uniforms } = pass;
      if (pass.entry === tiles) {
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
