/** What the passes of single kernels must cover, over many sizes and limits, without a GPU. */
import * as assert from 'uvu/assert';
import { TILE as MARK_TILE } from '../../ts/kernels/compact.ts';
import { bitsOf, floatOf, INFINITE } from '../../ts/kernels/float-bits.ts';
import { fwhtKernel, TILE as FWHT_TILE } from '../../ts/kernels/fwht.ts';
import { type Limits } from '../../ts/kernels/plans/plan.ts';
import { packedWords } from '../../ts/kernels/pack.ts';
import { markKernel } from '../../ts/kernels/quantize.ts';
import { BLOCK } from '../../ts/kernels/reduce.ts';
import { scaled, scalingBy } from '../../ts/kernels/scaling.ts';
import { TILE as SCAN_TILE } from '../../ts/kernels/scan.ts';
import { addAtKernel, placeKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
import { LIMITS, call, calls, passes, shown, describe, type Interval, covers, groupBy } from './planned.ts';
import { suite } from '../support/suite.ts';

const test = suite('passes of plans');

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

test('gather, scatter, place and addAt meet each window of the list with each of the vector', () => {
  for (const one of calls()) {
    const moves: Readonly<Record<string, readonly [dense: string, entry: string]>> = {
      gather: ['x', 'gather'],
      scatter: ['y', 'scatter'],
      place: ['y', 'scatter'],
      addAt: ['y', 'addAt'],
    };
    if (!(one.kernel in moves)) continue;
    const [dense, moving] = moves[one.kernel];
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
  for (const kernel of [placeKernel, addAtKernel]) {
    const { plan } = call(kernel, LIMITS[0], lists, { n: 5, count: 0 });
    assert.equal(plan, { scratch: {}, steps: [] }, 'an empty list leaves all as it is');
  }
});

test('each window of codes meets all of a list or table, and starts where a code starts a word', () => {
  for (const one of calls()) {
    if (!['mark', 'lookup', 'addLookup'].includes(one.kernel)) continue;
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
        if (one.kernel !== 'mark') assert.is(shown(one, pass, 'y').first, firsts[i] * 32, describe(one));
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
