/** `fewbits compress -c PLAN.json`: what a plan's file says, and what of it is refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { parsePlan } from '../../ts/cli/plan-file.ts';
import { Device } from '../../ts/device.ts';
import { writeSafetensors } from '../../ts/files/safetensors.ts';
import { plan, quantized, scaledSign, topK } from '../../ts/index.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { folderFor } from './folder.ts';

const test = suite('command line, plans');
const { at, fewbits, save } = folderFor(test);

const data = input('normal', 2050);
const tensors = [
  { name: 'conv/kernel', shape: [40, 25], dtype: 'F32', first: 0, count: 1000 },
  { name: 'conv/bias', shape: [25], dtype: 'F32', first: 1000, count: 25 },
  { name: 'steps', shape: [1], dtype: 'I64', bytes: new Uint8Array(8).fill(7) },
  { name: 'dense/kernel', shape: [40, 25], dtype: 'F32', first: 1025, count: 1000 },
  { name: 'dense/bias', shape: [25], dtype: 'F32', first: 2025, count: 25 },
];

const rules = [
  { match: '/^dense/k/', compressor: 'quantized:bits=4' },
  { match: '*/bias', compressor: 'scaled-sign', together: true },
  { match: '*', compressor: 'top-k:ratio=0.1' },
];

test.before(() => {
  writeFileSync(at('model.safetensors'), writeSafetensors({ data, tensors }));
  writeFileSync(at('plan.json'), JSON.stringify(rules));
});

test('each tensor by the first rule that matches; the packet is that of plan', async () => {
  const done = await fewbits('compress', 'model.safetensors', '-o', 'm.fb', '-c', 'plan.json', '-b', 'js');
  assert.is(done.status, 0, done.stderr);
  const expected = plan(
    [
      { match: /^dense\/k/, compressor: quantized({ bits: 4 }) },
      { match: '*/bias', compressor: scaledSign(), together: true },
      { match: '*', compressor: topK({ ratio: 0.1 }) },
    ],
    { tensors },
  );
  const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
  const packet = await device.compress(expected, data);
  assert.equal(new Uint8Array(readFileSync(at('m.fb'))), packet);
  const inspected = await fewbits('inspect', 'm.fb');
  assert.match(inspected.stdout, /plan \(parts=4\), n = 2050/);
  assert.match(inspected.stdout, /part 2 .* bytes from byte \d+: quantized \(bits=4, /);
  assert.is((await fewbits('decompress', 'm.fb', '-o', 'back.safetensors')).status, 0);
});

test('a plan of an array, and one that leaves a tensor out, are refused', async () => {
  save('g.npy', data);
  const array = await fewbits('compress', 'g.npy', '-o', 'g.fb', '-c', 'plan.json');
  assert.is(array.status, 2);
  assert.match(array.stderr, /a plan expected a \.safetensors file, whose tensors have names/);
  writeFileSync(at('conv.json'), '{"rules":[{"match":"conv/*","compressor":"float32"}],"small":false}');
  const left = await fewbits('compress', 'model.safetensors', '-o', 'l.fb', '-c', 'conv.json');
  assert.is(left.status, 2);
  assert.match(left.stderr, /no rule of the plan matches the tensor "dense\/kernel"/);
  writeFileSync(at('wrong.json'), '[{"match":"*","compressor":"top-q"}]');
  const wrong = await fewbits('compress', 'model.safetensors', '-o', 'w.fb', '-c', 'wrong.json');
  assert.is(wrong.status, 2);
  assert.match(
    wrong.stderr,
    /the plan wrong\.json makes no sense: rule 0: unknown compressor "top-q"; did you/,
  );
  const missing = await fewbits('compress', 'model.safetensors', '-o', 'w.fb', '-c', 'none.json');
  assert.match(missing.stderr, /cannot read none\.json: no such file/);
});

test('what a plan may say', () => {
  const parse = (json: unknown): ReturnType<typeof parsePlan> =>
    parsePlan(new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json)));
  const read = parse({ rules, small: false, tiny: 3 });
  assert.equal(read.options, { small: false, tiny: 3 });
  assert.equal(
    read.rules.map(({ match, together }) => [String(match), together]),
    [
      ['/^dense\\/k/', false],
      ['*/bias', true],
      ['*', false],
    ],
  );
  assert.equal(parse(rules).options, {});
  const says = (json: unknown, what: RegExp): void => assert.throws(() => parse(json), what);
  says('', /expected a value at byte 0/);
  says(5, /neither a list of rules nor an object/);
  says({ rules: 5 }, /"rules" is no list/);
  says({ rules, tiny: 'a' }, /"tiny" is no integer/);
  says({ rules, small: 1 }, /"small" is neither true nor false/);
  says({ rules, other: 1 }, /it has a key "other"; known are rules, small, tiny/);
  says([5], /rule 0 is no object/);
  says([rules[0], { match: '*' }], /rule 1 has no "compressor"/);
  says([{ compressor: 'float32' }], /rule 0 has no "match"/);
  says([{ ...rules[0], together: 'no' }], /"together" of rule 0/);
  says([{ ...rules[0], matches: 'a' }], /rule 0 has a key "matches"/);
  says([{ ...rules[0], match: '/(/' }], /rule 0: Invalid regular expression/);
});

test.run();
