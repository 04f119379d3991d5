/**
 * The emulator on small programs: what each freedom changes, what is reported, and what of the language is understood.
 */
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import { throws } from '../support/host.ts';
import { Emulator } from './emulator.ts';
import type { Finding } from './findings.ts';
import { bitsOf, floatOf } from './floats.ts';
import type { Mode } from './mode.ts';
import { WgslError } from './wgsl/tokens.ts';

interface Result {
  readonly words: Uint32Array;
  readonly floats: Float32Array;
  readonly findings: readonly Finding[];
}

/** Runs entry point `main` of a program that has x: array<f32> and y: array<f32> or others of words. */
function run(
  source: string,
  mode: Mode,
  x: Float32Array | Uint32Array | readonly number[] = [0],
  options: {
    readonly length?: number;
    readonly groups?: number;
    readonly uniforms?: Record<string, number>;
  } = {},
): Result {
  const { length = 1, groups = 1, uniforms = {} } = options;
  const emulator = new Emulator(mode);
  const input = x instanceof Uint32Array ? x : new Uint32Array(Float32Array.from(x).buffer);
  const given = emulator.memory(input.length);
  given.write(input);
  const output = emulator.memory(length);
  emulator.dispatch({
    label: 'program',
    source,
    entry: 'main',
    groups: [groups, 1, 1],
    bindings: {
      x: { memory: given, first: 0, count: input.length },
      y: { memory: output, first: 0, count: length },
    },
    uniforms,
  });
  return { words: output.words, floats: output.floats, findings: emulator.findings.take() };
}

const FLOATS = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
`;
const WORDS = FLOATS.replaceAll('f32', 'u32');
const one = (body: string): string => `${FLOATS}@compute @workgroup_size(1) fn main() { ${body} }`;
const many = (size: number, body: string, before = ''): string =>
  `${WORDS}${before}
  @compute @workgroup_size(${size})
  fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) id: vec3u) { ${body} }`;
const kinds = ({ findings }: Result): string[] => [...new Set(findings.map(({ kind }) => kind))];

const freedoms = suite('emulator, freedoms');

// (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last bit is lost where the product is rounded
const NEAR = 1 + 2 ** -12;
const FUSED = 2 ** -11 + 2 ** -24;

freedoms('contraction: in one expression, over a name, over a function, in vectors, in differences', () => {
  const programs = [
    one('y[0] = x[0] * x[0] + x[1];'),
    one('let p = x[0] * x[0]; y[0] = x[1] + p;'),
    one('var s = x[1]; s += x[0] * x[0]; y[0] = s;'),
    `fn square(v: f32) -> f32 { return v * v; } ${one('y[0] = square(x[0]) + x[1];')}`,
    one('let v = vec2f(x[0]) * vec2f(x[0]) + vec2f(x[1]); y[0] = v.y;'),
    one('y[0] = -(-x[1] - x[0] * x[0]);'),
    one('y[0] = x[0] * x[0] - (-x[1]);'),
    one('y[0] = fma(x[0], x[0], x[1]);'),
  ];
  for (const program of programs) {
    assert.is(run(program, {}, [NEAR, -1]).floats[0], 2 ** -11, program);
    assert.is(run(program, { contraction: true }, [NEAR, -1]).floats[0], FUSED, program);
  }
});

freedoms('contraction: a product that is stored, converted or compared is rounded', () => {
  const product = Math.fround(NEAR * NEAR);
  const contraction = { contraction: true };
  assert.is(run(one('y[0] = x[0] * x[0];'), contraction, [NEAR]).floats[0], product);
  const bits = one('y[0] = bitcast<f32>(bitcast<u32>(x[0] * x[0])) + x[1];');
  assert.is(run(bits, contraction, [NEAR, -1]).floats[0], 2 ** -11);
  const compared = one('y[0] = select(0.0, 1.0, x[0] * x[0] == x[1]);');
  assert.is(run(compared, contraction, [NEAR, product]).floats[0], 1);
  assert.is(
    run(one('y[0] = x[0] * x[0] * x[0];'), contraction, [NEAR]).floats[0],
    Math.fround(product * NEAR),
  );
});

freedoms('contraction: rounded once, where the sum in doubles lies on a tie', () => {
  // x * x + y is a little more than the middle of two floats, and in doubles the middle itself
  const program = one('y[0] = x[0] * x[1] + x[2];');
  const [a, b, c] = [1 + 2 ** -23, 2 ** -24 * (1 + 2 ** -23), 1];
  const exact = 1 + 2 ** -23; // 1 + 2^-24 + 2^-46 + 2^-70
  assert.is(run(program, { contraction: true }, [a, b, c]).floats[0], exact);
});

const FACTORS = one(
  'var s = x[0]; let h = x[1]; let l = x[2]; s = s + h * h; let d = l + l; s = s + h * d; y[0] = s;',
);

freedoms('factoring: two products with a factor in common are one', () => {
  const [s, h, l] = [1, 1 + 2 ** -11, 2 ** -13];
  const twice = Math.fround(Math.fround(s + Math.fround(h * h)) + Math.fround(h * (l + l)));
  assert.is(run(FACTORS, {}, [s, h, l]).floats[0], twice);
  const values: [number, number, number] = [3, 1.000244140625, 2.44140625e-4];
  const [v, a, b] = values.map(Math.fround);
  const once = Math.fround(v + a * Math.fround(a + (b + b)));
  assert.is(run(FACTORS, { association: 'factor', contraction: true }, [v, a, b]).floats[0], once);
});

freedoms('factoring: differs somewhere, and not behind bits', () => {
  const opaque = FACTORS.replace(
    's = s + h * h;',
    's = bitcast<f32>(bitcast<u32>(s + h * h) ^ bitcast<u32>(x[3]));',
  );
  let differ = 0;
  for (let i = 1; i < 200; i++) {
    const x = [1 + i / 7, floatOf(bitsOf(1 + i / 3) & 0xfffff000), i * 2 ** -17, 0];
    const plain = run(FACTORS, {}, x).words[0];
    if (run(FACTORS, { association: 'factor', contraction: true }, x).words[0] !== plain) differ++;
    assert.is(run(opaque, { association: 'factor', contraction: true }, x).words[0], plain);
  }
  assert.ok(differ > 0);
});

freedoms('regrouping: what is added twice is added up first', () => {
  const program = one('var s = x[0]; s = s + x[1]; s += x[2]; y[0] = s;');
  assert.is(run(program, {}, [2 ** 24, 1, 1]).floats[0], 2 ** 24);
  assert.is(run(program, { association: 'regroup' }, [2 ** 24, 1, 1]).floats[0], 2 ** 24 + 2);
  const once = one('y[0] = x[0] + x[1] + x[2];');
  assert.is(run(once, { association: 'regroup' }, [2 ** 24, 1, 1]).floats[0], 2 ** 24 + 2);
});

freedoms('accumulators: a loop adds to two in turn', () => {
  const program = one('var s = 0.0; for (var i = 0u; i < 4u; i++) { s = s + x[i]; } y[0] = s;');
  assert.is(run(program, {}, [2 ** 24, 1, 1, 1]).floats[0], 2 ** 24);
  assert.is(run(program, { association: 'accumulators' }, [2 ** 24, 1, 1, 1]).floats[0], 2 ** 24 + 2);
  const read = program.replace('s = s + x[i];', 's = s + x[i]; y[0] = s;');
  assert.is(
    run(read, { association: 'accumulators' }, [2 ** 24, 1, 1, 1]).floats[0],
    2 ** 24,
    's is read within',
  );
});

freedoms('flushing: of operands and results, to the zero of the mode', () => {
  const result = one('y[0] = x[0] * x[1];');
  const small = [-(2 ** -100), 2 ** -40];
  const bits = (mode: Mode): number => run(result, mode, small).words[0];
  assert.is(bits({}), bitsOf(-(2 ** -140)));
  assert.is(bits({ flush: 'positive' }), 0);
  assert.is(bits({ flush: 'negative' }), 0x80000000);
  assert.is(bits({ flush: 'sign' }), 0x80000000);
  const seen = new Set(Array.from({ length: 50 }, (_, i) => bits({ flush: 'random', seed: i + 1 })));
  assert.equal([...seen].sort(), [bitsOf(-(2 ** -140)), 0, 0x80000000].sort());
  const operand = one('y[0] = x[0] * 8388608.0;');
  assert.is(run(operand, {}, [2 ** -149]).floats[0], 2 ** -126);
  assert.is(run(operand, { flush: 'positive' }, [2 ** -149]).floats[0], 0);
  const compared = one('y[0] = select(0.0, 1.0, x[0] > 0.0);');
  assert.is(run(compared, {}, [2 ** -149]).floats[0], 1);
  assert.is(run(compared, { flush: 'sign' }, [2 ** -149]).floats[0], 0);
});

freedoms('flushing in bitcasts', () => {
  const program = `${WORDS}@compute @workgroup_size(1) fn main() { y[0] = bitcast<u32>(bitcast<f32>(x[0])); }`;
  const subnormal = new Uint32Array([1]);
  assert.is(run(program, { flush: 'sign' }, subnormal).words[0], 1);
  assert.is(run(program, { flush: 'sign', flushBits: true }, subnormal).words[0], 0);
});

freedoms('the sign of zero', () => {
  const program = one('y[0] = x[0] - x[0];');
  assert.is(run(program, {}, [1]).words[0], 0);
  assert.is(run(program, { zero: 'negative' }, [1]).words[0], 0x80000000);
  const seen = new Set(
    Array.from({ length: 20 }, (_, i) => run(program, { zero: 'random', seed: i + 1 }, [1]).words[0]),
  );
  assert.is(seen.size, 2);
});

freedoms('anything in the place of infinity and NaN', () => {
  for (const program of ['y[0] = x[0] * x[0];', 'y[0] = x[0] * x[0] - x[0] * x[0];'].map(one)) {
    assert.not(Number.isFinite(run(program, {}, [3e38]).floats[0]));
    assert.ok(Number.isFinite(run(program, { nonFinite: 'anything' }, [3e38]).floats[0]));
  }
});

freedoms('rounding', () => {
  const program = one('y[0] = x[0] + x[1];');
  const up = 1 + 2 ** -23;
  const x = [1, 2 ** -24 * 1.5];
  assert.is(run(program, {}, x).floats[0], up);
  assert.is(run(program, { rounding: 'zero' }, x).floats[0], 1);
  assert.is(run(program, { rounding: 'down' }, x).floats[0], 1);
  assert.is(run(program, { rounding: 'up' }, [1, 2 ** -60]).floats[0], up);
  assert.is(run(program, { rounding: 'zero' }, [-1, -(2 ** -24) * 1.5]).floats[0], -1);
  assert.is(run(program, { rounding: 'zero' }, [1, 2]).floats[0], 3);
  // the sum in doubles is exact no more, the rounding still is
  assert.is(run(program, { rounding: 'zero' }, [1, -(2 ** -80)]).floats[0], 1 - 2 ** -24);
});

freedoms('accuracy: quotients and roots are off in the last bits', () => {
  const off = (program: string): number[] =>
    Array.from({ length: 40 }, (_, i) => {
      const x = [1 + i / 7, 3];
      return run(program, { accuracy: 'loose', seed: i + 1 }, x).words[0] - run(program, {}, x).words[0];
    });
  for (const program of ['y[0] = x[0] / x[1];', 'y[0] = sqrt(x[0]);'].map(one)) {
    const found = off(program);
    assert.ok(found.some((units) => units !== 0));
    assert.ok(found.every((units) => Math.abs(units) <= 3));
  }
});

freedoms('the order of invocations and workgroups', () => {
  const program = many(8, 'y[1u + id.x * 8u + t] = atomicAdd(&n, 1u);', 'var<workgroup> n: atomic<u32>;');
  const order = (mode: Mode): number[] =>
    [...run(program, mode, [0], { length: 17, groups: 2 }).words].slice(1);
  assert.equal(order({}), [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(order({ order: 'descending' }).slice(0, 8), [7, 6, 5, 4, 3, 2, 1, 0]);
  const random = order({ order: 'random' });
  assert.not.equal(random.slice(0, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(random.slice(0, 8).sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

freedoms('subgroups of every size', () => {
  const source = `enable subgroups; ${WORDS}
  @compute @workgroup_size(256)
  fn main(
    @builtin(local_invocation_index) t: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_invocation_id) lane: u32,
  ) {
    let before = subgroupExclusiveAdd(1u);
    let partner = subgroupShuffleXor(t, 1u);
    let sum = subgroupAdd(t - lane);
    let first = subgroupBroadcastFirst(t);
    let ok = before == lane && partner == (t ^ 1u) && sum == first * size && subgroupAll(first == t - lane);
    y[t] = select(0u, size, ok && subgroupBallot(true).x != 0u);
  }`;
  for (const subgroups of [4, 8, 16, 32, 64, 128]) {
    const { words, findings } = run(source, { subgroups, order: 'random' }, [0], { length: 256 });
    assert.ok(
      words.every((size) => size === subgroups),
      `${subgroups}`,
    );
    assert.equal(findings, []);
  }
  throws(() => new Emulator({ subgroups: 5 }), RangeError, '"subgroups" expected a power of two');
});

freedoms.run();

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
