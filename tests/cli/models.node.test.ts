/** Models as one file: `fewbits compress IN.safetensors -o OUT.safetensors`, differences to a base, and Python. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { Device } from '../../ts/device.ts';
import { packedIn, packedParts } from '../../ts/files/packed.ts';
import { isCarried, readSafetensors, writeSafetensors, type Flattened } from '../../ts/files/safetensors.ts';
import { joined } from '../../ts/files/source.ts';
import { quantized, topK } from '../../ts/index.ts';
import { pythonFor } from '../python/interpreter.ts';
import { input } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { folderFor } from './folder.ts';

const test = suite('command line, models as one file');
const { at, fewbits } = folderFor(test);
const python = pythonFor(test);

/** A model of five kinds of tensors, its values from a seed; carried ones between those of the vector. */
function modelOf(seed: number): Flattened {
  const halves = input('normal', 1000, seed + 2).map((value) => Math.round(value * 64) / 64);
  const data = new Float32Array(4024);
  data.set(input('normal', 1000, seed));
  data.set(input('normal', 24, seed + 1), 1000);
  data.set(halves, 1024);
  data.set(input('normal', 2000, seed + 3), 2024);
  return {
    data,
    tensors: [
      { name: 'conv/kernel', shape: [40, 25], dtype: 'F32', first: 0, count: 1000 },
      { name: 'steps', shape: [1], dtype: 'I64', bytes: new Uint8Array(8).fill(seed) },
      { name: 'conv/bias', shape: [24], dtype: 'F32', first: 1000, count: 24 },
      { name: 'half/kernel', shape: [10, 100], dtype: 'F16', first: 1024, count: 1000 },
      { name: 'empty', shape: [0, 3], dtype: 'F32', first: 2024, count: 0 },
      { name: 'dense/kernel "é"', shape: [2, 1000], dtype: 'F64', first: 2024, count: 2000 },
    ],
    metadata: new Map([['format', 'pt']]),
  };
}

const RULES = [
  { match: '/^dense/', compressor: 'quantized:bits=8' },
  { match: 'half*', compressor: 'flattened-one-bit:seed=7' },
  { match: '*', compressor: 'top-k:ratio=0.1' },
];
const IN_PYTHON =
  "[(re.compile('^dense'), partial(fewbits.compress_quantized, bits=8)), " +
  "('half*', partial(fewbits.compress_flattened_one_bit, seed=7)), " +
  "('*', partial(fewbits.compress_top_k, ratio=0.1))]";

const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
const read = (name: string): Promise<Flattened> => readSafetensors(readFileSync(at(name)));

test.before(() => {
  writeFileSync(at('model.safetensors'), writeSafetensors(modelOf(1)));
  writeFileSync(at('old.safetensors'), writeSafetensors(modelOf(9)));
  writeFileSync(at('plan.json'), JSON.stringify(RULES));
});

const compress = (...more: string[]): ReturnType<typeof fewbits> =>
  fewbits('compress', 'model.safetensors', '-o', 'p.safetensors', '-c', 'plan.json', '-b', 'js', ...more);

test('tensors become packets under their names; small ones and integers stay as they are', async () => {
  const done = await compress();
  assert.is(done.status, 0, done.stderr);
  assert.match(done.stdout, /3 tensors as packets, 3 as they were: 4000 elements in \d+ bytes/);
  const { tensors, metadata } = await read('p.safetensors');
  const { data } = modelOf(1);
  assert.equal(
    tensors.map(({ name, dtype }) => `${name} ${dtype}`),
    ['steps I64', 'conv/bias F32', 'empty F32', 'conv/kernel U8', 'half/kernel U8', 'dense/kernel "é" U8'],
  );
  const packet = tensors.find(({ name }) => name === 'conv/kernel')!;
  assert.ok(isCarried(packet));
  assert.equal(packet.bytes, await device.compress(topK({ ratio: 0.1 }), data.slice(0, 1000)));
  assert.is(metadata!.get('format'), 'pt');
  assert.equal(JSON.parse(metadata!.get('fewbits')!), {
    version: 1,
    tensors: [
      { name: 'conv/kernel', dtype: 'F32', shape: [40, 25], place: 0 },
      { name: 'half/kernel', dtype: 'F16', shape: [10, 100], place: 3 },
      { name: 'dense/kernel "é"', dtype: 'F64', shape: [2, 1000], place: 5 },
    ],
  });
  const inspected = await fewbits('inspect', 'p.safetensors');
  assert.match(inspected.stdout, /half\/kernel F16 \[10, 100\]: flattenedOneBit \(block=1024, seed=7/);
});

test('and come back with their types, shapes, order and texts', async () => {
  await compress();
  const done = await fewbits('decompress', 'p.safetensors', '-o', 'back.safetensors', '-b', 'wasm');
  assert.is(done.status, 0, done.stderr);
  const [back, model] = [await read('back.safetensors'), modelOf(1)];
  assert.equal(back.tensors, model.tensors);
  assert.equal([...back.metadata!], [...model.metadata!]);
  const kernel = await device.compress(topK({ ratio: 0.1 }), model.data.slice(0, 1000));
  assertWords(back.data.slice(0, 1000), await device.decompress(kernel), 'kernel');
  assertWords(back.data.slice(1000, 1024), model.data.slice(1000, 1024), 'bias');
  const dense = await device.compress(quantized({ bits: 8 }), model.data.slice(2024));
  assertWords(back.data.slice(2024), await device.decompress(dense), 'dense');
});

test('differences to a base: what is not sent is the base’s, and another base is refused', async () => {
  assert.is((await compress('--base', 'old.safetensors')).status, 0);
  const without = await fewbits('decompress', 'p.safetensors', '-o', 'd.safetensors');
  assert.is(without.status, 1);
  assert.match(
    without.stderr,
    /the model is the difference to another: --base names that, of the SHA-256 [0-9a-f]{64}/,
  );
  const digest = createHash('sha256')
    .update(readFileSync(at('old.safetensors')))
    .digest('hex');
  assert.ok(without.stderr.includes(digest));
  const wrong = await fewbits(
    'decompress',
    'p.safetensors',
    '-o',
    'd.safetensors',
    '--base',
    'model.safetensors',
  );
  assert.match(wrong.stderr, /the base has the SHA-256 [0-9a-f]+; the model is the difference to/);
  const done = await fewbits(
    'decompress',
    'p.safetensors',
    '-o',
    'd.safetensors',
    '--base',
    'old.safetensors',
  );
  assert.is(done.status, 0, done.stderr);
  const [back, now, old] = [(await read('d.safetensors')).data, modelOf(1).data, modelOf(9).data];
  const lost = now.slice(0, 1000).map((value, i) => value - old[i]);
  const delta = await device.decompress(await device.compress(topK({ ratio: 0.1 }), lost));
  assertWords(
    back.slice(0, 1000),
    delta.map((value, i) => value + old[i]),
    'kernel',
  );
  assert.is(delta.filter((value) => value === 0).length, 900);
  assertWords(back.slice(1000, 1024), now.slice(1000, 1024), 'the bias, as it is');
});

test('Python makes the same bytes, and reads them', async () => {
  if (python.missing) return skip(python.missing);
  for (const base of [[], ['--base', 'old.safetensors']]) {
    await compress(...base);
    for (const name of ['model', 'old', 'p'])
      writeFileSync(python.at(`${name}.safetensors`), readFileSync(at(`${name}.safetensors`)));
    await fewbits('decompress', 'p.safetensors', '-o', 'back.safetensors', ...base);
    await python.script(
      'import re',
      'from functools import partial',
      "model, old, p = (open(f'{name}.safetensors', 'rb').read() for name in ('model', 'old', 'p'))",
      `base = ${base.length > 0 ? 'old' : 'None'}`,
      `open('made', 'wb').write(fewbits.compress_model(model, ${IN_PYTHON}, base=base))`,
      "open('back', 'wb').write(fewbits.decompress_model(p, base=base))",
      'for call in (lambda: fewbits.decompress_model(p, base=model), lambda: fewbits.decompress_model(model),',
      '             lambda: fewbits.compress_model(p, []), lambda: fewbits.decompress_model(p, base, 3999)):',
      '    try: call()',
      '    except ValueError: continue',
      '    raise AssertionError',
    );
    assert.ok(readFileSync(python.at('made')).equals(readFileSync(at('p.safetensors'))), 'compressed');
    assert.ok(readFileSync(python.at('back')).equals(readFileSync(at('back.safetensors'))), 'decompressed');
  }
});

test('lines and files that make no sense are refused', async () => {
  await compress();
  const says = async (what: RegExp, ...line: string[]): Promise<void> => {
    const { status, stderr } = await fewbits(...line);
    assert.ok(status !== 0 && what.test(stderr), `${line.join(' ')}: ${stderr}`);
  };
  await says(
    /one of packets already/,
    'compress',
    'p.safetensors',
    '-o',
    'q.safetensors',
    '-c',
    'top-k:ratio=0.1',
    '-b',
    'js',
  );
  await says(/is a model, not one of packets/, 'decompress', 'model.safetensors', '-o', 'q.safetensors');
  await says(/is a model, not one of packets/, 'inspect', 'model.safetensors');
  await says(/expected -o OUT\.safetensors/, 'decompress', 'p.safetensors', '-o', 'q.npy');
  await says(
    /this one is none/,
    'decompress',
    'p.safetensors',
    '-o',
    'q.safetensors',
    '--base',
    'old.safetensors',
  );
  await says(
    /4000 elements; --max-elements allows 3999/,
    'decompress',
    'p.safetensors',
    '-o',
    'q.safetensors',
    '--max-elements',
    '3999',
  );
  await says(
    /a model as one file has no map/,
    'decompress',
    'p.safetensors',
    '-o',
    'q.safetensors',
    '--map',
    'm',
  );
  await says(/is the input/, 'decompress', 'p.safetensors', '-o', 'p.safetensors');
  await says(
    /--base expected a model as one file/,
    'compress',
    'model.safetensors',
    '-o',
    'q.fb',
    '-c',
    'float32',
    '--base',
    'old.safetensors',
  );
  await says(
    /decompress it first/,
    'compress',
    'model.safetensors',
    '-o',
    'q.safetensors',
    '-c',
    'float32',
    '--base',
    'p.safetensors',
  );
  writeFileSync(at('joined.json'), JSON.stringify([{ match: '*', compressor: 'float32', together: true }]));
  await says(
    /"together" expected false/,
    'compress',
    'model.safetensors',
    '-o',
    'q.safetensors',
    '-c',
    'joined.json',
  );
  await says(
    /topK of the tensor "conv\/kernel"/,
    'compress',
    'model.safetensors',
    '-o',
    'q.safetensors',
    '-c',
    'top-k:k=1001',
  );
});

test('what a file says of its packets is checked', async () => {
  const packet = await device.compress(topK({ k: 1 }), new Float32Array([1, 2, 3]));
  const tensor = { name: 'a', dtype: 'F32', shape: [3], place: 0, delta: false, packet };
  const layout = await readSafetensors(joined(packedParts({ packed: [tensor], carried: [] })), {
    carries: () => true,
  });
  assert.equal(packedIn(layout)!.packed, [tensor]);
  const says = (
    change: (said: Record<string, unknown>, own: Record<string, unknown>) => void,
    what: RegExp,
  ): void => {
    const said = JSON.parse(layout.metadata!.get('fewbits')!) as { tensors: Record<string, unknown>[] };
    change(said, said.tensors[0]);
    const metadata = new Map([['fewbits', JSON.stringify(said)]]);
    assert.throws(() => packedIn({ ...layout, metadata }), what);
  };
  says((said) => (said.version = 2), /a version that is not 1/);
  says((said) => (said.base = 'abc'), /a base that is no SHA-256/);
  says((said) => (said.tensors = 5), /no list of tensors/);
  says((said, own) => (said.tensors = [own, own]), /two tensors are called "a"/);
  says((_, own) => (own.name = 'b'), /the tensor "b" is no packet/);
  says((_, own) => (own.dtype = 'I32'), /of no floating-point type/);
  says((_, own) => (own.place = 1), /no place of its own among 1/);
  says((_, own) => (own.delta = true), /the difference to nothing/);
  assert.is(packedIn({ tensors: [] }), undefined);
});

test.run();
