/** The emulator on small programs: what each freedom changes. */
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import { throws } from '../support/host.ts';
import { Emulator } from './emulator.ts';
import { bitsOf, floatOf } from './floats.ts';
import type { Mode } from './mode.ts';
import { run, WORDS, one, many } from './program.ts';

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
