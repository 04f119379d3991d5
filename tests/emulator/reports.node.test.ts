/** The emulator on small programs: what it reports, and what of the language it understands. */
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import { throws } from '../support/host.ts';
import { Emulator } from './emulator.ts';
import { bitsOf } from './floats.ts';
import { WgslError } from './wgsl/tokens.ts';
import { type Result, run, WORDS, many, kinds } from './program.ts';

const reports = suite('emulator, reports');
const SHARED = 'var<workgroup> a: array<u32, 8>;';

reports('a race on workgroup memory, and none behind a barrier', () => {
  const body = (between: string): string => `a[t] = t; ${between} y[t] = a[(t + 1u) % 8u];`;
  const eight = { length: 8 };
  assert.equal(kinds(run(many(8, body(''), SHARED), { order: 'random' }, [0], eight)), ['race']);
  assert.equal(kinds(run(many(8, body('storageBarrier();'), SHARED), {}, [0], eight)), ['race']);
  const { words, findings } = run(
    many(8, body('workgroupBarrier();'), SHARED),
    { order: 'random' },
    [0],
    eight,
  );
  assert.equal([...words], [1, 2, 3, 4, 5, 6, 7, 0]);
  assert.equal(findings, []);
});

reports('a race on storage memory that only a barrier of workgroup memory parts', () => {
  const body = (between: string): string =>
    `let old = y[0]; ${between} if (t == 0u) { y[0] = old + 1u; } y[t + 1u] = old;`;
  const run8 = (between: string): Result => run(many(8, body(between)), {}, [0], { length: 9 });
  assert.equal(kinds(run8('')), ['race']);
  const [race] = run8('workgroupBarrier();').findings;
  assert.match(race.text, /^program:\d+: write of y, read by another invocation, with no barrier between$/);
  assert.equal(kinds(run8('storageBarrier();')), []);
});

reports('a race between workgroups, which no barrier ends', () => {
  const write = many(2, 'storageBarrier(); if (t == 0u) { y[0] = id.x; }');
  assert.match(run(write, {}, [0], { groups: 2 }).findings[0].text, /in another workgroup/);
  const read = many(1, 'if (id.x == 0u) { y[0] = 1u; } else { y[1] = y[0]; }');
  for (const order of [undefined, 'descending'] as const)
    assert.equal(kinds(run(read, { order }, [0], { groups: 2, length: 2 })), ['race']);
  // read by workgroup 0, then by 1 itself before it writes
  const later = many(2, 'y[1u + id.x] = y[0]; storageBarrier(); if (id.x == 1u && t == 0u) { y[0] = 1u; }');
  const found = run(later, {}, [0], { groups: 2, length: 3 }).findings.filter(({ text }) =>
    /another workgroup/.test(text),
  );
  assert.is(found.length, 1);
});

reports('no race: the same invocation, atomics, other words, other dispatches', () => {
  const body = 'y[t] = t; y[t] = y[t] + 1u; atomicAdd(&n, t); workgroupBarrier(); y[t] += atomicLoad(&n);';
  const program = many(4, body, 'var<workgroup> n: atomic<u32>;');
  const { words, findings } = run(program, { order: 'random' }, [0], { length: 4 });
  assert.equal([...words], [7, 8, 9, 10]);
  assert.equal(findings, []);
});

reports('accesses out of bounds, and what they give', () => {
  const body = 'y[0] = x[7]; y[5] = 9u; if (t == 9u) { a[8] = 1u; }';
  const program = many(1, body, SHARED);
  const x = new Uint32Array([5, 6, 7]);
  const nearest = run(program, {}, x, { length: 2 });
  assert.equal(kinds(nearest), ['out of bounds']);
  assert.equal([...nearest.words], [7, 9]);
  assert.equal([...run(program, { bounds: 'none' }, x, { length: 2 }).words], [0, 0]);
  const seen = new Set<number>();
  for (let seed = 1; seed < 30; seed++)
    seen.add(run(program, { bounds: 'elsewhere', seed }, x, { length: 2 }).words[0]);
  assert.ok(seen.size > 1);
  // of an array of vectors, in workgroup memory
  const vectors = many(1, 'v[t + 3u] = vec2u(1u);', 'var<workgroup> v: array<vec2u, 3>;');
  assert.equal(kinds(run(vectors, {})), ['out of bounds']);
});

reports('reads of what was never written, which hold garbage', () => {
  const storage = many(1, 'y[0] = y[1];');
  const { words, findings } = run(storage, { garbage: true }, [0], { length: 2 });
  assert.is(findings[0].kind, 'never written');
  assert.is(words[0], words[1]);
  assert.not(words[1] === 0);
  assert.equal(kinds(run(storage, {}, [0], { length: 2 })), []);
  assert.equal(kinds(run(many(1, 'y[0] = a[1];', SHARED), { garbage: true })), ['never written']);
  const counter = many(1, 'atomicAdd(&n, 1u);', 'var<workgroup> n: atomic<u32>;');
  assert.equal(kinds(run(counter, { garbage: true })), ['never written']);
});

reports('operations on subgroups that some lanes miss, and lanes that are not there', () => {
  const some = many(8, 'if (t < 6u) { y[t] = subgroupAdd(1u); }');
  assert.equal(kinds(run(some, { subgroups: 4 }, [0], { length: 8 })), [
    'subgroup operation that some lanes miss',
  ]);
  const gone = many(8, 'y[t] = subgroupShuffleUp(t, 1u);');
  assert.equal(kinds(run(gone, { subgroups: 8 }, [0], { length: 8 })), [
    'shuffle from a lane that is not there',
  ]);
});

reports('barriers in control flow that is not uniform', () => {
  const returned = many(4, 'if (t == 0u) { return; } workgroupBarrier(); y[t] = 1u;');
  assert.equal(kinds(run(returned, {}, [0], { length: 4 })), ['barrier in non-uniform control flow']);
  const parted = many(4, 'if (t == 0u) { workgroupBarrier(); } else { workgroupBarrier(); }');
  const { findings } = run(parted, {});
  assert.is(findings[0].kind, 'barrier in non-uniform control flow');
  assert.match(findings[0].text, /others wait elsewhere/);
});

reports('bindings that are missing, too short, or the same', () => {
  const emulator = new Emulator({});
  const memory = emulator.memory(4);
  const whole = { memory, first: 0, count: 4 };
  const dispatch = (bindings: Record<string, typeof whole>): void =>
    void emulator.dispatch({
      label: 'program',
      source: many(1, 'y[0] = x[0];'),
      entry: 'main',
      groups: [1, 1, 1],
      bindings,
      uniforms: {},
    });
  throws(() => dispatch({ x: whole }), RangeError, 'nothing is bound to y');
  throws(() => dispatch({ x: whole, y: whole }), RangeError, 'shares memory with x');
  throws(
    () => dispatch({ x: whole, y: { memory: emulator.memory(1), first: 0, count: 2 } }),
    RangeError,
    'passes the end',
  );
});

reports.run();

const language = suite('emulator, language');

language('structs, vectors, arrays, control flow, constants', () => {
  const source = `
  // a comment, /* and another
  const COUNT = 3u;
  const MASK: u32 = (1u << 4) - 1; /* 15 */
  alias Row = vec2<u32>;
  struct Inner { a: u32, v: vec3f, b: u32 }
  struct P { n: u32, f: f32, i: i32 }
  @group(0) @binding(2) var<uniform> p: P;
  ${WORDS}
  var<workgroup> shared_: array<Inner, COUNT>;
  fn twice(r: Row) -> Row { return r * 2u; }
  fn pick(n: i32) -> u32 {
    switch n { case 0, 1: { return 10u; } case 2 { return 20u; } default: { return u32(n); } }
  }
  @compute @workgroup_size(2, 2)
  fn main(@builtin(local_invocation_id) id: vec3<u32>, @builtin(global_invocation_id) g: vec3u) {
    if (id.x + id.y > 0u) { return; }
    var at = array<u32, 4>(1u, 2u, 3u, 4u);
    at[2] += MASK;
    var inner = Inner(1u, vec3f(1.0, 2, 3), 4u);
    inner.v.y = 7.5;
    inner.v = inner.v.zyx;
    shared_[1] = inner;
    shared_[1].b = 9u;
    y[0] = at[2] + u32(shared_[1].v.y * 2.0) + shared_[1].b; // 18 + 15 + 9
    y[1] = twice(vec2u(3u, 4u)).y;
    var n = 0u;
    loop { n++; if (n == 2u) { continue; } if (n > 100u) { break; } y[2] += n; continuing { break if n >= 5u; } }
    while (n < 8u) { n += 1u; }
    y[3] = n;
    y[4] = pick(1) + pick(2) + pick(i32(-1) + 8);
    y[5] = u32(p.i) + p.n;
    y[6] = bitcast<u32>(p.f);
    y[7] = select(1u, 2u, all(vec2u(1u, 2u) == vec2u(1u, 2u)) && !any(vec2<bool>(false, false)));
    y[8] = countOneBits(0xf0f0u) + countTrailingZeros(8u) + countLeadingZeros(1u) + reverseBits(1u << 31u);
    y[9] = u32(-7 / 2 + 10) + u32(-7 % 4 + 10); // truncation: -3, -3
    y[10] = arrayLength(&y);
    y[11] = 7u / (p.n - p.n) + 7u % (p.n - p.n);
    y[12] = u32(f32(-3.7) < f32(min(-1i, 4i))) + u32(dot(vec2f(1, 2), vec2f(3, 4)));
    _ = g.x;
  }`;
  const { words, findings } = run(source, {}, [0], { length: 13, uniforms: { n: 5, f: 1.5, i: -2 } });
  assert.equal(findings, []);
  assert.equal([...words], [42, 8, 1 + 3 + 4 + 5, 8, 37, 3, bitsOf(1.5), 2, 8 + 3 + 31 + 1, 14, 13, 7, 12]);
});

language('modules that are not right, with the line', () => {
  const wrong = (source: string, line: number, words: string): void =>
    throws(() => run(source, {}), WgslError, `line ${line}: ${words}`);
  wrong(`${WORDS}\n@compute @workgroup_size(1) fn main() { y[0] = 1.0; }`, 5, 'expected u32, got float');
  wrong(`${WORDS}\n@compute @workgroup_size(1)\nfn main() { y[0] = z; }`, 6, '"z" is not known');
  wrong('fn main( { }', 1, 'expected a name');
  wrong('fn main() { let a = 1 # 2; }', 1, 'unexpected "#"');
  wrong('@group(0) @binding(0) var t: texture_2d<f32>;', 1, 'expected "<"');
});

language.run();
