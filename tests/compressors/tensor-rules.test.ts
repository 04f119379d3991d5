/** Rules of a plan: which tensor gets which compressor, and what of rules and layouts is refused. */
import * as assert from 'uvu/assert';
import { readMap, writeMap } from '../../ts/files/map.ts';
import { laidOut, type Layout } from '../../ts/frameworks/layout.ts';
import {
  float32,
  plan,
  quantized,
  scaledSign,
  topK,
  type PlanOptions,
  type PlanRule,
} from '../../ts/index.ts';
import { throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('rules of a plan');

const layoutOf = (...tensors: [name: string, ...shape: number[]][]): Layout =>
  laidOut(tensors.map(([name, ...shape]) => ({ name, shape, dtype: 'float32' })));

const [few, sign, codes] = [topK({ ratio: 0.1 }), scaledSign(), quantized({ bits: 4 })];
const rest: PlanRule = { match: '*', compressor: few };

/** The tensors of each part and its compressor: `conv topK`. */
const partsOf = (rules: readonly PlanRule[], layout: Layout, options?: PlanOptions): string[] =>
  plan(rules, layout, options).parts!.map(({ names, compressor }) => `${names.join('+')} ${compressor.name}`);

const MODEL = layoutOf(
  ['conv/kernel', 3, 3, 8, 16],
  ['conv/bias', 16],
  ['batch_norm/gamma', 16],
  ['batch_norm/moving_variance', 16],
  ['dense/kernel', 64, 10],
  ['dense/bias', 10],
);

test('the first rule that matches: a name, a pattern, an expression', () => {
  const rules: PlanRule[] = [
    { match: 'conv/kernel', compressor: codes },
    { match: 'd*e/k*l', compressor: sign },
    { match: /norm/, compressor: quantized({ bits: 8 }) },
    rest,
  ];
  assert.equal(partsOf(rules, MODEL, { small: false }), [
    'conv/kernel quantized',
    'conv/bias topK',
    'batch_norm/gamma quantized',
    'batch_norm/moving_variance quantized',
    'dense/kernel scaledSign',
    'dense/bias topK',
  ]);
});

test('a pattern is the whole name, an expression is found anywhere, and remembers nothing', () => {
  const matched = (match: string | RegExp): string[] =>
    plan([{ match, compressor: sign }, rest], MODEL, { small: false })
      .parts!.filter(({ compressor }) => compressor === sign)
      .map(({ names: [name] }) => name);
  assert.equal(matched('conv'), []);
  assert.equal(matched('conv*'), ['conv/kernel', 'conv/bias']);
  assert.equal(matched('*kernel'), ['conv/kernel', 'dense/kernel']);
  assert.equal(matched('*n*s*'), ['conv/bias', 'dense/kernel', 'dense/bias']);
  assert.equal(matched('*bias*bias'), []);
  assert.equal(matched('conv/bias*bias'), []);
  assert.equal(matched('dense/*se*'), []);
  assert.equal(matched('dense/?ias'), []);
  assert.equal(matched('.*'), []);
  assert.equal(matched(/BIAS/), []);
  assert.equal(matched(/bias/gi), ['conv/bias', 'dense/bias']);
  assert.equal(matched(/^conv/y), ['conv/kernel', 'conv/bias']);
});

test('small tensors are sent as they are, side by side as one part, unless a rule names them', () => {
  assert.equal(partsOf([rest], MODEL), [
    'conv/kernel topK',
    'conv/bias+batch_norm/gamma+batch_norm/moving_variance float32',
    'dense/kernel topK',
    'dense/bias float32',
  ]);
  // without a rule for the rest as well
  assert.equal(partsOf([{ match: '*kernel', compressor: few }], MODEL).length, 4);
  assert.equal(partsOf([{ match: /gamma/, compressor: sign }, rest], MODEL), [
    'conv/kernel topK',
    'conv/bias float32',
    'batch_norm/gamma scaledSign',
    'batch_norm/moving_variance float32',
    'dense/kernel topK',
    'dense/bias float32',
  ]);
});

test('what is small: by size, by its one dimension, by its name', () => {
  const isSmall = (options: PlanOptions, name: string, ...shape: number[]): boolean =>
    partsOf([rest], layoutOf([name, ...shape]), options)[0].endsWith('float32');
  assert.ok(isSmall({}, 'w', 5, 51));
  assert.not(isSmall({}, 'w', 4, 64));
  assert.not(isSmall({ tiny: 0 }, 'w', 5, 51));
  assert.ok(isSmall({ tiny: 257 }, 'w', 4, 64));
  assert.not(isSmall({ small: false }, 'w', 2, 2));
  // a vector: weights of normalisation that do not say what they are
  assert.ok(isSmall({ tiny: 0 }, 'layer1/downsample/1/weight', 512));
  assert.ok(isSmall({ tiny: 0 }, 'scale', 1, 512, 1, 1));
  assert.not(isSmall({}, 'everything', 2 ** 15));
  assert.ok(isSmall({}, 'head/bias', 2 ** 15));
  for (const name of ['bn1/weight', 'h.0.ln_1.weight', 'LayerNorm_0/scale', 'x/running_mean', 'beta'])
    assert.ok(isSmall({}, name, 2 ** 15), name);
  for (const name of ['kernel', 'subnet/embedding', 'alnico/w']) assert.not(isSmall({}, name, 2 ** 15), name);
  // a table of biases is none
  assert.not(isSmall({}, 'relative_position_bias_table', 169, 3));
});

test('where shapes are not known, names and sizes alone decide', () => {
  const leaves = [
    { name: 'weights', offset: 0, length: 1000 },
    { name: 'bias', offset: 1000, length: 1000 },
  ];
  assert.equal(
    plan([rest], { leaves }).parts!.map(({ compressor }) => compressor.name),
    ['topK', 'float32'],
  );
});

test('together: tensors of a rule that follow each other are one part', () => {
  const layout = layoutOf(['a/1', 20, 20], ['a/2', 20, 20], ['b', 20, 20], ['a/3', 20, 20], ['a/4', 0, 7]);
  const joined: PlanRule = { match: 'a/*', compressor: sign, together: true };
  assert.equal(partsOf([joined, rest], layout), ['a/1+a/2 scaledSign', 'b topK', 'a/3 scaledSign']);
  assert.equal(partsOf([{ ...joined, together: false }, rest], layout).length, 4);
  // another rule with the same compressor is another part
  assert.equal(partsOf([joined, { ...joined, match: 'b' }], layout).length, 3);
  const [first, second] = plan([joined, rest], layout).parts!;
  assert.equal([first.first, first.n, second.first, second.n], [0, 800, 800, 400]);
  // what is sent as it is needs no rule for that
  assert.equal(
    partsOf(
      [
        { match: 'b', compressor: float32() },
        { match: '*', compressor: float32() },
      ],
      layout,
    ),
    ['a/1+a/2+b+a/3 float32'],
  );
});

test('the map of a .safetensors file is a layout: what it carries is no part of the vector', () => {
  const map = {
    layout: {
      tensors: [
        { name: 'w', shape: [20, 20], dtype: 'F32', first: 0, count: 400 },
        { name: 'steps', shape: [1], dtype: 'I64', bytes: new Uint8Array(8) },
        { name: 'b', shape: [20], dtype: 'BF16', first: 400, count: 20 },
      ],
    },
  };
  const read = readMap(writeMap(map));
  assert.ok('layout' in read);
  const json = JSON.parse(new TextDecoder().decode(writeMap(map))) as { tensors: [] };
  for (const layout of [map.layout, read.layout, json])
    assert.equal(
      plan([rest], layout).parts!.map(({ names, first, n }) => [...names, first, n]),
      [
        ['w', 0, 400],
        ['b', 400, 20],
      ],
    );
});

test('a tensor that nothing matches is named, and so is one that its compressor does not fit', () => {
  const only: PlanRule = { match: 'conv*', compressor: few };
  throws(() => plan([only], MODEL), RangeError, `no rule of the plan matches the tensor "dense/kernel"`);
  throws(() => plan([], MODEL), RangeError, '"conv/kernel"');
  throws(
    () => plan([{ match: '*', compressor: topK({ k: 1000 }) }], MODEL),
    RangeError,
    'topK of the tensor "dense/kernel": "k" expected an integer in 1..640, got 1000',
  );
  const joined = { match: '*', compressor: topK({ k: 1e6 }), together: true };
  throws(() => plan([joined], MODEL, { small: false }), RangeError, '"conv/kernel" and the 5 that follow it');
});

test('rules and layouts that are none are refused', () => {
  const make = plan as (rules: unknown, layout: unknown) => unknown;
  throws(() => make(rest, MODEL), TypeError, '"rules" expected a list of rules');
  throws(
    () => make([few], MODEL),
    TypeError,
    'rules[0] expected options, match, compressor, together, got the compressor topK',
  );
  throws(() => make([null], MODEL), TypeError, '"rules[0]" expected { match, compressor }, got null');
  throws(() => make([{ compressor: few }], MODEL), TypeError, '"rules[0].match" expected a name');
  throws(() => make([rest, { match: 'a' }], MODEL), TypeError, '"rules[1].compressor" expected a compressor');
  throws(
    () => make([{ ...rest, together: 1 }], MODEL),
    TypeError,
    '"rules[0].together" expected true or false',
  );
  throws(() => make([{ ...rest, compresor: few }], MODEL), RangeError, 'Did you mean "compressor"?');
  throws(
    () => make([{ match: '*', compressor: plan([rest], MODEL) }], MODEL),
    RangeError,
    '"rules[0].compressor" expected a compressor of one vector, got a plan',
  );
  for (const layout of [undefined, null, 5, [], {}, { leaves: 3 }])
    throws(() => make([rest], layout), TypeError, '"layout" expected { leaves }');
  const leaf = { name: 'a', shape: [3], offset: 0, length: 3 };
  const of =
    (...leaves: unknown[]) =>
    () =>
      make([rest], { leaves });
  throws(of({ ...leaf, name: 3 }), TypeError, 'tensors with a name');
  throws(of(leaf, leaf), RangeError, 'two tensors called "a"');
  throws(of({ ...leaf, offset: 1 }), RangeError, '"layout: a: first element" expected an integer in 0..0');
  throws(of(leaf, { ...leaf, name: 'b', offset: 4 }), RangeError, 'expected an integer in 3..3, got 4');
  throws(of({ ...leaf, length: -1 }), RangeError, '"layout: a: elements"');
  throws(of({ ...leaf, length: 2 ** 32 }), RangeError, '"layout: a: elements"');
  throws(of({ ...leaf, shape: '3' }), TypeError, 'a shape that is a list');
  const many = Array.from({ length: 65_536 }, (_, i) => ({ name: `${i}`, offset: i, length: 1 }));
  throws(
    () => plan([{ match: '*', compressor: sign }], { leaves: many }, { small: false }),
    RangeError,
    'at most 65535 parts, got 65536',
  );
});

test.run();
